"""Checks with pandera: all reasons of each row, and errors about all rows."""

from __future__ import annotations

import sys

import pandera.polars as pa
import polars as pl
import pytest
from pandera.api.parsers import Parser

from propload.batch import REASONS, ROW
from propload.errors import ConfigError, SchemaMismatchError
from propload.prepare.casting.row_casting import VALUE_LENGTH
from propload.prepare.checks.validation import WARNINGS, load_schema
from propload.schemas import RowSchema
from propload.target import TableName, Target


class Home(pa.DataFrameModel):
    id: pl.String
    price: pl.Int64 = pa.Field(ge=1, le=100)
    status: pl.String | None = pa.Field(nullable=True, isin=["open", "sold"])

    @pa.check("price")
    def even(cls, rows):  # noqa: N805 - pandera hands over the class
        return rows.lazyframe.select(pl.col(rows.key) % 2 == 0)

    @pa.dataframe_check(
        statistics={"columns": ("price", "status")}, error="sold for too little"
    )
    def sold_well(cls, rows):  # noqa: N805 - pandera hands over the class
        return rows.lazyframe.select(
            (pl.col("status") != "sold") | (pl.col("price") > 10)
        )

    @pa.check("price", raise_warning=True)
    def usual(cls, rows):  # noqa: N805 - pandera hands over the class
        return rows.lazyframe.select(pl.col(rows.key) < 50)

    @pa.dataframe_check(raise_warning=True, error="open and dear")
    def open_and_dear(cls, rows):  # noqa: N805 - pandera hands over the class
        return rows.lazyframe.select(
            (pl.col("status") != "open") | (pl.col("price") < 90)
        )


def rows_of(**columns):
    return pl.DataFrame(columns).with_row_index(ROW)


HOMES = {
    "id": ["a", "b", "c", None, "e", "f"],
    "price": [2, 4, -3, 8, None, 98],
    "status": ["open", "sold", "gone", None, "open", "open"],
}


def test_all_reasons_of_a_row_are_reported():
    good, reasons = load_schema(Home).check(rows_of(**HOMES))
    assert good["id"].to_list() == ["a", "f"]
    assert reasons.schema == REASONS
    reported = (
        reasons.select(ROW, "column", "check", "value")
        .sort(ROW, "column", "check")
        .rows()
    )
    assert reported == [
        (1, "price, status", "sold_well", '{"price": 4, "status": "sold"}'),
        (2, "price", "even", "-3"),
        (2, "price", "greater_than_or_equal_to(1)", "-3"),
        (2, "status", "isin(['open', 'sold'])", "gone"),
        (3, "id", "not_nullable", None),
        (4, "price", "not_nullable", None),
    ]
    assert set(reasons["stage"]) == {"check"}
    messages = dict(zip(reasons["check"], reasons["message"], strict=True))
    assert messages["sold_well"] == "sold for too little"
    at_least = "greater_than_or_equal_to(1)"
    assert messages[at_least] == f"column price: '-3' fails {at_least}"
    assert messages["not_nullable"] == "column price: is null"


def test_warnings_are_counted_and_reject_no_row():
    checker = load_schema(Home)
    good, _ = checker.check(rows_of(**HOMES))
    warnings = checker.warnings(good)
    assert warnings.schema == WARNINGS
    assert sorted(warnings.select("check", "rows").rows()) == [
        ("open_and_dear", 1),
        ("usual", 1),
    ]
    assert checker.warnings(good.head(1)).is_empty()
    assert checker.warnings(good.clear()).is_empty()


def test_valid_rows_pass_unchanged():
    frame = rows_of(id=["a"], price=[2], status=["open"])
    good, reasons = load_schema(Home).check(frame)
    assert good.equals(frame)
    assert reasons.is_empty()


def test_types_are_available_for_the_cast_before_the_check():
    checker = load_schema(Home)
    assert checker.columns == {
        "id": pl.String(),
        "price": pl.Int64(),
        "status": pl.String(),
    }
    assert checker.types(["price", "other"]) == {"price": pl.Int64()}


def test_pattern_columns_have_types():
    schema = pa.DataFrameSchema(
        {"^n_.+$": pa.Column(pl.Int32, pa.Check.ge(0), regex=True)}
    )
    checker = load_schema(schema)
    assert checker.types(["n_a", "m"]) == {"n_a": pl.Int32()}
    frame = rows_of(n_a=[1, -1]).cast({"n_a": pl.Int32})
    assert checker.check(frame).reasons.select("column", "value").rows() == [
        ("n_a", "-1")
    ]


def test_message_shortens_a_long_list_of_columns():
    many = rows_of(**{f"c{n}": ["a"] for n in range(1_000)})
    with pytest.raises(SchemaMismatchError, match="and 980 more: map a column"):
        load_schema(Home).check(many)
    strict = pa.DataFrameSchema({"c0": pa.Column(pl.String)}, strict=True)
    with pytest.raises(SchemaMismatchError, match="and 979 more: leave such columns"):
        load_schema(strict).check(many)


