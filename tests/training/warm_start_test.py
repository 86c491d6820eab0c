"""Tests of `tfctr.training.warm_start`."""

import numpy as np
import pytest

from tfctr.data import synthetic
from tfctr.errors import InputError
from tfctr.models import DIN, DeepFM
from tfctr.training import TrainingConfig, train

DATA = synthetic(400)
CONFIG = TrainingConfig(model="DeepFM", arguments={"dim": 4}, epochs=1, batch_size=64)


def trained(config=CONFIG, **arguments):
    data = [DATA.to_dataset(part, 64) for part in ("train", "validation")]
    return train(config, DATA.schema, *data, verbose=0, **arguments)


def test_training_begins_with_the_weights_of_the_last_model():
    first = trained()
    still = CONFIG.model_copy(update={"learning_rate": 1e-30, "seed": 7})
    second = trained(still, start=first)
    for before, now in zip(first.weights, second.weights, strict=True):
        np.testing.assert_allclose(now.numpy(), before.numpy(), atol=1e-6)
    assert second is not first


def test_another_class_or_other_arguments_are_refused_by_name():
    with pytest.raises(InputError, match=r"`start`: received DIN, expected a DeepFM"):
        trained(start=DIN(DATA.schema))
    with pytest.raises(InputError, match=r"`start.dim`: received 5, expected 4"):
        trained(start=DeepFM(DATA.schema, dim=5))
    other = synthetic(400, num_items=7)
    with pytest.raises(InputError, match=r"`start.schema`: received one for another"):
        trained(start=DeepFM(other.schema, dim=4))
