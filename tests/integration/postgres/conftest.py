"""Fixtures: load values into a table with one column, directly or through a stage."""

from __future__ import annotations

import polars as pl
import pytest

from propload.batch import ROW
from propload.postgres.session.connection import connect
from propload.postgres.sql import quoting
from propload.postgres.sql.casts import cast_sql, stage_type
from propload.postgres.tables.catalog import describe
from propload.postgres.tables.row_plan import plan_rows
from propload.prepare.casting.row_casting import cast
from propload.target import TableName, Target

TABLE = TableName("public", "t")
TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'so so');
CREATE DOMAIN price AS numeric(12,2) CHECK (VALUE > 0);
CREATE DOMAIN dearer AS price;
CREATE DOMAIN word AS varchar(3);
CREATE DOMAIN document AS jsonb;
CREATE TYPE pair AS (a int, b text)
"""


class Loader:
    """Loads values into a table with one column `v`, and returns what is stored."""

    def __init__(self, connection):
        self.connection = connection
        for statement in TYPES.split(";"):
            connection.execute(statement)
        connection.commit()

    def plan(self, pg_type, dtype):
        self.connection.execute("DROP TABLE IF EXISTS t")
        self.connection.execute(f"CREATE TABLE t (n serial, v {pg_type})")
        self.connection.commit()
        facts = describe(self.connection, TABLE)
        target = Target(TABLE, mode="append")
        row_plan = plan_rows(pl.Schema({"v": dtype}), facts, target)
        row_plan.require_fit()
        return row_plan.columns

    def load(self, pg_type, values, *, route=None):
        """Return the stored values as text, and the rejected rows."""
        plan = self.plan(pg_type, values.dtype)
        frame = pl.DataFrame({"v": values}).with_row_index(ROW)
        good, reasons = cast(frame, plan)
        rows = good.drop(ROW)
        route = route or ("direct" if plan[0].transfer_format == "copy" else "staged")
        if route == "direct":
            self.connection.copy("t", rows, namespace="public")
        else:
            self.stage(plan, rows)
        self.connection.commit()
        stored = self.connection.rows("SELECT v::text FROM t ORDER BY n")
        return [text for (text,) in stored], reasons

    def stage(self, plan, rows):
        columns = [f"{quoting.name(p.column)} {stage_type(p)}" for p in plan]
        self.connection.execute(f"CREATE TEMP TABLE s ({', '.join(columns)})")
        self.connection.copy("s", rows, temporary=True)
        values = ", ".join(cast_sql(p, f"s.{quoting.name(p.column)}") for p in plan)
        names = quoting.names(p.column for p in plan)
        self.connection.execute(f"INSERT INTO t ({names}) SELECT {values} FROM s")
        self.connection.execute("DROP TABLE s")


@pytest.fixture(scope="module")
def opened_loader(module_database):
    # one session for all tests: starting a backend would be the slowest part of each
    with connect(module_database) as connection:
        yield Loader(connection)


@pytest.fixture
def loader(opened_loader):
    opened_loader.connection.rollback()
    opened_loader.connection.execute("DROP TABLE IF EXISTS t, s")
    opened_loader.connection.commit()
    return opened_loader
