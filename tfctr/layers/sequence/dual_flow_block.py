"""The HSTU block on two flows: what happened, and what is to be predicted."""

from keras import ops

from tfctr.layers.sequence.flow_pairs import Pairs, past_pairs, prefix_pairs
from tfctr.layers.sequence.hstu_block import HSTUBlock, Projected
from tfctr.saving import serializable
from tfctr.types import Shape, Tensor

__all__ = ["DualFlowBlock"]


@serializable
class DualFlowBlock(HSTUBlock):
    """Reads events with their actions, and predicts at each from those before.

    Both flows have the same weights. A token of the real flow sees itself and the real
    ones before it; a token of the fake flow, whose action is a placeholder, sees the
    real ones that it may know and, with `diagonal="fake"`, itself:

        real:  O_i = sum over j <= i of a(q_i k_j + b) v_j
        fake:  F_i = sum over j < visible_i of a(q'_i k_j + b) v_j
                     + a(q'_i k'_i + b_0) v'_i

    It stands at position `visible_i`, where a candidate stands who has as many events
    before it. No score of real and fake tokens is computed that is not used: two
    products of `time * time`, and `time` numbers for the diagonal.

    Args:
        settings: `HSTUSettings` or its dict, with `divisor`.
        seed: Seed of initial values and dropout.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        tokens: `(batch, time, width)` floats: the real flow, oldest first.
        fake: `(batch, places, width)` floats.
        visible: `(batch, places)` integers: how many real tokens each fake one sees;
            its place by default.
        times: `(batch, time)` integer seconds of the real flow, optional.
        fake_times: `(batch, places)` integer seconds of the fake flow, optional.
        training: Whether dropout is on.

    Returns:
        Dict of `real`, `(batch, time, width)`, and `fake`, `(batch, places, width)`.

    Source: Guo et al., DFGR, arXiv 2505.16752; the equation of the fake flow is
    inferred: docs/methods/dfgr.md.
    """

    def call(  # type: ignore[override]
        self,
        tokens: Tensor,
        fake: Tensor,
        visible: Tensor | None = None,
        times: Tensor | None = None,
        fake_times: Tensor | None = None,
        training: bool = False,
    ) -> dict[str, Tensor]:
        if visible is None:
            visible = ops.arange(ops.shape(fake)[1], dtype="int32")[None]
        real_pairs = past_pairs(tokens, times, self.last_bucket)
        fake_pairs = prefix_pairs(visible, fake_times, times, self.last_bucket)
        real, fake = self.both(tokens, fake, real_pairs, fake_pairs, training)
        return {"real": real, "fake": fake}

    def both(
        self,
        tokens: Tensor,
        fake: Tensor,
        real_pairs: Pairs,
        fake_pairs: Pairs,
        training: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Both flows after this block.

        Args:
            tokens: `(batch, time, width)` of the real flow.
            fake: `(batch, places, width)` of the fake flow.
            real_pairs: `past_pairs` of the real flow.
            fake_pairs: `prefix_pairs` of the fake flow.
            training: Whether dropout is on.
        """
        tokens, fake = (ops.cast(part, self.compute_dtype) for part in (tokens, fake))
        length = ops.shape(tokens)[1]
        together = ops.concatenate([tokens, fake], axis=1)
        made = self.project(together)
        real_made = Projected(*(part[:, :length] for part in made))
        fake_made = Projected(*(part[:, length:] for part in made))
        keys, values = real_made.keys, real_made.values
        found = ops.concatenate(
            [
                self.attend(real_made, keys, values, real_pairs),
                self.attend(fake_made, keys, values, fake_pairs, is_fake=True),
            ],
            axis=1,
        )
        finished = self.finish(together, made.gates, found, training)
        return finished[:, :length], finished[:, length:]

    def candidates(
        self,
        fake: Tensor,
        keys: Tensor,
        values: Tensor,
        pairs: Pairs,
        training: bool = False,
    ) -> Tensor:
        """Tokens of the fake flow after this block, of keys and values at hand.

        Args:
            fake: `(batch, places, width)`; they do not see each other.
            keys: `(batch, time, heads, query_dim)` of the real flow.
            values: `(batch, time, heads, value_dim)` of the real flow.
            pairs: `prefix_pairs` of them.
            training: Whether dropout is on.
        """
        fake = ops.cast(fake, self.compute_dtype)
        made = self.project(fake)
        found = self.attend(made, keys, values, pairs, is_fake=True)
        return self.finish(fake, made.gates, found, training)

    def compute_output_shape(  # type: ignore[override]
        self, tokens_shape: Shape, fake_shape: Shape, *_: Shape, **__: Shape
    ) -> dict[str, Shape]:
        return {"real": tuple(tokens_shape), "fake": tuple(fake_shape)}
