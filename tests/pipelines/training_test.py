"""Tests of `tfctr.pipelines.training`."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests.pipelines.examples_test import record
from tests.pipelines.logs import make_small_schema, make_tables
from tfctr.data import read_vectors, vectors_by_row, write_vectors
from tfctr.data.batches import encode_frame
from tfctr.data.behaviour import BehaviourSpec, LabelRule
from tfctr.data.examples import build_examples
from tfctr.errors import InputError, UnknownName
from tfctr.models import IDPretraining, TwoTower
from tfctr.pipelines.config import load_config
from tfctr.pipelines.training import head_class, train_head
from tfctr.training import TrainingConfig
from tfctr.training.pretrained import Window, read_pretrained, write_pretrained

SPEC = BehaviourSpec("user", "item", "at", {"like": LabelRule("rating", at_least=4)})


@pytest.fixture(scope="module")
def frame():
    made, spec = make_tables(60, seed=1), replace(SPEC, negatives_per_positive=2)
    tables = made["events"], made["users"], made["items"]
    return build_examples(*tables, make_small_schema(), spec)["train"]


@pytest.fixture(scope="module")
def state(frame):
    return make_small_schema().fit(frame)


@pytest.fixture(scope="module")
def records(frame, state, tmp_path_factory):
    """A file of what Transform writes of the frame."""
    x, labels, *_ = encode_frame(frame, state)
    path = str(tmp_path_factory.mktemp("records") / "part.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for row in range(len(frame)):
            cells = {name: values[row] for name, values in {**x, **labels}.items()}
            writer.write(record(cells))
    return [path]


def train(state, head: str, **config):
    return train_head(TrainingConfig(**config).model_dump(), state, [], [], name=head)


def test_model_that_does_not_exist_is_refused(state):
    with pytest.raises(UnknownName, match="Did you mean 'DeepFM'"):
        train(state, "ranking", model="DeepFN")


def test_argument_that_the_model_does_not_have_is_named_by_its_key(state):
    with pytest.raises(UnknownName, match="Did you mean 'dim'") as raised:
        train(state, "ranking", model="TwoTower", arguments={"dims": 4})
    assert raised.value.field == "ranking.arguments"


def test_pre_ranking_head_must_be_able_to_store_items(state):
    with pytest.raises(InputError, match=r"`pre_ranking\.model`: received 'DeepFM'"):
        train(state, "pre_ranking", model="DeepFM")


# Record files do not say how many examples they hold, and Keras warns of their end.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_ranking_head_teaches_the_pre_ranking_head(state, records):
    taught, alone = (
        TrainingConfig(model="TwoTower", batch_size=16, distillation=distillation)
        for distillation in ({"kind": "listwise", "max_candidates": 3}, None)
    )
    ranking, _ = train_head(
        TrainingConfig(model="DeepFM", arguments={"dim": 4}).model_dump(),
        state,
        records,
        records,
        name="ranking",
        verbose=0,
    )
    before = [np.copy(weight) for weight in ranking.get_weights()]
    losses = []
    for config in (taught, alone):
        model, history = train_head(
            config.model_dump(),
            state,
            records,
            records,
            name="pre_ranking",
            verbose=0,
            teacher=ranking,
        )
        losses.append(history["loss"][0])
        assert (model._distillation is None) == (config is alone)
    assert losses[0] != losses[1]
    for old, new in zip(before, ranking.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_head_that_needs_a_teacher_says_so(state, records):
    config = TrainingConfig(model="TwoTower", distillation={"kind": "pointwise"})
    with pytest.raises(InputError, match="the ranking model") as raised:
        train_head(config.model_dump(), state, records, records, name="pre_ranking")
    assert raised.value.field == "teacher"
    config = config.model_copy(update={"strategy": "mirrored"})
    with pytest.raises(InputError, match="with distillation"):
        train_head(
            config.model_dump(),
            state,
            records,
            records,
            name="pre_ranking",
            teacher=TwoTower(state.schema),
        )


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_shipped_configuration_of_diff_msin_trains_with_its_vectors(
    state, records, tmp_path
):
    folders, rng = {}, np.random.default_rng(0)
    ids = state.values("item")[1:]
    for name, width in (("plot", 3), ("poster", 5)):
        folders[name] = str(tmp_path / name)
        write_vectors(folders[name], ids, rng.normal(size=(len(ids), width)))
    lines = [f"ranking.vectors.{name}='{path}'" for name, path in folders.items()]
    config = load_config("movielens_diff_msin", [*lines, "ranking.epochs=1"]).ranking
    files = state, records, records
    model, history = train_head(config.model_dump(), *files, name="ranking", verbose=0)
    assert model.modality_names == ["id", "plot", "poster"]
    assert np.isfinite(history["loss"]).all()
    for name, folder in folders.items():
        expected = vectors_by_row(state, *read_vectors(folder))
        found = np.asarray(model.vector_tables[name].vectors)
        np.testing.assert_array_equal(found, np.nan_to_num(expected))
    gone = load_config("movielens_diff_msin", ["ranking.vectors.plot='nowhere'"])
    with pytest.raises(InputError, match="`folder`: received nowhere"):
        head_class(gone.ranking.model_dump(), "ranking")
    gone = load_config("movielens_diff_msin", [*lines, "ranking.model='DIN'"])
    with pytest.raises(InputError, match=r"`ranking\.vectors`: received folders for"):
        head_class(gone.ranking.model_dump(), "ranking")


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_tables_must_be_of_before_the_training_examples(
    state, records, frame, tmp_path
):
    tables = IDPretraining(state.schema, dim=4)
    first = int(frame["at"].min())
    for end in (first, first + 1):
        write_pretrained(tables, state, tmp_path / str(end), window=Window(0, end))

    def trained(end):
        config = TrainingConfig(
            model="DCNv2",
            arguments={"dim": 4, "hidden_units": [4], "num_cross_layers": 1},
            pretrained=str(tmp_path / str(end)),
        )
        files = state, records, records
        return train_head(config.model_dump(), *files, name="ranking", verbose=0)

    model, _ = trained(first)
    start, stop = model.embeddings.tables["table_item"]
    rows = np.asarray(model.embeddings.table.embeddings)[start:stop]
    np.testing.assert_array_equal(
        rows, read_pretrained(tmp_path / str(first)).tables["item"]
    )
    with pytest.raises(InputError, match="`ranker_window`"):
        trained(first + 1)
