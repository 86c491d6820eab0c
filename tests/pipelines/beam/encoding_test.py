"""Tests of `tfctr.pipelines.beam.encoding`: what the SDK gives, on any runner."""

import apache_beam as beam
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfctr.data import encode_images, encode_text, read_vectors
from tfctr.data.encoders.contents import text_key
from tfctr.errors import InputError, UnknownName
from tfctr.pipelines.beam import EncodeImages, EncodeText, WriteVectors, encode_table
from tfctr.pipelines.beam.encoding import _Encode
from tfctr.pipelines.errors import input_error_in

TEXTS = {f"i{k}": "abcd"[k % 4] * (1 + k % 7) for k in range(40)} | {
    "none": None,
    "blank": " ",
    7: "dab",
}


def letters(texts):
    """Letters a to d of each text."""
    return np.array([[text.count(x) for x in "abcd"] for text in texts], float)


def never(texts):
    raise RuntimeError(f"asked for {texts}")


def spoiled(texts):
    if "dab" in texts:
        return np.full((len(texts), 4), np.nan)
    return letters(texts)


def noted(texts):
    """Letters, and what was asked is written down."""
    with open(NOTES, "a") as file:  # processes of Beam share no memory
        file.write("".join(f"{text}\n" for text in texts))
    return letters(texts)


NOTES = "/dev/null"


def run(pairs, transform, folder, dtype="float16"):
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(list(pairs.items() if isinstance(pairs, dict) else pairs))
            | transform
            | WriteVectors(folder, dtype)
        )
    ids, vectors = read_vectors(folder)
    return dict(zip(ids.tolist(), vectors.tolist(), strict=True))


def by_sdk(tmp_path, encode, contents, encoder, cache="cache"):
    encode(
        contents,
        encoder,
        tmp_path / "sdk",
        encoder_name="one-1",
        cache_folder=tmp_path / cache,
        show_progress=False,
    )
    ids, vectors = read_vectors(tmp_path / "sdk")
    return dict(zip(ids.tolist(), vectors.tolist(), strict=True))


def settings(tmp_path, **more):
    return {"encoder_name": "one-1", "cache_folder": tmp_path / "cache", **more}


def test_beam_gives_what_the_sdk_gives_each_text_encoded_once(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.NOTES", str(tmp_path / "notes"))
    transform = EncodeText(noted, **settings(tmp_path, batch_size=3, shard_size=4))
    found = run(TEXTS, transform, tmp_path / "beam")
    expected = by_sdk(tmp_path, encode_text, TEXTS, letters, "other")
    assert len(found) == len(TEXTS)
    np.testing.assert_equal(found, expected)
    asked = (tmp_path / "notes").read_text().split()
    assert sorted(asked) == sorted({t for t in TEXTS.values() if t and t.strip()})
    # The cache is the SDK's own: neither encodes again.
    np.testing.assert_equal(by_sdk(tmp_path, encode_text, TEXTS, never), expected)
    again = run(TEXTS, EncodeText(never, **settings(tmp_path)), tmp_path / "beam")
    np.testing.assert_equal(again, expected)


def test_what_was_encoded_before_an_error_is_cached(tmp_path):
    worker = _Encode(EncodeText(spoiled, **settings(tmp_path)))
    worker.setup()
    good = [(text_key(text), [(text, text)]) for text in ("a", "bb")]
    assert [name for name, _ in worker.process(good)] == ["a", "bb"]
    assert not list((tmp_path / "cache").rglob("*.npz"))  # the shard is not full
    with pytest.raises(InputError, match="vector of item 7"):
        list(worker.process([(text_key("dab"), [("7", "dab")])]))
    with pytest.raises(RuntimeError, match=r"asked for \['c'\]"):
        by_sdk(tmp_path, encode_text, {1: "a", 2: "bb", 3: "c"}, never)


def test_a_failed_run_says_what_was_wrong_and_writes_nothing(tmp_path):
    (tmp_path / "t.csv").write_text("item_id,title\n7,dab\n")
    transform = EncodeText(spoiled, **settings(tmp_path))
    with pytest.raises(InputError, match="vector of item 7"):
        encode_table(f"{tmp_path}/t.csv", "item_id", "title", transform, tmp_path / "o")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ([(1, "a"), ("1", "b")], "item 1 twice"),
        ([(1, 3)], "`text of item 1`"),
        ([(1, None)], "`items`: received vectors of widths"),
        ([(None, "a")], "`ids`: received None"),
    ],
)
def test_bad_pairs_are_refused(pairs, text, tmp_path):
    with pytest.raises(Exception, match=text) as raised:
        run(pairs, EncodeText(letters, **settings(tmp_path)), tmp_path / "beam")
    assert input_error_in(raised.value) is not None


