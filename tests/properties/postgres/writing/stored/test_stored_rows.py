"""What is sent of a load makes the table that all of it would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from propload.postgres.writing.stored.stored_rows import LEAST_ROWS, StoredRows
from tests.unit.postgres.writing.stored_table import HASHER, StoredTable, layer_of


def _all(rows):
    return rows.height


pieces = st.lists(
    st.dictionaries(st.integers(0, 14), st.sampled_from(["a", "b"]), min_size=1),
    min_size=1,
    max_size=6,
)


@given(
    held=st.dictionaries(st.integers(0, 14), st.sampled_from(["a", "b"])), pieces=pieces
)
def test_what_is_sent_makes_the_table_that_all_rows_would(held, pieces):
    stored, table = StoredRows(HASHER, lambda: LEAST_ROWS), StoredTable([dict(held)])
    written, unchanged = dict(held), 0
    for piece in pieces:
        left, same = stored.drop_unchanged(
            table, (layer_of(piece),), None, count_stored=_all
        )
        written |= dict(left[0].select("k", "v").iter_rows())
        unchanged += same
    expected = dict(held)
    for piece in pieces:
        expected |= piece
    assert written == expected
    assert unchanged <= sum(map(len, pieces))
