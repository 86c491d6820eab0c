"""The one-epoch drop, and what pretrained tables of ids change, on planted data.

Users and items have hidden vectors and biases, of which clicks are drawn. A ranker with
an MLP on id embeddings is trained for several epochs and measured, after each, on the
same held-out rows: from scratch, and from tables that `IDPretraining` learnt on an
earlier window of as many or 12 times as many impressions, or on the ranker's own rows
(which `load_pretrained` refuses unless asked). Beside them stand the alternatives that
need no tables: new tables for each epoch, rates by frequency, rare ids in the row of
unknown ones, dropout on rows and in the MLP.

    python benchmarks/one_epoch.py --json build/one_epoch.json \
        --page docs/results/one_epoch.md
    python benchmarks/one_epoch.py --quick
"""

import argparse
import json
import os
import platform
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tfctr import metrics, models, optimizers
from tfctr.data.batches import batched
from tfctr.features import Categorical, FeatureSchema, Label, SchemaState, Vocabulary
from tfctr.training import FreshTables, drop_rows
from tfctr.training.pretrained import Window, load_pretrained, write_pretrained

# What is trained: the model, where its tables come from, and how they are loaded.
EARLIER, SAME_SIZE, OWN = "12 x earlier", "1 x earlier", "its own rows"
CORRECTED = "12 x earlier, logQ"
NOTHING = "nothing"
RUNS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("WDL", NOTHING, {}),
    ("WDL", NOTHING, {"fresh": True}),
    ("WDL", NOTHING, {"frequency_adaptive": True}),
    ("WDL", NOTHING, {"min_count": 10}),
    ("WDL", NOTHING, {"table_dropout": 0.5}),
    ("WDL", NOTHING, {"hidden_dropout": 0.5}),
    ("LogisticRegression", NOTHING, {}),
    ("WDL", EARLIER, {"mode": "frozen"}),
    ("WDL", EARLIER, {"mode": "frozen", "dropout": 0.5}),
    ("WDL", EARLIER, {"mode": "trainable"}),
    ("WDL", EARLIER, {"mode": "trainable", "learning_rate": 3e-4}),
    ("WDL", EARLIER, {"mode": "trainable", "frequency_adaptive": True}),
    ("WDL", CORRECTED, {"mode": "frozen"}),
    ("WDL", SAME_SIZE, {"mode": "trainable"}),
    ("WDL", OWN, {"mode": "trainable", "allow_overlap": True}),
    ("WDL", OWN, {"mode": "frozen", "allow_overlap": True}),
)
HIDDEN = "hidden_dropout"
WORDS = {
    "dropout": "dropout {}",
    "learning_rate": "rate {}",
    "frequency_adaptive": "rates by frequency",
    "min_count": "ids seen {} times",
    "table_dropout": "dropout {} on rows",
    HIDDEN: "dropout {} in the MLP",
}
FROZEN, TRAINABLE = (EARLIER, "frozen"), (EARLIER, "trainable")
SCRATCH = (NOTHING, "")
BEFORE, RANKER = Window(0, 100), Window(100, 200)


@dataclass(frozen=True)
class World:
    """Sizes of the planted world, and how the models are trained."""

    num_users: int = 20_000
    num_items: int = 4_000
    rows: int = 120_000
    times: int = 12
    latent: int = 8
    strength: float = 2.0
    bias: float = 0.6
    dim: int = 16
    hidden_units: tuple[int, ...] = (128, 64)
    batch_size: int = 256
    learning_rate: float = 3e-3
    epochs: int = 4
    pretraining_epochs: int = 5
    pretraining_batch: int = 512
    pretraining_rate: float = 2e-3


QUICK = World(
    num_users=2_000,
    num_items=400,
    rows=12_000,
    batch_size=64,
    learning_rate=5e-3,
    epochs=3,
    pretraining_epochs=4,
    pretraining_batch=256,
)


def state_of(world: World) -> SchemaState:
    """A schema of a user's id and an item's id, with fixed vocabularies."""
    sizes = {"user_id": world.num_users, "item_id": world.num_items}
    schema = FeatureSchema(
        user=(Categorical("user_id"),),
        item=(Categorical("item_id"),),
        labels=(Label("click"),),
        user_id="user_id",
        item_id="item_id",
        vocabularies=tuple(
            Vocabulary(name, values=tuple(map(str, range(size))))
            for name, size in sizes.items()
        ),
    )
    return SchemaState(schema, {}, {})


