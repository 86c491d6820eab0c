"""The `tfctr` command."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from tfctr.cli_encode import encode
from tfctr.errors import InputError

__all__ = ["app", "main"]

app = typer.Typer(
    help="""Click and conversion prediction on TensorFlow and Keras 3.

    First steps: `tfctr demo` runs everything on MovieLens-100k, from ratings to a
    ranked list over gRPC. `tfctr models` lists the models, `tfctr train` trains one
    without TFX, `tfctr pipeline run` runs a whole pipeline, `tfctr serve` and
    `tfctr rank` serve and ask an exported model.""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
pipeline_app = typer.Typer(help="Run TFX pipelines.", no_args_is_help=True)
schema_app = typer.Typer(help="Look at feature schemas.", no_args_is_help=True)
diagnose_app = typer.Typer(help="Look for known troubles.", no_args_is_help=True)
app.command()(encode)
app.add_typer(pipeline_app, name="pipeline")
app.add_typer(schema_app, name="schema")
app.add_typer(diagnose_app, name="diagnose")

console = Console()
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override, e.g. --set ranking.epochs=3. Repeatable."),
]


def main() -> NoReturn:
    """Runs the command; bad input ends it with one line and exit code 2."""
    try:
        app()
    except InputError as error:
        Console(stderr=True).print(f"[bold red]error:[/] {error}", highlight=False)
        sys.exit(2)
    sys.exit(0)


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Where everything is written.")] = Path(
        "build/demo"
    ),
) -> None:
    """MovieLens-100k from ratings to ten recommended titles over gRPC."""
    from tfctr.pipelines.demo import run_demo

    run_demo(output, console)


@app.command()
def models() -> None:
    """List the models."""
    from tfctr import models as registry

    table = Table("model", "stage", "what it is")
    for name in registry.names():
        cls = registry.get(name)
        is_first = issubclass(cls, registry.PreRankingModel)
        summary = str(cls.__doc__).strip().splitlines()[0]
        stage = "pre-ranking" if is_first else "ranking"
        table.add_row(name, stage, escape(summary))
    console.print(table)


@app.command()
def kernels(
    level: Annotated[
        str | None,
        typer.Option(help="x86-64-v3 or x86-64-v4, for an older or newer machine."),
    ] = None,
) -> None:
    """Compile the kernels that make training faster, for this machine.

    Once in each Python environment; takes half a minute and needs g++. Without them
    TensorFlow's own kernels train to the same weights, up to rounding.
    """
    from tfctr import native

    path = native.build(level=level)
    console.print(f"The kernels are in {path}", soft_wrap=True)


@app.command()
def train(
    model: Annotated[str, typer.Argument(help="Model name; see `tfctr models`.")],
    output: Annotated[Path, typer.Option(help="Folder for the trained model.")],
    data: Annotated[str, typer.Option(help="Data set by name.")] = "movielens_100k",
    overrides: Overrides = None,
    resume: Annotated[
        bool, typer.Option(help="Write checkpoints; go on from the last one.")
    ] = False,
) -> None:
    """Train one model in memory, without TFX; write it with its state and report.

    --set takes keys of the training configuration: epochs, batch_size,
    learning_rate, patience, seed, checkpoint_every, arguments.NAME for arguments of
    the model, and tasks.LABEL.weight and the like. With --resume the same command,
    given again after the process was killed, goes on inside the epoch and ends with
    the same weights.
    """
    from tfctr.training.runs import train_run

    report = train_run(model, data, output, overrides or [], resume=resume)
    console.print(Markdown(report.to_markdown()))
    console.print(f"Wrote {output}")


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder that `tfctr train` wrote.")],
    data: Annotated[str, typer.Option(help="Data set by name.")] = "movielens_100k",
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
) -> None:
    """Report AUC, GAUC, log loss, normalized entropy and calibration of a model."""
    from tfctr.training.runs import evaluate_run

    console.print(Markdown(evaluate_run(folder, data, split).to_markdown()))


@app.command()
def serve(
    folder: Annotated[Path, typer.Argument(help="Model folder with its versions.")],
    name: Annotated[str, typer.Option(help="Model name in requests.")] = "ctr",
    port: Annotated[int, typer.Option(help="gRPC port; 0 picks one.")] = 8500,
    rest_port: Annotated[int, typer.Option(help="REST port; 0 picks one.")] = 8501,
    backend: Annotated[
        str, typer.Option(help="auto, tensorflow_model_server, docker or embedded.")
    ] = "auto",
) -> None:
    """Serve the newest version: by TF Serving if it is here, else embedded."""
    from tfctr.serving.launch import launch

    server = launch(folder, name, port, rest_port, backend, report=console.print)
    sys.exit(server.serve_until_stopped())


