"""How table names are parsed, and written in ledgers, journals and reports."""

import pytest

from propload.errors import ConfigError
from propload.target import TableName, Target

HOMES = TableName("public", "homes")


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


@pytest.mark.parametrize(
    ("table", "settings", "told"),
    [
        ("homes", {}, r"table: 'homes' is not a TableName: give TableName\.parse"),
        (HOMES, {"key": 5}, "key: 5 is not a tuple of names"),
        (HOMES, {"key": (1,)}, r"key: \(1,\) is not a tuple of names"),
        (HOMES, {"mode": "zzz"}, "mode: 'zzz' is not one of upsert, append, insert-n"),
        (HOMES, {"on_null": "x"}, "on_null: 'x' is not one of overwrite, keep"),
        (HOMES, {"on_new_columns": []}, r"on_new_columns: \[\] is not one of refuse"),
    ],
)
def test_a_target_is_refused_where_it_is_written(table, settings, told):
    with pytest.raises(ConfigError, match=f"^{told}"):
        Target(table, **{"key": ("id",)} | settings)


@pytest.mark.parametrize("key", ["added", ["added"], ("added",)])
def test_a_key_may_be_one_text_as_it_may_be_for_ingest(key):
    """It was taken letter by letter: "added" named the column d twice."""
    assert Target(HOMES, key).key == ("added",)
