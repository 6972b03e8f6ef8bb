"""Places come as bytes that say what their numbers are of, where that is known."""

from __future__ import annotations

import json

import polars as pl
import pyarrow as pa
import pytest

#: The same place in both orders of bytes, and as a point with a height (ISO).
LITTLE = bytes.fromhex("01010000006666666666661140E17A14AE47014A40")
BIG = bytes.fromhex("00000000014011666666666666404A0147AE147AE1")
HIGH = bytes.fromhex("01E90300006666666666661140E17A14AE47014A400000000000000840")
#: What PostGIS has for them in the system 28992.
LITTLE_NUMBERED = bytes.fromhex("010100002040710000") + LITTLE[5:]
BIG_NUMBERED = bytes.fromhex("002000000100007140") + BIG[5:]
HIGH_NUMBERED = bytes.fromhex("01E903002040710000") + HIGH[5:]

KNOWN = {"crs": {"name": "RD New", "id": {"authority": "EPSG", "code": 28992}}}


def places(told, *values, name="geoarrow.wkb"):
    marks = {
        "ARROW:extension:name": name,
        "ARROW:extension:metadata": json.dumps(told),
        "more": "kept",
    }
    field = pa.field("v", pa.binary(), metadata=marks)
    return pa.table([pa.array(values, pa.binary())], pa.schema([field]))


def read_values(read, table):
    (batch,) = read(table).batches
    column = pl.from_arrow(batch.rows)["v"]
    assert column.dtype == pl.Binary
    return column.to_list()


@pytest.mark.parametrize("told", [KNOWN, {"crs": "EPSG:28992"}])
def test_places_get_the_number_of_their_system(read, told):
    table = places(told, LITTLE, BIG, HIGH, None, LITTLE_NUMBERED, b"\x01")
    wanted = [LITTLE_NUMBERED, BIG_NUMBERED, HIGH_NUMBERED, None]
    assert read_values(read, table) == [*wanted, LITTLE_NUMBERED, b"\x01"]


@pytest.mark.parametrize(
    "told", [{}, {"crs": None}, {"crs": "OGC:CRS84"}, {"crs": {"name": "odd"}}, []]
)
def test_places_of_no_known_system_stay_as_they_are(read, told):
    assert read_values(read, places(told, LITTLE, None)) == [LITTLE, None]


def test_another_type_that_is_not_registered_is_what_it_is_kept_as(read):
    assert read_values(read, places({}, b"a", name="odd.type")) == [b"a"]


def test_frames_of_geopandas_are_read(read):
    geopandas = pytest.importorskip("geopandas")
    column = geopandas.GeoSeries.from_wkb([LITTLE, None, HIGH])
    for crs, wanted in (
        (None, LITTLE),
        (28992, LITTLE_NUMBERED),
    ):
        frame = geopandas.GeoDataFrame({"v": column.set_crs(crs)})
        values = read_values(read, frame)
        assert values[:2] == [wanted, None]
        assert len(values) == 3
