"""Tests of teachers: `RankingModel.learn_from`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.features.shop import small_schema
from tests.models.data import PLAIN, batches, candidates, made, rows
from tfctr import losses, models
from tfctr.errors import InputError, UnknownName
from tfctr.metrics import rank_correlation

X, _, _ = rows(40, schema=PLAIN)
REQUESTS = {
    **X,
    **candidates(X, 5, PLAIN),
    "candidate_mask": np.arange(5) < np.random.default_rng(0).integers(1, 6, (40, 1)),
}
RNG = np.random.default_rng(1)
Y = {name: RNG.integers(0, 2, (40, 5)).astype("float32") for name in ("click", "buy")}
WEIGHTS = {name: REQUESTS["candidate_mask"].astype("float32") for name in Y}


def added(student, x, y, weights=None):
    """What the loss of training has and that of evaluation lacks."""
    student.compile(run_eagerly=True)
    y_pred = student(x)
    # Labels of requests are flattened by the model, whatever that does to them.
    return float(
        student.compute_loss(x, y, y_pred, weights, training=True)
        - student.compute_loss(x, y, y_pred, weights, training=False)
    )


@pytest.mark.parametrize("kind", ["pointwise", "logit", "pairwise", "listwise"])
def test_teachers_loss_is_added_in_training_alone(kind):
    teacher, student = made("DIN", PLAIN), made("TwoTower", PLAIN)
    student.learn_from(teacher, kind=kind, weight=0.5, temperature=2.0)
    loss = getattr(losses, f"{kind}_distillation")
    expected = 0.5 * sum(
        float(loss(taught, student(REQUESTS)[name], REQUESTS["candidate_mask"], 2.0))
        for name, taught in teacher(REQUESTS).items()
    )
    assert added(student, REQUESTS, Y, WEIGHTS) == pytest.approx(expected, rel=1e-4)


def test_pairs_can_be_taught_pointwise():
    teacher, student = made("DeepFM", PLAIN), made("COLD", PLAIN)
    student.learn_from(teacher, kind="logit")
    y = {name: value[:, 0] for name, value in Y.items()}
    expected = sum(
        np.mean((np.asarray(taught) - np.asarray(student(X)[name])) ** 2)
        for name, taught in teacher(X).items()
    )
    assert added(student, X, y) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", ["pairwise", "listwise"])
def test_pairs_cannot_be_taught_by_the_order_in_a_request(kind):
    student = made("TwoTower", PLAIN)
    student.learn_from(made("DIN", PLAIN), kind=kind)
    with pytest.raises(InputError, match=r"Dataset\.to_requests"):
        added(student, X, {name: value[:, 0] for name, value in Y.items()})


@pytest.fixture(scope="module")
def taught():
    """A student that noise alone would teach nothing, and its teacher."""
    keras.utils.set_random_seed(3)
    teacher, student = made("DIN", PLAIN), models.VectorProduct(PLAIN, dim=8)
    before = [np.copy(weight) for weight in teacher.get_weights()]
    student.build()
    start = correlation(student, teacher)
    student.learn_from(teacher, kind="listwise", weight=100.0)
    student.compile(optimizer=keras.optimizers.Adam(0.02), weighted_metrics=[])
    data = batches(20, (REQUESTS, Y, WEIGHTS))
    student.fit(data, epochs=60, verbose=0)
    return teacher, student, before, start


def correlation(student, teacher):
    scores, others = (model(REQUESTS)["click"] for model in (student, teacher))
    return rank_correlation(scores, others, REQUESTS["candidate_mask"])


def test_student_learns_the_teachers_order_with_plain_fit(taught):
    teacher, student, _, start = taught
    assert start < 0.5
    assert correlation(student, teacher) > 0.8


def test_teacher_stays_as_it_is(taught):
    teacher, _, before, _ = taught
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_teacher_gets_no_gradient():
    teacher, student = made("DIN", PLAIN), made("TwoTower", PLAIN)
    student.learn_from(teacher)
    student.compile(run_eagerly=True)
    with tf.GradientTape() as tape:
        loss = student.compute_loss(REQUESTS, Y, student(REQUESTS), WEIGHTS)
    found = tape.gradient(loss, teacher.trainable_variables)
    assert all(gradient is None for gradient in found)


def test_student_alone_is_counted_and_saved(taught, tmp_path):
    _, student, _, _ = taught
    plain = models.VectorProduct(PLAIN, dim=8)
    plain.build()
    assert student.count_params() == plain.count_params()
    student.save(tmp_path / "student.keras")
    again = keras.saving.load_model(tmp_path / "student.keras")
    np.testing.assert_allclose(again(X)["click"], student(X)["click"], rtol=1e-6)


def test_what_cannot_teach_is_refused():
    student = made("TwoTower", PLAIN)
    other = small_schema().with_sizes({"user_id": 3, "item_id": 3})
    with pytest.raises(InputError, match="another schema"):
        student.learn_from(models.DeepFM(other))
    teacher = made("DeepFM", PLAIN)
    with pytest.raises(UnknownName, match="Did you mean 'listwise'"):
        student.learn_from(teacher, kind="listwize")
    for field in ("weight", "temperature"):
        with pytest.raises(InputError) as caught:
            student.learn_from(teacher, **{field: 0.0})
        assert caught.value.field == field
