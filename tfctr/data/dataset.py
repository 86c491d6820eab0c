"""A data set by name: raw tables, examples by split, and what was learnt from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from tfctr.data.batches import batched, encode_frame
from tfctr.data.behaviour import SPLITS, BehaviourSpec
from tfctr.data.cells import Array
from tfctr.data.learning import learn
from tfctr.data.log import Candidates
from tfctr.data.positions import Weighting
from tfctr.data.requests import request_batches
from tfctr.data.sequence_batches import encode_sequences, sequence_batches
from tfctr.data.user_sequences import build_user_sequences
from tfctr.errors import InputError, UnknownName
from tfctr.features import FeatureSchema
from tfctr.features.packing import pack

if TYPE_CHECKING:
    import tensorflow as tf

    from tfctr.features import SchemaState

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Raw examples in three parts by time, with the schema and the raw tables.

    Args:
        name: Name of the data set.
        schema: The declaration, with the sizes of learnt vocabularies.
        state: What was learnt from the train part.
        train: Raw examples: columns by wire name, then labels.
        validation: Later ones.
        test: The latest ones.
        events: The log the examples are made from.
        users: One row for each user.
        items: One row for each item, with columns for display such as titles.
        note: What to know before using the data or showing results.
        spec: How the examples are made of the log; user sequences need it.
        candidates: What negatives are drawn from, as for `build_examples`.
    """

    name: str
    schema: FeatureSchema
    state: "SchemaState"
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    events: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame
    note: str = ""
    spec: BehaviourSpec | None = None
    candidates: Candidates | None = None
    _encoded: dict[str, tuple[Mapping[str, Array], ...]] = field(
        default_factory=dict, init=False, repr=False
    )
    _sequences: dict[tuple[Any, ...], Any] = field(
        default_factory=dict, init=False, repr=False
    )

    @classmethod
    def learnt(
        cls, schema: FeatureSchema, parts: Mapping[str, pd.DataFrame], **about: Any
    ) -> Self:
        """A data set whose state is learnt from the train part.

        Args:
            schema: The declaration.
            parts: Raw examples of `train`, `validation` and `test`.
            **about: The other fields.
        """
        state = learn(schema, parts["train"])
        return cls(schema=state.schema, state=state, **parts, **about)

    def frame(self, split: str) -> pd.DataFrame:
        """Raw examples of `train`, `validation` or `test`."""
        if split not in SPLITS:
            raise UnknownName("split", split, SPLITS)
        return {"train": self.train, "validation": self.validation}.get(
            split, self.test
        )

    def to_dataset(
        self,
        split: str = "train",
        batch_size: int = 1024,
        *,
        shuffle: bool | None = None,
        seed: int = 0,
        packed: bool = False,
    ) -> "tf.data.Dataset":
        """Batches of one part; it is encoded once and kept.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            batch_size: Examples in a batch; the last one may hold fewer.
            shuffle: Gives each pass a new order; by default only for `train`.
            seed: Seed of these orders.
            packed: Gives few wide tensors (see `tfctr.data.unpack`).

        Returns:
            A dataset of `(x, y)`, or `(x, y, w)` if the schema has weights; see
            `tfctr.data.to_dataset`.
        """
        arrays: tuple[Mapping[str, Any], ...] = self._arrays(split)
        if packed:
            arrays = (pack(self.schema, arrays[0]), *arrays[1:])
        shuffle = split == "train" if shuffle is None else shuffle
        return batched(arrays, batch_size, shuffle=shuffle, seed=seed)

    def to_requests(
        self,
        split: str = "train",
        batch_size: int = 64,
        *,
        max_candidates: int | None = None,
        shuffle: bool | None = None,
        seed: int = 0,
    ) -> "tf.data.Dataset":
        """Batches of whole requests of one part, encoded once and kept.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            batch_size: Requests in a batch; the last one may hold fewer.
            max_candidates: Longer requests become several.
            shuffle: Gives each pass a new order; by default only `train` has one.
            seed: Seed of these orders.

        Returns:
            A dataset of `(x, y, w)`; see `tfctr.data.to_requests`.
        """
        arrays = self._arrays(split)
        shuffle = split == "train" if shuffle is None else shuffle
        return request_batches(
            self.schema,
            arrays,
            batch_size,
            max_candidates=max_candidates,
            shuffle=shuffle,
            seed=seed,
        )

    def user_sequences(
        self,
        split: str = "train",
        *,
        max_events: int = 1024,
        weighting: Weighting = "target",
    ) -> pd.DataFrame:
        """One part as whole users: a label at every event.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            max_events: As for `tfctr.data.build_user_sequences`.
            weighting: As for `tfctr.data.build_user_sequences`.

        Raises:
            InputError: The data set was made without `spec`.
        """
        self.frame(split)
        if self.spec is None:
            raise InputError("spec", received="nothing", expected="a BehaviourSpec")
        key = (max_events, weighting)
        if key not in self._sequences:
            self._sequences[key] = build_user_sequences(
                self.events,
                self.users,
                self.items,
                self.schema,
                self.spec,
                max_events=max_events,
                weighting=weighting,
                candidates=self.candidates,
            )
        frame: pd.DataFrame = self._sequences[key][split]
        return frame

    def to_sequence_dataset(
        self,
        split: str = "train",
        batch_size: int = 32,
        *,
        max_events: int = 1024,
        weighting: Weighting = "target",
        shuffle: bool | None = None,
        seed: int = 0,
    ) -> "tf.data.Dataset":
        """Batches of whole users of one part; it is encoded once and kept.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            batch_size: Rows (users, or pieces of long users) in a batch.
            max_events: As for `tfctr.data.build_user_sequences`.
            weighting: As for `tfctr.data.build_user_sequences`.
            shuffle: Gives each pass a new order; by default only for `train`.
            seed: Seed of these orders.

        Returns:
            A dataset of `(x, y, w)`; see `tfctr.data.sequences_to_dataset`.
        """
        frame = self.user_sequences(split, max_events=max_events, weighting=weighting)
        key = (split, max_events, weighting)
        if key not in self._sequences:
            self._sequences[key] = encode_sequences(frame, self.state)
        shuffle = split == "train" if shuffle is None else shuffle
        return sequence_batches(
            self._sequences[key], batch_size, shuffle=shuffle, seed=seed
        )

    def _arrays(self, split: str) -> tuple[Mapping[str, Array], ...]:
        frame = self.frame(split)
        if split not in self._encoded:
            self._encoded[split] = encode_frame(frame, self.state)
        return self._encoded[split]
