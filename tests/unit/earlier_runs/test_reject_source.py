import datetime as dt
import json

import polars as pl
import pytest

from propload.earlier_runs import reject_source
from propload.earlier_runs.reject_source import RejectSource, rows_begun_with
from propload.errors import ConfigError
from propload.rejecting.lines import each_line


def line(values, *, source="a.csv", row=1, as_of=None, **place):
    origin = {"source": source, "row": row, "as_of": as_of, "values": values, **place}
    return json.dumps({"run": "r", **origin, "reasons": []}) + "\n"


@pytest.fixture
def write(tmp_path):
    def write(*lines):
        path = tmp_path / "20260101-ab.ndjson"
        path.write_text("".join(lines), encoding="utf-8")
        return path

    return write


def read_batches(source):
    return [
        (b.source, b.row_numbers, pl.DataFrame(pl.from_arrow(b.rows)).to_dicts())
        for b in source
    ]


def test_batches_are_split_by_columns_source_and_as_of(write):
    moment = "2026-07-01T12:00:00+00:00"
    path = write(
        line({"id": 1, "price": 5}, row=3),
        line({"id": 2, "price": 6}, row=9),
        line({"id": 3, "title": "x"}, row=10),
        line({"id": 4, "title": "y"}, source="b.csv"),
        line({"id": 5, "title": "z"}, source="b.csv", as_of=moment),
        line(None, source="b.csv", row=7),
    )
    source = RejectSource(path)
    assert read_batches(source) == [
        ("a.csv", (3, 9), [{"id": 1, "price": 5}, {"id": 2, "price": 6}]),
        ("a.csv", (10,), [{"id": 3, "title": "x"}]),
        ("b.csv", (1,), [{"id": 4, "title": "y"}]),
        ("b.csv", (1,), [{"id": 5, "title": "z"}]),
    ]
    assert [batch.as_of for batch in source] == [
        None,
        None,
        None,
        dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC),
    ]
    assert source.name == "rejects of 20260101-ab"


def test_rows_come_in_the_order_in_which_the_run_read_them(write):
    path = write(
        line({"id": 5}, row=2, batch=1, lane=None),
        line({"id": 2}, row=9, batch=0, lane=None),
        # the database rejected this row later, although it was read earlier
        line({"id": 4}, row=1, batch=1, lane=1),
        line({"id": 3}, row=1, batch=0, lane=1, source="b.csv"),
        "\n",
        line({"id": 1}, row=7, batch=0, lane=0).strip(),
    )
    assert [
        row["id"] for _, _, rows in read_batches(RejectSource(path)) for row in rows
    ] == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_long_rows_are_fixed_and_loaded_in_batches_of_few_bytes(write, monkeypatch):
    monkeypatch.setattr(reject_source, "BYTES_AT_ONCE", 1_000)
    sizes = (100, 100, 5_000, 300, 300, 300, 1)
    path = write(*(line({"t": "x" * size}, row=n) for n, size in enumerate(sizes)))
    heights = []
    source = RejectSource(path, lambda frame: (heights.append(frame.height), frame)[1])
    assert [numbers for _, numbers, _ in read_batches(source)] == [
        (0, 1),
        (2,),
        (3, 4),
        (5, 6),
    ]
    assert heights == [2, 1, 2, 2]


def test_batches_have_a_limited_number_of_rows(write, monkeypatch):
    monkeypatch.setattr(reject_source, "ROWS_AT_ONCE", 2)
    path = write(*(line({"id": n}, row=n) for n in range(4)))
    assert [numbers for _, numbers, _ in read_batches(RejectSource(path))] == [
        (0, 1),
        (2, 3),
    ]


