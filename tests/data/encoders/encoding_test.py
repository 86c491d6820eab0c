"""Tests of `tfctr.data.encode_text` and `encode_images`."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

import tfctr
from tests.data.modal_vectors_test import STATE
from tfctr.data import encode_images, encode_text, read_vectors
from tfctr.data.encoders import running
from tfctr.errors import InputError, UnknownName
from tfctr.training.vectors import with_widths

TEXTS = {5: "red shoes", 9: "blue hat", 7: "red shoes", 11: None, 3: "  "}


class Letters:
    """Counts letters a to d of each text; remembers what it was asked."""

    def __init__(self, letters="abcd"):
        self.asked, self.letters = [], letters

    def __call__(self, texts):
        self.asked.append(list(texts))
        return np.array([[t.count(x) for x in self.letters] for t in texts], float)


@pytest.fixture
def encode(tmp_path):
    def run(texts, encoder, **arguments):
        arguments = {"encoder_name": "letters-1", "show_progress": False} | arguments
        arguments.setdefault("cache_folder", tmp_path / "cache")
        return encode_text(texts, encoder, tmp_path / "out", **arguments)

    return run


def test_vectors_are_those_of_the_texts_each_encoded_once(encode, tmp_path):
    encoder = Letters()
    done = encode(TEXTS, encoder)
    ids, vectors = read_vectors(tmp_path / "out")
    assert encoder.asked == [["red shoes", "blue hat"]]  # long ones first
    assert ids.tolist() == ["5", "9", "7", "11", "3"]
    nothing = [np.nan] * 4
    red, blue = [0, 0, 0, 1], [1, 1, 0, 0]
    np.testing.assert_array_equal(vectors, [red, blue, red, nothing, nothing])
    assert vectors.dtype == "float16"
    assert (done.items, done.missing, done.encoded, done.cached, done.width) == (
        (5, 2, 2, 0, 4)
    )


def test_they_are_what_a_model_loads(encode, tmp_path):
    encode(TEXTS, Letters())
    folders = {"plot": str(tmp_path / "out")}
    arguments = with_widths(tfctr.models.DiffMSIN, {"dim": 4}, folders)
    assert arguments["tables"] == {"plot": 4}
    table = tfctr.data.vectors_by_row(STATE, *read_vectors(tmp_path / "out"))
    rows = {value: 3 + k for k, value in enumerate(STATE.values("item_id"))}
    np.testing.assert_array_equal(table[rows["7"]], [0, 0, 0, 1])
    assert np.isnan(table[rows["3"]]).all()  # blank: the learnt stand-in


def test_a_second_run_encodes_what_is_new(encode):
    encode(TEXTS, Letters())
    encoder = Letters()
    done = encode({**TEXTS, 12: "cab", 13: "blue hat"}, encoder)
    assert encoder.asked == [["cab"]]
    assert (done.encoded, done.cached) == (1, 2)
    assert encode(TEXTS, Letters(), encoder_name="letters-2").cached == 0


def test_nothing_is_loaded_if_nothing_is_new(encode):
    encode(TEXTS, Letters())
    done = encode(TEXTS, "there_is_no_such_module:encode")
    assert (done.encoded, done.cached) == (0, 2)
    with pytest.raises(InputError, match="`encoder`: received there_is_no_such"):
        encode({1: "new"}, "there_is_no_such_module:encode")


def test_batches_are_of_one_size_and_fill_shards(encode, tmp_path):
    texts = {k: "a" * (k + 1) for k in range(10)}
    encoder = Letters()
    encode(texts, encoder, batch_size=3, shard_size=5)
    assert [len(batch) for batch in encoder.asked] == [3, 3, 3, 1]
    assert encoder.asked[0] == ["a" * 10, "a" * 9, "a" * 8]
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 2
    _, vectors = read_vectors(tmp_path / "out")
    np.testing.assert_array_equal(vectors[:, 0], np.arange(1, 11))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_was_encoded_before_an_error_stays(encode, error):
    texts = {k: "a" * (k + 1) for k in range(10)}

    def breaks(batch):
        if batch[0] == "aaaa":
            raise error("cut")
        return Letters()(batch)

    with pytest.raises(error, match="cut"):
        encode(texts, breaks, batch_size=3)
    assert encode(texts, Letters()).cached == 6


CHILD = """
import sys, time
import numpy as np
import tfctr.data
def slow(texts):
    if "a" in texts:
        print("three batches are done", flush=True)
        time.sleep(60)
    return np.array([[len(t), 1] for t in texts], float)
