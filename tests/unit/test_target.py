"""A table's name and the text that stands for it in ledgers, journals and reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from propload.errors import ConfigError
from propload.target import TableName

PARTS = st.text(min_size=1) | st.text('."a é', min_size=1)


@given(PARTS, PARTS)
def test_the_text_of_a_name_is_read_back(namespace, table):
    name = TableName(namespace, table)
    assert TableName.parse(str(name)) == name


@given(*[st.text(min_size=1).filter(lambda part: not set(part) & set('."'))] * 2)
def test_a_plain_name_has_no_quotes(namespace, table):
    # earlier runs wrote it so: what they left is found by it
    assert str(TableName(namespace, table)) == f"{namespace}.{table}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("homes", "public.homes"),
        ('"Homes To Let"', "public.Homes To Let"),
        ('"a.b"', 'public."a.b"'),
        ('"my.ns".t', '"my.ns".t'),
        ('public."q""t"', 'public."q""t"'),
    ],
)
def test_quotes_are_kept_where_they_are_needed(text, shown):
    assert str(TableName.parse(text)) == shown


@pytest.mark.parametrize("text", ["", ".", "a.", "a.b.c", '"a', '"".t'])
def test_what_is_no_name_is_said(text):
    with pytest.raises(ConfigError, match=r"is not a name|open quote"):
        TableName.parse(text)
