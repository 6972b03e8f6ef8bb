"""Rows wider than a page are rejected, most of them without trying to write them."""

from __future__ import annotations

import polars as pl
import pytest

from propload.batch import ROW
from propload.postgres.session.connection import Connection
from tests.integration.postgres.writing import counts, target_with, write
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("width", "text", "max_copies"),
    [(1_000, "x" * 10, 4), (1_000, "x" * 2_000, 4), (600, "0123456789abcdef" * 2, 30)],
    ids=["short", "compressed", "perhaps stored elsewhere"],
)
def test_rows_wider_than_a_page_are_found_without_copying_each(
    database, state_dir, monkeypatch, width, text, max_copies
):
    copy, copies = Connection.copy, []

    def counted(self, table, rows, /, **place):
        copies.append(rows.height)
        return copy(self, table, rows, **place)

    monkeypatch.setattr(Connection, "copy", counted)
    names = [f"c{number}" for number in range(width)]
    columns = ", ".join(f"{name} text" for name in names)
    run_sql(database, f"CREATE TABLE t (k bigint PRIMARY KEY, {columns})")
    texts = [text if row % 3 else "x" for row in range(12)]
    frame = pl.DataFrame({"k": range(12), **dict.fromkeys(names, texts)})
    [done] = write(database, target_with(), state_dir, frame)
    assert counts([done]) == [(4, 0, 0, 0)]
    wide = [row for row in range(12) if row % 3]
    assert done.reasons.select(ROW, "check").rows() == [
        (row, "too_large") for row in wide
    ]
    stored = query(database, "SELECT k FROM t ORDER BY k")
    assert stored == [(0,), (3,), (6,), (9,)]
    assert len(copies) <= max_copies
