"""Batches of examples from files, from any position, in an order set by a seed."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from tfctr.data.reading.encoded import state_digest
from tfctr.data.reading.order import BatchOrder, Window
from tfctr.data.reading.sources import Examples, Source
from tfctr.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf

    from tfctr.features import SchemaState

__all__ = ["ExampleReader"]

BATCHES_READY = 2


class ExampleReader:
    """Streams batches of encoded examples; `read_examples` makes one.

    A batch follows from the files, the seed, the epoch and the batch's number alone,
    so reading can start anywhere. Two windows of rows are in memory, the one that is
    given out and the next, which a thread reads meanwhile.

    Args:
        sources: What is read, in order.
        state: What was learnt.
        order: Which rows stand in which batch.
        packed: Whether the sources give the packed form.
    """

    def __init__(
        self,
        sources: list[Source],
        state: "SchemaState",
        order: BatchOrder,
        packed: bool,
    ) -> None:
        self._sources, self._order = sources, order
        self._blocks = [(s, k) for s in sources for k in range(len(s.rows))]
        self._position = (0, 0)
        self._state, self._packed = state, packed
        self.schema = state.schema
        self._facts = {
            "state": state_digest(state),
            "data": [source.identity for source in sources],
            "order": {
                name: getattr(order, name)
                for name in ("batch_size", "shuffle", "seed", "shuffle_rows")
            }
            | {"shards": [order.shard_index, order.num_shards]}
            | {"drop_remainder": order.drop_remainder, "packed": packed},
        }

    @property
    def num_batches(self) -> int:
        """Batches of an epoch; the same on all shards."""
        return self._order.num_batches

    @property
    def num_examples(self) -> int:
        """Examples of an epoch that this shard reads."""
        return self._order.num_rows

    @property
    def batch_size(self) -> int:
        """Examples of a batch."""
        return self._order.batch_size

    @property
    def identity(self) -> dict[str, Any]:
        """What the batches follow from, JSON-ready: state, data and order."""
        return dict(self._facts)

    @property
    def position(self) -> tuple[int, int]:
        """Epoch and batch at which the next iteration of `dataset()` starts."""
        return self._position

    def shard(
        self, num_shards: int, shard_index: int, *, batch_size: int
    ) -> "ExampleReader":
        """A reader of one worker's part of what this one reads.

        Args:
            num_shards: Number of workers that share the data.
            shard_index: Which of them, from 0.
            batch_size: Examples in a batch of its own.

        Raises:
            InputError: This reader is a shard already, or there are too few rows.
        """
        if self._order.num_shards != 1:
            raise InputError(
                "reader",
                received=f"shard {self._order.shard_index} of {self._order.num_shards}",
                expected="a reader of all of the data",
            )
        order = dataclasses.replace(
            self._order,
            num_shards=num_shards,
            shard_index=shard_index,
            batch_size=batch_size,
        )
        return ExampleReader(self._sources, self._state, order, self._packed)

    def seek(self, epoch: int, batch: int = 0) -> None:
        """Says where the next iteration of `dataset()` starts.

        Args:
            epoch: Number of the epoch, from 0.
            batch: Number of the batch in it, from 0. An iteration that starts inside
                an epoch ends with it.
        """
        self._check(epoch, batch)
        self._position = (epoch, batch)

    def batches(self, epoch: int = 0, batch: int = 0) -> Iterator[Examples]:
        """Batches of one epoch as NumPy arrays, without TensorFlow's pipeline.

        Args:
            epoch: Number of the epoch, from 0.
            batch: Number of the batch to start with. What stands before it is not
                read, but for the window it is in.

        Yields:
            `(x, y)` or `(x, y, w)`, as `dataset()`.
        """
        self._check(epoch, batch)
        return self._iterate(epoch, batch)

    def dataset(self) -> "tf.data.Dataset":
        """Batches as `tf.data`, for `fit`.

        Each iteration over it is an epoch: the first is epoch 0 (or where `seek` set
        it), and the next one follows when the last batch was taken. An iteration that
        is given up leaves the position where it was.

        Returns:
            A dataset of as many batches as an epoch has, `(x, y)` or `(x, y, w)` as
            `tfctr.data.to_dataset` gives them.
        """
        import tensorflow as tf

        example = self._read(0)

        def spec(array: Any) -> Any:
            return tf.TensorSpec((None, *array.shape[1:]), array.dtype)

        # With each batch comes the epoch it ends, or -1.
        signature = (tf.TensorSpec((), tf.int64), tf.nest.map_structure(spec, example))
        generated = tf.data.Dataset.from_generator
        batches = generated(self._numbered, output_signature=signature)
        # Nothing, repeated for ever, makes the number of batches known to TensorFlow:
        # also to an iteration that starts inside an epoch and ends with it.
        nothing = generated(lambda: iter(()), output_signature=signature).repeat()
        batches = batches.concatenate(nothing).take(self.num_batches)

        def taken(ends: Any, examples: Any) -> Any:
            # Behind the prefetching: batches that nobody took end no epoch.
            done = tf.cond(
                ends >= 0,
                lambda: tf.numpy_function(self._finish, [ends], tf.int64),
                lambda: ends,
            )
            with tf.control_dependencies([done]):
                return tf.nest.map_structure(tf.identity, examples)

        options = tf.data.Options()
        options.deterministic = True
        options.experimental_optimization.inject_prefetch = False
        policy = tf.data.experimental.AutoShardPolicy.OFF
        options.experimental_distribute.auto_shard_policy = policy
        return batches.prefetch(BATCHES_READY).map(taken).with_options(options)

    def _numbered(self) -> Iterator[tuple[Any, Examples]]:
        epoch, batch = self._position
        last = self.num_batches - 1
        for number, examples in enumerate(self._iterate(epoch, batch), batch):
            yield np.int64(epoch if number == last else -1), examples

    def _finish(self, epoch: Any) -> Any:
        self._position = (int(epoch) + 1, 0)
        return np.int64(epoch)

    def _iterate(self, epoch: int, batch: int) -> Iterator[Examples]:
        pool = ThreadPoolExecutor(1, thread_name_prefix="tfctr-reading")
        windows = _Windows(self, epoch, batch)
        try:
            skip = batch - self._order.first_batch(batch)
            following = pool.submit(windows.load)
            while (loaded := following.result()) is not None:
                window, rows = loaded
                following = pool.submit(windows.load)
                for start, stop in window.batches[skip:]:
                    yield _taken(rows, window.rows[start:stop])
                skip = 0
                del loaded, rows  # so that no third window is in memory
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, block: int) -> Examples:
        source, number = self._blocks[block]
        try:
            return source.read(number)
        except InputError as error:
            if source.name in str(error):
                raise
            start = sum(source.rows[:number])
            place = (
                f"rows {start} to {start + source.rows[number] - 1} of {source.name}"
            )
            raise InputError(
                error.field,
                received=f"{error.received} ({place})",
                expected=error.expected,
                hint=error.hint,
            ) from error

    def _check(self, epoch: int, batch: int) -> None:
        if epoch < 0:
            raise InputError("epoch", received=epoch, expected="at least 0")
        if not 0 <= batch <= self.num_batches:
            expected = f"0 to {self.num_batches}, the batches of an epoch"
            raise InputError("batch", received=batch, expected=expected)


class _Windows:
    """Loads the windows of an epoch one after the other."""

    def __init__(self, reader: ExampleReader, epoch: int, batch: int) -> None:
        self._reader = reader
        self._windows: Iterator[Window] = iter(())
        if batch < reader.num_batches:
            self._windows = reader._order.windows(epoch, batch)
        # A block that a window ends in is where the next one begins.
        self._last: tuple[int, Examples] | None = None

    def load(self) -> tuple[Window, Examples] | None:
        window = next(self._windows, None)
        if window is None:
            return None
        parts = []
        for block, start, stop in window.parts:
            if self._last is None or self._last[0] != block:
                self._last = (block, self._reader._read(block))
            parts.append(_taken(self._last[1], slice(start, stop)))
        return window, _joined(parts)


def _taken(examples: Examples, rows: Any) -> Examples:
    return tuple(
        {name: values[rows] for name, values in part.items()} for part in examples
    )


def _joined(parts: list[Examples]) -> Examples:
    return tuple(
        {name: np.concatenate([p[k][name] for p in parts]) for name in part}
        for k, part in enumerate(parts[0])
    )
