"""Places of PostGIS: what comes in which form, and when it is unchanged."""

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
    """Make a table of places. Value: where it is."""
    needs.extensions("postgis")
    run_sql(
        database,
        # where no session looks for names
        "CREATE SCHEMA gis",
        "CREATE EXTENSION postgis SCHEMA gis",
        "CREATE TABLE homes (id int PRIMARY KEY, place gis.geometry(Point,4326))",
    )
    return {"to": database, "table": "homes", "key": "id"}


@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_a_place_is_unchanged_in_whatever_form_it_comes(homes, mode):
    rows = [{"id": number, "place": form} for number, form in enumerate(FORMS)]
    propload.ingest(rows, mode=mode, **homes)
    again = [{"id": number, "place": FORMS[0]} for number in range(len(FORMS))]
    for one in (rows, again):
        said = propload.check(one, **homes)
        done = propload.ingest(one, **homes)
        assert done.counts.unchanged == len(FORMS)
        assert said.expected == done.counts


def test_frames_bring_places_as_bytes_and_as_objects(homes):
    propload.ingest([{"id": 1, "place": FORMS[0]}], **homes)
    for column in ([BYTES], [FORMS[3]]):
        done = propload.ingest(pl.DataFrame({"id": [1], "place": column}), **homes)
        assert done.counts.unchanged == 1


def test_places_of_another_system_than_the_column_are_rejected(homes):
    marks = {
        "ARROW:extension:name": "geoarrow.wkb",
        "ARROW:extension:metadata": '{"crs": "EPSG:28992"}',
    }
    fields = [pa.field("id", pa.int32()), pa.field("place", pa.binary(), True, marks)]
    rows = pa.table([[1], [BYTES]], pa.schema(fields))
    done = propload.ingest(rows, **homes)
    [[reason]] = done.rejects["propload_reason_list"]
    assert "SRID (28992) does not match column SRID (4326)" in reason["message"]


def test_a_bad_place_costs_its_row(homes):
    rows = [
        {"id": 1, "place": "POINT(4.35 52.01)"},
        {"id": 2, "place": "SRID=28992;POINT(85000 447000)"},
        {"id": 3, "place": "LINESTRING(4 52, 5 53)"},
        {"id": 4, "place": "POINT(4,35 52,01)"},
    ]
    done = propload.ingest(rows, **homes)
    assert (done.counts.inserted, done.counts.rejected) == (1, 3)
    for [reason] in done.rejects["propload_reason_list"]:
        assert (reason["column"], reason["check"]) == ("place", "cast")
    assert query(homes["to"], "SELECT gis.ST_AsEWKT(place) FROM homes") == [
        ("SRID=4326;POINT(4.35 52.01)",)
    ]


def test_a_place_beyond_the_earth_costs_its_row(homes):
    run_sql(homes["to"], "ALTER TABLE homes ADD ground gis.geography(Point,4326)")
    rows = [
        {"id": 1, "ground": "POINT(180 -90)"},
        {"id": 2, "ground": "POINT EMPTY"},
        # metres, of which PostGIS would make degrees
        {"id": 3, "ground": "POINT(85000 447000)"},
    ]
    for inserted, unchanged in ((2, 0), (0, 2)):
        done = propload.ingest(rows, **homes)
        assert (done.counts.inserted, done.counts.unchanged) == (inserted, unchanged)
        [[reason]] = done.rejects["propload_reason_list"]
        assert reason["message"].endswith(" is not exact as gis.geography(Point,4326)")


def test_rejected_bytes_are_places_when_they_are_replayed(homes):
    check = "ALTER TABLE homes ADD CONSTRAINT far CHECK (gis.ST_X(place) < 4)"
    run_sql(homes["to"], check)
    done = propload.ingest(pl.DataFrame({"id": [1], "place": [BYTES]}), **homes)
    assert done.counts.rejected == 1
    run_sql(homes["to"], "ALTER TABLE homes DROP CONSTRAINT far")
    again = propload.replay(done.run_id, to=homes["to"])
    assert again.counts.inserted == 1
    assert query(homes["to"], "SELECT gis.ST_AsEWKT(place) FROM homes") == [
        ("SRID=4326;POINT(4.35 52.01)",)
    ]


def test_types_of_ones_own_with_such_names_are_others(database):
    run_sql(
        database,
        r"CREATE TYPE geography AS ENUM ('coast', 'hills', '\x1')",
        "CREATE TYPE geometry AS (x int, y int)",
        "CREATE TABLE homes (id int PRIMARY KEY, a geography, b geometry)",
    )
    rows = [{"id": 1, "a": "coast", "b": "(1,2)"}, {"id": 2, "a": "oops", "b": None}]
    for unchanged in (0, 1):
        done = propload.ingest(rows, to=database, table="homes", key="id")
        assert (done.counts.unchanged, done.counts.rejected) == (unchanged, 1)
    # no bytes in PostgreSQL's notation, of which a place has the digits alone
    done = propload.ingest(
        [{"id": 3, "a": r"\x1"}], to=database, table="homes", key="id"
    )
    assert (done.counts.inserted, done.counts.rejected) == (1, 0)
