"""torch-rechub, through its trainer, by its own loader or fed ready batches."""

import tempfile
from typing import Any

import numpy as np
import torch
from torch_rechub.basic.features import SequenceFeature, SparseFeature
from torch_rechub.basic.initializers import RandomNormal
from torch_rechub.models.ranking import DIN, DeepFM
from torch_rechub.trainers import CTRTrainer
from torch_rechub.utils.data import DataGenerator

from peer_runs.measure import Case, StepClock, Trainee, run_case
from peer_runs.workloads import Arrays, Workload


def model_of(workload: Workload) -> torch.nn.Module:
    """DeepFM or DIN, ReLU in the attention (Dice is slower); the MLP's own is fixed."""
    size, dim = workload.values + 1, workload.dim
    first, *others = [
        SparseFeature(name, size, dim, initializer=RandomNormal(0, workload.deviation))
        for name in workload.field_names
    ]
    mlp = {"dims": list(workload.hidden_units)}
    if workload.model == "deepfm":
        return DeepFM([first, *others], [first, *others], mlp)
    history = SequenceFeature(
        "history", size, dim, pooling="concat", shared_with=first.name, padding_idx=0
    )
    attention = {"dims": list(workload.attention_units), "activation": "relu"}
    return DIN(others, [history], [first], mlp, attention)


def batches(columns: dict[str, np.ndarray], label: np.ndarray, size: int) -> list[Any]:
    """Ready batches of tensors: the fastest thing a trainer can iterate over."""
    tensors = {name: torch.from_numpy(values) for name, values in columns.items()}
    target = torch.from_numpy(label)
    return [
        (
            {name: values[start : start + size] for name, values in tensors.items()},
            target[start : start + size],
        )
        for start in range(0, len(target), size)
    ]


def own_loaders(parts: dict[str, Arrays], size: int) -> dict[str, Any]:
    """What `DataGenerator` gives: a loader that shuffles, and one that does not."""
    train, valid = parts["train"], parts["valid"]
    generator = DataGenerator(train.columns, train.label)
    shuffled, scored, again = generator.generate_dataloader(
        valid.columns, valid.label, train.columns, train.label, batch_size=size
    )
    return {"fit": shuffled, "valid": scored, "train": again}


def make(case: Case, parts: dict[str, Arrays]) -> Trainee:
    torch.set_num_threads(case.threads)
    workload = case.workload
    torch.manual_seed(workload.seed)
    model = model_of(workload)
    trainer = CTRTrainer(
        model,
        optimizer_params={"lr": workload.learning_rate},
        n_epoch=1,
        model_path=tempfile.mkdtemp(),
    )
    if case.arguments["feed"] == "loader":
        feeds = own_loaders(parts, workload.batch_size)
    else:
        feeds = {
            part: batches(arrays.columns, arrays.label, workload.batch_size)
            for part, arrays in parts.items()
        }
        feeds["fit"] = feeds["train"]

    def fit(clock: StepClock) -> None:
        clock.mark(0)
        trainer.optimizer.register_step_post_hook(
            lambda *_: clock.mark(clock.marks[-1][0] + 1)
        )
        # `fit` is this and a copy of the weights on disk.
        trainer.train_one_epoch(feeds["fit"])

    def predict(part: str) -> np.ndarray:
        return np.asarray(trainer.predict(model, feeds[part]), "float32")

    return Trainee(fit, predict)


if __name__ == "__main__":
    run_case(make, ("torch-rechub", "torch"))
