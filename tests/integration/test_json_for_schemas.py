"""Lists and structs of a schema, given as JSON text: a bad one costs only its row."""

import json

import pandera.polars as pa
import polars as pl
import pytest

import propload
from tests.integration.reading import query

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

SCHEMA = pa.DataFrameSchema(
    {
        "id": pa.Column(pl.Int64),
        "tags": pa.Column(pl.List(pl.String), nullable=True),
        "place": pa.Column(pl.Struct({"town": pl.String, "no": pl.Int64})),
    },
    name="homes",
)
GOOD = [
    {"id": 1, "tags": ["a", 'b"'], "place": {"town": "Ede", "no": 5}},
    {"id": 2, "tags": None, "place": {"town": "Epe"}},
]
BAD = [
    {"id": 3, "tags": "a, b", "place": {"town": "Ede", "no": 5}},
    {"id": 4, "tags": ["a"], "place": {"town": "Ede", "no": 5.5}},
    {"id": 5, "tags": ["a"], "place": {"town": "Ede", "no": 5, "floor": 2}},
]
ROWS = [*GOOD, *BAD]


def as_csv(folder):
    frame = pl.DataFrame(
        {
            "id": [row["id"] for row in ROWS],
            "tags": [as_cell(row["tags"]) for row in ROWS],
            "place": [as_cell(row["place"]) for row in ROWS],
        }
    )
    frame.write_csv(folder / "homes.csv")
    return folder / "homes.csv"


def as_cell(value):
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def as_ndjson(folder):
    path = folder / "homes.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.mark.parametrize("source", [as_csv, as_ndjson, lambda _: ROWS])
def test_json_text_is_parsed_into_the_types_of_the_schema(database, tmp_path, source):
    told = {"to": database, "table": "homes", "key": "id", "schema": SCHEMA}
    checked = propload.check(source(tmp_path), **told)
    types = {column.column: column.table_type for column in checked.columns}
    assert types == {"id": "bigint", "tags": "text[]", "place": "jsonb"}
    report = propload.ingest(source(tmp_path), **told)
    assert (report.counts.inserted, report.counts.rejected) == (2, 3)
    reason = "column {}: '{}' cannot be stored exactly as a JSON {}".format
    of_place = "object of town text, no bigint"
    places = [reason("place", as_cell(row["place"]), of_place) for row in BAD[1:]]
    told = [reason("tags", "a, b", "list of text"), *places]
    assert report.rejects.sort("id")["propload_reasons"].to_list() == told
    stored = query(database, "SELECT id, tags::text, place FROM homes ORDER BY id")
    assert [(*row[:2], json.loads(row[2])) for row in stored] == [
        (1, '{a,"b\\""}', {"town": "Ede", "no": 5}),
        (2, None, {"town": "Epe", "no": None}),
    ]


def test_mended_json_text_is_replayed(database):
    settings = {"to": database, "table": "homes", "key": "id", "schema": SCHEMA}
    report = propload.ingest(ROWS[:3], **settings)

    def mend(frame):
        return frame.with_columns(tags=pl.lit('["a", "b"]'))

    again = propload.replay(report.run_id, fix=mend, to=database, schema=SCHEMA)
    assert (again.counts.inserted, again.counts.rejected) == (1, 0)
    assert query(database, "SELECT tags::text FROM homes WHERE id = 3") == [("{a,b}",)]
