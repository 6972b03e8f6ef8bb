"""Any names, types and values: from file to table and back without a silent change."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import propload
from propload.errors import LoadError, SchemaMismatchError
from propload.names.type_names import type_name
from tests.faults.fuzzing import (
    PG_TYPES,
    VALUES,
    can_hold,
    columns,
    fits,
    frames,
    fuzz,
    same,
    same_in,
    shows,
    texts,
)
from tests.faults.server import ask
from tests.integration.reading import read_table, run_sql

pytestmark = pytest.mark.timeout(2_400)


def check(dsn, path, frame):
    """Load a file and tell whether; what came back is equal, or has a reason."""
    run_sql(dsn, 'DROP TABLE IF EXISTS "fuzz"')
    report = load_or_refuse(dsn, path)
    if isinstance(report, str):
        # a new table takes all types, so that it is a name which it cannot take
        assert any(repr(name)[1:-1] in report for name in frame.columns), report
        return False
    refused = refused_by(report, frame)
    if report.counts.inserted:
        compare(read_table(dsn, "fuzz"), frame, refused)
    return bool(report.counts.inserted)


def load_or_refuse(dsn, path):
    """Load a file; return the report, or why it was refused before any row."""
    told = {"to": dsn, "table": "fuzz", "mode": "append", "progress": False}
    try:
        report = propload.ingest(str(path), **told)
    except LoadError as error:
        failed = error
    else:
        report.counts.verify()
        return report
    assert isinstance(failed, SchemaMismatchError), failed
    assert failed.report.counts.inserted == failed.report.counts.rejected == 0
    # neither is there where the first load of all is refused
    for table in ("fuzz", "propload.ledger"):
        if ask(dsn, f"SELECT 1 WHERE to_regclass('{table}') IS NOT NULL"):
            mine = f"WHERE run_id = '{failed.report.run_id}'" if "." in table else ""
            assert ask(dsn, f"SELECT count(*) FROM {table} {mine}") == [(0,)]
    return str(failed)


def refused_by(report, frame):
    """Return the numbers of rejected rows; each names its columns and their values."""
    assert report.counts.read == frame.height
    refused = set()
    for reject in report.rejects.iter_rows(named=True) if report.rejects_path else ():
        number = reject["propload_row"] - 1
        refused.add(number)
        row = frame.row(number, named=True)
        assert reject["propload_n"] == number
        assert reject["propload_reason_list"]
        for reason in reject["propload_reason_list"]:
            column = reason["column"]
            shown = is_shown(reason["value"], row[column], frame.schema[column])
            assert shown, (reason, row)
    assert len(refused) == report.counts.rejected
    return refused


def is_shown(text, given, dtype):
    """Whether a reason shows a value, or the beginning of a long one."""
    if isinstance(given, str) and len(text) < len(given):
        return len(text) >= 200 and given.startswith(text)
    return shows(text, given, dtype)


def compare(stored, frame, refused):
    assert stored.height == frame.height - len(refused)
    rows = {int(row["propload_n"]): row for row in stored.iter_rows(named=True)}
    assert set(rows) == set(range(frame.height)) - refused
    for number, row in rows.items():
        for name, value in frame.row(number, named=True).items():
            assert same(row[name.strip()], value), (name, value, row[name.strip()])


def write_parquet(frame, path):
    frame.write_parquet(path)


def write_arrow(frame, path):
    frame.write_ipc(path)


@pytest.mark.parametrize("write", [write_parquet, write_arrow])
def test_typed_files(dsn, tmp_path, long, write):
    path = tmp_path / f"fuzz.{write.__name__.removeprefix('write_')}"
    loaded = []

    @fuzz(400 if long else 15)
    @given(frames())
    def load(frame):
        write(frame, path)
        loaded.append(check(dsn, path, frame))

    load()
    # most are loaded, not refused
    assert sum(loaded) > len(loaded) / 2


@st.composite
def loads(draw):
    """Draw a frame, and the types of a table that may not take all of it."""
    height = draw(st.integers(1, 12))
    made = {"propload_n": pl.Series(range(height), dtype=pl.Int64)}
    pg_types = {}
    # one column without a way refuses the whole load: that must not be all
    open_to_all = draw(st.integers(0, 3)) == 0
    for number in range(draw(st.integers(1, 4))):
        dtype = draw(st.sampled_from(list(VALUES)))
        ways = [each for each in PG_TYPES if open_to_all or can_hold(dtype, each)]
        name = draw(st.sampled_from(ODD_NAMES)) + str(number)
        made[name] = draw(columns(dtype, height, plain=True))
        pg_types[name] = draw(st.sampled_from(ways))
    return pl.DataFrame(made), pg_types


#: Names that stand in messages and statements as they are.
ODD_NAMES = ["price", "Asking Price", 'a "quoted" one', "prijs €", "{}", "%s", "$1"]


#: One of each outcome, whatever is drawn.
REFUSED = (pl.DataFrame({"propload_n": [0], "price": [b"a"]}), {"price": "text"})
REJECTED = (
    pl.DataFrame({"propload_n": [0, 1], "price": [40_000, 1]}),
    {"price": "smallint"},
)
#: Either is told: a zero byte, or a number of ten letters where five have room.
TWICE_WRONG = (
    pl.DataFrame({"propload_n": [0, 1], "price": ["\0", None], "area": [2.0**24, 1]}),
    {"price": "text", "area": "character varying(5)"},
)
NUMBERS_TO_SOME = (
    pl.DataFrame({"propload_n": [0, 1], "price": [False, True]}),
    {"price": "numeric(12,2)"},
)


def test_columns_of_other_types(dsn, tmp_path, long):
    """What does not fit a table is refused as a whole, or row by row, or is equal."""
    path = tmp_path / "fuzz.parquet"
    seen = {"refused": 0, "rejected": 0, "loaded": 0}

    @fuzz(600 if long else 25)
    @given(loads())
    @example(REFUSED)
    @example(REJECTED)
    @example(TWICE_WRONG)
    @example(NUMBERS_TO_SOME)
    def load(drawn):
        frame, pg_types = drawn
        frame.write_parquet(path)
        listed = ", ".join(
            '"{}" {}'.format(name.replace('"', '""'), pg_type)
            for name, pg_type in pg_types.items()
        )
        create = f'CREATE TABLE "fuzz" (propload_n bigint, {listed})'
        run_sql(dsn, 'DROP TABLE IF EXISTS "fuzz"', create)
        report = load_or_refuse(dsn, path)
        ways = {
            name: can_hold(frame.schema[name], pg_type)
            for name, pg_type in pg_types.items()
        }
        if isinstance(report, str):
            seen["refused"] += 1
            blamed = [n for n in pg_types if tells(report, n, frame, pg_types)]
            assert blamed, report
            assert not any(ways[name] for name in blamed), (report, pg_types)
            assert set(blamed) >= {name for name in ways if ways[name] is False}
            return
        assert False not in ways.values(), (frame.schema, pg_types)
        refused = refused_by(report, frame)
        seen["rejected"] += bool(refused)
        seen["loaded"] += bool(report.counts.inserted)
        judge(read_table(dsn, "fuzz"), frame, pg_types, refused)
        if refused:
            judge_reasons(report.rejects, frame, pg_types)

    load()
    assert all(seen.values()), seen


def tells(message, name, frame, pg_types):
    """Whether a message names a column, its type and the table's type for it."""
    says = f"column {name} is {type_name(frame.schema[name])}"
    _, found, after = message.partition(says)
    return bool(found) and pg_types[name] in after.partition(":")[0]


