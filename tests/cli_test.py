"""Tests of the `tfctr` command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tfctr import models
from tfctr.cli import app
from tfctr.data import synthetic
from tfctr.export import save
from tfctr.models import DIN, TwoTower
from tfctr.serving import PredictClient, launch

COMMANDS = (
    "demo",
    "pipeline",
    "train",
    "evaluate",
    "serve",
    "rank",
    "models",
    "schema",
    "kernels",
    "diagnose",
    "encode",
)
TFCTR = str(Path(sys.executable).with_name("tfctr"))


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.fixture(scope="module")
def data():
    return synthetic(600, num_users=20, num_items=30, effect="history_item")


@pytest.fixture(scope="module")
def deployment(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "ctr"
    ranking, pre_ranking = DIN(data.schema), TwoTower(data.schema)
    ranking.build()
    pre_ranking.build()
    items = data.items.assign(title=[f"Title {k}" for k in range(len(data.items))])
    save(
        folder,
        ranking=ranking,
        pre_ranking=pre_ranking,
        state=data.state,
        items=items,
    )
    return folder


def test_help_names_every_command():
    text = invoke("--help")
    for command in COMMANDS:
        assert command in text


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "demo"])
def test_every_command_has_help(command):
    assert "Usage" in invoke(command, "--help")


def test_models_lists_every_model():
    text = invoke("models")
    for name in models.names():
        assert name in text


def test_train_and_evaluate_print_the_same_report(tmp_path):
    trained = invoke(
        "train",
        "LogisticRegression",
        "--data=synthetic",
        f"--output={tmp_path / 'run'}",
        "--set=epochs=1",
    )
    evaluated = invoke("evaluate", str(tmp_path / "run"), "--data=synthetic")
    row = next(line for line in evaluated.splitlines() if "click" in line)
    assert row in trained


def test_diagnosis_prints_a_verdict_and_draws(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('model = "LogisticRegression"\nbatch_size = 512\n')
    plot = tmp_path / "plot.png"
    options = ("--data=synthetic", "--epochs=2", f"--plot={plot}")
    text = invoke("diagnose", "one-epoch", str(config), *options)
    assert "There is no drop within 2 epochs." in text
    assert "10 to 99" in text
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_schema_check_shows_columns_and_takes_fitting_examples(data, tmp_path):
    schema, examples = tmp_path / "schema.json", tmp_path / "examples.parquet"
    schema.write_text(data.schema.to_json())
    data.test.to_parquet(examples)
    text = invoke("schema", "check", str(schema), "--examples", str(examples))
    assert "history_item_id" in text
    assert f"{len(data.test)} examples fit" in text.replace("\n", " ")


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TFCTR, *arguments], capture_output=True, text=True, timeout=120
    )


def test_bad_input_ends_with_one_line_and_code_2(data, tmp_path):
    schema, examples = tmp_path / "schema.json", tmp_path / "examples.parquet"
    schema.write_text(data.schema.to_json())
    data.test.drop(columns="item_id").to_parquet(examples)
    done = run_command("schema", "check", str(schema), "--examples", str(examples))
    assert done.returncode == 2
    assert "error:" in done.stderr
    assert "`column item_id`" in done.stderr
    assert "Traceback" not in done.stderr


def test_serving_a_folder_without_versions_names_the_folder(tmp_path):
    done = run_command("serve", str(tmp_path))
    assert done.returncode == 2
    assert tmp_path.name in done.stderr.replace("\n", "")


def test_unknown_config_key_offers_the_nearest():
    done = run_command("pipeline", "run", "tiny", "--set", "ranking.epoch=3")
    assert done.returncode == 2
    assert "ranking.epochs" in done.stderr.replace("\n", " ")


def test_rank_asks_a_server_and_shows_titles(data, deployment):
    user = {"user_id": "1", "history_item_id": data.items["item_id"].tolist()[:3]}
    with launch(deployment, "ctr", report=lambda _: None) as server:
        text = invoke(
            "rank",
            json.dumps(user),
            f"--folder={deployment}",
            f"--address={server.address}",
            "--count=5",
        )
    assert text.count("Title ") == 5


def test_serve_answers_and_ends_on_sigterm(deployment):
    ports = ["--port=0", "--rest-port=0", "--backend=embedded"]
    with subprocess.Popen(
        [TFCTR, "serve", str(deployment), *ports],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "400"},
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = line.split("gRPC ")[1].split(",")[0]
            with PredictClient(address, "ctr") as client:
                assert client.status()[0].version == 1
            process.terminate()
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
