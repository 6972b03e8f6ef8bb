"""A schema says where it is written what is wrong with it."""

from __future__ import annotations

import pandera.polars as pa
import pytest

from propload.errors import ConfigError
from propload.schemas import RowSchema
from propload.target import TableName, Target

MODEL = pa.DataFrameSchema({"id": pa.Column(int)})
HOMES = TableName("public", "homes")


@pytest.mark.parametrize("given", ["homes", HOMES, {"table": "homes"}])
def test_the_target_of_a_schema_is_a_target(given):
    """A load with such a schema ended in an AttributeError."""
    with pytest.raises(ConfigError, match=r"^target_defaults: .* is no Target: "):
        RowSchema("home", MODEL, given)


@pytest.mark.parametrize(
    ("key", "given"),
    [
        (("id",), {"mode": "insert-new"}),
        (("id",), {"mode": "append"}),
        ((), {"mode": "replace"}),
        (("id",), {"on_new_columns": "add"}),
    ],
)
def test_what_a_load_would_not_take_from_a_schema_is_refused(key, given):
    """With `mode="insert-new"` stored rows were overwritten all the same."""
    [(name, word)] = given.items()
    told = f"^target_defaults: {name} '{word}' would have no effect in a schema: leave"
    with pytest.raises(ConfigError, match=told):
        RowSchema("home", MODEL, Target(HOMES, key, **given))


def test_a_schema_without_a_key_may_have_a_table():
    target = Target(HOMES, mode="append")
    assert RowSchema("home", MODEL, target).target_defaults is target


def test_the_types_of_a_schema_have_names():
    with pytest.raises(ConfigError, match=r"^pg_types: a str has no names"):
        RowSchema("home", MODEL, None, "jsonb")


def test_a_schema_needs_no_target():
    assert RowSchema("home", MODEL).target_defaults is None
    target = Target(HOMES, ("id",))
    assert RowSchema("home", MODEL, target, {"id": "int"}).target_defaults is target