def judge(stored, frame, pg_types, refused):
    """Compare what was stored with what was given, type by type."""
    rows = {row["propload_n"]: row for row in stored.iter_rows(named=True)}
    assert set(rows) == set(range(frame.height)) - refused
    for number, row in rows.items():
        for name, pg_type in pg_types.items():
            value = frame[name][number]
            told = (name, value, pg_type, row[name])
            assert fits(value, frame.schema[name], pg_type) is not False, told
            assert same_in(pg_type, row[name], value, frame.schema[name]), told


def judge_reasons(rejects, frame, pg_types):
    """No row is refused for a value that fits.

    Of several that do not, the server tells the first that it meets.
    """
    for reject in rejects.iter_rows(named=True):
        row = frame.row(reject["propload_row"] - 1, named=True)
        blamed = {reason["column"] for reason in reject["propload_reason_list"]}
        assert blamed, reject
        for name in blamed:
            told = (row[name], frame.schema[name], pg_types[name])
            assert fits(*told) is not True, told


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_texts(dsn, tmp_path, long, ending):
    """Texts of a CSV or JSON file, into columns of text, are what they were."""
    path = tmp_path / f"fuzz.{ending}"

    @fuzz(400 if long else 15)
    @given(st.lists(st.none() | texts, min_size=1, max_size=12))
    def load(values):
        frame = pl.DataFrame(
            {
                "propload_n": range(len(values)),
                "value": pl.Series(values, dtype=pl.String),
            }
        )
        if ending == "csv":
            frame.write_csv(path, quote_style="non_numeric")
        else:
            frame.write_ndjson(path)
        run_sql(dsn, 'DROP TABLE IF EXISTS "fuzz"')
        run_sql(dsn, 'CREATE TABLE "fuzz" (propload_n bigint, value text)')
        told = {"to": dsn, "table": "fuzz", "mode": "append", "progress": False}
        report = propload.ingest(str(path), format=ending, **told)
        report.counts.verify()
        assert report.counts.read == len(values)
        found = {row[0]: row[1] for row in read_table(dsn, "fuzz").iter_rows()}
        assert len(found) == len(values) - report.counts.rejected
        for number, value in found.items():
            assert value == values[number], (number, value)
        lost = set(range(len(values))) - set(found)
        assert all("\0" in (values[number] or "") for number in lost)

    load()
