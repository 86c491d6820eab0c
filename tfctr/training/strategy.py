"""Where a training runs: on one device, on several, on several workers, on a TPU."""

import functools
from typing import Any

import keras
import tensorflow as tf

from tfctr.data.reading import ExampleReader
from tfctr.errors import InputError, UnknownName
from tfctr.training.cluster import CONNECT_SECONDS, read_cluster, wait_for_workers

__all__ = ["is_chief", "make_strategy", "shared_data", "without_strategy"]

# A process can join one cluster, once.
_made: dict[str, Any] = {}


def make_strategy(name: str, *, connect_seconds: int = CONNECT_SECONDS) -> Any:
    """The `tf.distribute.Strategy` of that name; the same one each time.

    - `"single"`: what TensorFlow does by itself; inside a strategy's scope, that one.
    - `"mirrored"`: one process, all GPUs it sees; without, its logical CPU devices.
    - `"multi_worker"`: as many processes as `TF_CONFIG` lists. TensorFlow takes part in
      a cluster only if it is told so before it has made its first tensor, so call this
      at the start of the program.
    - `"tpu"`: the TPU of this machine or of the environment.

    Args:
        name: One of these.
        connect_seconds: How long `"multi_worker"` waits for the other workers.

    Raises:
        UnknownName: There is no such strategy.
        InputError: `TF_CONFIG` is missing or wrong, a worker did not come, or there is
            no TPU.
    """
    makers = {
        "single": tf.distribute.get_strategy,
        "mirrored": _mirrored,
        "multi_worker": functools.partial(_multi_worker, connect_seconds),
        "tpu": _tpu,
    }
    if name not in makers:
        raise UnknownName("strategy", name, makers)
    if name == "single":
        return makers[name]()
    if name not in _made:
        _made[name] = makers[name]()
    return _made[name]


def is_chief(strategy: Any) -> bool:
    """Whether this process writes files; of several workers, one does."""
    return bool(strategy.extended.should_checkpoint)


def shared_data(data: Any, strategy: Any) -> Any:
    """Data of which each replica gets its part, each example once an epoch.

    A batch of `data` is a global batch: replicas get equal parts of it. Workers take
    their parts of a `tf.data.Dataset` by reading all of it (policy `DATA`), so it must
    come in the same order everywhere, as datasets of `tfctr.data` do. A reader is
    sharded instead: each worker reads its own share of the files.

    Args:
        data: Batches, a reader of them, or `None`.
        strategy: The strategy.

    Returns:
        What `fit` of a model made in the strategy's scope takes.

    Raises:
        InputError: The data cannot be shared like this.
    """
    is_reader = isinstance(data, ExampleReader)
    if data is None or strategy.num_replicas_in_sync == 1:
        return data.dataset() if is_reader else data
    if is_reader and not _has_workers(strategy):
        return data.dataset()
    if is_reader:
        return _sharded(data, strategy)
    if not isinstance(data, tf.data.Dataset):
        raise InputError(
            "data",
            received=f"{type(data).__name__} for several replicas",
            expected="a tf.data.Dataset or a reader",
        )
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    return data.with_options(options)


def without_strategy(model: keras.Model, make: Any) -> keras.Model:
    """A copy of a trained model whose variables belong to no strategy.

    It is saved, exported and asked like any other; weights, optimizer and history are
    those of `model`.

    Args:
        model: The model, trained.
        make: Makes the same model, compiled.
    """
    copy = make()
    copy.build()
    copy.optimizer.build(copy.trainable_variables)
    for kind in ("weights", "optimizer.variables"):
        old, new = (_attribute(m, kind) for m in (model, copy))
        for source, target in zip(old, new, strict=True):
            target.assign(source.numpy())
    copy.history = keras.callbacks.History()
    copy.history.set_model(copy)
    copy.history.epoch = model.history.epoch
    copy.history.history = model.history.history
    return copy


def _attribute(model: keras.Model, path: str) -> Any:
    return functools.reduce(getattr, path.split("."), model)


def _has_workers(strategy: Any) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _sharded(reader: ExampleReader, strategy: Any) -> Any:
    replicas = strategy.num_replicas_in_sync
    if reader.batch_size % replicas:
        raise InputError(
            "batch_size",
            received=reader.batch_size,
            expected=f"a multiple of {replicas}, the number of replicas",
        )

    def dataset_of(context: Any) -> Any:
        return reader.shard(
            context.num_input_pipelines,
            context.input_pipeline_id,
            batch_size=context.get_per_replica_batch_size(reader.batch_size),
        ).dataset()

    return strategy.distribute_datasets_from_function(dataset_of)


def _mirrored() -> Any:
    devices = tf.config.list_logical_devices("GPU")
    devices = devices or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multi_worker(connect_seconds: int) -> Any:
    resolver = read_cluster()
    wait_for_workers(resolver, connect_seconds)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise InputError(
            "strategy",
            received="'multi_worker' after TensorFlow has started",
            expected="it at the start of the program",
            hint='Call `tfctr.training.make_strategy("multi_worker")` first.',
        ) from error


def _tpu() -> Any:
    resolvers = tf.distribute.cluster_resolver
    try:
        try:
            resolver = resolvers.TPUClusterResolver()  # as the environment names it
        except ValueError:
            resolver = resolvers.TPUClusterResolver("local")  # a TPU VM
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise InputError(
            "strategy",
            received="'tpu' where TensorFlow finds none",
            expected="a TPU",
            hint=str(error).splitlines()[0][:200],
        ) from error
