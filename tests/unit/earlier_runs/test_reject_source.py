import datetime as dt
import json

import polars as pl
import pytest

from propload.earlier_runs import reject_source
from propload.earlier_runs.reject_source import RejectSource, rows_begun_with
from propload.errors import ConfigError
from propload.rejecting.lines import each_line


def line(values, *, source="a.csv", row=1, as_of=None, **place):
    told = {"source": source, "row": row, "as_of": as_of, "values": values, **place}
    return json.dumps({"run": "r", **told, "reasons": []}) + "\n"


@pytest.fixture
def write(tmp_path):
    def write(*lines):
        path = tmp_path / "20260101-ab.ndjson"
        path.write_text("".join(lines), encoding="utf-8")
        return path

    return write


def read(source):
    return [
        (b.source, b.row_numbers, pl.DataFrame(pl.from_arrow(b.rows)).to_dicts())
        for b in source
    ]


def test_rows_of_other_columns_sources_and_moments_come_apart(write):
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
    assert read(source) == [
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


def test_rows_come_in_the_order_in_which_they_were_read(write):
    path = write(
        line({"id": 5}, row=2, batch=1, lane=None),
        line({"id": 2}, row=9, batch=0, lane=None),
        # the database told later of what was read before
        line({"id": 4}, row=1, batch=1, lane=1),
        line({"id": 3}, row=1, batch=0, lane=1, source="b.csv"),
        "\n",
        line({"id": 1}, row=7, batch=0, lane=0).strip(),
    )
    assert [row["id"] for _, _, rows in read(RejectSource(path)) for row in rows] == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_long_rows_are_mended_and_loaded_a_few_at_a_time(write, monkeypatch):
    monkeypatch.setattr(reject_source, "BYTES_AT_ONCE", 1_000)
    sizes = (100, 100, 5_000, 300, 300, 300, 1)
    path = write(*(line({"t": "x" * size}, row=n) for n, size in enumerate(sizes)))
    given = []
    source = RejectSource(path, lambda frame: (given.append(frame.height), frame)[1])
    assert [numbers for _, numbers, _ in read(source)] == [
        (0, 1),
        (2,),
        (3, 4),
        (5, 6),
    ]
    assert given == [2, 1, 2, 2]


def test_rows_are_loaded_so_many_at_a_time(write, monkeypatch):
    monkeypatch.setattr(reject_source, "ROWS_AT_ONCE", 2)
    path = write(*(line({"id": n}, row=n) for n in range(4)))
    assert [numbers for _, numbers, _ in read(RejectSource(path))] == [(0, 1), (2, 3)]


@pytest.mark.parametrize(("most", "made"), [(1_000_000, 4), (100, 2)])
def test_rows_are_mended_ahead_of_the_first_that_is_loaded(
    write, monkeypatch, most, made
):
    monkeypatch.setattr(reject_source, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(reject_source, "BYTES_AHEAD", most)
    path = write(*(line({"t": "x" * 80}, row=n) for n in range(4)))
    given = []
    source = RejectSource(path, lambda frame: (given.append(1), frame)[1])
    batches = iter(source)
    assert next(batches).row_numbers == (0,)
    assert len(given) == made
    assert [batch.row_numbers for batch in batches] == [(1,), (2,), (3,)]
    assert len(given) == 4


def fail_late(frame):
    if frame["id"].max() > 1:
        msg = "no price"
        raise LookupError(msg)
    return frame


@pytest.fixture
def one_ahead(monkeypatch):
    """Have two rows mended at a time, and two ahead."""
    monkeypatch.setattr(reject_source, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(reject_source, "BYTES_AHEAD", 1)


def test_rows_on_which_a_fix_fails_late_are_left_as_they_were(write, one_ahead):
    moment = "2026-07-01T12:00:00+00:00"
    path = write(*(line({"id": n}, row=n + 5, as_of=moment) for n in range(4)))
    first, left = RejectSource(path, fail_late)
    assert (first.row_numbers, first.unread, first.left) == ((5, 6), (), None)
    assert (left.rows.num_rows, left.source) == (0, "a.csv")
    assert [(one.row, one.check) for one in left.unread] == [(7, "fix"), (8, "fix")]
    assert "the fix fail_late failed on 2 rejected rows" in left.unread[0].message
    assert left.left.to_pylist() == [{"id": 2}, {"id": 3}]
    assert left.as_of.isoformat() == moment
    assert left.slice(1, 2).left.to_pylist() == [{"id": 3}]
    assert left.nbytes >= 16


def test_rows_that_no_run_takes_are_not_left_where_a_fix_fails(write, one_ahead):
    path = write(*(line({"id": n, "propload_row": n}, row=n) for n in range(4)))
    with pytest.raises(ConfigError, match="the fix fail_late failed"):
        list(RejectSource(path, fail_late))


def test_a_row_without_columns_is_left_alone(write):
    # somebody has taken them out; a frame has no rows without columns
    source = RejectSource(write(line({}, row=1), line({"id": 2}, row=2)))
    assert read(source) == [("a.csv", (2,), [{"id": 2}])]
    is_loaded = source.loadable_predicate()
    assert [is_loaded({"values": one}) for one in ({}, {"id": 2})] == [False, True]
    assert source.count() == 1


def test_rows_that_came_later_are_no_part_of_those_begun_with(write):
    before = [
        line({"id": n}, row=n, batch=n % 3, lane=0) if n % 2 else line(None, row=n)
        for n in range(12)
    ]
    committed_pieces = frozenset({(0, 0), (1, 0)})
    begun = RejectSource(write(*before), committed_pieces=committed_pieces)
    mark, rows = begun.fingerprint(), read(begun)
    assert (begun.count(), begun.count_waiting()) == (4, 2)
    # the run is gone on with: rows of batches that were not committed come again
    kept = [one for one in before if '"batch": 2' not in one]
    later = [line({"id": n}, row=n, batch=2, lane=0) for n in (5, 11, 13)]
    path = write(*kept, *later)
    for now in (committed_pieces | {(2, 0)}, None):
        source = RejectSource(path, committed_pieces=now)
        assert (source.count(), source.count_waiting()) == (7, 0)
        assert not source.is_of_same_rows(mark)
        again = source.beginning(rows_begun_with(mark))
        assert (again.count(), again.fingerprint(), read(again)) == (4, mark, rows)
        is_loaded = again.loadable_predicate()
        lines = [json.loads(one) for one in (*kept, *later)]
        left = [one["row"] for one in lines if not is_loaded(one)]
        assert left == [0, 2, 4, 6, 8, 10, 5, 11, 13]


def test_what_is_asked_before_rows_are_read_takes_one_look(write, monkeypatch):
    path = write(*(line({"id": n}, row=n, batch=n % 2, lane=0) for n in range(4)))
    looks = []

    def look(path):
        looks.append(path)
        return each_line(path)

    monkeypatch.setattr(reject_source, "each_line", look)
    source = RejectSource(path, committed_pieces=frozenset({(0, 0)}))
    assert (source.count(), source.count_waiting()) == (2, 2)
    again = source.beginning(rows_begun_with(source.fingerprint()))
    assert again.is_of_same_rows(source.fingerprint())
    assert (again.count(), len(looks)) == (2, 1)
    assert source.beginning(1).count() == 1
    assert len(looks) == 2


def test_rows_are_told_apart_by_when_they_were_rejected(write):
    times = (
        {"time": "2026-07-01T11:59:59.999+00:00"},
        {"time": "2026-07-01T12:00:00.000+00:00"},
        {"time": "2026-07-01T13:59:59.000+02:00"},
        {"time": None},
        {},
    )
    path = write(*(line({"id": 1}, **time) for time in times), line(None))
    moment = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
    # one without a time cannot be told to be later
    assert RejectSource(path).count_before(moment) == 4


@pytest.mark.parametrize("fingerprint", [None, "", "ab12+cd34", "-1+ab+cd"])
def test_what_was_no_replay_began_with_no_row(fingerprint, write):
    assert rows_begun_with(fingerprint) == 0
    source = RejectSource(write(line({"id": 1})))
    assert not source.beginning(0).is_of_same_rows(fingerprint)


def test_whole_numbers_beyond_64_bits_come_as_text(write):
    path = write(line({"id": 2**64 - 1}))
    assert read(RejectSource(path)) == [("a.csv", (1,), [{"id": str(2**64 - 1)}])]


@pytest.mark.parametrize("number", [2**64 - 1, 10**30])
def test_whole_numbers_beyond_64_bits_within_objects_come_as_text(write, number):
    path = write(line({"of": {"a": number}}, row=1), line({"of": {"a": 1}}, row=2))
    told = [{"of": f'{{"a": {number}}}'}, {"of": '{"a": 1}'}]
    assert read(RejectSource(path)) == [("a.csv", (1, 2), told)]


@pytest.mark.parametrize("given", [[[True], [1]], [[1], [True]]])
def test_truth_and_numbers_within_lists_are_not_taken_for_each_other(write, given):
    path = write(*(line({"of": one}, row=n) for n, one in enumerate(given)))
    told = [{"of": json.dumps(one)} for one in given]
    assert read(RejectSource(path)) == [("a.csv", (0, 1), told)]


def test_a_fix_may_mend_and_leave_out_rows(write):
    path = write(*(line({"id": n}, row=n + 5) for n in range(4)))
    mended = RejectSource(path, lambda frame: frame.with_columns(id=pl.lit(7)))
    assert read(mended) == [("a.csv", (5, 6, 7, 8), [{"id": 7}] * 4)]
    fewer = RejectSource(path, lambda frame: frame.filter(pl.col("id") > 1))
    assert read(fewer) == [("a.csv", (7, 8), [{"id": 2}, {"id": 3}])]
    none = RejectSource(path, lambda frame: frame.clear())
    assert read(none) == [("a.csv", (), [])]


def test_a_fix_is_part_of_what_rows_are_known_by(write):
    path = write(line({"id": 1}))
    fixes = (lambda frame: frame, lambda frame: frame[:1], None)
    marks = [RejectSource(path, fix).fingerprint() for fix in fixes]
    assert len(set(marks)) == 3
    assert all(RejectSource(path).is_of_same_rows(mark) for mark in marks)


def test_rows_that_a_fix_moves_keep_their_numbers(write):
    path = write(*(line({"id": n}, row=100 * n) for n in (1, 2, 3)))
    turned = RejectSource(path, lambda frame: frame.reverse())
    assert read(turned) == [("a.csv", (300, 200, 100), [{"id": n} for n in (3, 2, 1)])]
    doubled = RejectSource(path, lambda frame: pl.concat([frame, frame[:1]]))
    assert [numbers for _, numbers, _ in read(doubled)] == [(100, 200, 300, 100)]
    texts = RejectSource(path, lambda frame: frame[1:].cast(pl.String))
    assert read(texts) == [("a.csv", (200, 300), [{"id": "2"}, {"id": "3"}])]


def test_a_fix_that_fails_on_the_first_rows_is_named(write):
    source = RejectSource(write(line({"id": 1})), lambda frame: frame.select("nothing"))
    with pytest.raises(ConfigError, match=r"the fix .*lambda.* row of a.csv: Column"):
        list(source)
