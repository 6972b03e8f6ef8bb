"""Files of rejected rows that somebody has edited."""

import re

import pytest

from propload.errors import ConfigError
from propload.rejecting.lines import count_lines
from propload.rejecting.reading import read_rejects
from tests.unit.rejecting.rows import rejected_rows, rows_of

RUN = "20260101-ab"


@pytest.fixture
def path(writer):
    writer.write(rejected_rows([1, 2]))
    writer.close()
    return writer.path


def test_last_line_without_a_line_break_is_a_row(path, store):
    whole = path.read_bytes()
    path.write_bytes(whole.rstrip())
    assert rows_of(store)["propload_row"].to_list() == [2, 3]
    assert [run.rows for run in store.runs()] == [2]
    # otherwise rows written after it would become part of its line
    store.keep(RUN, lambda _: True)
    assert path.read_bytes() == whole


def test_error_names_an_invalid_last_line_without_a_line_break(path, store):
    # a killed run leaves half a line; here an editor left out only the line break
    path.write_bytes(path.read_bytes().replace(b'"row":3', b'"row":three').rstrip())
    with pytest.raises(
        ConfigError, match=rf"{path}, line 2: this is not a rejected row"
    ):
        rows_of(store)
    assert [run.rows for run in store.runs()] == [2]


def test_byte_order_mark_crlf_and_blank_lines_change_no_row(path, store):
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n\r\n".join(lines) + b"\r\n \r\n")
    assert rows_of(store)["propload_row"].to_list() == [2, 3]
    assert count_lines(path) == 2


def test_rows_without_their_time_are_listed_and_read(path, store):
    path.write_bytes(re.sub(rb'"time":"[^"]*",', b"", path.read_bytes()))
    assert [(run.rows, run.time) for run in store.runs()] == [(2, "")]
    assert rows_of(store)["propload_row"].to_list() == [2, 3]


def test_columns_may_have_names_like_selectors(path):
    path.write_bytes(path.read_bytes().replace(b'"price":', b'"*":"x","^.*$":'))
    rejected = read_rejects(path)
    assert rejected.columns[:2] == ["*", "^.*$"]
    assert rejected["^.*$"].to_list() == ["p1", "p2"]
    assert rejected["propload_row"].to_list() == [2, 3]


@pytest.mark.parametrize(
    ("edit", "problem"),
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
def test_error_names_the_line_that_is_not_a_rejected_row(
    edit, problem, path, store, caplog
):
    first, second = path.read_bytes().splitlines()
    path.write_bytes(first + b"\n" + edit(second) + b"\n")
    message = (
        rf"{path}, line 2: this is not a rejected row .*{problem}.* Correct the line"
    )
    with pytest.raises(ConfigError, match=message):
        rows_of(store)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=message):
        store.keep(RUN, lambda _: False)
    assert path.read_bytes() == before
    # the run can be listed without reading the line, and can be dropped
    assert [run.rows for run in store.runs()] == [2]
    path.write_bytes(edit(second) + b"\n")
    assert store.runs() == []
    assert f"{path}, line 1: this is not a rejected row" in caplog.text
    store.drop(RUN)
    assert not path.exists()


def test_file_of_another_user_is_skipped_with_a_warning(
    path, store, monkeypatch, caplog
):
    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("propload.rejecting.store.each_line", refuse)
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    assert store.runs() == []
    assert f"{path} belongs to " in caplog.text
