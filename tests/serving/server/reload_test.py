"""Versions come, go and break while the server runs."""

import shutil
import threading
import time

import numpy as np
import pytest

from tfctr.errors import InputError
from tfctr.serving import PredictClient, ServingError
from tfctr.serving.server import EmbeddedServer, ServerOptions

ONE = {"x": np.zeros(1, "float32")}


def served(base, **options):
    """A server that looks into its folder when `manager.refresh` is called."""
    return EmbeddedServer("m", base, ServerOptions(poll_seconds=0, **options))


def answer(client, **options):
    return client.predict(ONE, "plus", output_filter=["y"], **options)["y"].tolist()


def add(base, saved, version):
    """Makes a version appear at once, as an export does."""
    shutil.copytree(saved, base.parent / "aside")
    (base.parent / "aside").rename(base / str(version))


def states(client):
    return {status.version: status.state for status in client.status()}


def soon(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_a_new_version_is_found_by_polling(base, saved):
    options = ServerOptions(poll_seconds=0.05)
    with (
        EmbeddedServer("m", base, options) as server,
        PredictClient(server.address, "m") as client,
    ):
        assert answer(client) == [100]
        add(base, saved["two"], 2)
        assert soon(lambda: states(client).get(2) == "AVAILABLE")
        assert answer(client) == [200]
        assert soon(lambda: states(client) == {2: "AVAILABLE", 1: "END"})


def test_the_highest_number_serves_not_the_last_name(base, saved):
    add(base, saved["two"], 10)
    add(base, saved["one"], 9)
    (base / "notes").mkdir()
    (base / "11").mkdir()  # not complete
    with served(base) as server, PredictClient(server.address, "m") as client:
        assert answer(client) == [200]
        assert states(client) == {10: "AVAILABLE"}


def test_named_versions_answer_while_they_are_loaded(base, saved):
    add(base, saved["two"], 2)
    with (
        served(base, num_versions=2) as server,
        PredictClient(server.address, "m") as client,
    ):
        assert [answer(client, version=v) for v in (1, 2, None)] == [
            [100],
            [200],
            [200],
        ]
        assert client.metadata(version=1).version == 1
        add(base, saved["one"], 3)
        server.manager.refresh()
        assert answer(client) == [100]
        with pytest.raises(ServingError, match=r"Specific\(m, 1\).*versions \[2, 3\]"):
            answer(client, version=1)


def test_requests_on_the_old_version_finish_there(base, saved):
    go, busy = threading.Event(), threading.Event()
    answers = []
    with served(base) as server, PredictClient(server.address, "m") as client:
        with server.manager.lease("m", None) as servable:
            run = servable.model.run

        def wait(*arguments):
            busy.set()
            go.wait(10)
            return run(*arguments)

        servable.model.run = wait
        thread = threading.Thread(target=lambda: answers.append(answer(client)))
        thread.start()
        busy.wait(10)
        add(base, saved["two"], 2)
        server.manager.refresh()
        assert answer(client) == [200]
        assert states(client) == {2: "AVAILABLE", 1: "UNLOADING"}
        go.set()
        thread.join()
        assert answers == [[100]]
        assert soon(lambda: states(client)[1] == "END")


def test_a_broken_version_leaves_the_old_one_serving(base, saved):
    with served(base) as server, PredictClient(server.address, "m") as client:
        (base / "2").mkdir()
        (base / "2" / "saved_model.pb").write_bytes(b"not a model")
        server.manager.refresh()
        assert answer(client) == [100]
        broken, old = client.status()
        assert (old.version, old.state) == (1, "AVAILABLE")
        assert (broken.version, broken.state) == (2, "END")
        assert broken.error_code != 0
        assert "Error parsing message" in broken.error_message
        shutil.rmtree(base / "2")
        add(base, saved["two"], 2)  # its files changed: it is tried again
        server.manager.refresh()
        assert answer(client) == [200]


def test_a_broken_version_is_not_tried_again_unchanged(base, monkeypatch):
    with served(base) as server:
        (base / "2").mkdir()
        (base / "2" / "saved_model.pb").write_bytes(b"not a model")
        server.manager.refresh()
        tried = []
        monkeypatch.setattr(
            "tfctr.serving.server.manager.Servable", lambda *a: tried.append(a)
        )
        server.manager.refresh()
        assert tried == []


def test_an_older_version_serves_when_the_newest_is_broken_at_the_start(base):
    (base / "2").mkdir()
    (base / "2" / "saved_model.pb").write_bytes(b"")
    with served(base) as server, PredictClient(server.address, "m") as client:
        assert answer(client) == [100]
        assert states(client) == {2: "END", 1: "AVAILABLE"}


def test_the_next_lower_version_serves_when_the_highest_goes(base, saved):
    add(base, saved["two"], 2)
    with served(base) as server, PredictClient(server.address, "m") as client:
        shutil.rmtree(base / "2")
        server.manager.refresh()
        assert answer(client) == [100]
        assert soon(lambda: states(client) == {2: "END", 1: "AVAILABLE"})


def test_loaded_versions_stay_when_the_folder_is_emptied(base):
    with served(base) as server, PredictClient(server.address, "m") as client:
        shutil.rmtree(base)
        server.manager.refresh()
        assert answer(client) == [100]


def test_a_folder_without_a_version_is_an_error_that_names_it(tmp_path):
    (tmp_path / "v1").mkdir()
    with pytest.raises(InputError) as caught:
        served(tmp_path).start()
    assert str(caught.value).startswith(f"`{tmp_path}`: received a folder with v1")
    assert "expected a model folder with <number>/saved_model.pb" in str(caught.value)


def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(InputError, match="nowhere`: received no folder of that name"):
        served(tmp_path / "nowhere").start()


def test_one_version_itself_is_refused_with_the_remedy(saved):
    with pytest.raises(InputError, match="give the folder above it"):
        served(saved["one"]).start()


def test_a_folder_with_broken_versions_only_is_an_error_that_says_why(tmp_path):
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(InputError, match=r"version 4: .*Error parsing message"):
        served(tmp_path).start()


def test_a_taken_port_is_an_error_that_names_it(base):
    with served(base) as server:
        for setting in ("grpc_port", "rest_port"):
            with pytest.raises(InputError, match=f"`{setting}`.*expected a free port"):
                served(base, **{setting: getattr(server, setting)}).start()
