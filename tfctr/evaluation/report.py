"""What an offline evaluation found."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfctr.errors import InputError
from tfctr.evaluation.metric_row import MetricRow

__all__ = ["LabelReport", "Report"]

COLUMNS = {
    "count": "examples",
    "positives": "positives",
    "auc": "AUC",
    "gauc": "GAUC",
    "log_loss": "log loss",
    "normalized_entropy": "NE",
    "calibration_ratio": "calibration",
    "expected_calibration_error": "ECE",
}


@dataclass(frozen=True)
class LabelReport:
    """Metrics of one label.

    Attributes:
        overall: Metrics of all examples.
        slices: Slice name -> value -> metrics of the examples with that value.
        calibration: For each bin of equal mass: its weight, mean prediction and
            mean label.
    """

    overall: MetricRow
    slices: Mapping[str, Mapping[str, MetricRow]]
    calibration: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Report:
    """Metrics of every label, overall and by slice.

    Attributes:
        labels: Label name -> its report.
    """

    labels: Mapping[str, LabelReport]

    def to_dict(self) -> dict[str, Any]:
        """All numbers, ready for JSON; what is not defined is `None`."""
        return {
            name: {
                "overall": report.overall.to_dict(),
                "slices": {
                    slice_name: {value: row.to_dict() for value, row in rows.items()}
                    for slice_name, rows in report.slices.items()
                },
                "calibration": [
                    {"weight": w, "predicted": predicted, "observed": observed}
                    for w, predicted, observed in report.calibration
                ],
            }
            for name, report in self.labels.items()
        }

    def to_markdown(self) -> str:
        """One table; `-` stands for what is not defined."""
        lines = [
            f"| label | slice | {' | '.join(COLUMNS.values())} |",
            "|---|---|" + "---:|" * len(COLUMNS),
        ]
        for name, report in self.labels.items():
            lines.append(_line(name, "all", report.overall))
            for slice_name, rows in report.slices.items():
                lines += [
                    _line(name, f"{slice_name} = {value}", row)
                    for value, row in rows.items()
                ]
        return "\n".join(lines) + "\n"

    def plot_calibration(self, path: str | os.PathLike[str]) -> None:
        """Draws observed against predicted rates, one line a label, to a file.

        Args:
            path: The file; its ending says the format, such as `.png` or `.svg`.

        Raises:
            InputError: There is nothing to draw.
        """
        # It takes half a second to import, and only plots need it.
        from matplotlib.figure import Figure

        drawn = {n: r.calibration for n, r in self.labels.items() if r.calibration}
        if not drawn:
            raise InputError("report", received="no examples", expected="some to draw")
        figure = Figure(figsize=(5, 5), layout="constrained")
        axes = figure.add_subplot()
        for name, bins in drawn.items():
            _, predicted, observed = zip(*bins, strict=True)
            axes.plot(predicted, observed, marker="o", label=name)
        limit = max(max(p, o) for bins in drawn.values() for _, p, o in bins) or 1.0
        axes.plot([0, limit], [0, limit], color="gray", linestyle=":", label="right")
        axes.set(xlabel="mean prediction", ylabel="mean label")
        axes.legend()
        figure.savefig(path)


def _line(label: str, slice_name: str, row: MetricRow) -> str:
    shown = []
    for value in (row.to_dict()[name] for name in COLUMNS):
        if value is None:
            shown.append("-")
        else:
            shown.append(f"{value:,}" if isinstance(value, int) else f"{value:.4f}")
    cell = slice_name.replace("|", "\\|")
    return f"| {label} | {cell} | {' | '.join(shown)} |"
