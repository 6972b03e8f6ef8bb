import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from propload.earlier_runs.replaying import replay
from propload.errors import ConfigError
from propload.rejecting import RejectWriter
from propload.rejecting.reading import read_rejects
from tests.unit.rejecting.rows import rejected_rows, rows_of

RUN = "20260101-ab"


def test_store_lists_finds_and_drops_runs(writer, store, tmp_path):
    writer.write(rejected_rows([1, 2, 3]))
    other = RejectWriter(tmp_path / "rejects" / "20260102-cd.ndjson", "20260102-cd")
    other.write(rejected_rows([1]))
    other.close()
    assert [(run.run_id, run.rows) for run in store.runs()] == [
        ("20260102-cd", 1),
        (RUN, 3),
    ]
    assert store.files.find().stem == "20260102-cd"
    assert store.files.find("20260101").stem == RUN
    with pytest.raises(ConfigError, match="2 runs begin with that"):
        store.files.find("2026")
    with pytest.raises(ConfigError, match="no rejected rows"):
        store.files.find("nothing")
    store.drop("20260102")
    assert [run.run_id for run in store.runs()] == [RUN]


def test_error_says_that_the_store_is_empty(store):
    with pytest.raises(ConfigError, match="no run has left any rejected rows"):
        store.files.find()


def test_keep_removes_lines_that_do_not_match(writer, store):
    writer.write(rejected_rows([1], batch=0))
    writer.write(rejected_rows([2], batch=1))
    writer.write(rejected_rows([3], batch=1, lane=1))
    store.keep(RUN, lambda line: line["batch"] == 0 or line["lane"] == 1)
    assert rows_of(store)["propload_row"].to_list() == [2, 4]


def test_kept_lines_are_byte_for_byte_the_same(writer, store):
    writer.write(rejected_rows([1], batch=0, values={"a": [7], "when": [None]}))
    writer.write(rejected_rows([2], batch=1, values={"b": [1.5]}))
    writer.write(
        rejected_rows([3], batch=2, values={"a": ["seven"], "c": [{"d": [1]}]})
    )
    lines = writer.path.read_bytes().splitlines(keepends=True)
    store.keep(RUN, lambda line: line["batch"] != 1)
    assert writer.path.read_bytes() == lines[0] + lines[2]


def test_kept_lines_are_synced_before_the_file_is_replaced(writer, store, monkeypatch):
    writer.write(rejected_rows([1], batch=0))
    writer.write(rejected_rows([2], batch=1))
    done, sync, replace = [], os.fsync, Path.replace

    def record_sync(descriptor):
        done.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    def record_replace(path, target):
        done.append("replaced")
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", record_sync)
        patched.setattr(Path, "replace", record_replace)
        store.keep(RUN, lambda line: line["batch"] == 0)
    file, folder = writer.path, writer.path.parent
    assert done == [file.stat().st_ino, "replaced", folder.stat().st_ino]


def test_run_is_listed_with_its_first_reason(writer, store):
    writer.write(rejected_rows([1, 2]))
    assert [run.reason for run in store.runs()] == ["price is wrong"]


def test_file_without_kept_lines_is_deleted(writer, store):
    writer.write(rejected_rows([1]))
    writer.close()
    store.keep(RUN, lambda _: False)
    assert not writer.path.exists()
    assert not list(writer.path.parent.iterdir())


def test_file_without_kept_lines_is_not_first_replaced_by_an_empty_one(
    writer, store, monkeypatch
):
    writer.write(rejected_rows([1]))

    def killed(*_):
        pytest.fail("a process that is killed now leaves an empty file")

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.replace", killed)
        store.keep(RUN, lambda _: False)
    assert not writer.path.exists()


def test_dropping_deletes_the_temporary_file_of_a_killed_process(writer, store):
    writer.write(rejected_rows([1]))
    writer.close()
    (writer.path.parent / f"{RUN}.tmp").write_bytes(writer.path.read_bytes())
    store.drop(RUN)
    assert not list(writer.path.parent.iterdir())


def test_copy_of_rows_is_private_unlisted_and_dropped_with_them(writer, store):
    writer.write(rejected_rows([1]))
    store.make_copy(RUN)
    writer.write(rejected_rows([2]))
    store.make_copy(RUN)
    copy = store.copy_path(RUN)
    assert copy.read_bytes() == writer.path.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [run.run_id for run in store.runs()] == [RUN]
    writer.close()
    store.drop(RUN)
    assert not list(writer.path.parent.iterdir())


