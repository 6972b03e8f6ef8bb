"""The steps of prepare: every row comes out once, either cast or with its reasons."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandera.polars as pa
import polars as pl
import pytest

from propload.batch import ROW, Sifted, no_reasons
from propload.errors import ConfigError, CountsError
from propload.prepare.checks.validation import load_schema
from propload.prepare.mapping import MapContext, load_mapping
from propload.prepare.preparing import Preparer
from tests.unit.prepare.prepared import Home, layers_of, plan_of, ready


def raw_of(**columns):
    return pl.DataFrame(columns).with_row_index(ROW)


def test_new_table_gets_guessed_types_that_later_values_must_fit():
    first = raw_of(id=["1", "2"], zip=["0123", "4567"], day=["2024-01-01", None])
    preparer = ready(Preparer(key=("id",)), first, untyped=True)
    assert preparer.schema == {"id": pl.Int64(), "zip": pl.String(), "day": pl.Date()}
    assert preparer.inferred == {"id": pl.Int64(), "day": pl.Date()}
    later = raw_of(
        id=["007", "8", "9"],
        zip=["1", "2", "3"],
        day=["x", "2024-01-02", "2024-01-02 00:00"],
    )
    prepared = preparer.prepare(later)
    assert prepared.lanes[0].layers[0].rows() == [(1, 8, "2", dt.date(2024, 1, 2))]
    reported = (
        prepared.reasons.select(ROW, "column", "value").sort(ROW, "column").rows()
    )
    assert reported == [
        (0, "day", "x"),
        (0, "id", "007"),
        (2, "day", "2024-01-02 00:00"),
    ]


def test_types_of_a_stored_table_override_guesses():
    raw = raw_of(id=["007"], amount=["1.50"], new=["5"])
    fitted = Preparer().fit(raw, untyped=True, stored=("id", "amount"))
    assert fitted.schema == {
        "id": pl.String(),
        "amount": pl.String(),
        "new": pl.Int64(),
    }
    preparer = fitted.with_plan(plan_of(fitted.schema, id=pl.Int64()))
    [[layer]] = layers_of(preparer.prepare(raw))
    assert layer.rows() == [(0, 7, "1.50", 5)]


def test_types_of_a_typed_source_are_not_guessed():
    assert Preparer().fit(raw_of(a=["1"])).schema == {"a": pl.String()}


def test_schema_types_its_columns_and_plan_overrides_types():
    checker = load_schema(Home)
    raw = raw_of(id=["a", "b", "c"], price=["1", "-1", "x"], more=["1", "2", "y"])
    preparer = ready(
        Preparer(checker=checker),
        raw,
        untyped=True,
        price=pl.Float64(),
        more=pl.Int16(),
    )
    assert preparer.schema == {
        "id": pl.String(),
        "price": pl.Int32(),
        "more": pl.String(),
    }
    prepared = preparer.prepare(raw)
    [[layer]] = layers_of(prepared)
    assert layer.rows() == [(0, "a", 1.0, 1)]
    reported = (
        prepared.reasons.select(ROW, "stage", "column").sort(ROW, "column").rows()
    )
    assert reported == [(1, "check", "price"), (2, "map", "more"), (2, "map", "price")]


def test_rows_with_warnings_are_counted_and_loaded():
    raw = raw_of(id=["a", "b"], price=[10, 90])
    prepared = ready(Preparer(checker=load_schema(Home)), raw).prepare(raw)
    assert prepared.lanes[0].layers[0].height == 2
    assert prepared.warnings is not None
    assert prepared.warnings.select("check", "rows").rows() == [("usual", 1)]


def test_mapping_is_applied_first_with_its_context():
    mapping = load_mapping(
        {"id": "Link", "price": {"parse": "integer"}, "seen": {"context": "as_of"}}
    )
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    raw = raw_of(Link=["a", "b", "a"], price=["€ 1.000", "ask", "€ 2.000"])
    preparer = Preparer(mapping=mapping, context=MapContext(moment), key=("id",))
    prepared = ready(preparer, raw, untyped=True).prepare(raw)
    assert prepared.lanes[0].layers[0].rows() == [(2, "a", 2000, moment)]
    assert prepared.duplicates == 1
    assert prepared.reasons.select(ROW, "check").rows() == [(1, "integer")]


def test_null_key_is_rejected():
    raw = raw_of(id=["a", None], x=[1, 2])
    prepared = ready(Preparer(key=("id",)), raw).prepare(raw)
    assert prepared.reasons.select(ROW, "column", "check").rows() == [(1, "id", "key")]


@pytest.mark.parametrize("settings_", [{"key": ("url",)}, {"newest": "url"}])
def test_error_names_a_missing_key_or_newest_column(settings_):
    with pytest.raises(ConfigError, match="column url is needed"):
        Preparer(**settings_).fit(raw_of(id=["a"]))


def test_message_shortens_columns_and_suggests_the_one_meant():
    raw = raw_of(url=["a"], **{f"some column {n}": ["a"] for n in range(1_000)})
    with pytest.raises(ConfigError, match=r"and 981 more; did you mean 'url'\?"):
        Preparer(key=("urls",)).fit(raw)


def test_columns_without_a_plan_are_left_out():
    raw = raw_of(a=[1], b=[2])
    fitted = Preparer().fit(raw)
    preparer = fitted.with_plan(plan_of({"b": pl.Int64()}))
    assert preparer.prepare(raw).lanes[0].layers[0].columns == [ROW, "b"]


def test_empty_frame_gives_an_empty_layer_per_lane():
    raw = raw_of(id=["a"], price=[1])
    preparer = ready(Preparer(checker=load_schema(Home), key=("id",), lanes=3), raw)
    prepared = preparer.prepare(raw.clear())
    assert [layer.height for (layer,) in layers_of(prepared)] == [0, 0, 0]
    assert prepared.reasons.is_empty()


def test_key_is_never_guessed_to_be_a_float():
    raw = raw_of(id=["1.1", "1.10"], size=["1.1", "1.10"])
    fitted = Preparer(key=("id",)).fit(raw, untyped=True)
    assert fitted.schema == {"id": pl.String(), "size": pl.Float64()}
    assert fitted.inferred == {"size": pl.Float64()}


def test_rows_without_key_column_are_rejected_if_the_table_has_it():
    raw = raw_of(name=["x", "y"])
    with pytest.raises(ConfigError, match="columns id, seen are needed"):
        Preparer(key=("id",), newest="seen").fit(raw)
    table = ["id", "name", "seen"]
    fitted = Preparer(key=("id",), newest="seen").fit(raw, stored=table, lenient=True)
    prepared = fitted.with_plan(plan_of(fitted.schema)).prepare(raw)
    assert prepared.reasons.select("column", "check").unique().rows() == [("id", "key")]
    assert prepared.reasons[ROW].to_list() == [0, 1]


def test_key_in_neither_rows_nor_table_is_refused():
    raw = raw_of(id=["x", "y"])
    message = r"column idd is needed .* of the rows: id; did you mean 'id'\?"
    with pytest.raises(ConfigError, match=message):
        Preparer(key=("idd",)).fit(raw, stored=["id", "name"], lenient=True)


def test_error_suggests_a_mapping_if_there_is_only_a_schema():
    raw = raw_of(nr=["x"], price=[1])
    with pytest.raises(ConfigError, match=r"column id is needed .*\(--mapping\)"):
        Preparer(key=("id",), checker=load_schema(Home)).fit(raw)
    with pytest.raises(ConfigError, match=r"column id is needed .* nr, price$"):
        Preparer(key=("id",)).fit(raw)


def test_column_filtered_by_the_schema_is_not_written():
    class Narrow(Home):
        class Config:
            strict = "filter"

    raw = raw_of(id=["a"], price=[1], other=["kept by the table"])
    preparer = ready(Preparer(checker=load_schema(Narrow), key=("id",)), raw)
    assert list(preparer.schema) == ["id", "price"]
    assert preparer.prepare(raw).lanes[0].layers[0].columns == [ROW, "id", "price"]


def test_columns_added_by_the_schema_are_written():
    class Wide(Home):
        kind: pl.String = pa.Field(default="house")

        class Config:
            add_missing_columns = True

    raw = raw_of(id=["a"], price=[1])
    preparer = ready(Preparer(checker=load_schema(Wide), key=("id",)), raw)
    assert preparer.prepare(raw).lanes[0].layers[0].rows() == [(0, "a", 1, "house")]


class Careless:
    """A mapping that drops or doubles rows without a reason."""

    def __init__(self, kept):
        self.kept = kept

    def apply(self, frame, _context, /):
        return Sifted(self.kept(frame), no_reasons())


@pytest.mark.parametrize(
    "kept",
    [lambda rows: rows[1:], lambda rows: rows.vstack(rows[:1])],
    ids=["loses", "doubles"],
)
def test_mapping_that_loses_or_doubles_rows_is_refused(kept):
    raw = raw_of(id=["1", "2", "3"])
    preparer = replace(ready(Preparer(key=("id",)), raw), mapping=Careless(kept))
    with pytest.raises(CountsError, match="the mapping was given 3 rows and returned"):
        preparer.prepare(raw)


class Dropping(pa.DataFrameModel):
    id: pl.String = pa.Field(isin=["1", "3"])

    class Config:
        drop_invalid_rows = True


def test_rows_dropped_by_the_schema_have_reasons():
    raw = raw_of(id=["1", "2", "3"])
    preparer = ready(Preparer(checker=load_schema(Dropping), key=("id",)), raw)
    prepared = preparer.prepare(raw)
    assert prepared.reasons["value"].to_list() == ["2"]
    assert prepared.lanes[0].layers[0]["id"].to_list() == ["1", "3"]
