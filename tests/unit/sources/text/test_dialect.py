from __future__ import annotations

import pytest

from propload.options import SourceOptions
from propload.sources import open_source
from propload.sources.text.dialect import find_dialect


def dialect_of(text, *, tabs=False, **options):
    return find_dialect(text.encode(), "x", SourceOptions(**options), tabs=tabs)


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", b","),
        ("a;b;c\n1,5;2,5;3,5\n", b";"),
        ("a\tb\n1,5\t2\n", b"\t"),
        ("a|b\nx, y|z\n", b"|"),
        ("only\none\n", b","),
        ('a,"b;c;d"\n1,"x;y;z"\n', b","),
        ("sep=;\na;b\n1;2\n", b";"),
        ("city, state;zip\nDelft, NL;1\nParis;2\n", b";"),
        ("id;price (EUR, k.k.)\n1;450000,00\n2;325.000,50\n", b";"),
        ("id,text\n1,x;y\n2,z;4\n", b","),
        ("1,2,3;4\n5,6,7;8\n", b","),
    ],
)
def test_delimiter_is_detected(text, delimiter):
    assert dialect_of(text).delimiter == delimiter


def test_tabs_option_sets_the_delimiter():
    assert dialect_of("a,b\n1,2\n", tabs=True).names == ("a,b",)


@pytest.mark.parametrize(
    "text",
    [
        "id,price\n1,2\n",
        "id,name\nx,y\n",
        "country,2019,2020,2021\nNL,1,2,3\n",
        "name\nx\n",
        "id,2\n1,x\n",
        "id,price\n",
        "a,1\n5,6\n7,8\n",
    ],
)
def test_first_line_of_names_is_the_header(text):
    found = dialect_of(text)
    assert found.start == text.index("\n") + 1
    assert found.names == tuple(text.partition("\n")[0].split(","))


@pytest.mark.parametrize(
    "text",
    ["1,2\n3,4\n", "1,Delft,350000\n2,Leiden,1\n", "2024-01-01,5\n2024-01-02,6\n"],
)
def test_first_line_of_values_is_not_a_header(text):
    found = dialect_of(text)
    assert found.start == 0
    assert found.names[:2] == ("column_1", "column_2")


def test_header_can_be_specified():
    assert dialect_of("1,2\n3,4\n", header=True).names == ("1", "2")
    assert dialect_of("a,b\n3,4\n", header=False).names == ("column_1", "column_2")


def test_header_with_quoted_line_breaks_is_read_whole():
    text = '"a\nb",c\n1,2\n'
    assert dialect_of(text).names == ("a b", "c")
    assert text[dialect_of(text).start :] == "1,2\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Ede,villa,new\nEpe,house,new\nEde,flat,old\n", "Ede"),
        ("Kerkstraat 1,Ede,villa,250000\nDorpsweg 2,Epe,flat,1\n", "250000"),
        ("Ede,villa,new,2026-01-02\nEpe,house,old,2026-01-03\n", "2026-01-02"),
    ],
)
def test_header_that_may_be_a_row_is_noted(write, text, value):
    path = write("a.csv", text)
    source = open_source(path, SourceOptions())
    assert sum(batch.rows.num_rows for batch in source) == text.count("\n") - 1
    (note,) = source.notes
    assert f"{value!r} may be a value" in note
    assert "a.csv" in note
    assert "--no-header" in note
    for header in (True, False):
        specified = open_source(path, SourceOptions(header=header))
        assert len(list(specified)) == 1
        assert specified.notes == ()


@pytest.mark.parametrize(
    "text",
    [
        "id,town\n1,Ede\n2,Epe\n",
        "town,kind\nEde,villa\nEpe,flat\n",
        # a header repeated between joined files
        "town,kind\nEde,villa\ntown,kind\nEpe,flat\n",
        ",town,kind\n,Ede,villa\n,Epe,flat\n",
        "town,2023,2024,2025\nEde,1,2,3\n",
        "town,id,2024-01-01\nEde,1,2\nEpe,2,3\n",
        "town,kind\n",
        "1,Ede\n2,Epe\n",
    ],
)
def test_no_note_for_an_evident_header(write, text):
    source = open_source(write("a.csv", text), SourceOptions())
    list(source)
    assert source.notes == ()