@app.command()
def rank(
    user: Annotated[
        str, typer.Argument(help="User features as JSON; what is left out is missing.")
    ],
    folder: Annotated[
        Path, typer.Option(help="Model folder; its newest version names the items.")
    ],
    address: Annotated[str, typer.Option(help="gRPC address.")] = "127.0.0.1:8500",
    name: Annotated[str, typer.Option(help="Model name in requests.")] = "ctr",
    count: Annotated[int, typer.Option(help="Length of the list.")] = 10,
) -> None:
    """Ask a running server for the best items of one user.

    Example: tfctr rank '{"user_id": "1", "history_item_id": ["50", "181"]}'
    --folder build/demo/pipeline/serving/movielens
    """
    import pandas as pd

    from tfctr.serving.cascade import CascadeClient
    from tfctr.serving.client import PredictClient
    from tfctr.serving.versions import require_versions

    features = _json(user)
    extra = max(require_versions(folder).items())[1] / "assets.extra"
    items = pd.read_parquet(extra / "items.parquet")
    schema = _schema(extra / "schema.json")
    with PredictClient(address, name) as client:
        cascade = CascadeClient(client, schema=schema)
        ids = items[schema.item_id].astype(str).tolist()
        ranked = cascade.rank(features, ids, return_count=count)
    shown = items.set_index(items[schema.item_id].astype(str))
    table = Table("item", "pre-ranking", "ranking", "")
    for item in ranked:
        title = shown.loc[item.item_id].get("title", "")
        scores = (f"{item.pre_ranking_score:.4f}", f"{item.ranking_score:.4f}")
        table.add_row(escape(item.item_id), *scores, escape(str(title)))
    console.print(table)


@pipeline_app.command("run")
def pipeline_run(
    config: Annotated[
        str, typer.Argument(help="TOML file, or a name: movielens, tiny.")
    ],
    overrides: Overrides = None,
) -> None:
    """Raw logs to a pushed, checked SavedModel."""
    from tfctr.pipelines import load_config

    checked = load_config(config, overrides or [])
    from tfctr.pipelines import run_pipeline  # takes long to load; first the check

    result = run_pipeline(checked, report=console.print)
    console.print(result)
    if result.pushed is None:
        sys.exit(1)


@diagnose_app.command("one-epoch")
def diagnose_one_epoch(
    config: Annotated[
        Path, typer.Argument(help="TOML file: training keys, alone or in [ranking].")
    ],
    data: Annotated[str, typer.Option(help="Data set by name.")] = "movielens_100k",
    epochs: Annotated[int, typer.Option(help="Epochs to train.")] = 5,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw AUC and log loss to this file.")
    ] = None,
) -> None:
    """Train for several epochs: does the model get worse after the first one?

    Shows AUC and log loss on the test part after each epoch, by how often training
    saw the ids, says whether the one-epoch drop is there and what it would cost to
    ignore it.
    """
    from tfctr.training.one_epoch import diagnose_one_epoch as diagnose
    from tfctr.training.runs import load_dataset, read_config

    found = diagnose(read_config(config), load_dataset(data), epochs=epochs)
    console.print(Markdown(found.to_markdown()))
    if plot is not None:
        found.plot(plot)
        console.print(f"Wrote {plot}")


@schema_app.command("check")
def schema_check(
    schema: Annotated[Path, typer.Argument(help="JSON file of a FeatureSchema.")],
    examples: Annotated[
        Path | None, typer.Option(help="Parquet file of raw examples to check.")
    ] = None,
) -> None:
    """Show the columns of a schema; check that a file of examples fits it."""
    import pandas as pd

    from tfctr.features import frame_to_arrays

    declared = _schema(schema)
    table = Table("column", "role", "dtype", "shape of one example", "missing")
    for column in declared.raw_columns():
        table.add_row(
            column.name,
            column.role,
            column.dtype,
            str(column.shape),
            repr(column.missing),
        )
    console.print(table)
    if examples is not None:
        frame = pd.read_parquet(examples)
        frame_to_arrays(declared, frame)
        console.print(f"{examples}: {len(frame)} examples fit the schema.")


def _schema(path: Path) -> Any:
    from tfctr.features import FeatureSchema

    if not path.is_file():
        raise InputError("schema", received=str(path), expected="a file")
    return FeatureSchema.from_json(path.read_text())


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError("user", received=text, expected="JSON") from error
    if not isinstance(value, dict):
        raise InputError("user", received=text, expected="a JSON object")
    return value
