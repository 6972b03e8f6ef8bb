"""WKB geometries carry the SRID of their column's coordinate system, if it is known."""

from __future__ import annotations

import json

import polars as pl
import pyarrow as pa
import pytest

#: The same point in both byte orders, and with a height (ISO WKB).
LITTLE = bytes.fromhex("01010000006666666666661140E17A14AE47014A40")
BIG = bytes.fromhex("00000000014011666666666666404A0147AE147AE1")
HIGH = bytes.fromhex("01E90300006666666666661140E17A14AE47014A400000000000000840")
#: The same as PostGIS stores them, with SRID 28992.
LITTLE_WITH_SRID = bytes.fromhex("010100002040710000") + LITTLE[5:]
BIG_WITH_SRID = bytes.fromhex("002000000100007140") + BIG[5:]
HIGH_WITH_SRID = bytes.fromhex("01E903002040710000") + HIGH[5:]

KNOWN = {"crs": {"name": "RD New", "id": {"authority": "EPSG", "code": 28992}}}


def geometry_table(crs_metadata, *values, name="geoarrow.wkb"):
    field_metadata = {
        "ARROW:extension:name": name,
        "ARROW:extension:metadata": json.dumps(crs_metadata),
        "more": "kept",
    }
    field = pa.field("v", pa.binary(), metadata=field_metadata)
    return pa.table([pa.array(values, pa.binary())], pa.schema([field]))


def read_values(read, table):
    (batch,) = read(table).batches
    column = pl.from_arrow(batch.rows)["v"]
    assert column.dtype == pl.Binary
    return column.to_list()


@pytest.mark.parametrize("metadata", [KNOWN, {"crs": "EPSG:28992"}])
def test_geometries_get_the_srid_of_their_coordinate_system(read, metadata):
    table = geometry_table(metadata, LITTLE, BIG, HIGH, None, LITTLE_WITH_SRID, b"\x01")
    wanted = [LITTLE_WITH_SRID, BIG_WITH_SRID, HIGH_WITH_SRID, None]
    assert read_values(read, table) == [*wanted, LITTLE_WITH_SRID, b"\x01"]


@pytest.mark.parametrize(
    "metadata", [{}, {"crs": None}, {"crs": "OGC:CRS84"}, {"crs": {"name": "odd"}}, []]
)
def test_geometries_without_known_system_are_unchanged(read, metadata):
    assert read_values(read, geometry_table(metadata, LITTLE, None)) == [LITTLE, None]


def test_unregistered_extension_type_is_read_as_its_storage(read):
    assert read_values(read, geometry_table({}, b"a", name="odd.type")) == [b"a"]


def test_geopandas_frame_is_read(read):
    geopandas = pytest.importorskip("geopandas")
    column = geopandas.GeoSeries.from_wkb([LITTLE, None, HIGH])
    for crs, wanted in (
        (None, LITTLE),
        (28992, LITTLE_WITH_SRID),
    ):
        frame = geopandas.GeoDataFrame({"v": column.set_crs(crs)})
        values = read_values(read, frame)
        assert values[:2] == [wanted, None]
        assert len(values) == 3