texts = {k: "a" * (k + 1) for k in range(7)}
tfctr.data.encode_text(texts, slow, sys.argv[1] + "/out", encoder_name="letters-1",
    batch_size=2, shard_size=2, cache_folder=sys.argv[1] + "/cache")
"""


def test_finished_shards_outlive_a_killed_process(encode, tmp_path):
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline() == "three batches are done\n"
        finally:
            os.kill(child.pid, signal.SIGKILL)
    assert not (tmp_path / "out").exists()
    encoder = Letters("ab")
    assert encode({k: "a" * (k + 1) for k in range(7)}, encoder).cached == 6
    assert encoder.asked == [["a"]]


def test_a_slow_encoder_is_written_before_its_shard_is_full(
    encode, monkeypatch, tmp_path
):
    monkeypatch.setattr(running, "SECONDS_A_SHARD", 0.0)
    seen = []

    def slow(texts):
        time.sleep(0.001)
        seen.append(len(list((tmp_path / "cache").rglob("*.npz"))))
        return Letters()(texts)

    encode({k: "a" * (k + 1) for k in range(4)}, slow, batch_size=1)
    assert seen == [0, 1, 2, 3]


def test_a_damaged_shard_is_encoded_again(encode, tmp_path):
    encode(TEXTS, Letters())
    (shard,) = (tmp_path / "cache").rglob("*.npz")
    shard.write_bytes(shard.read_bytes()[:-30])
    assert encode(TEXTS, Letters()).encoded == 2
    assert encode(TEXTS, Letters()).encoded == 0


def test_progress_is_on_the_error_stream(encode, capsys):
    encode(TEXTS, Letters(), show_progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "100%" in captured.err


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        ([(1, "a"), (2, "b"), ("1", "c")], "`ids`: received item 1 twice: 'a' and 'c'"),
        ({None: "a"}, "`ids`: received None"),
        ({float("nan"): "a"}, "`ids`: received nan"),
        ({1: 7}, "`text of item 1`: received 7"),
        ({1: ["a"]}, r"`text of item 1`: received \['a'\]"),
        ({1: "", 2: float("nan")}, "`items`: received 2 items, none of which"),
        ({}, "`items`: received 0 items"),
    ],
)
def test_bad_texts_are_refused(texts, text, encode, tmp_path):
    encoder = Letters()
    with pytest.raises(InputError, match=text):
        encode(texts, encoder)
    assert not encoder.asked
    assert not (tmp_path / "out").exists()


def test_an_id_may_stand_twice_with_one_text(encode):
    assert encode([(1, "a"), (2, "b"), ("1", "a")], Letters()).items == 2


def spoiled(value):
    def encoder(texts):
        vectors = Letters()(texts)
        vectors[[t == "b" for t in texts], 1] = value
        return vectors

    return encoder


@pytest.mark.parametrize(
    ("encoder", "text"),
    [
        (spoiled(np.nan), "NaN or infinity in the vector of item 2"),
        (spoiled(np.inf), "NaN or infinity in the vector of item 2"),
        (spoiled(1e39), "NaN or infinity in the vector of item 2"),
        (lambda t: Letters("ab" if "b" in t else "a")(t), "width 2, first for item 2"),
        (lambda t: Letters()(t)[1:], r"float64 of shape \(0, 4\) for 1 items"),
        (lambda t: ["x"] * len(t), "one vector of numbers for each"),
        (lambda t: np.zeros((len(t), 0)), "a width of at least 1"),
    ],
)
def test_a_bad_encoder_is_named_and_good_batches_are_kept(encoder, text, encode):
    texts = {1: "aaaa", 2: "b"}
    with pytest.raises(InputError, match=text):
        encode(texts, encoder, batch_size=1)
    kept = encode(texts, Letters("a" if "width 2" in text else "abcd")).cached
    assert kept == (1 if "item 2" in text else 0)


def test_vectors_that_float16_lacks_are_refused_and_kept(encode, tmp_path):
    with pytest.raises(InputError, match="`dtype`: received 1e"):
        encode({1: "b"}, spoiled(1e6))
    done = encode({1: "b"}, Letters(), dtype="float32")
    assert done.cached == 1
    np.testing.assert_array_equal(read_vectors(done.folder)[1], [[0, 1e6, 0, 0]])


def test_another_encoder_of_the_same_name_is_found_by_its_width(encode):
    encode({1: "a"}, Letters())
    with pytest.raises(InputError, match=r"width 2.*as before.*another `encoder_name`"):
        encode({1: "a", 2: "b"}, Letters("ab"))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"encoder_name": None}, InputError, "`encoder_name`: received nothing"),
        ({"dtype": "float61"}, UnknownName, "float16"),
        ({"batch_size": 0}, InputError, "`batch_size`: received 0"),
        ({"shard_size": 0}, InputError, "`shard_size`: received 0"),
        ({"cache_folder": "/dev/null/x"}, InputError, "`cache_folder`: received"),
    ],
)
def test_bad_settings_are_refused_first(arguments, error, text, encode):
    encoder = Letters()
    with pytest.raises(error, match=text):
        encode(TEXTS, encoder, **arguments)
    assert not encoder.asked


def test_a_folder_of_other_files_is_not_replaced(encode, tmp_path):
    encoder = Letters()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"`folder`: received .* with thesis\.txt"):
        encode(TEXTS, encoder)
    assert not encoder.asked
    assert (tmp_path / "out" / "thesis.txt").exists()


# Images.


def picture(path, height, width, color):
    image = np.full((height, width, 3), color, "uint8")
    path.write_bytes(tf.io.encode_png(image).numpy())
    return path


def mean_colors(images):
    assert all(image.dtype == np.uint8 for image in images)
    return np.array([image.mean(axis=(0, 1)) for image in images])


@pytest.fixture
def shown(tmp_path):
    red = picture(tmp_path / "red.png", 4, 6, (250, 10, 0))
    again = tmp_path / "again.png"
    again.write_bytes(red.read_bytes())
    blue = picture(tmp_path / "blue.png", 3, 2, (0, 20, 200))
    return {1: red, 2: str(again), 3: blue, 4: None, 5: ""}


def encode_shown(paths, tmp_path, encoder=mean_colors, **arguments):
    return encode_images(
        paths,
        encoder,
        tmp_path / "out",
        encoder_name="mean",
        cache_folder=tmp_path / "cache",
        show_progress=False,
        **arguments,
    )


def test_images_of_any_size_become_vectors_equal_ones_once(shown, tmp_path):
    done = encode_shown(shown, tmp_path)
    assert (done.encoded, done.missing, done.items) == (2, 2, 5)
    red, blue, nothing = (250, 10, 0), (0, 20, 200), (np.nan,) * 3
    vectors = read_vectors(tmp_path / "out")[1]
    np.testing.assert_array_equal(vectors, [red, red, blue, nothing, nothing])
    assert encode_shown(shown, tmp_path).cached == 2
    picture(shown[1], 4, 6, (1, 2, 3))  # another picture at the same path
    assert encode_shown(shown, tmp_path).encoded == 1


@pytest.mark.parametrize("content", [None, b"", b"no image", "cut"])
def test_an_image_that_cannot_be_read_is_named_or_skipped(content, shown, tmp_path):
    path = tmp_path / "bad.png"
    if content == "cut":
        content = shown[1].read_bytes()[:40]
    if content is not None:
        path.write_bytes(content)
    paths = {**shown, 6: path}
    with pytest.raises(InputError, match=r"`image of item 6`: received .*bad\.png"):
        encode_shown(paths, tmp_path, batch_size=1)
    assert encode_shown(shown, tmp_path).encoded == (2 if content is None else 0)
    done = encode_shown(paths, tmp_path, skip_unreadable=True)
    assert (done.missing, done.items) == (3, 6)


def test_texts_and_images_of_one_name_do_not_meet(shown, tmp_path):
    encode_shown(shown, tmp_path)
    with pytest.raises(InputError, match="`image of item 1`: received 7"):
        encode_shown({1: 7}, tmp_path)
    caches = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert caches == ["image"]