def mean_colors(images):
    return np.array([image.mean(axis=(0, 1)) for image in images])


def test_images_are_read_where_they_are_encoded(tmp_path):
    paths = {"none": None}
    for k in range(5):
        paths[f"i{k}"] = str(tmp_path / f"{k}.png")
        image = np.full((2 + k, 3, 3), 40 * (k % 3), "uint8")
        (tmp_path / f"{k}.png").write_bytes(tf.io.encode_png(image).numpy())
    expected = by_sdk(tmp_path, encode_images, paths, mean_colors, "other")
    assert expected["i4"] == [40.0, 40.0, 40.0]
    found = run(
        paths, EncodeImages(mean_colors, **settings(tmp_path)), tmp_path / "beam"
    )
    np.testing.assert_equal(found, expected)
    (tmp_path / "bad.png").write_bytes(b"no image")
    paths |= {"bad": str(tmp_path / "bad.png"), "gone": str(tmp_path / "gone.png")}
    skipping = settings(tmp_path, skip_unreadable=True)
    found = run(paths, EncodeImages(mean_colors, **skipping), tmp_path / "beam")
    assert np.isnan([found["bad"], found["gone"], found["none"]]).all()
    with pytest.raises(Exception, match=r"image of item (bad|gone)"):
        run(paths, EncodeImages(mean_colors, **settings(tmp_path)), tmp_path / "beam")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_is_encoded_from_its_files(suffix, tmp_path):
    frame = pd.DataFrame({"item_id": [1, 2, 3], "title": ["ab", "", "d"]})
    for part in range(2):
        path = tmp_path / f"items{part}.{suffix}"
        piece = frame.assign(item_id=frame["item_id"] + 10 * part)
        getattr(piece, f"to_{suffix}")(path, index=False)
    encode_table(
        str(tmp_path / f"items*.{suffix}"),
        "item_id",
        "title",
        EncodeText(letters, **settings(tmp_path)),
        tmp_path / "out",
        dtype="float32",
        beam_args=["--direct_num_workers=1"],
    )
    ids, vectors = read_vectors(tmp_path / "out")
    assert ids.tolist() == ["1", "11", "12", "13", "2", "3"]
    assert vectors.dtype == "float32"
    np.testing.assert_array_equal(vectors[[0, 1, 3]], letters(["ab", "ab", "d"]))
    assert np.isnan(vectors[[2, 4]]).all()


def test_bad_arguments_are_refused_before_the_run(tmp_path):
    transform = EncodeText(never, **settings(tmp_path))
    (tmp_path / "t.csv").write_text("item_id,title\n1,a\n")
    with pytest.raises(UnknownName, match="Did you mean 'title'"):
        encode_table(f"{tmp_path}/t.csv", "item_id", "titel", transform, tmp_path / "o")
    with pytest.raises(InputError, match="which no file matches"):
        encode_table(f"{tmp_path}/no.csv", "item_id", "x", transform, tmp_path / "o")
    with pytest.raises(InputError, match=r"`folder`: received .* with t\.csv"):
        WriteVectors(tmp_path)
    with pytest.raises(UnknownName, match="float16"):
        WriteVectors(tmp_path / "o", "int8")
    with pytest.raises(InputError, match="`encoder_name`"):
        EncodeText(letters)
    with pytest.raises(InputError, match="`cache_folder`: received gs://bucket"):
        EncodeText(letters, encoder_name="one-1", cache_folder="gs://bucket")
