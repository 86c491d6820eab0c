"""An APG model of the shipped configuration: trained, exported, asked over gRPC."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.export.merging_test import shapes
from tfctr.data import synthetic
from tfctr.export import save
from tfctr.pipelines.config import load_config
from tfctr.serving import PredictClient
from tfctr.serving.server import EmbeddedServer
from tfctr.training import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    return synthetic(2_000, num_users=20, num_items=40, history_length=3)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """As the pipeline does it: trained from its configuration, saved and loaded."""
    options = ["ranking.arguments.dim=5", "ranking.epochs=1"]
    config = load_config("movielens_apg", options).ranking
    train_data, validation = (data.to_dataset(p, 512) for p in ("train", "validation"))
    model = train(config, data.schema, train_data, validation, verbose=0)
    path = tmp_path_factory.mktemp("trained") / "ranking.keras"
    model.save(path)
    return keras.saving.load_model(path)


def test_configuration_asks_for_an_over_parameterized_tower(trained):
    assert trained.apg.version == "v5"
    assert trained.mlp.dense_layers[0].inner_width == 32
    assert trained.apg.condition == ("user_id", "item_id")


def test_answers_over_grpc_are_those_in_memory(data, trained, tmp_path):
    path = save(tmp_path / "ctr", ranking=trained, state=data.state, items=data.items)
    # 32 is the inner width and nothing else here.
    assert not [shape for shape in shapes(path) if 32 in shape]
    frame = data.frame("test").iloc[:6]
    spec = {column.name: column for column in data.schema.raw_columns(["item"])}
    with (
        EmbeddedServer("ctr", tmp_path / "ctr") as server,
        PredictClient(server.address, "ctr") as client,
    ):
        raw, encoded = requests(data, frame)
        items = {name: values[None] for name, values in raw.items() if name in spec}
        users = {n: v[:1] for n, v in raw.items() if n not in spec}
        answer = client.predict({**users, **items}, signature_name="ranking")
    pairs = {
        name: np.repeat(value[:1], 6, axis=0) if name not in spec else value
        for name, value in encoded.items()
    }
    logits = np.asarray(trained(pairs)["click"])
    expected = 1 / (1 + np.exp(-logits))
    assert np.ptp(expected) > 1e-4
    np.testing.assert_allclose(answer["click"][0], expected, atol=1e-5)


def requests(data, frame):
    """Raw and encoded arrays of the rows."""
    from tfctr.features import frame_to_arrays

    raw = frame_to_arrays(data.schema, frame)
    tensors = {
        name: tf.constant(v, tf.string if v.dtype == object else None)
        for name, v in raw.items()
    }
    encoded = {n: np.asarray(v) for n, v in data.state.encode(tensors).items()}
    return raw, encoded
