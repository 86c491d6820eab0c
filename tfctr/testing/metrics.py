"""Laws of metrics."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfctr.testing.configs import check_config
from tfctr.testing.verdicts import require, require_close

__all__ = ["check_metric"]

Arrays = Mapping[str, NDArray[Any]]


def check_metric(
    cls: Any,
    init_kwargs: Mapping[str, Any],
    inputs: Arrays,
    *,
    reference: Callable[..., float],
    empty: float = float("nan"),
    rtol: float = 1e-5,
    keeps_state_in_variables: bool = True,
) -> None:
    """Fails on the first law that the metric `cls(**init_kwargs)` breaks.

    The laws: the config round trip; equal to the reference, with and without
    weights; any split and order of batches gives one result, eagerly and in a graph
    of unknown batch size; zero weight removes an example and weight 2 repeats it;
    `reset_state` resets; empty is defined; `result` changes nothing; NaN shows; the
    variables are the whole state.

    Args:
        cls: The class.
        init_kwargs: Arguments of the constructor, none of them a default.
        inputs: `y_true`, `y_pred` and what else `update_state` takes, row by row
            (such as `group`); at least 8 rows, without `sample_weight`.
        reference: Called with `inputs` and `sample_weight` (an array), by name;
            returns the right result.
        empty: Result before any update.
        rtol: Relative tolerance of results.
        keeps_state_in_variables: Whether `metric.variables` hold all of the state.

    Raises:
        AssertionError: A law is broken; its text says which.
    """
    rows = len(inputs["y_true"])
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 3, rows).astype("float32")
    weights[0], weights[1] = 0.0, 2.0

    metric = cls(**init_kwargs)
    require_close(
        np.asarray(metric.result()),
        np.asarray(empty),
        "a metric without examples has its documented value",
    )
    metric.update_state(**inputs)
    whole = _value(metric)
    check_config(cls, metric, init_kwargs)
    require_close(_value(metric), whole, "`result` changes nothing", rtol=0, atol=0)

    check = _Check(lambda: cls(**init_kwargs), inputs, weights, rtol)
    check.equals_reference(reference)
    check.split_and_order_do_not_matter(rng)
    check.weights_count_examples()
    check.reset_resets(empty)
    check.nan_shows()
    if keeps_state_in_variables:
        check.variables_are_the_state()


class _Check:
    def __init__(
        self,
        make: Callable[[], Any],
        inputs: Arrays,
        weights: NDArray[Any],
        rtol: float,
    ) -> None:
        self.make, self.inputs, self.weights = make, inputs, weights
        self.rtol = rtol
        self.weighted = {**inputs, "sample_weight": weights}

    def equals_reference(self, reference: Callable[..., float]) -> None:
        for weights in (np.ones_like(self.weights), self.weights):
            inputs = {**self.inputs, "sample_weight": weights}
            kind = "with weights" if weights is self.weights else "without weights"
            self._agree(
                self._run([inputs]),
                np.asarray(reference(**inputs)),
                f"the result equals the reference, {kind}",
            )
        self._agree(
            self._run([self.inputs]),
            self._run([{**self.inputs, "sample_weight": np.ones_like(self.weights)}]),
            "no weights are weights of one",
        )

    def split_and_order_do_not_matter(self, rng: np.random.Generator) -> None:
        whole = self._run([self.weighted])
        rows = len(self.weights)
        shuffled = _take(self.weighted, rng.permutation(rows))
        for name, inputs in (("given", self.weighted), ("another", shuffled)):
            for size in (1, 3, rows):
                parts = [
                    _take(inputs, slice(start, start + size))
                    for start in range(0, rows, size)
                ]
                law = f"batches of {size} in {name} order give one result"
                self._agree(self._run(parts), whole, law)
        halves = [_take(shuffled, slice(0, 3)), _take(shuffled, slice(3, None))]
        law = "a graph of unknown batch size gives the same result"
        self._agree(self._run_in_graph(halves), whole, law)

    def weights_count_examples(self) -> None:
        counts = self.weights.astype(int)
        repeated = np.repeat(np.arange(len(counts)), counts)
        self._agree(
            self._run([self.weighted]),
            self._run([_take(self.inputs, repeated)]),
            "zero weight removes an example and weight 2 repeats it",
        )

    def reset_resets(self, empty: float) -> None:
        metric = self.make()
        metric.update_state(**self.weighted)
        metric.reset_state()
        law = "`reset_state` resets"
        self._agree(_value(metric), np.asarray(empty), law)
        metric.update_state(**self.inputs)
        self._agree(_value(metric), self._run([self.inputs]), law)

    def nan_shows(self) -> None:
        law = "a NaN prediction gives NaN or an error"
        for position in (0, len(self.weights) - 1):
            predictions = np.array(self.inputs["y_pred"], "float32")
            predictions.reshape(-1)[position] = np.nan
            try:
                value = self._run([{**self.inputs, "y_pred": predictions}])
            except (ValueError, ArithmeticError):
                continue
            require(np.isnan(value), law, f"The result was {value}.")

    def variables_are_the_state(self) -> None:
        law = "the variables of a metric are its whole state"
        metric, copy = self.make(), self.make()
        metric.update_state(**self.weighted)
        for target, source in zip(copy.variables, metric.variables, strict=True):
            target.assign(source)
        self._agree(_value(copy), _value(metric), law)
        for each in (metric, copy):
            each.update_state(**self.inputs)
        self._agree(_value(copy), _value(metric), law)

    def _run(self, batches: list[Any]) -> NDArray[Any]:
        metric = self.make()
        for batch in batches:
            metric.update_state(**batch)
        return _value(metric)

    def _run_in_graph(self, batches: list[Any]) -> NDArray[Any]:
        import tensorflow as tf  # Keras itself would do for the other laws

        metric = self.make()
        signature = {
            name: tf.TensorSpec([None, *values.shape[1:]], values.dtype)
            for name, values in batches[0].items()
        }

        @tf.function(input_signature=[signature], autograph=False)
        def step(batch: Any) -> Any:
            metric.update_state(**batch)
            return metric.result()

        for batch in batches:
            last = step({name: tf.constant(values) for name, values in batch.items()})
        return np.asarray(last)

    def _agree(self, actual: Any, expected: Any, law: str) -> None:
        require_close(actual, expected, law, rtol=self.rtol, atol=1e-7)


def _value(metric: Any) -> NDArray[Any]:
    return np.asarray(metric.result())


def _take(inputs: Arrays, rows: Any) -> dict[str, NDArray[Any]]:
    return {name: values[rows] for name, values in inputs.items()}
