"""Which statements a table's shape allows, by the version of the server."""

import polars as pl
import pytest

from propload.postgres.sql import merging
from propload.postgres.tables.facts import TableColumn, TableFacts, Traits
from propload.postgres.tables.shaping import shape_of
from propload.target import ColumnPlan, TableName, Target

TABLE = TableName("public", "t")


def shape_on(version, **traits):
    columns = (TableColumn("k", "bigint", "int8"), TableColumn("v", "text", "text"))
    facts = TableFacts(TABLE, columns=columns, traits=Traits(**traits))
    plan = [
        ColumnPlan("k", pl.Int64(), "copy", "bigint"),
        ColumnPlan("v", pl.String(), "copy", "text"),
    ]
    return shape_of(facts, Target(TABLE, key=("k",)), plan, version=version)


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        (150018, False),
        (160014, False),
        (170006, False),
        (170007, True),
        (180000, False),
        (180001, True),
        (190000, True),
    ],
)
def test_merge_is_used_where_it_judges_the_newest_version_of_a_row(version, supported):
    assert shape_on(version).supports_merge == supported
    assert not shape_on(version, ruled=True).supports_merge


def test_row_updated_by_its_place_must_still_be_the_version_that_was_judged():
    """Servers before November 2025 do not compare the place again after a wait."""
    statement = merging.upsert_by_ctid(shape_on(160002))
    assert "o.xmin AS version" in statement
    assert "t.ctid = j.home AND t.xmin = j.version" in statement
