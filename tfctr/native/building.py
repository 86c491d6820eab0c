"""Compiles the kernels for the processor and the TensorFlow of this machine."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tfctr.errors import InputError, UnknownName

__all__ = ["build", "built_file", "library_file", "processor_level"]

SOURCE = Path(__file__).parent / "source"
CPUINFO = Path("/proc/cpuinfo")
# Instructions of the levels that compilers know, best first; Linux spells some its
# own way.
LEVELS = {
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "x86-64-v3": {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "abm"},
}
# Nobody reads errno or floating-point traps here, and both keep roots from being
# taken several at a time. Sums keep their order.
FLAGS = ("-O3", "-std=c++17", "-fPIC", "-fno-math-errno", "-fno-trapping-math")


def processor_level() -> str | None:
    """The best of `LEVELS` that this machine's processor has."""
    if not CPUINFO.exists():
        return None
    lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    flags = next(
        (set(line.split()) for line in lines if line.startswith("flags")), set()
    )
    wanted: set[str] = set()
    found = None
    for level, more in reversed(LEVELS.items()):
        wanted |= more
        found = level if wanted <= flags else found
    return found


def library_file(level: str | None = None) -> Path | None:
    """Where the compiled kernels of this version are, or would be.

    In the Python environment, under a name that tells the sources, TensorFlow and the
    processor, so that no other machine or version takes them for its own.

    Args:
        level: One of `LEVELS`; that of this machine's processor by default.

    Returns:
        The path, or `None` where there can be none: on other systems and processors.
    """
    import tensorflow as tf

    level = level or processor_level()
    if level is None or not sys.platform.startswith("linux"):
        return None
    parts = [tf.version.VERSION, tf.version.COMPILER_VERSION, level, *FLAGS]
    digest = hashlib.sha256("\n".join(parts).encode())
    for path in sorted(SOURCE.iterdir()):
        digest.update(path.read_bytes())
    folder = Path(sys.prefix) / "share" / "tfctr"
    return folder / f"kernels-{digest.hexdigest()[:16]}.so"


def built_file() -> Path | None:
    """The best compiled kernels that this machine's processor can run, if any."""
    own = processor_level()
    names = list(LEVELS)
    for level in names[names.index(own) :] if own else ():
        path = library_file(level)
        if path is not None and path.exists():
            return path
    return None


def build(compiler: str = "g++", level: str | None = None) -> Path:
    """Compiles the kernels, unless it is done already. Takes about half a minute.

    Args:
        compiler: A C++17 compiler that understands the options of g++.
        level: One of `LEVELS`, for an image that is built on a newer machine than it
            runs on; that of this machine's processor by default.

    Returns:
        The library.

    Raises:
        InputError: There is no compiler, it fails, or there is nothing for this
            machine. Training then uses TensorFlow's own kernels.
    """
    if level is not None and level not in LEVELS:
        raise UnknownName("level", level, LEVELS)
    level = level or processor_level()
    path = library_file(level)
    if path is None or level is None:
        raise InputError(
            "processor", received=sys.platform, expected="Linux on x86-64-v3 or newer"
        )
    if path.exists():
        return path
    if shutil.which(compiler) is None:
        raise InputError(
            "compiler",
            received=f"no {compiler}",
            expected="a C++ compiler on the path",
            hint="Debian, Ubuntu: apt-get install g++",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = _compiled(compiler, level, Path(folder))
        os.replace(made, path)  # whole or not at all, also for another process
    return path


def _compiled(compiler: str, level: str, folder: Path) -> Path:
    import tensorflow as tf

    wide = ["-mprefer-vector-width=512"] if level == "x86-64-v4" else []
    # As system headers, since warnings in them are not ours.
    headers = [
        part
        for flag in tf.sysconfig.get_compile_flags()
        for part in (["-isystem", flag[2:]] if flag.startswith("-I") else [flag])
    ]

    def compile_one(source: Path) -> Path:
        made = folder / f"{source.stem}.o"
        _run(
            [
                compiler,
                *headers,
                *FLAGS,
                f"-march={level}",
                *wide,
                "-c",
                source,
                "-o",
                made,
            ]
        )
        return made

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(compile_one, sorted(SOURCE.glob("*.cc"))))
    library = folder / "kernels.so"
    _run([compiler, "-shared", *parts, *tf.sysconfig.get_link_flags(), "-o", library])
    return library


def _run(command: list[object]) -> None:
    ended = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if "error" in line]
        raise InputError(
            "compiler",
            received=(lines or ended.stderr.splitlines() or ["no message"])[0][:200],
            expected=f"{command[0]} to compile the kernels",
        )
