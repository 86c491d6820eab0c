"""Values of a vocabulary as a text file: a line a row, as TensorFlow's tables read it.

The rows of an open vocabulary need not all be taken. A free row has a line that no id
has in practice, and that would find only a row which is free; the last line says that
the file is whole, unless all rows are there.
"""

from collections.abc import Sequence
from pathlib import Path

from tfctr.errors import InputError
from tfctr.features.vocabularies import Vocabulary

__all__ = ["check_open_values", "is_storable", "read_values", "write_values"]

# The separator of units in ASCII, which ids do not hold.
FREE = "\x1ffree row "
END = "\x1fend"


def write_values(path: Path, vocabulary: Vocabulary, values: Sequence[str]) -> None:
    """Writes a line a value.

    Args:
        path: The file.
        vocabulary: Whose values they are.
        values: In row order; of an open vocabulary, `""` where a row is free.
    """
    lines = [value or f"{FREE}{place}" for place, value in enumerate(values)]
    if vocabulary.capacity is not None and len(values) < vocabulary.capacity:
        lines.append(END)
    text = "".join(f"{line}\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="")


def read_values(path: Path, vocabulary: Vocabulary) -> list[str]:
    """Reads what `write_values` wrote; of a cut file, the lines that are whole."""
    lines = [line.decode() for line in path.read_bytes().split(b"\n")[:-1]]
    if vocabulary.capacity is None:
        return lines
    if lines[-1:] == [END]:
        lines.pop()
    elif len(lines) != vocabulary.capacity:
        raise InputError(
            str(path),
            received=f"{len(lines)} rows and no end",
            expected=f"{vocabulary.capacity} rows, or a line that ends the file",
            hint="The file was cut or exchanged.",
        )
    return ["" if line.startswith(FREE) else line for line in lines]


def is_storable(value: str) -> bool:
    """Whether a line of the file can hold a value, and is not taken for a free row."""
    return not set(value) & {"\n", "\r"} and not value.startswith((FREE, END))


def check_open_values(vocabulary: Vocabulary, values: Sequence[str]) -> None:
    """Refuses values of an open vocabulary that its file or table cannot hold."""
    if vocabulary.capacity is not None and len(values) > vocabulary.capacity:
        raise InputError(
            vocabulary.name,
            received=f"{len(values)} rows",
            expected=f"at most its capacity, {vocabulary.capacity}",
        )
    seen: set[str] = set()
    for value in filter(None, values):
        if value in seen or not is_storable(value):
            raise InputError(
                vocabulary.name,
                received=f"{value!r}" + (" twice" if value in seen else ""),
                expected="distinct values without line breaks",
            )
        seen.add(value)
