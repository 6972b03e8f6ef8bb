"""Texts that the server casts are sent so that it reads each as it would alone."""

from __future__ import annotations

import json

import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.casting.row_casting import Cast, cast_types
from propload.target import ArrayForm

REFUSED = object()


def sent_texts(texts, pg_type):
    """Return each text as it is sent, or `REFUSED`."""
    frame = pl.DataFrame({"v": pl.Series(texts, dtype=pl.String)}).with_row_index(ROW)
    good = cast_types(frame, [Cast("v", pl.String(), pg_type)]).frame
    found = dict(good.select(ROW, "v").iter_rows())
    return [found.get(row, REFUSED) for row in range(len(texts))]


@pytest.mark.parametrize(
    ("pg_type", "text", "sent"),
    [
        ("text[]", '["a", 1, null, true, 1.10]', '{"a","1",NULL,"true","1.10"}'),
        ("text[]", r'["a\"b", "c\\d", "{,"]', r'{"a\"b","c\\d","{,"}'),
        ("text[]", "[]", "{}"),
        ("integer[]", "[1.0, true, 1e16]", REFUSED),
        ("bigint[]", '[1.0, true, 1e16, "7"]', '{"1","1","10000000000000000","7"}'),
        ("integer[]", "[[1, 2], [3, null]]", '{{"1","2"},{"3",NULL}}'),
        ("integer[]", '["a", 1]', REFUSED),
        ("integer[]", '[[1], ["a"]]', REFUSED),
        ("integer[]", "[1.5]", REFUSED),
        ("boolean[]", '[1, 0.0, "yes", false]', '{"true","false","true","false"}'),
        ("numeric(5,1)[]", "[true, 1.50, 1e400]", '{"1","1.50","1E+400"}'),
        ("double precision[]", '["0.1", NaN]', '{"0.1","NaN"}'),
        ("jsonb[]", '[{"a": 1.10}, null]', r'{"{\"a\": 1.10}",NULL}'),
        ("date[]", '["2024-01-01T02:00:00+02:00"]', '{"2024-01-01"}'),
        (
            "timestamp(3) without time zone[]",
            '["2024-01-01T10:00:00+05:30", "2024-01-02"]',
            '{"2024-01-01 04:30:00.000000","2024-01-02 00:00:00.000000"}',
        ),
        ("time without time zone[]", '["10:00:00+02"]', REFUSED),
        ("uuid[]", '["x"]', '{"x"}'),
        # the server's own notation, and texts that it is left to refuse itself
        ("integer[]", "{1,2}", "{1,2}"),
        ("integer[]", " [0:1]={1,2}", " [0:1]={1,2}"),
        ("integer[]", "[1", "[1"),
        ("integer[]", None, None),
        ("numeric", "true", "1"),
        ("numeric(50,2)", "false", "0"),
        ("numeric", "yes", "yes"),
    ],
)
def test_text_is_sent_in_the_form_that_the_server_reads(pg_type, text, sent):
    assert sent_texts([text], pg_type) == [sent]
    assert sent_texts([None, "{}", text, '["x y"]', "{}"], pg_type)[2] == sent


@pytest.mark.parametrize(
    ("form", "sent"),
    [
        (ArrayForm(";"), '{{"1";"2"};{"3";NULL}}'),
        (ArrayForm(nested=True), r'{"{\"1\",\"2\"}","{\"3\",NULL}"}'),
    ],
)
@pytest.mark.parametrize("dtype", [pl.String, pl.List(pl.List(pl.Int64))])
def test_array_is_written_in_the_form_of_its_type(form, sent, dtype):
    lists = [[1, 2], [3, None]]
    values = [json.dumps(lists) if dtype == pl.String else lists]
    frame = pl.DataFrame({"v": pl.Series(values, dtype=dtype)}).with_row_index(ROW)
    cast = Cast("v", pl.String(), "whole[]", array=form)
    assert cast_types(frame, [cast]).frame["v"].to_list() == [sent]


def test_category_is_sent_like_its_text():
    column = pl.Series("v", ["[1]", "{2}"], dtype=pl.Categorical)
    frame = pl.DataFrame([column]).with_row_index(ROW)
    found = cast_types(frame, [Cast("v", pl.String(), "integer[]")]).frame
    assert found["v"].to_list() == ['{"1"}', "{2}"]
