"""Tests of `tfctr.native.building`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfctr.errors import InputError, UnknownName
from tfctr.native import building


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An environment in which nothing was compiled."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return tmp_path


needs_processor = pytest.mark.skipif(
    building.processor_level() is None, reason="no kernels for this processor"
)


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ("fpu sse avx", None),
        ("avx2 bmi1 bmi2 f16c fma movbe abm", "x86-64-v3"),
        ("avx512f avx512bw avx512cd avx512dq avx512vl", None),  # without AVX2
        (
            "avx2 bmi1 bmi2 f16c fma movbe abm "
            "avx512f avx512bw avx512cd avx512dq avx512vl",
            "x86-64-v4",
        ),
    ],
)
def test_level_follows_from_the_flags_of_the_processor(
    flags, level, tmp_path, monkeypatch
):
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor: 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr(building, "CPUINFO", file)
    assert building.processor_level() == level


def test_an_unknown_system_has_no_kernels(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "CPUINFO", tmp_path / "nothing")
    assert building.library_file() is None
    with pytest.raises(InputError, match="x86-64-v3"):
        building.build()


@needs_processor
def test_other_sources_have_another_library(tmp_path, monkeypatch):
    before = building.library_file()
    copy = shutil.copytree(building.SOURCE, tmp_path / "source")
    monkeypatch.setattr(building, "SOURCE", copy)
    assert building.library_file() == before
    (copy / "rows.cc").write_text("// other\n")
    assert building.library_file() != before


@needs_processor
def test_without_a_compiler_it_says_what_to_install(empty):
    with pytest.raises(InputError, match=r"no g-nothing.*apt-get install g\+\+"):
        building.build("g-nothing")


@needs_processor
def test_what_does_not_compile_leaves_nothing(empty, tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    (source / "wrong.cc").write_text("int wrong(")
    monkeypatch.setattr(building, "SOURCE", source)
    with pytest.raises(InputError, match="compiler"):
        building.build()
    assert not list((empty / "share" / "tfctr").iterdir())


@needs_processor
@pytest.mark.slow
def test_built_once_it_is_there_for_good(empty, tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    (source / "small.cc").write_text('extern "C" int answer() { return 42; }\n')
    monkeypatch.setattr(building, "SOURCE", source)
    path = building.build()
    assert path == building.library_file()
    assert path.exists()
    assert building.build("g-nothing") == path  # no compiler is asked any more


@needs_processor
@pytest.mark.slow
def test_what_is_compiled_for_an_older_processor_is_used_too(
    empty, tmp_path, monkeypatch
):
    source = tmp_path / "source"
    source.mkdir()
    (source / "small.cc").write_text('extern "C" int answer() { return 42; }\n')
    monkeypatch.setattr(building, "SOURCE", source)
    monkeypatch.setattr(building, "processor_level", lambda: "x86-64-v4")
    assert building.built_file() is None
    older = building.build(level="x86-64-v3")
    assert building.built_file() == older
    newer = building.build()
    assert building.built_file() == newer != older
    monkeypatch.setattr(building, "processor_level", lambda: "x86-64-v3")
    assert building.built_file() == older


def test_an_unknown_level_is_refused():
    with pytest.raises(UnknownName, match="level"):
        building.build(level="x86-64-v2")


@pytest.mark.slow
@pytest.mark.skipif(
    building.processor_level() != "x86-64-v4",
    reason="other tests use what is compiled for x86-64-v3",
)
def test_kernels_of_the_older_level_pass_the_same_tests():
    building.build(level="x86-64-v3")
    tests = Path(__file__).parent / "operations_test.py"
    command = f"""
import sys
import pytest
from tfctr.native import building
building.processor_level = lambda: "x86-64-v3"
sys.exit(pytest.main(["-q", {str(tests)!r}]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    assert " passed" in ended.stdout
    assert "skipped" not in ended.stdout
