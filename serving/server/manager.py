"""The versions that are served: loading, swapping and retiring them."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from tfctr.errors import InputError
from tfctr.serving.server.metrics import Metrics
from tfctr.serving.server.options import ServerOptions
from tfctr.serving.server.refusals import Refusal, refusal_from
from tfctr.serving.server.servable import Servable
from tfctr.serving.signatures import VersionStatus
from tfctr.serving.versions import find_versions, fingerprint, require_versions

__all__ = ["ModelManager"]


class ModelManager:
    """Serves the highest versions in a model folder and follows its changes.

    A new version is loaded and warmed up before it takes over; requests that run on
    the old one finish there. A version that fails to load is reported and the old one
    stays; it is tried again when its files change. If all versions disappear, the
    loaded ones stay.

    Args:
        name: Name of the model in requests.
        base: Folder with one folder per version.
        options: Settings of the server.
        metrics: Where versions count their runs.
    """

    def __init__(
        self, name: str, base: Path, options: ServerOptions, metrics: Metrics
    ) -> None:
        self.name = name
        self.base = base
        self._options = options
        self._metrics = metrics
        self._refreshing = threading.Lock()
        self._lock = threading.Lock()
        self._serving: dict[int, Servable] = {}
        self._states: dict[int, VersionStatus] = {}
        self._failed: dict[int, object] = {}
        self._stopped = threading.Event()
        self._poller = threading.Thread(target=self._poll, daemon=True)

    def start(self) -> None:
        """Loads the first versions and begins to look for new ones.

        Raises:
            InputError: There is no version, or none can be loaded.
        """
        require_versions(self.base)
        self.refresh()
        if not self._serving:
            errors = [f"version {s.version}: {s.error_message}" for s in self.states()]
            raise InputError(
                str(self.base),
                received=f"no version that loads ({'; '.join(errors)})",
                expected="a SavedModel",
            )
        if self._options.poll_seconds:
            self._poller.start()

    def stop(self) -> None:
        """Stops looking for new versions."""
        self._stopped.set()
        if self._poller.is_alive():
            self._poller.join()

    @contextmanager
    def lease(self, name: str, version: int | None) -> Iterator[Servable]:
        """The version to answer with; it stays loaded inside the `with` block.

        Raises:
            Refusal: `NOT_FOUND`, with what there is.
        """
        wanted = "Latest" if version is None else "Specific"
        asked = f"{wanted}({name}{'' if version is None else f', {version}'})"
        with ExitStack() as stack:
            with self._lock:
                known = sorted(self._serving)
                chosen = known[-1] if version is None and known else version
                if name != self.name or chosen not in self._serving:
                    raise Refusal(
                        grpc.StatusCode.NOT_FOUND,
                        f"Servable not found for request: {asked}. Served here:"
                        f" model {self.name!r}, versions {known}.",
                    )
                servable = stack.enter_context(self._serving[chosen].in_use())
            yield servable

    def states(self) -> list[VersionStatus]:
        """State of every version seen so far, the highest first."""
        with self._lock:
            return sorted(self._states.values(), key=lambda s: -s.version)

    def refresh(self) -> None:
        """Looks into the folder once, loads what is new, retires what is old."""
        with self._refreshing:
            found = find_versions(self.base)
            count = 0
            for version, folder in found.items():
                if count == self._options.num_versions:
                    break
                count += version in self._serving or self._load(version, folder)
            self._retire_all_but(found)

    def _load(self, version: int, folder: Path) -> bool:
        files = fingerprint(folder)
        if self._failed.get(version) == files:
            return False
        self._set(VersionStatus(version, "LOADING"))
        try:
            servable = Servable(folder, version, self._options, self._metrics)
        except Exception as error:  # the old version goes on; the state tells why
            refusal = refusal_from(error)
            self._failed[version] = files
            code = int(refusal.code.value[0])
            self._set(VersionStatus(version, "END", code, refusal.text))
            return False
        with self._lock:
            self._serving[version] = servable
            self._states[version] = VersionStatus(version, "AVAILABLE")
        return True

    def _retire_all_but(self, found: dict[int, Path]) -> None:
        present = [version for version in found if version in self._serving]
        keep = set(present[: self._options.num_versions]) or set(self._serving)
        for version in set(self._serving) - keep:
            with self._lock:
                servable = self._serving.pop(version)
                self._states[version] = VersionStatus(version, "UNLOADING")
            threading.Thread(target=self._unload, args=(servable,), daemon=True).start()

    def _unload(self, servable: Servable) -> None:
        servable.wait_until_idle()
        with self._lock:
            if servable.version not in self._serving:  # it may have been loaded again
                self._states[servable.version] = VersionStatus(servable.version, "END")

    def _set(self, status: VersionStatus) -> None:
        with self._lock:
            self._states[status.version] = status

    def _poll(self) -> None:
        while not self._stopped.wait(self._options.poll_seconds):
            try:
                self.refresh()
            except OSError:  # the folder is out of reach for a moment
                continue
