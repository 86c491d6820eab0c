"""How ids become table rows: learnt, open, fixed, hashed, in tables of several."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from tfctr.errors import InputError
from tfctr.features.checks import check_name, check_positive

__all__ = ["Vocabulary", "check_tables"]

NUMBERS = ("num_hash_buckets", "max_size", "min_count", "num_oov", "num_hashes")
# A hashed table may not be larger: see tfctr/layers/embedding/hashing.py.
MOST_BUCKETS = 2**31 - 1


@dataclass(frozen=True)
class Vocabulary:
    """How ids become table rows; features that name one vocabulary share its table.

    Learnt from data unless `values` (fixed), `num_hash_buckets` (hashed) or `capacity`
    (open: ids come and go, see `OpenVocabularies`) is given. Row 0 is a missing value,
    rows `1..num_oov` are unknown values, the rest are the values by falling count, or
    the `capacity` rows of an open vocabulary. A hashed vocabulary has rows
    `1..num_hash_buckets`.

    Args:
        name: Name by which features refer to it.
        values: The values in row order; numbers as their decimal text.
        num_hash_buckets: Number of hash buckets.
        max_size: Learnt only: keep at most so many of the most frequent values.
        min_count: Learnt and open: keep values seen at least so often.
        num_oov: Rows over which unknown values are spread by hash.
        num_hashes: Hashed only: number of rows that each value owns, each by a hash
            function of its own; its embedding is their mean.
        table: Hashed only: name of a table that several vocabularies share; they say
            the same `num_hash_buckets`. The vocabulary's own table by default.
        capacity: Makes it open, with rows for so many values at a time.
        max_age: Open only: seconds of the log after which a value that was not seen
            again loses its row.

    Sources: `num_hashes`: Svenstrup et al., Hash Embeddings, NeurIPS 2017 (there with
    trained weights in place of the mean). `table`: Coleman et al., Unified Embedding,
    NeurIPS 2023.
    """

    name: str
    values: tuple[str, ...] | None = None
    num_hash_buckets: int | None = None
    max_size: int | None = None
    min_count: int = 1
    num_oov: int = 1
    num_hashes: int = 1
    table: str = ""
    capacity: int | None = None
    max_age: int | None = None

    def __post_init__(self) -> None:
        check_name("Vocabulary", self.name)
        for field in (*NUMBERS, "capacity", "max_age"):
            check_positive(f"{self.name}.{field}", getattr(self, field))
        if self.values is not None:
            object.__setattr__(self, "values", tuple(str(v) for v in self.values))
            if len(set(self.values)) != len(self.values):
                raise InputError(
                    f"{self.name}.values",
                    received="duplicates",
                    expected="distinct values",
                )
        kinds = ("values", "num_hash_buckets", "capacity")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) > 1:
            raise InputError(
                f"{self.name}.{given[1]}",
                received=f"both `{given[0]}` and `{given[1]}`",
                expected="at most one of them",
            )
        self._check_hashing()
        self._check_openness()

    def with_min_count(self, count: int) -> "Vocabulary":
        """The vocabulary without values that are seen less often.

        Args:
            count: The new `min_count`.
        """
        if not self.is_learnt:
            raise InputError(
                f"{self.name}.min_count",
                received="a vocabulary with fixed values or hashes",
                expected="a learnt or open one, whose values are counted",
            )
        return dataclasses.replace(self, min_count=count)

    @property
    def is_learnt(self) -> bool:
        """Whether its values come from data."""
        return self.values is None and self.num_hash_buckets is None

    @property
    def is_open(self) -> bool:
        """Whether values come and go, in a fixed number of rows."""
        return self.capacity is not None

    @property
    def is_fingerprinted(self) -> bool:
        """Whether its encoded ids are fingerprints in `[1, 2**31 - 1)`, not rows.

        `tfctr.layers.embedding.hashing.hashed_rows` gives the rows of a fingerprint.
        """
        return self.num_hashes > 1 or self.table != self.name

    def _check_hashing(self) -> None:
        if not self.table:
            object.__setattr__(self, "table", self.name)
        check_name(f"{self.name}.table", self.table)
        buckets = self.num_hash_buckets
        if buckets is None and self.is_fingerprinted:
            field = "num_hashes" if self.num_hashes > 1 else "table"
            raise InputError(
                f"{self.name}.{field}",
                received=f"{getattr(self, field)!r} without `num_hash_buckets`",
                expected="it for hashed vocabularies alone",
            )
        if buckets is not None and buckets > MOST_BUCKETS:
            raise InputError(
                f"{self.name}.num_hash_buckets",
                received=buckets,
                expected=f"at most {MOST_BUCKETS}",
            )

    def _check_openness(self) -> None:
        if self.capacity is None:
            if self.max_age is not None:
                raise InputError(
                    f"{self.name}.max_age",
                    received=f"{self.max_age} without `capacity`",
                    expected="it for open vocabularies alone",
                )
            return
        if self.max_size not in (None, self.capacity):
            raise InputError(
                f"{self.name}.max_size",
                received=f"{self.max_size} with `capacity={self.capacity}`",
                expected="`capacity` alone",
            )
        # Where it is learnt at once, by `fit` or by Transform, no more are kept.
        object.__setattr__(self, "max_size", self.capacity)


def check_tables(vocabularies: Iterable[Vocabulary], taken: Iterable[str]) -> None:
    """Refuses tables whose vocabularies disagree.

    Args:
        vocabularies: All vocabularies of a schema.
        taken: Names of tables that calendar features have.
    """
    vocabularies = list(vocabularies)
    names = {v.name for v in vocabularies}
    first: dict[str, Vocabulary] = {}
    for vocabulary in vocabularies:
        if vocabulary.table in (names - {vocabulary.name}) | set(taken):
            raise InputError(
                f"{vocabulary.name}.table",
                received=f"{vocabulary.table!r}, the name of another table",
                expected="a name of its own for a table that several share",
            )
        other = first.setdefault(vocabulary.table, vocabulary)
        if other.num_hash_buckets != vocabulary.num_hash_buckets:
            raise InputError(
                f"{vocabulary.name}.num_hash_buckets",
                received=f"{vocabulary.num_hash_buckets} in table {other.table!r}",
                expected=f"{other.num_hash_buckets}, as {other.name!r} says",
                hint="Vocabularies of one table share all of its rows.",
            )
