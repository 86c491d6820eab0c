"""Parameters and multiplications of adaptive towers beside static ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tfctr.layers.interaction.adaptive.apg import APG

__all__ = ["TowerCost", "adaptive_cost", "break_even_rank", "static_cost"]


@dataclass(frozen=True)
class TowerCost:
    """What a tower holds and does; biases are not counted.

    Attributes:
        parameters: Numbers that are trained and, merged, served.
        multiplications: Multiplications for one example.
    """

    parameters: int
    multiplications: int


def static_cost(widths: Sequence[int]) -> TowerCost:
    """The cost of plain dense layers.

    Args:
        widths: Width of the inputs and of each layer.

    >>> static_cost([393, 1024, 512, 256]).parameters
    1057792
    """
    total = sum(width * units for width, units in pairwise(widths))
    return TowerCost(total, total)


def adaptive_cost(
    widths: Sequence[int],
    apg: APG,
    condition_width: int | None = None,
    *,
    num_conditions: int = 1,
) -> TowerCost:
    """The cost of adaptive layers in the form in which they are served.

    Args:
        widths: Width of the inputs and of each layer.
        apg: The settings.
        condition_width: Width of what the generators see; not used if it is the
            inputs of each layer.
        num_conditions: How often the generators run for an example.

    >>> adaptive_cost([393, 1024, 512, 256], APG(["user"], rank=8), 32).parameters
    35912
    """
    ranks = [0] * (len(widths) - 1)
    if apg.version != "v1":
        ranks = apg.ranks(len(widths) - 1)
    parameters = multiplications = 0
    for (width, units), rank in zip(pairwise(widths), ranks, strict=True):
        outputs, shared, applied = _layer(apg.version, width, units, rank)
        first = width if apg.is_self_wise else condition_width or 0
        inside = [first, *apg.generator_units, outputs]
        generator = sum(one * other for one, other in pairwise(inside))
        parameters += generator + shared
        multiplications += num_conditions * generator + applied
    return TowerCost(parameters, multiplications)


def break_even_rank(width: int, units: int, condition_width: int) -> float:
    """The rank at which a layer of v4 holds as much as a static one.

    The positive root of `K^2 D + K (N + M) = N M`.

    Args:
        width: Width `M` of the inputs.
        units: Width `N` of the outputs.
        condition_width: Width `D` of the condition; `width` if it is the inputs.

    >>> round(break_even_rank(1024, 512, 32), 1)
    106.2
    """
    both = width + units
    root = math.sqrt(both**2 + 4 * condition_width * units * width)
    return (root - both) / (2 * condition_width)


def _layer(
    version: str | None, width: int, units: int, rank: int
) -> tuple[int, int, int]:
    """What is generated, what is shared, and multiplications to apply both."""
    outer, core = rank * (width + units), rank * rank
    if version == "v1":
        return width * units, 0, width * units
    if version == "v2":
        rebuilding = width * core + width * rank * units
        return outer + core, 0, rebuilding + width * units
    if version == "v3":
        return outer + core, 0, outer + core
    return core, outer, outer + core
