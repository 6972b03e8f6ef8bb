"""Errors about a mode that a table does not support."""

import re

import pytest

from propload.errors import WriteError
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.tables.facts import TableColumn, TableFacts, Traits
from propload.postgres.tables.modes import require_mode
from propload.postgres.tables.stored_keys import StoredKeys
from propload.target import TableName, Target

TABLE = TableName("public", "t")
COLUMNS = (
    TableColumn("a", "bigint", "int8"),
    TableColumn("b", "text", "text"),
    TableColumn("j", "json", "json", comparable=False),
)
MESSAGES = {
    StoredKeys(): ": add one with",
    StoredKeys(("1", "x")): (
        "; keys repeat, such as a=1, b=x: leave one row of each key, then add one with"
    ),
    StoredKeys(lacking=True): (
        "; a or b is null in some rows, which ADD PRIMARY KEY would refuse: "
        "add one with"
    ),
    StoredKeys(("1", "x"), lacking=True): (
        "; keys repeat, such as a=1, b=x and a or b is null in some rows, which ADD "
        "PRIMARY KEY would refuse: leave one row of each key, then add one with"
    ),
}


class CountingSession:
    """A session that gives one answer, a row or an error, and counts the queries."""

    def __init__(self, answer):
        self.answer = answer
        self.queries = 0

    def rows(self, _sql):
        self.queries += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return [self.answer]

    def rollback(self):
        """End the transaction."""


@pytest.mark.parametrize("stored_keys", MESSAGES)
def test_error_describes_the_stored_keys_before_the_advice(stored_keys):
    session = CountingSession((list(stored_keys.repeated) or None, stored_keys.lacking))
    message = f"cannot be found by that key{MESSAGES[stored_keys]} ALTER TABLE"
    with pytest.raises(WriteError, match=re.escape(message)):
        require_mode(session, TableFacts(TABLE, COLUMNS), Target(TABLE, ("a", "b")))
    assert session.queries == 1


@pytest.mark.parametrize(
    ("key", "rules", "message"),
    [
        (("a",), {"unique_keys": (("a",),)}, None),
        (("a",), {"mode": "append"}, None),
        (("a",), {"mode": "replace"}, None),
        (("j",), {}, "ADD UNIQUE"),
        (("z",), {}, "lacks the key column z"),
    ],
)
def test_stored_rows_are_not_examined_if_the_answer_is_known(key, rules, message):
    session = CountingSession((["1"], True))
    mode = rules.pop("mode", "upsert")
    facts, target = TableFacts(TABLE, COLUMNS, **rules), Target(TABLE, key, mode=mode)
    if message is None:
        require_mode(session, facts, target)
    else:
        with pytest.raises(WriteError, match=message):
            require_mode(session, facts, target)
    assert session.queries == 0


def test_replace_of_a_referenced_table_examines_the_stored_keys():
    facts = TableFacts(TABLE, COLUMNS, referenced=True)
    target = Target(TABLE, ("a",), mode="replace")
    with pytest.raises(WriteError, match=r"other tables refer.*such as a=1: leave"):
        require_mode(CountingSession((["1"], False)), facts, target)


def test_error_is_the_same_if_the_stored_rows_may_not_be_read():
    session = CountingSession(ServerError("no", sqlstate="42501"))
    with pytest.raises(WriteError, match="by that key: add one"):
        require_mode(session, TableFacts(TABLE, COLUMNS), Target(TABLE, ("a",)))


@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_connection_lost_while_examining_is_raised(mode):
    session = CountingSession(ServerError("gone", sqlstate="08006"))
    facts = TableFacts(TABLE, COLUMNS, referenced=True)
    with pytest.raises(ServerError):
        require_mode(session, facts, Target(TABLE, ("a",), mode=mode))


def error_for_key(key, columns=COLUMNS, **facts):
    facts = TableFacts(TABLE, columns, **facts)
    with pytest.raises(WriteError) as caught:
        require_mode(CountingSession((None, False)), facts, Target(TABLE, key))
    return str(caught.value)


def test_error_names_the_unique_keys_of_the_table():
    message = error_for_key(("b",), unique_keys=(("a",), ("a", "j")))
    advice = ", use a key that it has (--key a or --key a,j), or use --mode append"
    assert message.endswith(f'ALTER TABLE "public"."t" ADD UNIQUE ("b"){advice}')


def test_error_says_what_a_partitioned_table_needs_of_a_key():
    message = error_for_key(
        ("b",), traits=Traits(partitioned=True), unique_keys=(("a", "b"),)
    )
    assert (
        'ADD UNIQUE ("b") (with the columns that the table is partitioned by' in message
    )
    assert "--key a,b" in message


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (("z",), "lacks the key column z: create it"),
        (("Town", "z"), "lacks the key columns Town, z (did you mean town?): create"),
        (("Street", "Town"), "key columns Street, Town (did you mean street, town?): "),
    ],
)
def test_error_names_missing_key_columns_and_similar_ones(key, expected):
    columns = [TableColumn(name, "text", "text") for name in ("street", "town")]
    message = error_for_key(key, columns)
    assert expected in message
    assert message.endswith("or load into another table (--table)")
