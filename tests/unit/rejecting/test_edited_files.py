"""Files of rejected rows that somebody has opened in an editor."""

import re

import pytest

from propload.errors import ConfigError
from propload.rejecting.lines import count_lines
from propload.rejecting.reading import read_rejects
from tests.unit.rejecting.making import refused, rows_of

RUN = "20260101-ab"


@pytest.fixture
def path(writer):
    writer.write(refused([1, 2]))
    writer.close()
    return writer.path


def test_a_last_line_that_only_lacks_its_end_is_a_row(path, store):
    whole = path.read_bytes()
    path.write_bytes(whole.rstrip())
    assert rows_of(store)["propload_row"].to_list() == [2, 3]
    assert [run.rows for run in store.runs()] == [2]
    # what is written behind it would be a part of it
    store.keep(RUN, lambda _: True)
    assert path.read_bytes() == whole


def test_a_last_line_that_lacks_its_end_and_is_wrong_is_named(path, store):
    # what a killed run left has no end at all; an editor left out this one's last mark
    path.write_bytes(path.read_bytes().replace(b'"row":3', b'"row":three').rstrip())
    with pytest.raises(
        ConfigError, match=rf"{path}, line 2: this is not a rejected row"
    ):
        rows_of(store)
    assert [run.rows for run in store.runs()] == [2]


def test_what_an_editor_adds_changes_no_row(path, store):
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n\r\n".join(lines) + b"\r\n \r\n")
    assert rows_of(store)["propload_row"].to_list() == [2, 3]
    assert count_lines(path) == 2


def test_rows_whose_time_somebody_took_out_are_listed_and_read(path, store):
    path.write_bytes(re.sub(rb'"time":"[^"]*",', b"", path.read_bytes()))
    assert [(run.rows, run.time) for run in store.runs()] == [(2, "")]
    assert rows_of(store)["propload_row"].to_list() == [2, 3]


def test_a_column_may_be_given_any_name(path):
    path.write_bytes(path.read_bytes().replace(b'"price":', b'"*":"x","^.*$":'))
    rejected = read_rejects(path)
    assert rejected.columns[:2] == ["*", "^.*$"]
    assert rejected["^.*$"].to_list() == ["p1", "p2"]
    assert rejected["propload_row"].to_list() == [2, 3]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda _: b"oops", "Expecting value"),
        (lambda _: b"[1]", "its 'source' is missing"),
        (lambda text: text.replace(b'"row":', b'"line":'), "its 'row' is missing"),
        (
            lambda text: text.replace(b'"row":3', b'"row":"3"'),
            "'row' is missing or not of type",
        ),
        (lambda text: text.replace(b'"row":3', b'"row":' + b"9" * 20), "64 bits"),
        (lambda text: text.replace(b'"row":3', b'"row":-' + b"9" * 20), "64 bits"),
        (lambda text: re.sub(rb'"lane":\w+', b'"lane":' + b"9" * 20, text), "64 bits"),
        (
            lambda text: text.replace(b'"as_of":null', b'"as_of":5'),
            "'as_of' is not of type str",
        ),
        (
            lambda text: re.sub(rb'"batch":\d', b'"batch":"x"', text),
            "'batch' is not of type int",
        ),
        (lambda text: re.sub(rb'"check":"[^"]*"', b'"check":1', text), "no text for"),
        (lambda text: text.replace(b'"message":', b'"said":'), "'reasons' lacks"),
        (lambda text: re.sub(rb'"reasons":.*]', b'"reasons":["oops"]', text), "lacks"),
        (lambda text: text.decode().encode("utf-16"), "utf-16"),
    ],
)
def test_a_line_that_is_no_rejected_row_is_named(changed, told, path, store, caplog):
    first, second = path.read_bytes().splitlines()
    path.write_bytes(first + b"\n" + changed(second) + b"\n")
    named = rf"{path}, line 2: this is not a rejected row .*{told}.* Correct the line"
    with pytest.raises(ConfigError, match=named):
        rows_of(store)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=named):
        store.keep(RUN, lambda _: False)
    assert path.read_bytes() == before
    # nobody reads it to list the run, and it can be given up
    assert [run.rows for run in store.runs()] == [2]
    path.write_bytes(changed(second) + b"\n")
    assert store.runs() == []
    assert f"{path}, line 1: this is not a rejected row" in caplog.text
    store.drop(RUN)
    assert not path.exists()


def test_another_user_s_file_is_passed_over(path, store, monkeypatch, caplog):
    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("propload.rejecting.store.each_line", refuse)
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    assert store.runs() == []
    assert f"{path} belongs to " in caplog.text
