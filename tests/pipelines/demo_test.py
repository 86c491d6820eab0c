"""The main job, as a user starts it: `tfctr demo` on MovieLens-100k."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

TFCTR = str(Path(sys.executable).with_name("tfctr"))
MOST_SECONDS = 8 * 60


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    output = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [TFCTR, "demo", "--output", str(output)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads((output / "summary.json").read_text()), done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestDemo:
    def test_takes_at_most_eight_minutes(self, summary):
        assert summary[0]["seconds"] < MOST_SECONDS

    def test_grpc_answers_equal_memory(self, summary):
        assert summary[0]["largest_grpc_difference"] <= 1e-5

    def test_both_heads_beat_popularity_and_the_ranker_beats_regression(self, summary):
        heads, baselines = summary[0]["heads"], summary[0]["baselines"]
        popularity = baselines["baseline: popularity"]["auc"]
        regression = baselines["baseline: logistic regression"]["auc"]
        assert heads["ranking"]["auc"] > regression
        assert heads["pre_ranking"]["auc"] > popularity

    def test_recommends_ten_titles_in_order_of_ranking(self, summary):
        result, shown = summary
        scores = [item["ranking_score"] for item in result["recommended"]]
        assert len(scores) == 10
        assert scores == sorted(scores, reverse=True)
        flat = " ".join(shown.split())
        assert all(item["title"][:20] in flat for item in result["recommended"])

    def test_saved_model_has_the_signatures_of_the_design(self, summary):
        signatures = tf.saved_model.load(summary[0]["saved_model"]).signatures
        assert {"serving_default", "ranking", "pre_ranking", "item_encoder"} <= {
            *signatures
        }