class Log:
    """Draws impressions of a world, whose truth is known.

    Args:
        world: Its sizes.
        seed: Seed of everything.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.generator = np.random.default_rng([seed, 7])
        sizes = (world.num_users, world.num_items)
        self.vectors = [
            self.generator.normal(size=(n, world.latent)) / world.latent**0.25
            for n in sizes
        ]
        self.biases = [world.bias * self.generator.normal(size=n) for n in sizes]
        self.shares = [_zipf(n, s) for n, s in zip(sizes, (0.6, 0.8), strict=True)]

    def rows(self, count: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Encoded ids and labels of impressions."""
        drawn = [self.generator.choice(len(p), count, p=p) for p in self.shares]
        user, item = (v[d] for v, d in zip(self.vectors, drawn, strict=True))
        logits = self.world.strength * (user * item).sum(axis=1) - 0.5
        logits += sum(b[d] for b, d in zip(self.biases, drawn, strict=True))
        clicks = self.generator.random(count) < 1 / (1 + np.exp(-logits))
        x = {
            name: (2 + places).astype("int32")
            for name, places in zip(("user_id", "item_id"), drawn, strict=True)
        }
        return x, {"click": clicks.astype("float32")}


def _zipf(count: int, exponent: float) -> Any:
    weights = np.arange(1, count + 1) ** -exponent
    return weights / weights.sum()


