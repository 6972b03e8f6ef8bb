"""Arrays with an unusual text form: those of boxes, and of domains over arrays."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

import propload
from tests.integration.reading import query, run_sql

pytestmark = pytest.mark.timeout(120)

BOXES = ["(1,1),(0,0)", "(2,2),(0,0)"]
BOX_LISTS = [BOXES, BOXES[:1], [None, BOXES[1]], [], None]
STORED_BOXES = [
    "{(1,1),(0,0);(2,2),(0,0)}",
    "{(1,1),(0,0)}",
    "{NULL;(2,2),(0,0)}",
    "{}",
    None,
]
ARRAY_LISTS = [[[1, 2], [3]], [[], None], [[4, None]], None]
STORED_ARRAYS = ['{"{1,2}","{3}"}', '{"{}",NULL}', '{"{4,NULL}"}', None]
CASES = {
    "box[]": (BOX_LISTS, STORED_BOXES),
    "boxes": (BOX_LISTS, STORED_BOXES),
    "framed[]": (BOX_LISTS, STORED_BOXES),
    "whole": ([[1, 2], [3], [], None], ["{1,2}", "{3}", "{}", None]),
    "whole[]": (ARRAY_LISTS, STORED_ARRAYS),
}


def write_ndjson(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_csv(path, rows):
    lines = [f"{row['id']};{row['v'] or ''}" for row in rows]
    path.write_text("\n".join(["id;v", *lines]) + "\n")
    return path


SOURCES = {
    "dicts": lambda _, rows: rows,
    "arrow": lambda _, rows: pa.Table.from_pylist(rows),
    "ndjson": lambda folder, rows: write_ndjson(folder / "rows.ndjson", rows),
    "list texts": lambda _, rows: [
        {**row, "v": row["v"] and json.dumps(row["v"])} for row in rows
    ],
}


@pytest.fixture
def load(database):
    run_sql(
        database,
        "CREATE DOMAIN boxes AS box[]",
        "CREATE DOMAIN framed AS box",
        "CREATE DOMAIN whole AS int[] CHECK (cardinality(VALUE) < 3)",
    )

    def load(pg_type, source):
        settings = {"to": database, "table": "rows", "key": "id"}
        run_sql(
            database,
            f"CREATE TABLE IF NOT EXISTS rows (id int PRIMARY KEY, v {pg_type})",
        )
        checked = propload.check(source, **settings)
        loaded = propload.ingest(source, progress=False, **settings)
        assert (checked.problems, checked.expected) == ((), loaded.counts)
        stored = [v for (v,) in query(database, "SELECT v::text FROM rows ORDER BY id")]
        return loaded.counts, stored

    return load


@pytest.mark.parametrize("pg_type", CASES)
@pytest.mark.parametrize("form", SOURCES)
def test_lists_are_stored_exactly_and_unchanged_when_reloaded(
    load, tmp_path, pg_type, form
):
    values, texts = CASES[pg_type]
    rows = [{"id": n, "v": v} for n, v in enumerate(values)]
    for outcome in ("inserted", "unchanged"):
        counts, stored = load(pg_type, SOURCES[form](tmp_path, rows))
        assert getattr(counts, outcome) == len(rows)
        assert stored == texts


@pytest.mark.parametrize("pg_type", ["whole", "whole[]"])
def test_arrays_in_the_servers_own_text_form_are_loaded(load, tmp_path, pg_type):
    texts = CASES[pg_type][1]
    rows = [{"id": n, "v": v} for n, v in enumerate(texts)]
    assert load(pg_type, write_csv(tmp_path / "rows.csv", rows))[1] == texts


def test_csv_boxes_are_loaded_from_array_text_and_from_json(load, tmp_path):
    lines = [f'{n},"{text}"' for n, text in enumerate(STORED_BOXES[:4])]
    listed = json.dumps(BOXES).replace('"', '""')
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["id,v", *lines, f'4,"{listed}"']) + "\n")
    assert load("box[]", path)[1] == [*STORED_BOXES[:4], STORED_BOXES[0]]


def test_list_with_an_invalid_element_costs_only_its_row(load):
    values = [["(1,1),(0,0)", "x"], BOXES, [1]]
    rows = [{"id": n, "v": v} for n, v in enumerate(values)]
    counts, stored = load("box[]", rows)
    assert (counts.rejected, stored) == (2, STORED_BOXES[:1])


def test_array_refused_by_its_domain_costs_only_its_row(load):
    values = [[[1, 2, 3]], [[1, 2]], [1, 2], [["x"]]]
    rows = [{"id": n, "v": v} for n, v in enumerate(values)]
    counts, stored = load("whole[]", rows)
    assert (counts.rejected, stored) == (3, ['{"{1,2}"}'])
