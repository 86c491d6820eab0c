"""How models are compiled, trained and asked, on top of Keras."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tfctr import kernels
from tfctr.errors import InputError
from tfctr.layers.multitask.task_towers import noting_inputs
from tfctr.models.delayed_feedback import batches_of
from tfctr.models.heads import Heads, parted, with_outputs
from tfctr.models.objective import columns, rows_of_weights, update_grouped
from tfctr.models.prediction import BatchPredictor, are_arrays
from tfctr.models.replicas import step_results
from tfctr.models.task_objective import TaskObjective
from tfctr.models.tasks import Task, losses_of, metrics_of
from tfctr.optimizers import SparseOptimizer

__all__ = ["TrainableModel"]


class TrainableModel(keras.Model):
    """A Keras model whose loss and metrics follow from its labels.

    Attributes:
        label_names: Names of the labels; set by the subclass.
        label_parents: For each label the one without which it is not observed.
        label_ripeness: For labels that ripen the name, among the weights of examples,
            of how ripe they are.
        heads: What the outputs of each label mean.
        objective: Tasks, and how their losses become one.

    Args:
        **kwargs: `name` and `dtype`, passed to `keras.Model`.
    """

    label_names: list[str]
    label_parents: dict[str, str | None]
    label_ripeness: Mapping[str, str] = {}
    heads: Heads = Heads(())
    objective: TaskObjective

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_objective(TaskObjective({}))
        self._set_grouped_metrics({})
        # Past Keras' tracking, which would follow it back to the model.
        object.__setattr__(self, "_predictor", BatchPredictor(self))

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        *,
        tasks: Sequence[Task | Mapping[str, Any]] | None = None,
        balance: str | Mapping[str, Any] = "fixed",
        weighted_metrics: Any = None,
        grouped_auc: bool = False,
        jit_compile: bool = False,
        **kwargs: Any,
    ) -> None:
        """Configures training; loss and metrics follow from the labels.

        Args:
            optimizer: `tfctr.optimizers.default()` if not given.
            loss: Losses by label in place of those of the tasks.
            tasks: How labels are trained and judged, `Task` or their dicts; by default
                `default_tasks()`. A label without one has binary cross-entropy,
                averaged over the examples in which it is observed, and AUC,
                normalized entropy and calibration ratio.
            balance: `"fixed"`; `"uncertainty"`: tasks weigh as the inverse of their
                losses, so that none drowns the others; or `"gradnorm"`, by the size of
                their gradients, for models with towers. A dict holds settings of
                `tfctr.models.gradnorm.GradNorm` beside the name, its `kind`.
            weighted_metrics: Metrics by label in place of those of the tasks.
            grouped_auc: Whether to report AUC by user (GAUC) too. It keeps all
                scores of an epoch, so it is off by default.
            jit_compile: Whether to use XLA. Off by default: on a CPU it made models
                with many inputs slower.
            **kwargs: Passed to `keras.Model.compile`.
        """
        from tfctr import metrics, optimizers

        if grouped_auc and jit_compile:
            raise InputError(
                "grouped_auc", received="with jit_compile=True", expected="without it"
            )
        given = self.default_tasks() if tasks is None else tasks
        objective = TaskObjective.of(self, given, balance)
        made = objective.tasks
        super().compile(
            **{
                "optimizer": optimizers.default() if optimizer is None else optimizer,
                "loss": loss,
                "weighted_metrics": (
                    metrics_of(made) if weighted_metrics is None else weighted_metrics
                ),
                "jit_compile": jit_compile,
                **({} if loss is not None else losses_of(made)),
                **kwargs,
            }
        )
        self._set_objective(objective)
        names = self.label_names if grouped_auc else ()
        self._set_grouped_metrics(
            {name: metrics.GroupedAUC(name=f"{name}_grouped_auc") for name in names}
        )

    @property
    def tasks(self) -> dict[str, Task]:
        """How each label is trained and judged; empty before `compile`."""
        return dict(self.objective.tasks)

    @property
    def task_weights(self) -> dict[str, float]:
        """What `"gradnorm"` weighs tasks by now, beside their own weights."""
        return self.objective.gradnorm.by_name if self.objective.gradnorm else {}

    def default_tasks(self) -> Sequence[Task]:
        """Tasks of a model that is compiled without; a subclass may have its own."""
        return ()

    def check_ready(self) -> None:
        """Refuses to be trained, asked or exported without what a model must be given.

        Nothing by default; a subclass that is given more than a schema says what.

        Raises:
            InputError: Something was not given.
        """

    def get_compile_config(self) -> dict[str, Any] | None:
        config: dict[str, Any] | None = super().get_compile_config()
        if not config:
            return config
        return {
            **config,
            "grouped_auc": bool(self._grouped_metrics),
            "tasks": [task.to_dict() for task in self.tasks.values()],
            "balance": self.objective.given_balance,
            "optimizer_built": self.optimizer.built,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        config = keras.saving.deserialize_keras_object(config)
        has_slots = config.pop("optimizer_built", True)
        self.compile(**config)
        if self.built and has_slots:
            self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [*super().metrics, *self._grouped_metrics.values()]

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        weights = kwargs.get("sample_weight")
        if isinstance(weights, Mapping) and {*weights} & {
            *self.label_ripeness.values()
        }:
            # Keras takes no more weights than there are labels, but of a dataset.
            y = args[0] if args else kwargs.pop("y")
            x, args = batches_of(x, y, kwargs.pop("sample_weight"), kwargs), ()
        # A dataset shuffles itself; Keras warns of its own default otherwise.
        if isinstance(x, tf.data.Dataset):
            kwargs.setdefault("shuffle", False)
        with self.distribute_strategy.scope():
            self.build()
            if self.optimizer is not None and not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)
        self.check_ready()
        return super().fit(x, *args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        self.check_ready()
        return super().evaluate(*args, **kwargs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: Any = None,
        callbacks: Any = None,
    ) -> Any:
        """Logits by label, as numpy arrays.

        Args:
            x: Encoded arrays by name (or their packed form), or what else Keras takes.
            batch_size: Rows scored at a time; 4,096 by default for arrays.
            verbose: As for Keras; arrays are scored without a progress bar.
            steps: As for Keras.
            callbacks: As for Keras.
        """
        self.check_ready()
        is_plain = steps is None and not callbacks and not self.run_eagerly
        is_alone = self.distribute_strategy.num_replicas_in_sync == 1
        is_ours = type(self).predict_step is TrainableModel.predict_step
        if are_arrays(x) and is_plain and is_alone and is_ours:
            self.build()
            return self._predictor(x, batch_size or 4096)
        return super().predict(x, batch_size, verbose, steps, callbacks)

    # What Keras traces is compiled by XLA or not; kernels are chosen by that.

    def train_step(self, data: Any) -> Any:
        # Keras' optimizers take the rows of a sparse gradient one by one, also those
        # that are the same row twice: Adam and Adagrad then square the wrong numbers.
        is_dense = not _takes_rows(self.optimizer)
        with (
            kernels.xla(bool(self.jit_compile)),
            kernels.dense_gradients(is_dense),
            kernels.compiled(True),
            with_outputs(),
            noting_inputs(),
        ):
            return step_results(super().train_step(data))

    def test_step(self, data: Any) -> Any:
        with kernels.xla(bool(self.jit_compile)), with_outputs():
            return step_results(super().test_step(data))

    def predict_step(self, data: Any) -> Any:
        with kernels.xla(bool(self.jit_compile)):
            return super().predict_step(data)

    def _maybe_symbolic_build(self, *_: Any, **__: Any) -> None:
        # Keras makes the variables of a strategy from a first batch, which it takes
        # away, and averages it over the replicas, which makes floats of ids.
        with self.distribute_strategy.scope():
            self.build()
            if not tf.distribute.has_strategy():
                return
            blank = columns({name: ops.zeros((1,)) for name in self.label_names})
            for part in (self._compile_loss, self._compile_metrics):
                if part is not None and not part.built:
                    part.build(blank, blank)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        x, (y_pred, _) = self._unpacked(x), parted(y_pred)
        weights = rows_of_weights(sample_weight, y_pred)
        update_grouped(self._grouped_metrics, x, y, y_pred, weights)
        results: dict[str, Any] = super().compute_metrics(
            x, columns(y), columns(y_pred), weights
        )
        return results

    def get_metrics_result(self) -> dict[str, Any]:
        results: dict[str, Any] = {}
        for metric in self.metrics:
            # In a step, as opposed to after all steps, a recent value has to do: the
            # exact one sorts all examples.
            is_grouped = metric in self._grouped_metrics.values()
            in_step = is_grouped and not tf.executing_eagerly()
            result = metric.running_result() if in_step else metric.result()
            results |= result if isinstance(result, dict) else {metric.name: result}
        return results

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        given = (x, y, y_pred, sample_weight)
        y, y_pred, weights = self.objective.losable(self, *given)
        if training:
            y_pred = self.objective.switched(y_pred)
        loss = super().compute_loss(x, y, y_pred, weights, training)
        added = None
        if training:
            added = self.objective.rebalanced(self, (y, y_pred, weights), given)
        return loss if added is None else loss + added

    def _set_objective(self, objective: TaskObjective) -> None:
        # Past Keras' tracking: a built model refuses new state, yet may be compiled.
        object.__setattr__(self, "objective", objective)

    def _set_grouped_metrics(self, metrics: dict[str, keras.metrics.Metric]) -> None:
        # Past Keras' tracking: a built model refuses new state, yet may be compiled.
        object.__setattr__(self, "_grouped_metrics", metrics)


def _takes_rows(optimizer: Any) -> bool:
    """Whether an optimizer sums the gradients of equal rows."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    return isinstance(optimizer, SparseOptimizer)
