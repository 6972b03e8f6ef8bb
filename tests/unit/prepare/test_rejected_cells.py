"""Values of rejected rows by column, as far as they can be read."""

import pandera.polars as pa
import polars as pl
import pytest

from propload.batch import ROW, Sifted, reason_lines
from propload.prepare.checks.validation import load_schema
from propload.prepare.mapping import load_mapping
from propload.prepare.preparing import Preparer
from propload.prepare.rejected_cells import refused_cells
from propload.target import ColumnPlan

TYPES = {"id": pl.Int64(), "price": pl.Int32(), "town": pl.String()}
PLAN = tuple(ColumnPlan(name, t, "copy", str(t)) for name, t in TYPES.items())
RULES = {
    "id": {"from": "id", "parse": "integer"},
    "price": {"from": "price", "parse": "integer", "default": 7},
    "town": {"from": "town"},
}


class Home(pa.DataFrameModel):
    id: pl.Int64 = pa.Field(nullable=True)
    price: pl.Int32 = pa.Field(ge=0, nullable=True)
    town: pl.String = pa.Field(nullable=True)


class RejectingFirst:
    """A user's mapping that rejects the first row."""

    def apply(self, frame, _context):
        first = frame.filter(pl.col(ROW) == 0)
        reasons = reason_lines(
            first, stage="map", column=None, check="own", message=pl.lit("no")
        )
        return Sifted(frame.filter(pl.col(ROW) > 0), reasons)


class LengthOfBytes:
    """A schema that turns bytes into their length in the rows that pass."""

    def types(self, _names):
        return {"price": pl.Binary()}

    def shape(self, schema):
        return pl.Schema({**schema, "price": pl.Int32()})

    def check(self, frame):
        first = frame.filter(pl.col(ROW) == 0)
        reasons = reason_lines(
            first, stage="check", column=None, check="own", message=pl.lit("no")
        )
        length = pl.col("price").bin.size().cast(pl.Int32)
        return Sifted(frame.filter(pl.col(ROW) > 0).with_columns(length), reasons)

    def warnings(self, _frame):
        return None


def cells_of(preparer, **columns):
    """Return the values of rejected rows by column, parsed or as they came."""
    raw = pl.DataFrame(columns).with_row_index(ROW)
    planned = preparer.fit(raw, stored=list(TYPES), lenient=True).with_plan(PLAN)
    sifted, _ = planned.validate(raw)
    found = {name: [] for name in TYPES}
    for cells in refused_cells(planned, raw, sifted.reasons):
        found[cells.name] += cells.to_list()
    return found


def mapping_of(**columns):
    return load_mapping({"columns": columns})


@pytest.mark.parametrize(
    "preparer",
    [
        Preparer(key=("id",)),
        Preparer(key=("id",), checker=load_schema(Home)),
        Preparer(key=("id",), mapping=mapping_of(**RULES)),
    ],
    ids=["plain", "schema", "mapping"],
)
def test_values_of_rejected_rows_are_given_cast_or_as_they_came(preparer):
    found = cells_of(
        preparer,
        id=["1", None, "x", "04", "x"],
        price=["5", "6", "7", "much", "08"],
        town=["Ede", "Ede", None, "Epe", "Oz"],
    )
    assert found == {
        "id": [None, 4, "x", "x"],
        "price": [6, 7, 8, "much"],
        "town": ["Ede", None, "Epe", "Oz"],
    }


def test_values_of_a_row_rejected_by_a_check_are_given_cast():
    preparer = Preparer(key=("id",), checker=load_schema(Home))
    found = cells_of(preparer, id=["1", "2"], price=["-1", "2"], town=["Ede", "Epe"])
    assert found == {"id": [1], "price": [-1], "town": ["Ede"]}


def test_value_that_the_schema_would_transform_is_given_untransformed():
    preparer = Preparer(checker=LengthOfBytes())
    found = cells_of(preparer, id=[1, 2], price=[b"ab", b"c"], town=["Ede", "Epe"])
    assert found["price"] == [b"ab"]


def test_missing_column_is_null_in_every_row():
    found = cells_of(Preparer(key=("id",)), price=["1", "2"])
    assert found == {"id": [None, None], "price": [1, 2], "town": [None, None]}


def test_rows_rejected_by_a_custom_mapping_are_left_out():
    preparer = Preparer(key=("id",), mapping=RejectingFirst())
    found = cells_of(preparer, id=[1, None, 3], price=[1, 2, 3], town=["a", "b", "c"])
    assert found == {"id": [None], "price": [2], "town": ["b"]}


def test_no_cells_without_rejected_rows():
    raw = pl.DataFrame({"id": [1]}).with_row_index(ROW)
    planned = Preparer().fit(raw).with_plan(PLAN[:1])
    assert list(refused_cells(planned, raw, planned.validate(raw)[0].reasons)) == []
