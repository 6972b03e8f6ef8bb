"""Names and values within statements."""

from datetime import UTC, datetime

import pytest

from propload.postgres.sql import quoting


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "NULL"),
        (True, "True"),
        (-5, "(-5)::int8"),
        ("it's", "'it''s'::text"),
        ("a\\'", "E'a\\\\'''::text"),
        (["a", None], "ARRAY['a'::text, NULL]"),
        ([], "'{}'"),
        (datetime(2026, 7, 1, tzinfo=UTC), "'2026-07-01T00:00:00+00:00'::timestamptz"),
    ],
)
def test_value_becomes_a_literal_of_its_type(value, literal):
    assert quoting.value(value) == literal


def test_value_of_unsupported_type_is_refused():
    with pytest.raises(TypeError, match="a statement takes no float"):
        quoting.value(1.5)


def test_values_replace_placeholders_outside_of_quotes_and_comments():
    query = """
    SELECT $1, $10 -- what's $1?
    FROM "a$1" WHERE b = '$1' AND c = E'\\'$1' AND d = '''$1' AND e = $2"""
    values = ["$2'", *range(2, 11)]
    assert quoting.with_values(query, values) == (
        query.replace("$1, $10", "'$2'''::text, (10)::int8").replace(
            "e = $2", "e = (2)::int8"
        )
    )


def test_value_cast_by_the_query_is_not_cast_twice():
    query = "SELECT $1::text, $2::text[], $3::int8, $4::timestamptz, $5::jsonb"
    assert quoting.with_values(query, ["a", ["b"], 3, None, "{}"]) == (
        "SELECT 'a'::text, ARRAY['b'::text]::text[], (3)::int8, NULL::timestamptz, "
        "'{}'::jsonb"
    )


def test_statement_without_values_is_unchanged():
    assert quoting.with_values("SELECT $1", ()) == "SELECT $1"
