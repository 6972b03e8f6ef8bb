"""How rows fit a table: what travels, what is new, what is wrong."""

import polars as pl
import pytest

from propload.errors import SchemaMismatchError
from propload.postgres.tables.facts import TableColumn, TableFacts
from propload.postgres.tables.row_plan import plan_rows
from propload.target import TableName, Target

TABLE = TableName("public", "t")
COLUMNS = (
    TableColumn("a", "bigint", "int8"),
    TableColumn("b", "bigint", "int8", nullable=False),
    TableColumn("c", "bigint", "int8"),
)
#: What happens to the new column, and whether it is told as a fault.
NEW_COLUMNS = {"refuse": True, "add": False, "ignore": False}


def plan(schema, *, empty=False, **rules):
    facts = TableFacts(TABLE, COLUMNS, empty=empty)
    return plan_rows(schema, facts, Target(TABLE, ("a",), **rules))


def test_plans_keep_the_order_of_the_frame():
    schema = {"c": pl.Int8(), "propload_row": pl.UInt32(), "a": pl.String()}
    found = plan(schema)
    assert [step.column for step in found.columns] == ["c", "a"]
    assert {step.dtype for step in found.columns} == {pl.Int64()}
    assert {step.transfer_format for step in found.columns} == {"copy"}
    assert (found.new, found.unknown, found.faults) == ({}, None, ())


@pytest.mark.parametrize("on_new_columns", NEW_COLUMNS)
def test_a_new_column_is_a_fault_only_where_it_is_refused(on_new_columns):
    found = plan({"a": pl.Int8(), "d": pl.Int8()}, on_new_columns=on_new_columns)
    assert found.new == {"d": pl.Int8()}
    assert [step.column for step in found.columns] == ["a"]
    assert (found.unknown is not None) == NEW_COLUMNS[on_new_columns]
    if found.unknown is None:
        found.require_fit()
        return
    with pytest.raises(
        SchemaMismatchError, match=r"column d is not in the table public\.t"
    ):
        found.require_fit()


@pytest.mark.parametrize(
    ("given", "stored"), [("Fla\u0308che", "Fläche"), ("Netto\u00a0m", "Netto m")]
)
def test_a_name_that_looks_like_one_of_the_table_is_told_with_its_characters(
    given, stored
):
    facts = TableFacts(TABLE, (TableColumn(stored, "bigint", "int8"),))
    told = plan_rows({given: pl.Int8()}, facts, Target(TABLE, mode="append")).unknown
    assert f"{given} (did you mean {stored}? " in told
    assert f"here it is {given!a}, there {stored!a})" in told


def test_a_needed_column_may_lack_where_rows_are_parts_of_stored_ones():
    schema = {"a": pl.Int8()}
    assert plan(schema).faults == ()
    for told in (plan(schema, empty=True), plan(schema, mode="append")):
        assert ["column b is NOT NULL" in fault for fault in told.faults] == [True]


def test_needed_columns_that_lack_are_told_with_their_table():
    (told,) = plan({"a": pl.Int8()}, mode="append").faults
    assert told.startswith("column b is NOT NULL and has no default in public.t, ")
    assert told.endswith("supply it, or set a default in the table")


def test_every_fault_is_told_at_once():
    found = plan({"a": pl.Binary(), "d": pl.Int8()}, mode="append")
    told = r"column d .*; column a .*; column b "
    with pytest.raises(SchemaMismatchError, match=told):
        found.require_fit()


@pytest.mark.parametrize("on_new_columns", NEW_COLUMNS)
def test_what_orders_versions_is_not_left_out(on_new_columns):
    schema = {"a": pl.Int8(), "d": pl.Int8()}
    found = plan(schema, newest="d", on_new_columns=on_new_columns)
    told = [fault for fault in found.faults if "column d orders the versions" in fault]
    assert bool(told) == (on_new_columns == "ignore")