def test_copy_is_dropped_with_old_rows(writer, store):
    writer.write(rejected_rows([1]))
    writer.close()
    store.make_copy(RUN)
    assert store.drop_old(datetime(2999, 1, 1, tzinfo=UTC)) == 1
    assert not list(writer.path.parent.iterdir())


def test_copy_that_fails_for_lack_of_space_is_deleted_and_logged(
    writer, store, monkeypatch, caplog
):
    writer.write(rejected_rows([1]))
    store.make_copy(RUN)

    def refuse(_from, into):
        into.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", refuse)
    store.make_copy(RUN)
    assert "No space left" in caplog.text
    assert not store.copy_path(RUN).exists()


def test_error_says_that_another_process_has_dropped_the_rows(
    writer, store, monkeypatch
):
    writer.write(rejected_rows([1]))
    writer.close()
    find = store.files.find

    def find_too_late(_self, run_id=""):
        path = find(run_id)
        path.unlink()
        return path

    monkeypatch.setattr("propload.state.run_files.RunFiles.find", find_too_late)
    gone = f"no rejected row of run {RUN} is left"
    with pytest.raises(ConfigError, match=gone):
        store.drop(RUN)
    refused_again = RejectWriter(writer.path, RUN)
    refused_again.write(rejected_rows([1]))
    refused_again.close()
    with pytest.raises(ConfigError, match=gone):
        replay(RUN, state_dir=writer.path.parent.parent)


def test_rows_of_different_columns_and_types_are_read_as_one_frame(writer, store):
    writer.write(rejected_rows([1], values={"a": [7], "c": [True]}))
    writer.write(rejected_rows([2], values={"b": [1.5], "c": [{"d": 1}]}))
    writer.write(rejected_rows([3], values={"a": [2.5], "c": [[1, 2]]}))
    frame = rows_of(store)
    # integers and decimals are both numbers
    assert frame["a"].to_list() == [7.0, None, 2.5]
    assert frame["b"].to_list() == [None, 1.5, None]
    # a boolean, an object and a list have no common type but text
    assert frame["c"].to_list() == ["true", '{"d": 1}', "[1, 2]"]


def test_incomplete_line_of_a_killed_run_is_skipped_and_removed(writer, store):
    writer.write(rejected_rows([1]))
    whole = writer.path.read_bytes()
    writer.path.write_bytes(whole + whole[: len(whole) // 2])
    assert rows_of(store)["propload_row"].to_list() == [2]
    assert [run.rows for run in store.runs()] == [1]
    store.keep(RUN, lambda _: True)
    assert writer.path.read_bytes() == whole


def test_columns_of_the_data_do_not_hide_those_about_the_row(writer):
    values = {"source": ["funda"], "values": ["few"], "propload_reasons": ["of before"]}
    writer.write(rejected_rows([1], values=values))
    (row,) = read_rejects(writer.path).iter_rows(named=True)
    assert (row["source"], row["values"]) == ("funda", "few")
    assert row["propload_source"] == "a.csv"
    assert row["propload_reasons"] == "price: price is wrong; area: area is wrong"


def test_column_is_not_repeated_before_a_message_that_names_it(writer):
    path = writer.path
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = {"stage": "map", "check": "cast", "value": "x", "sqlstate": None}
    reasons = [
        {**parts, "column": "a.b", "message": "column a.b: 'x' is odd"},
        {**parts, "column": "a", "message": "column a.b: 'x' is odd"},
        {**parts, "column": None, "message": "is odd"},
    ]
    line = {"run": RUN, "source": "a.csv", "row": 1, "values": {"a": "x"}}
    path.write_text(json.dumps({**line, "reasons": reasons}) + "\n", encoding="utf-8")
    assert read_rejects(path)["propload_reasons"].to_list() == [
        "column a.b: 'x' is odd; a: column a.b: 'x' is odd; row: is odd"
    ]


def test_unread_rows_have_only_the_columns_about_them(writer):
    path = writer.path
    path.parent.mkdir(parents=True, exist_ok=True)
    reason = {"stage": "read", "column": None, "check": "json", "value": "{oops"}
    reason |= {"message": "is no JSON", "sqlstate": None}
    line = {"run": RUN, "source": "a.json", "row": 1, "values": None}
    path.write_text(json.dumps({**line, "reasons": [reason]}) + "\n", encoding="utf-8")
    (row,) = read_rejects(path).iter_rows(named=True)
    assert all(name.startswith("propload_") for name in row)
    assert row["propload_reasons"] == "row: is no JSON: {oops"
