"""The whole pipeline on a small log, run once and then with one thing changed."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.pipelines.logs import make_small_schema, make_tables, write_tables
from tfctr.errors import InputError, UnknownName
from tfctr.features import Label
from tfctr.models import Calibrated
from tfctr.pipelines.components.serving_check import executor
from tfctr.pipelines.config import load_config
from tfctr.pipelines.errors import PipelineError
from tfctr.pipelines.runners import PipelineResult, run_pipeline
from tfctr.pipelines.trained import Trained

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Run:
    """One folder in which the pipeline runs again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables = make_tables(1500, 0, users=30, items=40, span=1_000_000)
        # Items with an even number are liked: something that a model can learn.
        liked = self.tables["events"]["item"].str[1:].astype(int) % 2 == 0
        noise = self.tables["events"]["rating"] == 3
        self.tables["events"]["rating"] = np.where(liked ^ noise, 5, 1)
        self.write(self.tables)
        schema = make_small_schema()
        labels = (*schema.labels, Label("minutes", kind="value"))
        schema = dataclasses.replace(schema, labels=labels)
        (folder / "schema.json").write_text(schema.to_json())
        self.lines: list[str] = []
        self.first_lines: list[str] = []

    def write(self, tables: dict[str, pd.DataFrame], name: str = "raw") -> None:
        write_tables(tables, self.folder / name, "csv")

    def __call__(self, *overrides: str, raw: str = "raw") -> PipelineResult:
        paths = [
            f"data.{table}='{self.folder / raw / table}.csv'" for table in self.tables
        ]
        places = [
            f"output='{self.folder / 'out'}'",
            f"schema='{self.folder / 'schema.json'}'",
        ]
        others = [
            "behaviour.labels.minutes={column='minutes', is_value=true}",
            "evaluation.slices=[['device']]",
            "ranking.learning_rate=0.02",
        ]
        config = load_config("tiny", [*places, *paths, *others, *overrides])
        return run_pipeline(config, report=self.lines.append)

    @property
    def pushed(self) -> list[str]:
        folder = self.folder / "out" / "serving" / "tiny"
        return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return Run(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def first(run: Run) -> PipelineResult:
    result = run()
    run.first_lines = list(run.lines)
    return result


def test_blessed_model_is_pushed_under_a_numeric_version(run, first):
    assert first.problems == []
    assert run.pushed[-1:] == [first.pushed.name]
    assert first.pushed.name.isdecimal()
    signatures = set(tf.saved_model.load(str(first.pushed)).signatures)
    expected = {"serving_default", "ranking", "pre_ranking", "item_encoder"}
    assert expected <= signatures


def test_answers_over_grpc_equal_those_in_memory(first):
    assert first.serving_check["examples"] == 50
    assert first.serving_check["skewed_features"] == []
    differences = first.serving_check["differences"]
    assert set(differences) == {
        "serving_default",
        "ranking",
        "ranking_by_id",
        "pre_ranking",
    }
    assert max(differences.values()) < 1e-5


def records_of(run):
    """Raw examples of the test split, serialized."""
    folder = run.folder / "out" / "artifacts" / "BehaviourExampleGen" / "examples"
    execution = min(folder.iterdir(), key=lambda path: int(path.name))
    files = [str(path) for path in execution.glob("Split-test/*.gz")]
    return list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())


def test_metrics_are_those_of_the_model_on_the_test_split(run, first):
    records = records_of(run)
    spec = {"like": tf.io.FixedLenFeature((), tf.float32)}
    labels = tf.io.parse_example(records, spec)["like"].numpy()
    serve = tf.saved_model.load(str(first.pushed)).signatures["serving_default"]
    scores = serve(examples=tf.constant(records))["like"].numpy()
    metrics = first.metrics["like"]
    assert metrics["example_count"] == len(records)
    np.testing.assert_allclose(
        metrics["calibration"], scores.sum() / labels.sum(), 1e-4
    )
    pairs = scores[labels == 1][:, None] - scores[labels == 0][None]
    auc = (pairs > 0).mean() + 0.5 * (pairs == 0).mean()
    np.testing.assert_allclose(metrics["auc"], auc, atol=2e-3)


