"""How a planted fault is shown to be caught."""

from collections.abc import Callable
from typing import Any

import keras
import pytest


def assert_caught(
    law: str, check: Callable[[], Any], planted_in: type | None = None
) -> None:
    """Holds `check` to fail with a sentence that holds `law`.

    The class `planted_in` can be loaded from files meanwhile, as if registered.
    """
    known = {} if planted_in is None else {planted_in.__name__: planted_in}
    with (
        keras.saving.custom_object_scope(known),
        pytest.raises(AssertionError, match=law),
    ):
        check()