def test_missing_column_or_wrong_type_fails_all_rows():
    checker = load_schema(Home)
    with pytest.raises(
        SchemaMismatchError, match="requires column id, price; the rows have status"
    ):
        checker.check(rows_of(status=["open"]))
    with pytest.raises(
        SchemaMismatchError, match=r"the rows as a whole do not fit.*price"
    ):
        checker.check(rows_of(id=["a"], price=["1"], status=["open"]))


def test_optional_column_may_be_missing():
    class Loose(pa.DataFrameModel):
        a: pl.Int64
        b: pl.Int64 | None = pa.Field(ge=0)

    checker = load_schema(Loose)
    assert checker.check(rows_of(a=[1])).reasons.is_empty()
    assert checker.check(rows_of(a=[1], b=[-1])).reasons.height == 1


def test_check_of_the_whole_frame_fails_all_rows():
    class Whole(pa.DataFrameModel):
        a: pl.Int64

        @pa.dataframe_check
        def few(cls, rows):  # noqa: N805 - pandera hands over the class
            return rows.lazyframe.select(pl.col("a").sum() < 3)

    checker = load_schema(Whole)
    assert checker.check(rows_of(a=[1, 1])).reasons.is_empty()
    with pytest.raises(SchemaMismatchError, match="as a whole"):
        checker.check(rows_of(a=[2, 2]))


def test_message_of_row_check_is_its_error_or_its_name():
    class Priced(pa.DataFrameModel):
        price: pl.Int64
        area: pl.Int64

        @pa.dataframe_check
        def affordable(cls, rows):  # noqa: N805 - pandera hands over the class
            return rows.lazyframe.select(pl.col("price") < 10 * pl.col("area"))

        @pa.dataframe_check(error="no home is that small")
        def roomy(cls, rows):  # noqa: N805 - pandera hands over the class
            return rows.lazyframe.select(pl.col("area") > 5)

    reasons = load_schema(Priced).check(rows_of(price=[90], area=[1])).reasons
    assert set(reasons["message"]) == {
        "the row fails affordable",
        "no home is that small",
    }


def test_check_that_raises_fails_all_rows():
    class Broken(pa.DataFrameModel):
        a: pl.Int64

        @pa.check("a")
        def broken(cls, rows):  # noqa: N805 - pandera hands over the class
            msg = "no such thing"
            raise ValueError(msg)

    with pytest.raises(SchemaMismatchError, match="no such thing"):
        load_schema(Broken).check(rows_of(a=[1]))


def test_strict_schema_refuses_other_columns():
    schema = pa.DataFrameSchema({"a": pa.Column(pl.Int64)}, strict=True)
    checker = load_schema(schema)
    assert checker.check(rows_of(a=[1])).frame.columns == [ROW, "a"]
    message = "schema without a name is strict and does not name column b: leave"
    with pytest.raises(SchemaMismatchError, match=message):
        checker.check(rows_of(a=[1], b=[2]))
    pattern = {"^c_": pa.Column(pl.Int64, regex=True), "^d.*$": pa.Column(regex=True)}
    schema = pa.DataFrameSchema(pattern, strict=True, name="mine")
    with pytest.raises(
        SchemaMismatchError, match=r"schema mine is strict.*column c_1:"
    ):
        load_schema(schema).check(rows_of(c_1=[1], d1=[2]))


def test_check_unfit_for_its_column_raises():
    for check in (pa.Check.isin([1, "x"]), pa.Check.gt("x"), pa.Check.str_matches("x")):
        schema = pa.DataFrameSchema({"a": pa.Column(pl.Int64, check)})
        with pytest.raises(SchemaMismatchError, match="do not fit"):
            load_schema(schema).check(rows_of(a=[1, 2]))


@pytest.mark.parametrize("bare", [pl.List, pl.Struct])
def test_message_for_untyped_list_or_struct_says_how_to_type_it(bare):
    schema = pa.DataFrameSchema({"v": pa.Column(bare)})
    name = bare.__name__
    message = rf"type {name}, got String; say in .* inside, such as pl\.{name}\("
    with pytest.raises(SchemaMismatchError, match=message):
        load_schema(schema).check(rows_of(v=["[1]"]))


def test_failure_inside_pandera_names_the_schema():
    long = pa.Check(lambda it: it.lazyframe.select(pl.col(it.key).list.len() > 5))
    lists = {"a": pa.Column(pl.List(pl.Int64), long)}
    frame = rows_of(a=[[1], [2]])
    for more in ({"^z$": pa.Column(regex=True)}, {"^a.*$": pa.Column(regex=True)}):
        schema = pa.DataFrameSchema({**lists, **more}, name="mine")
        with pytest.raises(SchemaMismatchError, match="schema mine: the rows as a"):
            load_schema(schema).check(frame)


def test_message_says_that_a_check_has_no_name():
    positive = pa.Check(lambda it: it.lazyframe.select(pl.col(it.key) > 0))
    schema = pa.DataFrameSchema({"a": pa.Column(pl.Int64, positive)})
    good, reasons = load_schema(schema).check(rows_of(a=[1, -2]))
    assert good["a"].to_list() == [1]
    [message] = reasons["message"]
    assert message == "column a: '-2' fails a check without a name"


