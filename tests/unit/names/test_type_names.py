"""The one name of each type, as users read it."""

from __future__ import annotations

import polars as pl
import pytest

from propload.batch import ROW
from propload.errors import SchemaMismatchError
from propload.names.type_names import create_type, type_name
from propload.prepare.casting.row_casting import Cast, cast_types
from propload.prepare.checks.validation import load_schema
from propload.prepare.preparing import Preparer

NAMES = {
    pl.Int64(): "bigint",
    pl.String(): "text",
    pl.Datetime("ms", "Asia/Tokyo"): "timestamp with time zone",
    pl.Datetime("ns"): "timestamp without time zone",
    pl.Decimal(12, 2): "numeric(12,2)",
    pl.List(pl.Int16()): "smallint[]",
    pl.List(pl.List(pl.Int8())): "jsonb",
    pl.List(pl.Struct({"a": pl.Int8()})): "jsonb",
    pl.Struct({"a": pl.Int8()}): "jsonb",
}


@pytest.mark.parametrize(("dtype", "name"), NAMES.items())
def test_type_is_named_as_it_is_created(dtype, name):
    assert (create_type(dtype), type_name(dtype)) == (name, name)


def test_types_that_postgresql_lacks_are_described():
    assert type_name(pl.Enum(["a", "b"])) == "one of a, b"
    assert (
        type_name(pl.Enum(list("abcdefghijkl")))
        == "one of a, b, c, d, e, f, g, h, i, j, ..."
    )
    assert type_name(pl.UInt8()) == "integer from 0 to 255"
    pair = pl.Array(pl.Decimal(5, 1), 2)
    assert (create_type(pair), type_name(pair)) == ("numeric(5,1)[]", "numeric(5,1)[2]")
    assert type_name(pl.Null()) == "null"
    assert type_name(pl.List(pl.Null())) == "null[]"
    assert type_name(pl.Object()) == "a Python object"
    with pytest.raises(SchemaMismatchError, match="a Python object has no PostgreSQL"):
        create_type(pl.Object())


def test_messages_of_casts_name_types_of_postgresql_not_of_polars():
    pandera = pytest.importorskip("pandera.polars")
    columns = {
        "n": pandera.Column(pl.Int64),
        "at": pandera.Column(pl.Datetime("us")),
        "kind": pandera.Column(pl.Enum(["a", "b"])),
    }
    checker = load_schema(pandera.DataFrameSchema(columns))
    frame = pl.DataFrame({ROW: [0], "n": ["x"], "at": ["y"], "kind": ["z"]})
    frame = frame.with_columns(pl.col(ROW).cast(pl.UInt32))
    reasons = Preparer(checker=checker).fit(frame).validate(frame)[0].reasons
    assert reasons["message"].sort().to_list() == [
        "column at: 'y' cannot be stored exactly as timestamp without time zone",
        "column kind: 'z' cannot be stored exactly as one of a, b",
        "column n: 'x' cannot be stored exactly as bigint",
    ]
    with pytest.raises(SchemaMismatchError, match=r"column n is date, .* to bigint"):
        cast_types(
            pl.DataFrame({ROW: [0], "n": [None]}, {ROW: pl.UInt32, "n": pl.Date}).head(
                1
            ),
            [Cast("n", pl.Int64(), "bigint")],
        )
