"""How table names are parsed, and written in ledgers, journals and reports."""

import pytest

from propload.errors import ConfigError
from propload.target import TableName


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
def test_quotes_are_shown_only_where_they_are_needed(text, shown):
    assert str(TableName.parse(text)) == shown


@pytest.mark.parametrize("text", ["", ".", "a.", "a.b.c", '"a', '"".t'])
def test_invalid_table_name_is_refused(text):
    with pytest.raises(ConfigError, match=r"is not a name|open quote"):
        TableName.parse(text)
