"""What an offline evaluation found."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tfctr.errors import InputError
from tfctr.evaluation.metric_row import MetricRow
from tfctr.evaluation.value_row import ValueRow

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
VALUE_COLUMNS = {
    "count": "examples",
    "positives": "positives",
    "mean_value": "mean",
    "value_ratio": "predicted / observed",
    "mean_value_error": "mean error",
    "normalized_gini": "Gini",
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
        labels: Name of a label of 0 and 1 -> its report.
        values: Name of a label that is a value -> its metrics.
    """

    labels: Mapping[str, LabelReport]
    values: Mapping[str, ValueRow] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """All numbers, ready for JSON; what is not defined is `None`."""
        values = {n: {"overall": row.to_dict()} for n, row in self.values.items()}
        return values | {
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
        """A table, and one of values; `-` stands for what is not defined."""
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
        if not self.labels:
            lines = []
        if self.values:
            lines += [""] * bool(lines) + [
                f"| value | {' | '.join(VALUE_COLUMNS.values())} |",
                "|---|" + "---:|" * len(VALUE_COLUMNS),
            ]
            lines += [
                f"| {name} | {' | '.join(_shown(row.to_dict(), VALUE_COLUMNS))} |"
                for name, row in self.values.items()
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


def _shown(found: Mapping[str, float | int | None], names: Iterable[str]) -> list[str]:
    shown = []
    for value in (found[name] for name in names):
        if value is None:
            shown.append("-")
        else:
            shown.append(f"{value:,}" if isinstance(value, int) else f"{value:.4f}")
    return shown


def _line(label: str, slice_name: str, row: MetricRow) -> str:
    shown = _shown(row.to_dict(), COLUMNS)
    cell = slice_name.replace("|", "\\|")
    return f"| {label} | {cell} | {' | '.join(shown)} |"
