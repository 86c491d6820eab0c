"""Which events of a whole user each of them may know."""

from collections.abc import Mapping

from keras import ops

from tfctr.layers.sequence.flow_pairs import earlier_sessions, earlier_times
from tfctr.models.event_sequence import EventSequence, Places, compacted
from tfctr.types import Tensor

__all__ = ["visible_events"]

VISIBLE = "visible"


def visible_events(
    events: EventSequence,
    session: str | None,
    packed: Mapping[str, Tensor],
    inputs: Mapping[str, Tensor],
    places: Places,
) -> Tensor:
    """How many leading real events each of them may know; 0 behind them.

    That is what the column `<sequence>_visible` says, where there is one; else those
    that are strictly earlier; without times, those in front.

    Args:
        events: The sequence.
        session: Column whose runs of equal values do not know each other, if any.
        packed: Its columns, real events first.
        inputs: Columns as they came, for `<sequence>_visible`, which counts places of
            them.
        places: Where the real events stood.

    Returns:
        `(batch, length)` int32.
    """
    steps = ops.arange(ops.shape(places.order)[1], dtype="int32")
    name = f"{events.name}_{VISIBLE}"
    if name in inputs:
        given = compacted(ops.cast(inputs[name], "int32"), places)
        real = ops.cast(ops.not_equal(inputs[events.marker], 0), "int32")
        seen = ops.pad(ops.cumsum(real, axis=1), [(0, 0), (1, 0)])
        visible = ops.take_along_axis(seen, given, axis=1)
    elif events.time is not None:
        visible = earlier_times(ops.cast(packed[events.time], "int64"))
    else:
        visible = ops.zeros_like(places.order) + steps
    if session is not None:
        visible = ops.minimum(visible, earlier_sessions(packed[session]))
    return ops.where(steps < places.count[:, None], visible, 0)
