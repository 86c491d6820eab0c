"""Tests of `tfctr encode`."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from tfctr.cli import app
from tfctr.data import read_vectors
from tfctr.errors import InputError

TFCTR = str(Path(sys.executable).with_name("tfctr"))
MODULE = """
import numpy as np
def lengths(texts):
    return np.array([[len(text), 1.0] for text in texts])
"""


def mean_colors(images):
    return np.array([image.mean(axis=(0, 1)) for image in images])


def invoke(*arguments):
    result = CliRunner().invoke(app, ["encode", *arguments], env={"COLUMNS": "200"})
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def test_a_function_of_the_folder_encodes_a_table(tmp_path):
    (tmp_path / "mine.py").write_text(MODULE)
    frame = pd.DataFrame({"item": ["007", "8", "9"], "title": ["abc", "de", ""]})
    frame.to_csv(tmp_path / "items.csv", index=False)
    command = [TFCTR, "encode", "items.csv", "out", "--encoder=mine:lengths"]
    command += ["--encoder-name=lengths-1", "--id=item", "--text=title", "--cache=c"]
    texts = []
    for _ in range(2):
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, timeout=120
        )
        assert done.returncode == 0, done.stderr
        texts.append(done.stdout)
    assert (
        "Wrote 3 vectors of width 2 to out: 2 encoded, 0 from the cache, 1 items"
        in (texts[0])
    )
    assert "0 encoded, 2 from the cache" in texts[1]
    ids, vectors = read_vectors(tmp_path / "out")
    assert ids.tolist() == ["007", "8", "9"]
    np.testing.assert_array_equal(vectors, [[3, 1], [2, 1], [np.nan, np.nan]])


@pytest.fixture
def pictures(tmp_path):
    for name, color in (("red", (255, 0, 0)), ("gray", (9, 9, 9))):
        image = np.full((3, 2, 3), color, "uint8")
        (tmp_path / f"{name}.png").write_bytes(tf.io.encode_png(image).numpy())
    names = ["red.png", None, str(tmp_path / "gray.png"), "gone.png"]
    pd.DataFrame({"item": [4, 5, 6, 7], "poster": names}).to_parquet(
        tmp_path / "items.parquet"
    )
    return [
        str(tmp_path / "items.parquet"),
        str(tmp_path / "out"),
        f"--encoder={__name__}:mean_colors",
        "--encoder-name=mean",
        "--id=item",
        f"--cache={tmp_path / 'cache'}",
        "--dtype=float32",
    ]


def test_paths_of_images_start_at_the_table(pictures, tmp_path):
    with pytest.raises(InputError, match=r"`image of item 7`: received .*gone\.png"):
        invoke(*pictures, "--image=poster")
    text = invoke(*pictures, "--image=poster", "--skip-unreadable")
    assert "2 encoded, 0 from the cache, 2 items without one" in text
    ids, vectors = read_vectors(tmp_path / "out")
    assert ids.tolist() == ["4", "5", "6", "7"]
    nothing = [np.nan] * 3
    expected = [[255, 0, 0], nothing, [9, 9, 9], nothing]
    np.testing.assert_array_equal(vectors, expected)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "both or neither of --text and --image"),
        (["--image=poster", "--text=poster"], "both or neither"),
        (["--text=postr"], "Did you mean 'poster'"),
    ],
)
def test_bad_arguments_are_refused(arguments, text, pictures):
    with pytest.raises(InputError, match=text):
        invoke(*pictures, *arguments)
