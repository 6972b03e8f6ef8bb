from __future__ import annotations

import pytest

from propload.options import SourceOptions
from propload.sources.dialect import find_dialect


def dialect(text, *, tabs=False, **options):
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
    ],
)
def test_the_delimiter_is_found(text, delimiter):
    assert dialect(text).delimiter == delimiter


def test_a_name_with_tabs_means_tabs():
    assert dialect("a,b\n1,2\n", tabs=True).names == ("a,b",)


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
def test_a_first_line_of_names_is_the_header(text):
    found = dialect(text)
    assert found.start == text.index("\n") + 1
    assert found.names == tuple(text.partition("\n")[0].split(","))


@pytest.mark.parametrize(
    "text",
    ["1,2\n3,4\n", "1,Delft,350000\n2,Leiden,1\n", "2024-01-01,5\n2024-01-02,6\n"],
)
def test_a_first_line_of_values_is_none(text):
    found = dialect(text)
    assert found.start == 0
    assert found.names[:2] == ("column_1", "column_2")


def test_the_header_can_be_told():
    assert dialect("1,2\n3,4\n", header=True).names == ("1", "2")
    assert dialect("a,b\n3,4\n", header=False).names == ("column_1", "column_2")


def test_a_header_of_several_lines_ends_where_its_quotes_do():
    text = '"a\nb",c\n1,2\n'
    assert dialect(text).names == ("a b", "c")
    assert text[dialect(text).start :] == "1,2\n"