def test_metrics_of_a_value_are_those_of_the_model_on_the_test_split(run, first):
    records = records_of(run)
    spec = {"minutes": tf.io.FixedLenFeature((), tf.float32)}
    observed = tf.io.parse_example(records, spec)["minutes"].numpy()
    assert (observed == 0).mean() > 0.3  # of what was drawn
    serve = tf.saved_model.load(str(first.pushed)).signatures["serving_default"]
    predicted = serve(examples=tf.constant(records))["minutes"].numpy()
    metrics = first.metrics["minutes"]
    errors = predicted - observed
    for name, expected in (
        ("mean_absolute_error", np.abs(errors).mean()),
        ("mean_squared_error", (errors**2).mean()),
        ("calibration", predicted.sum() / observed.sum()),
    ):
        np.testing.assert_allclose(metrics[name], expected, 1e-4, err_msg=name)


def test_slices_are_reported_beside_all_examples(first):
    counts = {n: s["like"]["example_count"] for n, s in first.slices.items()}
    assert set(counts) == {"device=phone", "device=web", "device=tv"}
    assert 0 < sum(counts.values()) < first.metrics["like"]["example_count"]


def test_progress_names_every_component_with_its_seconds(run, first):
    assert next(iter(first.seconds)) == "BehaviourExampleGen"
    assert len(first.seconds) == 12
    for component in first.seconds:
        assert any(f"{component} ..." in line for line in run.first_lines)
        assert any(f"{component}: " in line for line in run.first_lines)


def test_second_run_comes_from_the_cache(run, first):
    second = run()
    assert set(second.cached) == set(second.seconds) - {"LastBlessedModel"}
    assert second.pushed == first.pushed
    assert second.metrics == first.metrics


def test_model_below_a_threshold_is_not_pushed(run, first):
    before = run.pushed
    result = run("evaluation.min_auc=1.0")
    assert result.pushed is None
    assert result.problems[0].startswith("auc of `like` is 0.")
    assert result.problems[0].endswith("at least 1 is required")
    assert run.pushed == before
    assert "Trainer" in result.cached


def test_model_that_the_serving_check_refuses_is_not_pushed(run, first, monkeypatch):
    # What it really finds may be 0, to the bit.
    found = {"ranking": 2e-5, "pre_ranking": 0.0}
    monkeypatch.setattr(executor, "differences_over_grpc", lambda *_: found)
    before = run.pushed
    result = run("serving.check_examples=3")
    assert result.pushed is None
    assert [p for p in result.problems if "differs from memory" in p] == [
        "signature `ranking` differs from memory by 2e-05, more than 1e-05"
    ]
    assert run.pushed == before


def test_wrong_cell_stops_the_run_and_leaves_no_examples(run, first):
    events = run.tables["events"].astype({"rating": object})
    events.at[7, "rating"] = "five"
    run.write({**run.tables, "events": events}, "wrong")
    folder = run.folder / "out" / "artifacts" / "BehaviourExampleGen" / "examples"
    before = sorted(folder.iterdir())
    with pytest.raises(PipelineError, match="BehaviourExampleGen failed") as raised:
        run(raw="wrong")
    cause = raised.value.cause
    assert isinstance(cause, InputError)
    assert cause.field == "rating"
    assert "'five' in row 7 of" in str(cause.received)
    assert sorted(folder.iterdir()) == before


def test_labels_of_one_class_stop_the_run(run, first):
    events = run.tables["events"].assign(rating=1)
    run.write({**run.tables, "events": events}, "one_class")
    with pytest.raises(PipelineError, match="`like`: received only 0 in all events"):
        run(raw="one_class")


