from __future__ import annotations

import polars as pl
import pytest

from propload.postgres.connection import ServerError, connect


def test_copy_returns_rows_and_keeps_values(connection):
    frame = pl.DataFrame({"a": [1, 2, None], "b": ["x", None, "z"]})
    connection.execute("CREATE TABLE t (a bigint, b text)")
    assert connection.copy("t", frame, namespace="public") == 3
    connection.commit()
    assert connection.frame("SELECT * FROM t").equals(frame)
