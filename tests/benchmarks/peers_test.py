"""Tests of `benchmarks/peers.py` and of what it runs, peers themselves left out."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import peers
import pytest
from peer_runs.environments import EnvironmentFailure, interpreter
from peer_runs.floors import Ceilings, floor_of
from peer_runs.libraries import LIBRARIES, Library
from peer_runs.measure import area_under_curve, steady_rates
from peer_runs.pages import Cost, page
from peer_runs.processes import Runner
from peer_runs.summary import rows_of, verdicts
from peer_runs.workloads import WORKLOADS, Workload, generate, load, written
from sklearn.metrics import roc_auc_score

TINY = Workload(
    "tiny",
    model="din",
    rows=512,
    valid_rows=256,
    fields=3,
    values=50,
    history=6,
    shortest=2,
    dim=4,
    hidden_units=(8,),
    attention_units=(5,),
    batch_size=64,
    skip=2,
)
OURS, PEER = "tfctr", "keras-rs 0.4.0"


def run_of(library, round_=0, **measured):
    """A raw record with the same number for every measure not given."""
    keys = ("steady", "steady_cpu", "first_epoch", "predict_second")
    rest = {
        "predict_first": 1.0,
        "predict_all": 1.0,
        "prepare_seconds": 1.0,
        "auc": 0.6,
        "peak_rss_mb": 900.0,
    }
    return {
        "library": library,
        "variant": "fed",
        "workload": "deepfm",
        "threads": 2,
        "round": round_,
        "load_average": 0.5,
        **dict.fromkeys(keys, 100.0),
        **rest,
        **measured,
    }


# Data ----------------------------------------------------------------------------


def test_data_is_the_same_every_time():
    once, again = generate(TINY), generate(TINY)
    for part in ("train", "valid"):
        for name in ("ids", "history", "label"):
            np.testing.assert_array_equal(
                getattr(once[part], name), getattr(again[part], name)
            )


def test_another_seed_is_other_data():
    other = generate(dataclasses.replace(TINY, seed=7))
    assert (generate(TINY)["train"].ids != other["train"].ids).any()


def test_data_has_the_declared_shape():
    train = generate(TINY)["train"]
    assert train.ids.shape == (512, 3)
    assert train.ids.min() >= 1
    assert train.ids.max() <= 50
    assert set(train.history_lengths) == {2, 3, 4, 5, 6}
    padded = np.arange(6) >= train.history_lengths[:, None]
    np.testing.assert_array_equal(train.history == 0, padded)
    assert set(train.label) == {0.0, 1.0}


def test_frequent_values_carry_the_signal():
    workload = dataclasses.replace(TINY, rows=20_000, fields=26, history=0)
    train = generate(workload)["train"]
    values, counts = np.unique(train.ids[:, 0], return_counts=True)
    most = values[np.argsort(-counts)[:30]]
    rates = [
        train.label[np.isin(train.ids[:, 0], most) == kind].mean() for kind in (0, 1)
    ]
    assert rates[1] - rates[0] > 0.02  # the first field's effects are positive


def test_what_is_written_is_what_is_read(tmp_path):
    folder = written(TINY, tmp_path)
    for part, arrays in generate(TINY).items():
        np.testing.assert_array_equal(load(folder, part).ids, arrays.ids)
        np.testing.assert_array_equal(load(folder, part).label, arrays.label)
    assert written(TINY, tmp_path) == folder
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    assert written(dataclasses.replace(TINY, rows=64), tmp_path) != folder


def test_columns_are_the_fields_and_the_history():
    columns = generate(TINY)["train"].columns
    assert list(columns) == [*TINY.field_names, "history"]
    short = dataclasses.replace(TINY, history=0)
    assert list(generate(short)["train"].columns) == TINY.field_names


def test_a_shortened_workload_still_has_a_steady_state():
    short = WORKLOADS["deepfm"].shortened(4 * 4_096)
    assert (short.steps, short.skip, short.valid_rows) == (4, 2, 4 * 4_096)


# Times ---------------------------------------------------------------------------


def test_steady_state_leaves_out_the_first_steps_and_the_last():
    # Steps 3 to 5 take 2 s of wall time and 1 s of CPU time each; others an hour.
    walls = [0, 3600, 7200, 7202, 7204, 7206, 10806]
    marks = [(n, float(wall), wall / 2) for n, wall in enumerate(walls)]
    steady, steady_cpu = steady_rates(marks, TINY)
    assert steady == pytest.approx(64 / 2)
    assert steady_cpu == pytest.approx(64 / 1)


def test_steps_that_are_marked_together_count_all():
    marks = [(0, 0.0, 0.0), (3, 10.0, 10.0), (6, 16.0, 13.0), (9, 99.0, 99.0)]
    assert steady_rates(marks, TINY) == (pytest.approx(32.0), pytest.approx(64.0))


def test_too_few_steps_have_no_steady_state():
    assert all(map(math.isnan, steady_rates([(0, 0.0, 0.0), (1, 1.0, 1.0)], TINY)))


def test_area_under_curve_equals_scikit_learn():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 300).astype("float32")
    score = rng.integers(0, 9, 300) + label  # with ties
    assert area_under_curve(label, score) == pytest.approx(roc_auc_score(label, score))


# Rows and targets ----------------------------------------------------------------


def test_a_row_is_the_median_of_its_runs():
    runs = [run_of(OURS, n, steady=steady) for n, steady in enumerate((30, 10, 21))]
    (row,) = rows_of(runs)
    assert row.values["steady"] == (21, 10, 30)
    assert (row.runs, row.error) == (3, "")


def test_what_could_not_run_has_a_row_that_says_so():
    about = {"library": PEER, "variant": "fed", "workload": "deepfm", "threads": 2}
    (row,) = rows_of([{**about, "error": "environment not built"}])
    assert (row.runs, row.values, row.error) == (0, {}, "environment not built")
    text = page(about_of([]), [row], [], {})
    assert f"| {PEER}, fed | environment not built |" in text


def test_targets_compare_with_the_fastest_peer_of_each_column():
    rows = rows_of(
        [
            run_of(OURS, steady=290.0, steady_cpu=290.0, predict_second=150.0),
            run_of(PEER, steady=200.0, steady_cpu=100.0, predict_second=160.0),
            run_of("torch-rechub 0.9.0", steady=100.0),
        ]
    )
    found = {v.target.split(": ")[1]: v for v in verdicts(rows)}
    assert found["steady ex/s"].ratio == pytest.approx(1.45)
    assert not found["steady ex/s"].is_met
    assert found["ex per CPU-s"].ratio == pytest.approx(2.9)
    assert found["ex per CPU-s"].is_met
    assert found["first epoch ex/s"].is_met  # level is not slower
    assert not found["predict rows/s"].is_met
    assert found["steady ex/s"].peer == f"{PEER}, fed"


def test_with_a_million_values_only_keras_peers_count():
    here = {"workload": "deepfm_1m"}
    rows = rows_of(
        [
            run_of(OURS, steady=1000.0, **here),
            run_of(PEER, steady=90.0, **here),
            run_of("torch-rechub 0.9.0", steady=900.0, **here),
        ]
    )
    (verdict,) = verdicts(rows)
    assert (verdict.least, verdict.is_met) == (10.0, True)
    assert verdict.peer.startswith(PEER)


def about_of(runs):
    options = type("Options", (), {"patience": 40.0})
    return peers.described(options, {"deepfm": WORKLOADS["deepfm"]}, runs)


def test_page_shows_targets_rows_and_floors():
    runs = [run_of(OURS, n, steady=s) for n, s in enumerate((70_000.0, 90_000.0))]
    runs.append(run_of(PEER, steady=40_000.0))
    rows = rows_of(runs)
    floor = floor_of(WORKLOADS["deepfm"], 0.0, 50_000)
    costs = {"deepfm": Cost(floor, Ceilings(100, 50, 50, 10), 40_000, {"input": 1.5})}
    text = page(about_of(runs), rows, verdicts(rows), costs)
    assert "| **tfctr, fed** | 80,000 (70,000 to 90,000) |" in text
    assert (
        "| deepfm, 2 cores: steady ex/s | 2.00 | 1.5 | keras-rs 0.4.0, fed | yes |"
        in text
    )
    assert "| **no** |" in text  # level per CPU second is not 1.5 times
    assert "tfctr 40,000" in text
    assert "input 1.5" in text


# Processes -----------------------------------------------------------------------


def test_every_library_has_its_module_and_requirements():
    folder = Path(peers.__file__).parent / "peer_runs"
    for library in LIBRARIES:
        assert (folder / f"{library.module}.py").exists()
        if library.environment:
            text = (folder / "requirements" / f"{library.environment}.txt").read_text()
            name, version = library.name.lower().split()
            assert f"{name}=={version}" in text


def test_environment_that_is_not_there_is_an_error_that_says_so(tmp_path):
    with pytest.raises(EnvironmentFailure, match="not built"):
        interpreter("deepctr", build=False, folder=tmp_path)


def test_failing_process_is_a_record_with_its_last_line(tmp_path):
    library = Library("broken", "fed", "no_such_module")
    record = Runner().run(library, TINY, 1, tmp_path)
    assert "no_such_module" in record["error"]
    assert record["workload"] == "tiny"


def test_process_that_takes_too_long_is_ended(tmp_path):
    record = Runner(timeout=0.01).run(LIBRARIES[0], TINY, 1, tmp_path)
    assert record["error"].startswith("over")


@pytest.mark.slow
def test_tfctr_runs(tmp_path):
    record = Runner().run(LIBRARIES[0], TINY, 1, written(TINY, tmp_path))
    assert "error" not in record, record
    (row,) = rows_of([record])
    assert all(spread.median > 0 for spread in row.values.values())
    assert record["first_epoch"] == pytest.approx(512 / record["fit_seconds"])
    assert set(record["versions"]) == {"tfctr", "tensorflow", "keras"}


# The order of runs ---------------------------------------------------------------


@pytest.fixture
def recorded(monkeypatch, tmp_path):
    """Makes `study` record what it would run, each run lasting as long as told."""
    now, order = [0.0], []

    def study(seconds, **options):
        def run(_, library, workload, threads, data):
            now[0] += seconds(library)
            order.append((workload.name, threads, library.label))
            return run_of(library.name)

        monkeypatch.setattr(peers.Runner, "run", run)
        monkeypatch.setattr(peers.time, "monotonic", lambda: now[0])
        monkeypatch.setattr(peers, "folder_of", lambda workload: tmp_path)
        monkeypatch.setattr("sys.argv", ["peers.py"])
        given = peers.arguments()
        vars(given).update(options)
        workloads = {name: WORKLOADS[name] for name in given.workload}
        runs = peers.study(
            given, peers.libraries(given), workloads, peers.Console(quiet=True)
        )
        assert len(runs) == len(order)
        return order

    return study


def test_rounds_run_every_library_before_any_a_second_time(recorded):
    order = recorded(lambda _: 1.0, workload=["deepfm"], threads=[1])
    assert [label for *_, label in order] == 3 * [b.label for b in LIBRARIES]


def test_slow_peers_run_once_and_we_always(recorded):
    order = recorded(lambda _: 30.0, workload=["din"], threads=[2])
    counts = [order.count(("din", 2, library.label)) for library in LIBRARIES]
    assert counts == [3 if library.name == OURS else 1 for library in LIBRARIES]


def test_time_ends_repeats_but_not_the_first_round(recorded):
    order = recorded(lambda _: 10.0, workload=["din"], threads=[2], minutes=0.01)
    assert [label for *_, label in order] == [b.label for b in LIBRARIES]


def test_a_million_values_run_once_and_in_one_form(recorded):
    order = recorded(lambda _: 1.0, workload=["deepfm_1m"], threads=[1])
    names = [label.split(",")[0] for *_, label in order]
    assert names == list(dict.fromkeys(b.name for b in LIBRARIES))
