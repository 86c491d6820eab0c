"""Tests of `tfctr.saving`."""

import keras
import pytest

from tfctr.saving import serializable


def layer_class(name, module):
    return type(name, (keras.layers.Layer,), {"__module__": module})


def test_class_is_registered_under_the_name_of_the_package():
    cls = serializable(layer_class("SavedName", "here"))
    assert keras.saving.get_registered_object("tfctr>SavedName") is cls
    assert keras.saving.get_registered_name(cls) == "tfctr>SavedName"


def test_second_class_of_one_name_is_refused():
    serializable(layer_class("TakenName", "here"))
    with pytest.raises(ValueError, match=r"`TakenName` is already registered by here"):
        serializable(layer_class("TakenName", "there"))


def test_module_may_be_loaded_again():
    serializable(layer_class("LoadedTwice", "here"))
    again = layer_class("LoadedTwice", "here")
    assert serializable(again) is again
