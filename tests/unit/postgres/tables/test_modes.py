"""What is said of a mode that a table has no room for."""

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
FOUND = {
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


class Asked:
    """A session that answers with one row, or an error, and counts what it is asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0

    def rows(self, _sql):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return [self.answer]

    def rollback(self):
        """End the transaction."""


@pytest.mark.parametrize("found", FOUND)
def test_what_the_rows_hold_is_said_before_the_advice(found):
    session = Asked((list(found.repeated) or None, found.lacking))
    said = f"cannot be found by that key{FOUND[found]} ALTER TABLE"
    with pytest.raises(WriteError, match=re.escape(said)):
        require_mode(session, TableFacts(TABLE, COLUMNS), Target(TABLE, ("a", "b")))
    assert session.asked == 1


@pytest.mark.parametrize(
    ("key", "rules", "refused"),
    [
        (("a",), {"unique_keys": (("a",),)}, None),
        (("a",), {"mode": "append"}, None),
        (("a",), {"mode": "replace"}, None),
        (("j",), {}, "ADD UNIQUE"),
        (("z",), {}, "lacks the key column z"),
    ],
)
def test_rows_are_looked_at_only_where_that_tells_something(key, rules, refused):
    session = Asked((["1"], True))
    mode = rules.pop("mode", "upsert")
    facts, target = TableFacts(TABLE, COLUMNS, **rules), Target(TABLE, key, mode=mode)
    if refused is None:
        require_mode(session, facts, target)
    else:
        with pytest.raises(WriteError, match=refused):
            require_mode(session, facts, target)
    assert session.asked == 0


def test_a_replace_looks_where_it_finds_rows_by_their_key():
    facts = TableFacts(TABLE, COLUMNS, referenced=True)
    target = Target(TABLE, ("a",), mode="replace")
    with pytest.raises(WriteError, match=r"other tables refer.*such as a=1: leave"):
        require_mode(Asked((["1"], False)), facts, target)


def test_a_look_that_is_refused_changes_nothing_of_what_is_said():
    session = Asked(ServerError("no", sqlstate="42501"))
    with pytest.raises(WriteError, match="by that key: add one"):
        require_mode(session, TableFacts(TABLE, COLUMNS), Target(TABLE, ("a",)))


@pytest.mark.parametrize("mode", ["upsert", "replace"])
def test_a_connection_that_breaks_meanwhile_is_told(mode):
    session = Asked(ServerError("gone", sqlstate="08006"))
    facts = TableFacts(TABLE, COLUMNS, referenced=True)
    with pytest.raises(ServerError):
        require_mode(session, facts, Target(TABLE, ("a",), mode=mode))


def refused(key, columns=COLUMNS, **facts):
    facts = TableFacts(TABLE, columns, **facts)
    with pytest.raises(WriteError) as caught:
        require_mode(Asked((None, False)), facts, Target(TABLE, key))
    return str(caught.value)


def test_the_keys_that_a_table_has_are_told_with_the_one_it_lacks():
    told = refused(("b",), unique_keys=(("a",), ("a", "j")))
    advice = ", use a key that it has (--key a or --key a,j), or use --mode append"
    assert told.endswith(f'ALTER TABLE "public"."t" ADD UNIQUE ("b"){advice}')


def test_what_a_partitioned_table_needs_of_a_key_is_told():
    told = refused(("b",), traits=Traits(partitioned=True), unique_keys=(("a", "b"),))
    assert 'ADD UNIQUE ("b") (with the columns that the table is partitioned by' in told
    assert "--key a,b" in told


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (("z",), "lacks the key column z: create it"),
        (("Town", "z"), "lacks the key columns Town, z (did you mean town?): create"),
        (("Street", "Town"), "key columns Street, Town (did you mean street, town?): "),
    ],
)
def test_columns_of_the_key_that_a_table_lacks_are_told_with_those_like_them(key, told):
    columns = [TableColumn(name, "text", "text") for name in ("street", "town")]
    said = refused(key, columns)
    assert told in said
    assert said.endswith("or load into another table (--table)")
