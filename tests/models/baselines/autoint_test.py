"""Tests of `tfctr.models.AutoInt`."""

import numpy as np
import pytest

from tests.layers.interaction.field_attention_test import attention
from tests.models.data import SIZED, made, rows
from tfctr.errors import InputError
from tfctr.layers import MLP
from tfctr.layers.interaction.field_attention import KERNELS
from tfctr.models import AutoInt

X, _, _ = rows(16)


def attended(model, fields):
    """`(batch, fields * heads * width)` after all attention layers, in numpy."""
    for layer in model.attentions:
        kernels = [np.asarray(getattr(layer, name)) for name in KERNELS]
        fields = attention(fields, kernels, model.num_heads)
    return fields.reshape(len(fields), -1)


def check_logits(model, inputs):
    output = model.output_layer
    expected = inputs @ np.asarray(output.kernel) + np.asarray(output.bias)
    for place, logits in enumerate(model(X).values()):
        np.testing.assert_allclose(logits, expected[:, place], rtol=1e-3, atol=1e-4)


def test_logit_is_linear_in_attended_fields_and_mlp():
    model = made("AutoInt")
    assert isinstance(model.mlp, MLP)
    fields = np.asarray(model.embeddings(X), "float64")
    deep = fields.reshape(len(fields), -1)
    for dense in model.mlp.dense_layers:
        deep = np.maximum(deep @ np.asarray(dense.kernel) + np.asarray(dense.bias), 0)
    check_logits(model, np.concatenate([attended(model, fields), deep], axis=-1))


def test_without_hidden_units_there_is_only_attention():
    model = made("AutoInt", hidden_units=())
    assert model.mlp is None
    assert not [w.path for w in model.weights if "mlp" in w.path]
    check_logits(model, attended(model, np.asarray(model.embeddings(X), "float64")))
    again = AutoInt.from_config(model.get_config())
    again.build()
    assert again.mlp is None
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_attention_layers_start_with_values_of_their_own():
    model = AutoInt(SIZED, dim=4, num_heads=1, head_dim=4, hidden_units=())
    model.build()
    first, second, third = (layer.query_kernel for layer in model.attentions)
    assert np.abs(first - second).min() > 0
    assert np.abs(second - third).min() > 0


def test_no_attention_layer_is_refused():
    with pytest.raises(InputError, match="`num_attention_layers`: received 0"):
        AutoInt(SIZED, num_attention_layers=0)
