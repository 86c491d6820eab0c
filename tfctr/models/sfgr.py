"""SFGR: DFGR's tokens in one flow, every event a sample of its own."""

from keras import ops

from tfctr.models.dfgr import DFGR
from tfctr.models.event_sequence import When
from tfctr.saving import serializable
from tfctr.types import Tensor

__all__ = ["SFGR"]


@serializable
class SFGR(DFGR):
    """Single-flow generative ranker: what DFGR saves, and its oracle.

    Scores are those of `DFGR` with the same weights, in every form. On whole users
    each event reads its own copy of the history, so a user with `n` events costs `n`
    histories, where `DFGR` reads one.

    Arguments and inputs are those of `DFGR`.

    Source: Guo et al., DFGR, arXiv 2505.16752.
    """

    def ask_each(
        self,
        tokens: Tensor,
        fake: Tensor,
        visible: Tensor,
        times: tuple[Tensor | None, Tensor | None],
        training: bool,
    ) -> Tensor:
        batch, count, dim = ops.shape(fake)
        rows = ops.repeat(tokens, count, axis=0)
        key_times = None if times[0] is None else ops.repeat(times[0], count, axis=0)
        request = None if times[1] is None else ops.reshape(times[1], (-1, 1))
        when = When(ops.reshape(visible, (-1,)), key_times, request)
        state = {**self.read(rows, when, training), **when.known()}
        last = self.ask(state, ops.reshape(fake, (-1, 1, dim)), training)
        return ops.reshape(last, (batch, count, dim))
