"""Random schemas for property tests."""

from hypothesis import strategies as st

from tfctr.features import (
    Categorical,
    FeatureSchema,
    Label,
    Numeric,
    Sequence,
    Timestamp,
    Vector,
    Vocabulary,
)
from tfctr.features.specs import CALENDAR_UNITS, TRANSFORMS

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
SIZES = st.integers(1, 9)


def categoricals(name: str) -> st.SearchStrategy[Categorical]:
    return st.builds(
        Categorical,
        st.just(name),
        dtype=st.sampled_from(["string", "int64"]),
        vocabulary=st.sampled_from(["", "common", "öffentlich"]),
        max_values=st.none() | SIZES,
    )


def features(name: str) -> st.SearchStrategy:
    units = st.lists(st.sampled_from(sorted(CALENDAR_UNITS)), unique=True)
    times = st.builds(
        Timestamp,
        st.just(name),
        time_zone=st.sampled_from(ZONES),
        calendar=units.map(tuple),
    )
    return st.one_of(
        categoricals(name),
        st.builds(Numeric, st.just(name), transform=st.sampled_from(TRANSFORMS)),
        st.builds(Vector, st.just(name), dim=SIZES),
        times,
    )


@st.composite
def sequences(draw, name: str) -> Sequence:
    others = [draw(features(f"s{k}")) for k in range(draw(st.integers(0, 2)))]
    names = ["item_id", *(feature.name for feature in others)]
    return Sequence(
        name,
        (Categorical("item_id"), *others),
        timestamp=draw(st.none() | st.just(Timestamp("when"))),
        action=draw(st.none() | st.sampled_from(names)),
        max_length=draw(SIZES),
    )


@st.composite
def vocabularies(draw, name: str) -> Vocabulary:
    kind = draw(st.sampled_from(["learnt", "fixed", "hashed", "shared", "open"]))
    if kind == "hashed":
        return Vocabulary(name, num_hash_buckets=draw(SIZES), num_hashes=draw(SIZES))
    if kind == "shared":
        return Vocabulary(name, num_hash_buckets=7, table="unified")
    if kind == "open":
        age = draw(st.none() | SIZES)
        return Vocabulary(name, capacity=draw(SIZES), max_age=age)
    num_oov = draw(SIZES)
    if kind == "fixed":
        values = draw(st.lists(st.text(), unique=True, max_size=3))
        return Vocabulary(name, values=tuple(values), num_oov=num_oov)
    return Vocabulary(
        name, max_size=draw(st.none() | SIZES), min_count=draw(SIZES), num_oov=num_oov
    )


@st.composite
def schemas(draw) -> FeatureSchema:
    """Schemas of every kind of feature in every role, with or without sizes."""
    used = {"user_id": Categorical("user_id"), "item_id": Categorical("item_id")}
    roles = {
        role: [draw(features(f"{role}_{k}")) for k in range(draw(st.integers(0, 3)))]
        for role in ("user", "item", "context")
    }
    histories = [draw(sequences(n)) for n in ("h", "long")[: draw(st.integers(0, 2))]]
    every = [*used.values(), *(f for role in roles.values() for f in role)]
    every += [f for sequence in histories for f in sequence.features]
    names = {f.vocabulary for f in every if isinstance(f, Categorical)}
    described = draw(st.lists(st.sampled_from(sorted(names)), unique=True))
    known = draw(st.booleans())
    times = [f.name for f in roles["context"] if isinstance(f, Timestamp)]
    return FeatureSchema(
        user=[used["user_id"], *roles["user"]],
        item=[used["item_id"], *roles["item"]],
        context=roles["context"],
        sequences=histories,
        labels=[
            Label("click"),
            Label("buy", observed_if=draw(st.sampled_from([None, "click"]))),
            Label("like", weight=draw(st.sampled_from([None, "like_weight"]))),
        ],
        user_id="user_id",
        item_id="item_id",
        timestamp=draw(st.sampled_from([None, *times])),
        vocabularies=[draw(vocabularies(name)) for name in described],
        sizes={name: draw(SIZES) for name in names if known},
    )
