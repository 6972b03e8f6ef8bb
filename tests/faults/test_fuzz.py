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
    """Load a file, and return whether rows were inserted.

    Each value is stored unchanged, or its row is rejected with a reason.
    """
    run_sql(dsn, 'DROP TABLE IF EXISTS "fuzz"')
    report = load_or_refuse(dsn, path)
    if isinstance(report, str):
        # a new table accepts all types, so it must be a name that it cannot have
        assert any(repr(name)[1:-1] in report for name in frame.columns), report
        return False
    refused = refused_by(report, frame)
    if report.counts.inserted:
        compare(read_table(dsn, "fuzz"), frame, refused)
    return bool(report.counts.inserted)


def load_or_refuse(dsn, path):
    """Load a file; return the report, or why it was refused before any row."""
    settings = {"to": dsn, "table": "fuzz", "mode": "append", "progress": False}
    try:
        report = propload.ingest(str(path), **settings)
    except LoadError as error:
        failed = error
    else:
        report.counts.verify()
        return report
    assert isinstance(failed, SchemaMismatchError), failed
    assert failed.report.counts.inserted == failed.report.counts.rejected == 0
    # neither table exists if the very first load is refused
    for table in ("fuzz", "propload.ledger"):
        if ask(dsn, f"SELECT 1 WHERE to_regclass('{table}') IS NOT NULL"):
            of_this_run = (
                f"WHERE run_id = '{failed.report.run_id}'" if "." in table else ""
            )
            assert ask(dsn, f"SELECT count(*) FROM {table} {of_this_run}") == [(0,)]
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


def is_shown(text, value, dtype):
    """Return whether a reason shows a value, or the beginning of a long one."""
    if isinstance(value, str) and len(text) < len(value):
        return len(text) >= 200 and value.startswith(text)
    return shows(text, value, dtype)


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
def test_typed_files_are_stored_unchanged_or_refused(dsn, tmp_path, long, write):
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
    """Draw a frame, and the column types of a table that may not accept all of it."""
    height = draw(st.integers(1, 12))
    series = {"propload_n": pl.Series(range(height), dtype=pl.Int64)}
    pg_types = {}
    # one column without a conversion refuses the whole load: not every load may be so
    open_to_all = draw(st.integers(0, 3)) == 0
    for number in range(draw(st.integers(1, 4))):
        dtype = draw(st.sampled_from(list(VALUES)))
        candidates = [each for each in PG_TYPES if open_to_all or can_hold(dtype, each)]
        name = draw(st.sampled_from(ODD_NAMES)) + str(number)
        series[name] = draw(columns(dtype, height, plain=True))
        pg_types[name] = draw(st.sampled_from(candidates))
    return pl.DataFrame(series), pg_types


#: Names that appear in messages and statements unchanged.
ODD_NAMES = ["price", "Asking Price", 'a "quoted" one', "prijs €", "{}", "%s", "$1"]


#: Examples of each outcome, whatever else is drawn.
REFUSED = (pl.DataFrame({"propload_n": [0], "price": [b"a"]}), {"price": "text"})
REJECTED = (
    pl.DataFrame({"propload_n": [0, 1], "price": [40_000, 1]}),
    {"price": "smallint"},
)
#: Either may be reported: a zero byte, or a number with ten characters, five too many.
TWICE_WRONG = (
    pl.DataFrame({"propload_n": [0, 1], "price": ["\0", None], "area": [2.0**24, 1]}),
    {"price": "text", "area": "character varying(5)"},
)
NUMBERS_TO_SOME = (
    pl.DataFrame({"propload_n": [0, 1], "price": [False, True]}),
    {"price": "numeric(12,2)"},
)


def test_columns_are_stored_unchanged_in_other_types_or_refused(dsn, tmp_path, long):
    """The load is refused, or rows are rejected, or values are stored unchanged."""
    path = tmp_path / "fuzz.parquet"
    outcomes = {"refused": 0, "rejected": 0, "loaded": 0}

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
        accepted = {
            name: can_hold(frame.schema[name], pg_type)
            for name, pg_type in pg_types.items()
        }
        if isinstance(report, str):
            outcomes["refused"] += 1
            blamed = [n for n in pg_types if names_column(report, n, frame, pg_types)]
            assert blamed, report
            assert not any(accepted[name] for name in blamed), (report, pg_types)
            assert set(blamed) >= {name for name in accepted if accepted[name] is False}
            return
        assert False not in accepted.values(), (frame.schema, pg_types)
        refused = refused_by(report, frame)
        outcomes["rejected"] += bool(refused)
        outcomes["loaded"] += bool(report.counts.inserted)
        check_stored(read_table(dsn, "fuzz"), frame, pg_types, refused)
        if refused:
            check_reasons(report.rejects, frame, pg_types)

    load()
    assert all(outcomes.values()), outcomes


def names_column(message, name, frame, pg_types):
    """Return whether a message names a column, its type and the table's type for it."""
    start = f"column {name} is {type_name(frame.schema[name])}"
    _, found, after = message.partition(start)
    return bool(found) and pg_types[name] in after.partition(":")[0]


def check_stored(stored, frame, pg_types, refused):
    """Compare the stored values with the given ones, type by type."""
    rows = {row["propload_n"]: row for row in stored.iter_rows(named=True)}
    assert set(rows) == set(range(frame.height)) - refused
    for number, row in rows.items():
        for name, pg_type in pg_types.items():
            value = frame[name][number]
            details = (name, value, pg_type, row[name])
            assert fits(value, frame.schema[name], pg_type) is not False, details
            assert same_in(pg_type, row[name], value, frame.schema[name]), details


def check_reasons(rejects, frame, pg_types):
    """Check that no row is rejected for a value that fits.

    Of several values that do not, the server reports the first that it meets.
    """
    for reject in rejects.iter_rows(named=True):
        row = frame.row(reject["propload_row"] - 1, named=True)
        blamed = {reason["column"] for reason in reject["propload_reason_list"]}
        assert blamed, reject
        for name in blamed:
            details = (row[name], frame.schema[name], pg_types[name])
            assert fits(*details) is not True, details


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_texts_of_csv_and_json_files_are_stored_unchanged(dsn, tmp_path, long, ending):
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
        settings = {"to": dsn, "table": "fuzz", "mode": "append", "progress": False}
        report = propload.ingest(str(path), format=ending, **settings)
        report.counts.verify()
        assert report.counts.read == len(values)
        found = {row[0]: row[1] for row in read_table(dsn, "fuzz").iter_rows()}
        assert len(found) == len(values) - report.counts.rejected
        for number, value in found.items():
            assert value == values[number], (number, value)
        lost = set(range(len(values))) - set(found)
        assert all("\0" in (values[number] or "") for number in lost)

    load()
