"""A loaded version with what belongs to it: warm-up, batching, running requests."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tfctr.serving.server.batching import Batcher
from tfctr.serving.server.metrics import Metrics
from tfctr.serving.server.model import LoadedModel
from tfctr.serving.server.options import ServerOptions
from tfctr.serving.server.warmup import warm_up

__all__ = ["Servable"]


class Servable:
    """One version of a model, ready to answer.

    Args:
        folder: `<base>/<version>`.
        version: The version's number.
        options: Settings of the server.
        metrics: Where joint runs are counted.
    """

    def __init__(
        self, folder: Path, version: int, options: ServerOptions, metrics: Metrics
    ) -> None:
        self.version = version
        self.model = LoadedModel(folder, version)
        self._batcher: Batcher | None = None
        if options.batching is not None:
            self._batcher = Batcher(self.model.run, options.batching, metrics.batch)
        self._idle = threading.Condition()
        self._users = 0
        warm_up(folder, lambda name, arrays: self.predict(name, arrays))

    def predict(
        self,
        signature_name: str,
        arrays: Mapping[str, np.ndarray],
        output_filter: Iterable[str] = (),
        deadline: float | None = None,
    ) -> dict[str, np.ndarray]:
        """Checks and runs one request.

        Args:
            signature_name: The signature to run.
            arrays: Inputs by name.
            output_filter: Outputs to return; all if empty.
            deadline: On the clock of `time.monotonic`; none for a minute from now.

        Raises:
            InputError: Inputs that the signature does not accept.
            Refusal: Unknown signature or output, or too late.
        """
        self.model.check(signature_name, arrays)
        names = self.model.output_names(signature_name, output_filter)
        if self._batcher is None:
            outputs = self.model.run(signature_name, arrays)
        else:
            latest = time.monotonic() + 60 if deadline is None else deadline
            outputs = self._batcher.run(signature_name, dict(arrays), latest)
        return {name: outputs[name] for name in names}

    @contextmanager
    def in_use(self) -> Iterator["Servable"]:
        """Keeps `wait_until_idle` waiting."""
        with self._idle:
            self._users += 1
        try:
            yield self
        finally:
            with self._idle:
                self._users -= 1
                self._idle.notify_all()

    def wait_until_idle(self) -> None:
        """Returns when no request uses this version any more."""
        with self._idle:
            self._idle.wait_for(lambda: self._users == 0)