def test_message_shortens_a_long_value():
    short = pa.DataFrameSchema({"a": pa.Column(pl.String, pa.Check.str_length(0, 9))})
    _, reasons = load_schema(short).check(rows_of(a=["x" * 300, "{}", "y" * 10]))
    shown = ["x" * VALUE_LENGTH, "y" * 10]
    assert reasons["value"].to_list() == shown
    assert [one.split("'")[1] for one in reasons["message"]] == shown


def test_message_for_null_shows_no_value():
    known = pa.Check(
        lambda it: it.lazyframe.select(pl.col(it.key).is_not_null()),
        name="known",
        ignore_na=False,
    )
    schema = pa.DataFrameSchema({"a": pa.Column(pl.Int64, known, nullable=True)})
    _, reasons = load_schema(schema).check(rows_of(a=[1, None]))
    assert reasons["message"].to_list() == ["column a: fails known"]


def test_default_values_are_filled_in():
    schema = pa.DataFrameSchema(
        {
            "a": pa.Column(pl.Int64, pa.Check.ge(0), default=7),
            "b": pa.Column(pl.String, default="x"),
        },
        add_missing_columns=True,
        strict="filter",
    )
    frame = rows_of(a=[1, None, -1], other=[0, 0, 0])
    good, reasons = load_schema(schema).check(frame)
    assert good.select(ROW, "a", "b").rows() == [(0, 1, "x"), (1, 7, "x")]
    assert "other" not in good.columns
    assert reasons[ROW].to_list() == [2]


def test_uniqueness_is_not_checked_within_a_batch():
    class Unique(pa.DataFrameModel):
        a: pl.Int64 = pa.Field(unique=True)
        b: pl.Int64

        class Config:
            unique = ["b"]  # noqa: RUF012 - as pandera wants it

    assert load_schema(Unique).check(rows_of(a=[1, 1], b=[1, 1])).reasons.is_empty()


def test_pandera_cannot_be_switched_off_by_the_environment(monkeypatch):
    from pandera.config import ValidationDepth, config_context

    with config_context(
        validation_enabled=False, validation_depth=ValidationDepth.SCHEMA_ONLY
    ):
        assert load_schema(Home).check(rows_of(**HOMES)).frame.height == 2


def test_loaded_schema_is_not_modified():
    schema = Home.to_schema()
    load_schema(schema).check(rows_of(**HOMES))
    assert [check.raise_warning for check in schema.columns["price"].checks] == [
        False,
        False,
        False,
        True,
    ]
    assert all(check.n_failure_cases is None for check in schema.checks)


def test_registered_schema_brings_its_target():
    target = Target(TableName("public", "homes"), ("id",))
    checker = load_schema(RowSchema("home", Home, target, {"status": "text"}))
    assert checker.name == "home"
    assert checker.target_defaults == target
    assert checker.pg_types == {"status": "text"}
    listing = load_schema("propload.schemas.listing:LISTING")
    assert listing.target_defaults is not None
    assert listing.target_defaults.key == ("source", "listing_id")


def test_schema_is_found_by_module_and_name(tmp_path, monkeypatch):
    text = "import pandera.polars as pa\nclass Mine(pa.DataFrameModel):\n    a: int\n"
    (tmp_path / "my_schemas.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_schema("my_schemas:Mine").columns == {"a": pl.Int64()}
    sys.modules.pop("my_schemas")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nothing-registered", "there is no schema .nothing-registered."),
        ("no_such_module:X", "cannot be imported"),
        ("json:nothing", "cannot be imported"),
        ("my-schemas:X", "does not name an object of a module: use MODULE:NAME"),
        ("json:dumps", "not a pandera schema for Polars"),
        (object(), "not a pandera schema for Polars"),
    ],
)
def test_unknown_schema_is_a_config_error(spec, message):
    with pytest.raises(ConfigError, match=message):
        load_schema(spec)


@pytest.mark.parametrize("level", ["schema", "column"])
def test_parsers_that_pandera_does_not_run_are_refused(level):
    schema = pa.DataFrameSchema({"a": pa.Column(pl.Int64)}, name="homes")
    parsers = [Parser(lambda rows: rows)]
    if level == "schema":
        schema.parsers = parsers
    else:
        schema.columns["a"].parsers = parsers
    with pytest.raises(ConfigError, match=r"homes has parsers.*mapping"):
        load_schema(schema)


def test_optional_column_is_not_added():
    schema = pa.DataFrameSchema(
        {
            "a": pa.Column(pl.Int64),
            "b": pa.Column(pl.String, nullable=True),
            "c": pa.Column(pl.String, required=False, nullable=True),
        },
        add_missing_columns=True,
    )
    checker = load_schema(schema)
    shape = checker.shape(pl.Schema({"a": pl.Int64()}))
    frame = checker.check(pl.DataFrame({ROW: [0], "a": [1]})).frame.drop(ROW)
    assert frame.columns == list(shape) == ["a", "b"]
