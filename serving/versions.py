"""Versions of a model in its folder: `<base>/<number>/saved_model.pb`."""

from pathlib import Path

from tfctr.errors import InputError

__all__ = ["find_versions", "fingerprint", "require_versions"]

SAVED_MODEL = "saved_model.pb"


def find_versions(base: Path) -> dict[int, Path]:
    """Complete versions by number, highest first; other folders do not count."""
    if not base.is_dir():
        return {}
    found = {
        int(folder.name): folder
        for folder in base.iterdir()
        if folder.name.isascii()
        and folder.name.isdigit()
        and (folder / SAVED_MODEL).is_file()
    }
    return dict(sorted(found.items(), reverse=True))


def require_versions(base: Path) -> dict[int, Path]:
    """As `find_versions`, but there must be one.

    Raises:
        InputError: Names the folder and what is in it.
    """
    versions = find_versions(base)
    if versions:
        return versions
    if not base.is_dir():
        received = "a file" if base.exists() else "no folder of that name"
    else:
        names = sorted(entry.name for entry in base.iterdir())
        received = f"a folder with {', '.join(names[:10]) or 'nothing'} in it"
    hint = ""
    if (base / SAVED_MODEL).is_file():
        hint = "This is one version itself: give the folder above it."
    raise InputError(
        str(base),
        received=received,
        expected=f"a model folder with <number>/{SAVED_MODEL}",
        hint=hint,
    )


def fingerprint(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of a version's files: changes when they do."""
    entries = []
    for file in sorted(folder.rglob("*")):
        try:
            status = file.stat()
        except FileNotFoundError:  # it is being moved away
            continue
        entries.append((str(file), status.st_size, status.st_mtime_ns))
    return tuple(entries)
