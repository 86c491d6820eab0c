"""Tests of the teacher of TARQ."""

import numpy as np

from tfctr.models.tarq_teacher import TARQTeacher

RNG = np.random.default_rng(0)
ITEMS = RNG.normal(size=(2, 3, 5)).astype("float32")
USERS = RNG.normal(size=(2, 4)).astype("float32")
EVENTS = RNG.normal(size=(2, 6, 8)).astype("float32")
MASK = np.arange(6)[None] < np.array([[6], [2]])


def test_head_sees_interest_item_product_and_user():
    teacher = TARQTeacher(2, dim=8, num_heads=2, hidden_units=[7])
    found = teacher(ITEMS, USERS, EVENTS, events_mask=MASK)
    own = teacher.self_attention(EVENTS, EVENTS, events_mask=MASK)
    history = EVENTS + np.asarray(own)
    interests = np.asarray(teacher.attention(ITEMS, history, events_mask=MASK))
    np.testing.assert_allclose(found["interests"], interests, rtol=1e-5, atol=1e-6)
    projected = np.asarray(teacher.projection(ITEMS))
    users = USERS[:, None].repeat(3, axis=1)
    parts = [interests, projected, interests * projected, users]
    expected = teacher.mlp(np.concatenate(parts, axis=-1))
    np.testing.assert_allclose(found["logits"], expected, rtol=1e-5, atol=1e-6)


def test_config_makes_it_again():
    teacher = TARQTeacher(2, dim=8, num_heads=2, hidden_units=[7], seed=3)
    config = TARQTeacher.from_config(teacher.get_config()).get_config()
    assert config == teacher.get_config()
