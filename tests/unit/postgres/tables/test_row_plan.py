"""How rows fit a table: which columns are sent, new or wrong."""

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
#: What is done with a new column, and whether it is a fault.
NEW_COLUMNS = {"refuse": True, "add": False, "ignore": False}


def plan(schema, *, empty=False, **rules):
    facts = TableFacts(TABLE, COLUMNS, empty=empty)
    return plan_rows(schema, facts, Target(TABLE, ("a",), **rules))


def test_plan_keeps_the_column_order_of_the_frame():
    schema = {"c": pl.Int8(), "propload_row": pl.UInt32(), "a": pl.String()}
    found = plan(schema)
    assert [step.column for step in found.columns] == ["c", "a"]
    assert {step.dtype for step in found.columns} == {pl.Int64()}
    assert {step.transfer_format for step in found.columns} == {"copy"}
    assert (found.new, found.unknown, found.faults) == ({}, None, ())


@pytest.mark.parametrize("on_new_columns", NEW_COLUMNS)
def test_new_column_is_a_fault_only_if_it_is_refused(on_new_columns):
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
    ("name", "stored"), [("Fla\u0308che", "Fläche"), ("Netto\u00a0m", "Netto m")]
)
def test_message_shows_characters_of_a_name_that_looks_the_same(name, stored):
    facts = TableFacts(TABLE, (TableColumn(stored, "bigint", "int8"),))
    message = plan_rows({name: pl.Int8()}, facts, Target(TABLE, mode="append")).unknown
    assert f"{name} (did you mean {stored}? " in message
    assert f"here it is {name!a}, there {stored!a})" in message


def test_new_columns_whose_names_hold_commas_are_told_apart():
    schema = {"a": pl.Int8(), "price, net": pl.Int8(), "sold": pl.Int8()}
    told = plan(schema, on_new_columns="refuse").unknown
    assert told.startswith("columns 'price, net', sold are not in the table public.t")


def test_required_column_may_be_missing_in_an_upsert_into_a_filled_table():
    schema = {"a": pl.Int8()}
    assert plan(schema).faults == ()
    for found in (plan(schema, empty=True), plan(schema, mode="append")):
        assert ["column b is NOT NULL" in fault for fault in found.faults] == [True]


def test_fault_names_a_missing_required_column_and_its_table():
    (message,) = plan({"a": pl.Int8()}, mode="append").faults
    assert message.startswith("column b is NOT NULL and has no default in public.t, ")
    assert message.endswith("supply it, or set a default in the table")


def test_error_lists_all_faults_at_once():
    found = plan({"a": pl.Binary(), "d": pl.Int8()}, mode="append")
    message = r"column d .*; column a .*; column b "
    with pytest.raises(SchemaMismatchError, match=message):
        found.require_fit()


@pytest.mark.parametrize("on_new_columns", NEW_COLUMNS)
def test_newest_column_cannot_be_ignored(on_new_columns):
    schema = {"a": pl.Int8(), "d": pl.Int8()}
    found = plan(schema, newest="d", on_new_columns=on_new_columns)
    faults = [
        fault for fault in found.faults if "column d orders the versions" in fault
    ]
    assert bool(faults) == (on_new_columns == "ignore")
