"""Tests of `tfctr.data.write_vectors` and `read_vectors`."""

import numpy as np
import pytest

from tests.data.modal_vectors_test import STATE
from tfctr.data import read_vectors, vectors_by_row, write_vectors
from tfctr.data.vector_files import FILES
from tfctr.errors import InputError

VECTORS = np.arange(8, dtype="float16").reshape(4, 2)


def test_vectors_are_read_where_they_lie(tmp_path):
    folder = tmp_path / "new" / "plots"
    write_vectors(folder, [5, 9, 7, 11], VECTORS + 1)
    write_vectors(folder, [5, 9, 7, 11], VECTORS)
    ids, vectors = read_vectors(folder)
    assert isinstance(vectors, np.memmap)
    assert (vectors.dtype, ids.tolist()) == ("float16", ["5", "9", "7", "11"])
    np.testing.assert_array_equal(vectors, VECTORS)
    assert [path.name for path in folder.parent.iterdir()] == ["plots"]
    np.testing.assert_array_equal(
        vectors_by_row(STATE, ids, vectors),
        vectors_by_row(STATE, [5, 9, 7, 11], VECTORS),
    )


@pytest.mark.parametrize(
    ("ids", "vectors", "text"),
    [
        ([5, 7], VECTORS, r"`vectors`: received shape \(4, 2\) for 2 ids"),
        ([], VECTORS[:0], r"`vectors`: received shape \(0, 2\) for 0 ids"),
        ([5, 7, "5", 3], VECTORS, "`ids`: received an item twice"),
        ([5, 7], [[1, 2], [np.nan, 1]], "NaN or infinity in the vector of item 7"),
    ],
)
def test_nothing_is_written_of_vectors_that_are_refused(ids, vectors, text, tmp_path):
    with pytest.raises(InputError, match=text):
        write_vectors(tmp_path / "plots", ids, vectors)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_vectors_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"`folder`: received .*write_vectors"):
        read_vectors(tmp_path)
    write_vectors(tmp_path / "plots", [5, 9, 7, 11], VECTORS)
    (tmp_path / "plots" / FILES[1]).write_bytes(b"cut")
    with pytest.raises(InputError, match="`folder`: received"):
        read_vectors(tmp_path / "plots")