def test_id_that_comes_twice_stops_the_run(run, first):
    users = pd.concat([run.tables["users"], run.tables["users"].iloc[:1]])
    run.write({**run.tables, "users": users}, "twice")
    with pytest.raises(PipelineError, match="`user`: received 1 in 2 rows of users"):
        run(raw="twice")


def test_anomaly_stops_the_run_before_training(run, first):
    events = run.tables["events"].assign(device="fridge")
    run.write({**run.tables, "events": events}, "anomaly")
    before, run.lines = run.pushed, []
    with pytest.raises(PipelineError, match="AnomalyGate failed") as raised:
        run(raw="anomaly")
    assert raised.value.cause.field == "device"
    assert "fridge" in str(raised.value.cause.received)
    assert not any("Transform" in line for line in run.lines)
    assert run.pushed == before


@pytest.mark.parametrize(
    ("override", "near"),
    [
        ("ranking.model='DINN'", "DIN"),
        ("ranking.arguments={dims=4}", "dim"),
        ("ranking.tasks.liked.weight=2.0", "like"),
        ("evaluation.slices=[['jobs']]", "job"),
    ],
)
def test_wrong_name_is_refused_before_anything_runs(run, override, near):
    run.lines = []
    with pytest.raises(UnknownName, match=f"Did you mean '{near}'"):
        run(override)
    assert run.lines == []


def test_worse_model_than_the_last_blessed_is_not_pushed(run, first):
    before = run.pushed
    result = run("evaluation.max_auc_drop=0.01", "ranking.learning_rate=1e-9")
    drop = result.metrics["like"]["auc_diff"]
    assert drop < -0.05
    assert drop == pytest.approx(
        result.metrics["like"]["auc"] - first.metrics["like"]["auc"], abs=1e-6
    )
    assert result.pushed is None
    assert "against the last blessed model" in result.problems[0]
    assert run.pushed == before


def test_a_calibrated_head_that_learns_from_whole_users_serves_requests(run, first):
    sizes = "{dim=8, num_blocks=1, embedding_dim=8, hidden_units=[16], context=false}"
    head = ["model='DFGR'", "form='user_sequences'", f"arguments={sizes}"]
    training = ["max_events=40", "batch_size=4", "epochs=10", "patience=0"]
    training.append("calibration='platt'")
    # No model is that good: what other tests compare with stays the last blessed one.
    result = run(*(f"ranking.{s}" for s in (*head, *training)), "evaluation.min_auc=1")
    assert [problem[:13] for problem in result.problems] == ["auc of `like`"]
    assert {"BehaviourExampleGen", "Transform"} <= set(result.cached)
    assert "UserSequenceGen" in result.seconds
    assert result.metrics["like"]["auc"] > 0.7
    folders = (run.folder / "out" / "artifacts" / "Trainer" / "model").iterdir()
    latest = max(folders, key=lambda path: int(path.name))
    assert type(Trained.load(latest / "Format-Serving").ranking) is Calibrated
    assert result.serving_check["skewed_features"] == []
    assert max(result.serving_check["differences"].values()) < 1e-5


def test_training_on_new_data_begins_with_the_last_blessed_heads(run, first):
    later = {**run.tables, "events": run.tables["events"].iloc[200:]}
    run.write(later, "later")
    still = ("warm_start=true", "ranking.learning_rate=1e-9", "evaluation.min_auc=1")
    result = run(*still, raw="later")
    assert "LastBlessedHeads" in result.seconds
    old, new = Trained.load(first.trained), Trained.load(result.trained)
    dense = [
        [w for w in h.weights if "mlp" in w.path] for h in (old.ranking, new.ranking)
    ]
    assert dense[0]
    for before, now in zip(*dense, strict=True):
        np.testing.assert_allclose(now.numpy(), before.numpy(), atol=1e-4)
    assert not np.allclose(dense[0][0].numpy(), 0)
