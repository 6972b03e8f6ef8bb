"""PostGIS places: the forms in which they are read, and when they are unchanged."""

import polars as pl
import pyarrow as pa
import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(120)

#: One place in the forms that PostGIS reads, with a reference system and without.
FORMS = [
    "POINT(4.35 52.01)",
    "SRID=4326;POINT(4.35 52.01)",
    "01010000006666666666661140E17A14AE47014A40",
    {"type": "Point", "coordinates": [4.35, 52.01]},
]
BYTES = bytes.fromhex(FORMS[2])


@pytest.fixture
def homes(database, needs):
    """Create a table of places, and return the settings that load into it."""
    needs.extensions("postgis")
    run_sql(
        database,
        # outside the search path
        "CREATE SCHEMA gis",
        "CREATE EXTENSION postgis SCHEMA gis",
        "CREATE TABLE homes (id int PRIMARY KEY, place gis.geometry(Point,4326))",
    )
    return {"to": database, "table": "homes", "key": "id"}


@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_place_is_unchanged_when_given_in_another_form(homes, mode):
    rows = [{"id": number, "place": form} for number, form in enumerate(FORMS)]
    propload.ingest(rows, mode=mode, **homes)
    again = [{"id": number, "place": FORMS[0]} for number in range(len(FORMS))]
    for one in (rows, again):
        checked = propload.check(one, **homes)
        loaded = propload.ingest(one, **homes)
        assert loaded.counts.unchanged == len(FORMS)
        assert checked.expected == loaded.counts


def test_frames_may_hold_places_as_bytes_or_as_objects(homes):
    propload.ingest([{"id": 1, "place": FORMS[0]}], **homes)
    for column in ([BYTES], [FORMS[3]]):
        report = propload.ingest(pl.DataFrame({"id": [1], "place": column}), **homes)
        assert report.counts.unchanged == 1


def test_place_in_another_reference_system_is_rejected(homes):
    metadata = {
        "ARROW:extension:name": "geoarrow.wkb",
        "ARROW:extension:metadata": '{"crs": "EPSG:28992"}',
    }
    fields = [
        pa.field("id", pa.int32()),
        pa.field("place", pa.binary(), True, metadata),
    ]
    rows = pa.table([[1], [BYTES]], pa.schema(fields))
    report = propload.ingest(rows, **homes)
    [[reason]] = report.rejects["propload_reason_list"]
    assert "SRID (28992) does not match column SRID (4326)" in reason["message"]


def test_bad_place_costs_only_its_row(homes):
    rows = [
        {"id": 1, "place": "POINT(4.35 52.01)"},
        {"id": 2, "place": "SRID=28992;POINT(85000 447000)"},
        {"id": 3, "place": "LINESTRING(4 52, 5 53)"},
        {"id": 4, "place": "POINT(4,35 52,01)"},
    ]
    report = propload.ingest(rows, **homes)
    assert (report.counts.inserted, report.counts.rejected) == (1, 3)
    for [reason] in report.rejects["propload_reason_list"]:
        assert (reason["column"], reason["check"]) == ("place", "cast")
    assert query(homes["to"], "SELECT gis.ST_AsEWKT(place) FROM homes") == [
        ("SRID=4326;POINT(4.35 52.01)",)
    ]


def test_place_beyond_the_earth_costs_only_its_row(homes):
    run_sql(homes["to"], "ALTER TABLE homes ADD ground gis.geography(Point,4326)")
    rows = [
        {"id": 1, "ground": "POINT(180 -90)"},
        {"id": 2, "ground": "POINT EMPTY"},
        # metres, which PostGIS would turn into degrees
        {"id": 3, "ground": "POINT(85000 447000)"},
    ]
    for inserted, unchanged in ((2, 0), (0, 2)):
        report = propload.ingest(rows, **homes)
        assert (report.counts.inserted, report.counts.unchanged) == (
            inserted,
            unchanged,
        )
        [[reason]] = report.rejects["propload_reason_list"]
        assert reason["message"].endswith(" is not exact as gis.geography(Point,4326)")


def test_rejected_bytes_are_replayed_as_places(homes):
    check = "ALTER TABLE homes ADD CONSTRAINT far CHECK (gis.ST_X(place) < 4)"
    run_sql(homes["to"], check)
    report = propload.ingest(pl.DataFrame({"id": [1], "place": [BYTES]}), **homes)
    assert report.counts.rejected == 1
    run_sql(homes["to"], "ALTER TABLE homes DROP CONSTRAINT far")
    again = propload.replay(report.run_id, to=homes["to"])
    assert again.counts.inserted == 1
    assert query(homes["to"], "SELECT gis.ST_AsEWKT(place) FROM homes") == [
        ("SRID=4326;POINT(4.35 52.01)",)
    ]


def test_user_types_named_like_postgis_types_are_not_places(database):
    run_sql(
        database,
        r"CREATE TYPE geography AS ENUM ('coast', 'hills', '\x1')",
        "CREATE TYPE geometry AS (x int, y int)",
        "CREATE TABLE homes (id int PRIMARY KEY, a geography, b geometry)",
    )
    rows = [{"id": 1, "a": "coast", "b": "(1,2)"}, {"id": 2, "a": "oops", "b": None}]
    for unchanged in (0, 1):
        report = propload.ingest(rows, to=database, table="homes", key="id")
        assert (report.counts.unchanged, report.counts.rejected) == (unchanged, 1)
    # not taken for bytes, from which a place would be read without its \x
    report = propload.ingest(
        [{"id": 3, "a": r"\x1"}], to=database, table="homes", key="id"
    )
    assert (report.counts.inserted, report.counts.rejected) == (1, 0)