@pytest.mark.parametrize(("bytes_ahead", "fixed_ahead"), [(1_000_000, 4), (100, 2)])
def test_rows_are_fixed_ahead_up_to_a_number_of_bytes(
    write, monkeypatch, bytes_ahead, fixed_ahead
):
    monkeypatch.setattr(reject_source, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(reject_source, "BYTES_AHEAD", bytes_ahead)
    path = write(*(line({"t": "x" * 80}, row=n) for n in range(4)))
    calls = []
    source = RejectSource(path, lambda frame: (calls.append(1), frame)[1])
    batches = iter(source)
    assert next(batches).row_numbers == (0,)
    assert len(calls) == fixed_ahead
    assert [batch.row_numbers for batch in batches] == [(1,), (2,), (3,)]
    assert len(calls) == 4


def fail_late(frame):
    if frame["id"].max() > 1:
        msg = "no price"
        raise LookupError(msg)
    return frame


@pytest.fixture
def two_rows_ahead(monkeypatch):
    """Fix two rows at a time, and two more ahead."""
    monkeypatch.setattr(reject_source, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(reject_source, "BYTES_AHEAD", 1)


def test_rows_on_which_a_fix_fails_late_are_rejected_unchanged(write, two_rows_ahead):
    moment = "2026-07-01T12:00:00+00:00"
    path = write(*(line({"id": n}, row=n + 5, as_of=moment) for n in range(4)))
    first, unfixed = RejectSource(path, fail_late)
    assert (first.row_numbers, first.unread, first.left) == ((5, 6), (), None)
    assert (unfixed.rows.num_rows, unfixed.source) == (0, "a.csv")
    assert [(one.row, one.check) for one in unfixed.unread] == [(7, "fix"), (8, "fix")]
    assert "the fix fail_late failed on 2 rejected rows" in unfixed.unread[0].message
    assert unfixed.left.to_pylist() == [{"id": 2}, {"id": 3}]
    assert unfixed.as_of.isoformat() == moment
    assert unfixed.slice(1, 2).left.to_pylist() == [{"id": 3}]
    assert unfixed.nbytes >= 16


def test_late_failure_of_a_fix_is_an_error_if_rows_cannot_be_kept(
    write, two_rows_ahead
):
    path = write(*(line({"id": n, "propload_row": n}, row=n) for n in range(4)))
    with pytest.raises(ConfigError, match="the fix fail_late failed"):
        list(RejectSource(path, fail_late))


def test_row_without_columns_is_skipped(write):
    # someone edited the file; a frame cannot have rows without columns
    source = RejectSource(write(line({}, row=1), line({"id": 2}, row=2)))
    assert read_batches(source) == [("a.csv", (2,), [{"id": 2}])]
    is_loaded = source.loadable_predicate()
    assert [is_loaded({"values": one}) for one in ({}, {"id": 2})] == [False, True]
    assert source.count() == 1


def test_resumed_replay_is_limited_to_the_rows_it_began_with(write):
    before = [
        line({"id": n}, row=n, batch=n % 3, lane=0) if n % 2 else line(None, row=n)
        for n in range(12)
    ]
    committed_pieces = frozenset({(0, 0), (1, 0)})
    source_before = RejectSource(write(*before), committed_pieces=committed_pieces)
    fingerprint, rows = source_before.fingerprint(), read_batches(source_before)
    assert (source_before.count(), source_before.count_waiting()) == (4, 2)
    # the run is resumed: rows of batches that were not committed come again
    kept = [one for one in before if '"batch": 2' not in one]
    later = [line({"id": n}, row=n, batch=2, lane=0) for n in (5, 11, 13)]
    path = write(*kept, *later)
    for now in (committed_pieces | {(2, 0)}, None):
        source = RejectSource(path, committed_pieces=now)
        assert (source.count(), source.count_waiting()) == (7, 0)
        assert not source.is_of_same_rows(fingerprint)
        again = source.beginning(rows_begun_with(fingerprint))
        assert (again.count(), again.fingerprint(), read_batches(again)) == (
            4,
            fingerprint,
            rows,
        )
        is_loaded = again.loadable_predicate()
        lines = [json.loads(one) for one in (*kept, *later)]
        left = [one["row"] for one in lines if not is_loaded(one)]
        assert left == [0, 2, 4, 6, 8, 10, 5, 11, 13]


def test_counts_and_fingerprint_read_the_file_once(write, monkeypatch):
    path = write(*(line({"id": n}, row=n, batch=n % 2, lane=0) for n in range(4)))
    readings = []

    def recorded(path):
        readings.append(path)
        return each_line(path)

    monkeypatch.setattr(reject_source, "each_line", recorded)
    source = RejectSource(path, committed_pieces=frozenset({(0, 0)}))
    assert (source.count(), source.count_waiting()) == (2, 2)
    again = source.beginning(rows_begun_with(source.fingerprint()))
    assert again.is_of_same_rows(source.fingerprint())
    assert (again.count(), len(readings)) == (2, 1)
    assert source.beginning(1).count() == 1
    assert len(readings) == 2


def test_rows_rejected_before_a_moment_are_counted(write):
    times = (
        {"time": "2026-07-01T11:59:59.999+00:00"},
        {"time": "2026-07-01T12:00:00.000+00:00"},
        {"time": "2026-07-01T13:59:59.000+02:00"},
        {"time": None},
        {},
    )
    path = write(*(line({"id": 1}, **time) for time in times), line(None))
    moment = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
    # a row without a time cannot be shown to be later
    assert RejectSource(path).count_before(moment) == 4


@pytest.mark.parametrize("fingerprint", [None, "", "ab12+cd34", "-1+ab+cd"])
def test_fingerprint_that_is_not_of_a_replay_stands_for_no_rows(fingerprint, write):
    assert rows_begun_with(fingerprint) == 0
    source = RejectSource(write(line({"id": 1})))
    assert not source.beginning(0).is_of_same_rows(fingerprint)


def test_integers_beyond_64_bits_become_text(write):
    path = write(line({"id": 2**64 - 1}))
    assert read_batches(RejectSource(path)) == [
        ("a.csv", (1,), [{"id": str(2**64 - 1)}])
    ]


@pytest.mark.parametrize("number", [2**64 - 1, 10**30])
def test_objects_with_integers_beyond_64_bits_become_text(write, number):
    path = write(line({"of": {"a": number}}, row=1), line({"of": {"a": 1}}, row=2))
    expected = [{"of": f'{{"a": {number}}}'}, {"of": '{"a": 1}'}]
    assert read_batches(RejectSource(path)) == [("a.csv", (1, 2), expected)]


@pytest.mark.parametrize("lists", [[[True], [1]], [[1], [True]]])
def test_lists_of_booleans_and_of_numbers_become_text(write, lists):
    path = write(*(line({"of": one}, row=n) for n, one in enumerate(lists)))
    expected = [{"of": json.dumps(one)} for one in lists]
    assert read_batches(RejectSource(path)) == [("a.csv", (0, 1), expected)]


def test_fix_may_change_and_leave_out_rows(write):
    path = write(*(line({"id": n}, row=n + 5) for n in range(4)))
    changed = RejectSource(path, lambda frame: frame.with_columns(id=pl.lit(7)))
    assert read_batches(changed) == [("a.csv", (5, 6, 7, 8), [{"id": 7}] * 4)]
    fewer = RejectSource(path, lambda frame: frame.filter(pl.col("id") > 1))
    assert read_batches(fewer) == [("a.csv", (7, 8), [{"id": 2}, {"id": 3}])]
    none = RejectSource(path, lambda frame: frame.clear())
    assert read_batches(none) == [("a.csv", (), [])]


def test_fingerprint_includes_the_fix_but_same_rows_are_recognized(write):
    path = write(line({"id": 1}))
    fixes = (lambda frame: frame, lambda frame: frame[:1], None)
    fingerprints = [RejectSource(path, fix).fingerprint() for fix in fixes]
    assert len(set(fingerprints)) == 3
    assert all(
        RejectSource(path).is_of_same_rows(fingerprint) for fingerprint in fingerprints
    )


def test_rows_that_a_fix_moves_or_repeats_keep_their_numbers(write):
    path = write(*(line({"id": n}, row=100 * n) for n in (1, 2, 3)))
    reversed_rows = RejectSource(path, lambda frame: frame.reverse())
    assert read_batches(reversed_rows) == [
        ("a.csv", (300, 200, 100), [{"id": n} for n in (3, 2, 1)])
    ]
    doubled = RejectSource(path, lambda frame: pl.concat([frame, frame[:1]]))
    assert [numbers for _, numbers, _ in read_batches(doubled)] == [
        (100, 200, 300, 100)
    ]
    texts = RejectSource(path, lambda frame: frame[1:].cast(pl.String))
    assert read_batches(texts) == [("a.csv", (200, 300), [{"id": "2"}, {"id": "3"}])]


def test_error_names_a_fix_that_fails_on_the_first_rows(write):
    source = RejectSource(write(line({"id": 1})), lambda frame: frame.select("nothing"))
    with pytest.raises(ConfigError, match=r"the fix .*lambda.* row of a.csv: Column"):
        list(source)