def positives(rows: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """The ids of rows with a click."""
    x, y = rows
    return {name: values[y["click"] == 1] for name, values in x.items()}


def pretrained(
    world: World,
    rows: tuple[dict[str, Any], dict[str, Any]],
    folder: Path,
    window: Window,
    *,
    seed: int,
    logq: str = "none",
    held_out: tuple[dict[str, Any], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Learns tables on the positives of rows, writes them, and says how it went."""
    state = state_of(world)
    model = models.IDPretraining(
        state.schema, dim=world.dim, logq=logq, num_random_negatives=64, seed=seed
    )
    model.compile(optimizers.default(world.pretraining_rate))
    if logq == "exact":
        model.count_items(positives(rows))
    batch_size = world.pretraining_batch
    others = None
    if held_out is not None:
        others = batched((positives(held_out),), batch_size, shuffle=False)
    history = model.fit(
        batched((positives(rows),), batch_size, shuffle=True, seed=seed),
        epochs=world.pretraining_epochs,
        validation_data=others,
        verbose=0,
    ).history
    if held_out is not None:
        history["score_auc"] = [auc(held_out[1], model.predict(held_out[0])["score"])]
    write_pretrained(model, state, folder, window=window)
    return dict(history)


def auc(y: Any, scores: Any) -> float:
    """AUC of scores."""
    return float(metrics.auc(y["click"], scores))


def known(rows: Any, train: Any, min_count: int) -> Any:
    """Rows whose ids are 1, that of unknown ones, if `train` has them too rarely.

    It is what `Vocabulary(min_count=...)` does where values are counted.
    """
    x, y = rows
    if min_count > 1:
        counts = {name: np.bincount(ids) for name, ids in train[0].items()}
        frequent = {n: np.append(c >= min_count, False) for n, c in counts.items()}
        x = {
            name: np.where(
                frequent[name][np.minimum(ids, len(frequent[name]) - 1)], ids, 1
            ).astype("int32")
            for name, ids in x.items()
        }
    return x, y


def ranker_of(
    model: str, schema: FeatureSchema, world: World, seed: int, dropout: float
) -> Any:
    """A ranker, not compiled; of those with an MLP, with dropout in it."""
    arguments: dict[str, Any] = {"dim": world.dim, "hidden_units": world.hidden_units}
    if model == "LogisticRegression":
        arguments = {}
    elif dropout:
        arguments["dropout"] = dropout
    return models.get(model)(schema, seed=seed, **arguments)


def curve(
    world: World,
    train: tuple[dict[str, Any], dict[str, Any]],
    test: tuple[dict[str, Any], dict[str, Any]],
    *,
    seed: int,
    folder: Path | None = None,
    model: str = "WDL",
    fresh: bool = False,
    min_count: int = 1,
    table_dropout: float = 0.0,
    **others: Any,
) -> list[dict[str, float]]:
    """Metrics on `test` after each epoch of a ranker on `train`.

    With `fresh`, each epoch but the first starts with newly drawn tables. Ids that
    `train` has less than `min_count` times are unknown.
    """
    state = state_of(world)
    train, test = (known(rows, train, min_count) for rows in (train, test))
    adaptive = others.pop("frequency_adaptive", False)
    ranker = ranker_of(model, state.schema, world, seed, others.pop(HIDDEN, 0.0))
    optimizer = optimizers.default(world.learning_rate, frequency_adaptive=adaptive)
    ranker.compile(optimizer, weighted_metrics=[])
    drop_rows(ranker, table_dropout)
    if folder is not None:
        load_pretrained(ranker, folder, state, ranker_window=RANKER, **others)
    found = []
    for epoch in range(world.epochs):
        order = 100 * seed + epoch
        batches = batched(train, world.batch_size, shuffle=True, seed=order)
        anew = [FreshTables()] if fresh else []
        history = ranker.fit(
            batches, initial_epoch=epoch, epochs=epoch + 1, callbacks=anew, verbose=0
        ).history
        logits = ranker.predict(test[0])["click"]
        chances = 1 / (1 + np.exp(-logits.astype("float64")))
        found.append(
            {
                "auc": auc(test[1], logits),
                "log_loss": float(metrics.log_loss(test[1]["click"], chances)),
                "train_log_loss": float(history["loss"][0]),
            }
        )
    return found


def mode_of(loading: dict[str, Any]) -> str:
    """How tables were loaded, in a few words."""
    words = [loading.get("mode", "")]
    if loading.get("fresh"):
        return "new tables each epoch"
    for name, text in WORDS.items():
        if loading.get(name):
            words.append(text.format(loading[name]))
    return ", ".join(filter(None, words))


def measure(world: World, seed: int, runs: Any = RUNS) -> dict[str, Any]:
    """All runs of one seed, and how the contrastive loss went."""
    log = Log(world, seed)
    train, test = log.rows(world.rows), log.rows(max(world.rows // 4, 20_000))
    wanted = {tables for _, tables, _ in runs}
    found: dict[str, Any] = {"seed": seed, "rankers": [], "pretraining": {}}
    with tempfile.TemporaryDirectory() as name:
        sources = {EARLIER: log.rows(world.rows * world.times), OWN: train}
        sources[SAME_SIZE] = [
            {key: values[: world.rows] for key, values in part.items()}
            for part in sources[EARLIER]
        ]
        sources[CORRECTED] = sources[EARLIER]
        for place, (tables, rows) in enumerate(sources.items()):
            if tables in wanted:
                found["pretraining"][tables] = pretrained(
                    world,
                    rows,
                    Path(name) / str(place),
                    RANKER if tables == OWN else BEFORE,
                    seed=seed,
                    logq="exact" if tables == CORRECTED else "none",
                    held_out=test,
                )
        places = {tables: Path(name) / str(k) for k, tables in enumerate(sources)}
        for model, tables, loading in runs:
            epochs = curve(
                world,
                train,
                test,
                seed=seed,
                model=model,
                folder=places.get(tables),
                **loading,
            )
            run = {"model": model, "tables": tables, "mode": mode_of(loading)}
            found["rankers"].append({**run, "epochs": epochs})
    return found


def epochs_of(
    result: dict[str, Any], key: tuple[str, str], model: str = "WDL"
) -> list[dict[str, float]]:
    """Metrics by epoch of one ranker of a seed."""
    for run in result["rankers"]:
        if (run["tables"], run["mode"], run["model"]) == (*key, model):
            return list(run["epochs"])
    raise KeyError(key)


def alternatives(result: dict[str, Any]) -> dict[str, float]:
    """What needs no tables: its first epoch against that of scratch, and its drop."""
    scratch, found = epochs_of(result, SCRATCH)[0], {}
    for run in result["rankers"]:
        if run["tables"] == NOTHING and run["mode"]:
            first, _, third = run["epochs"][:3]
            for metric, name in (("auc", "AUC"), ("log_loss", "log loss")):
                drop, start = third[metric] - first[metric], first[metric]
                key = f"{run['mode']}, {name} of epoch"
                found[f"{key} 1 less that of scratch"] = start - scratch[metric]
                found[f"{key} 3 less 1"] = drop
    return found


def findings(result: dict[str, Any]) -> dict[str, float]:
    """What the methods file asks for, as differences: B5 to B8, B10, pitfalls 1, 2."""

    def change(key: tuple[str, str], to: int, metric: str = "auc", **of: str) -> float:
        epochs = epochs_of(result, key, **of)
        return epochs[to][metric] - epochs[0][metric]

    def gain(key: tuple[str, str]) -> float:
        scratch = epochs_of(result, SCRATCH)[0]["auc"]
        return epochs_of(result, key)[0]["auc"] - scratch

    contrast = result["pretraining"][EARLIER]
    return {
        "B5 from scratch, AUC of epoch 2 less 1": change(SCRATCH, 1),
        "B5 from scratch, AUC of epoch 3 less 1": change(SCRATCH, 2),
        "B5 from scratch, log loss of epoch 3 less 1": change(SCRATCH, 2, "log_loss"),
        **alternatives(result),
        "B6 most that the held-out contrastive loss rose": float(
            np.diff(contrast["val_loss"]).max()
        ),
        "B6 in-batch AUC, last epoch less first": contrast["val_in_batch_auc"][-1]
        - contrast["val_in_batch_auc"][0],
        "B7 frozen less scratch, AUC of epoch 1": gain(FROZEN),
        "B7 trainable less scratch, AUC of epoch 1": gain(TRAINABLE),
        "B8 frozen, AUC of epoch 2 less 1": change(FROZEN, 1),
        "B8 frozen, log loss of epoch 3 less 1": change(FROZEN, 2, "log_loss"),
        "B8 trainable, log loss of epoch 3 less 1": change(TRAINABLE, 2, "log_loss"),
        "B10 logistic regression, AUC of epoch 3 less 1": change(
            SCRATCH, 2, model="LogisticRegression"
        ),
        "pitfall 1: own rows, frozen, less scratch, AUC": gain((OWN, "frozen")),
        "pitfall 2: same size less scratch, AUC": gain((SAME_SIZE, "trainable")),
        "pitfall 3: logQ, frozen, less scratch, AUC": gain((CORRECTED, "frozen")),
    }


def lines_of(results: list[dict[str, Any]]) -> list[list[str]]:
    """The table: means over seeds of AUC and log loss after each epoch."""
    lines = []
    for place, run in enumerate(results[0]["rankers"]):
        cells = [run["model"], run["tables"], run["mode"]]
        for metric in ("auc", "log_loss"):
            by_seed = np.array(
                [
                    [e[metric] for e in result["rankers"][place]["epochs"]]
                    for result in results
                ]
            )
            cells.append(" / ".join(f"{v:.4f}" for v in by_seed.mean(axis=0)))
        lines.append(cells)
    return lines


def summary(results: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Each finding of each seed."""
    found = [findings(result) for result in results]
    return {name: [one[name] for one in found] for name in found[0]}


HEADERS = ("model", "tables learnt from", "mode", "AUC by epoch", "log loss by epoch")


def page(world: World, results: list[dict[str, Any]], seconds: float) -> str:
    """The page under docs/results/."""
    contrast = [result["pretraining"][EARLIER] for result in results]
    losses = np.mean([c["val_loss"] for c in contrast], axis=0)
    lines = [
        "# The one-epoch drop on planted data",
        "",
        f"Printed by `benchmarks/one_epoch.py` on {machine()} in {seconds:.0f} s, "
        f"{len(results)} seeds. The data is made up: it shows that the mechanism is "
        "there and that the code does what it says, and nothing of real logs.",
        "",
        f"{world.num_users:,} users, {world.num_items:,} items, {world.rows:,} "
        f"impressions to rank; {world.times} times as many in the earlier window. "
        f"Width {world.dim}, MLP {world.hidden_units}, batch {world.batch_size}, "
        f"learning rate {world.learning_rate}. Means over seeds, on held-out rows, "
        "after each epoch.",
        "",
        "| " + " | ".join(HEADERS) + " |",
        "|---" * len(HEADERS) + "|",
        *("| " + " | ".join(cells) + " |" for cells in lines_of(results)),
        "",
        "Held-out contrastive loss after each epoch of pre-training, mean: "
        + " / ".join(f"{loss:.4f}" for loss in losses)
        + ".",
        "",
        "| difference | by seed |",
        "|---|---|",
        *(
            f"| {name} | {', '.join(f'{value:+.4f}' for value in values)} |"
            for name, values in summary(results).items()
        ),
        "",
    ]
    return "\n".join(lines)


def machine() -> str:
    """The machine, in a few words."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small world, one seed")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--page", type=Path, help="also write a Markdown page here")
    options = parser.parse_args()
    world, seeds = (QUICK, 1) if options.quick else (World(), 3)
    started = time.perf_counter()
    results = [measure(world, seed) for seed in range(seeds)]
    seconds = time.perf_counter() - started
    shown = Table(*HEADERS)
    for cells in lines_of(results):
        shown.add_row(*cells)
    Console().print(shown)
    for name, values in summary(results).items():
        print(f"{name}: {', '.join(f'{value:+.4f}' for value in values)}")
    if options.json:
        facts = {"machine": machine(), "world": asdict(world), "seconds": seconds}
        options.json.write_text(json.dumps({**facts, "results": results}, indent=1))
    if options.page:
        options.page.write_text(page(world, results, seconds))


if __name__ == "__main__":
    main()
