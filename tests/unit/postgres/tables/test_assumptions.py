import json

import pytest

from propload.postgres.tables.assumptions import Assumptions

COLUMNS = {
    "k": [20, -1, "bigint", 1],
    "price": [20, -1, "bigint", 2],
    "name": [1043, 24, "character varying(20)", 3],
    "code": [1042, 9, "character(5)", 4],
    "rate": [1700, 655366, "numeric(10,2)", 5],
}
BEFORE = {
    "oid": 7,
    "columns": COLUMNS,
    "keys": [["k"], ["name", "code"]],
    "triggered": False,
    "ruled": False,
    "secured": False,
    "reaching": False,
    "files": "7",
    "required": ["k"],
}


def changes(
    *, key=("k",), sent_columns=tuple(COLUMNS), accepts_partial_rows=False, **after
):
    return list(
        Assumptions(json.dumps(BEFORE)).changes(
            Assumptions(json.dumps(BEFORE | after)),
            columns=sent_columns,
            key=key,
            accepts_partial_rows=accepts_partial_rows,
        )
    )


def with_column(name, *facts):
    number = COLUMNS.get(name, [len(COLUMNS) + 1])[-1]
    return {"columns": COLUMNS | {name: [*facts, number]}}


def test_equal_answers_are_no_change():
    assert changes() == []


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (
            with_column("price", 701, -1, "double precision"),
            "column price is double precision now and was bigint",
        ),
        (
            with_column("rate", 1700, 655364, "numeric(10,0)"),
            "column rate is numeric(10,0) now and was numeric(10,2)",
        ),
        (
            {"columns": {n: t for n, t in COLUMNS.items() if n != "price"}},
            (
                "column price is gone: if it was renamed, rename it back; if it "
                "was dropped, what committed rows held in it is gone"
            ),
        ),
        (
            {"columns": COLUMNS | {"price": [20, -1, "bigint", 6]}},
            (
                "column price is a different one now: it was dropped and created "
                "again, or two have swapped names"
            ),
        ),
        ({"oid": 8}, "it was dropped and created again"),
        ({"keys": None}, "it no longer has a unique constraint on (k)"),
        ({"keys": [["k", "name"]]}, "it no longer has a unique constraint on (k)"),
        ({"triggered": True}, "it has a trigger now that may skip or change rows"),
        ({"ruled": True}, "it has a rule now"),
        ({"secured": True}, "row-level security applies to this user now"),
    ],
)
def test_incompatible_change_is_reported(after, message):
    assert changes(**after) == [message]


@pytest.mark.parametrize(
    "after",
    [
        # the server refuses values that are too long
        with_column("name", 1043, 9, "character varying(5)"),
        with_column("name", 25, -1, "text"),
        with_column("code", 1042, 24, "character(20)"),
        with_column("added", 25, -1, "text"),
        {"keys": [["k"]]},
        {"keys": [["code", "name"], ["k"]]},
    ],
)
def test_compatible_change_is_ignored(after):
    assert changes(**after) == []


def test_new_required_column_is_reported():
    after = {"required": ["k", "more"]}
    (message,) = changes(**after)
    assert message.startswith("column more is NOT NULL and has no default now")
    assert message.endswith("set a default in the table")
    # not if rows are parts of stored ones, nor if they have the column
    assert changes(**after, accepts_partial_rows=True) == []
    assert changes(**after, sent_columns=[*COLUMNS, "more"]) == []
    # a known required column may get a default and lose it again
    known = assumptions_with(**after).followed_by(assumptions_with())
    assert (
        list(known.changes(assumptions_with(**after), columns=COLUMNS, key=("k",)))
        == []
    )


def test_changes_of_unused_columns_and_keys_are_ignored():
    assert changes(**with_column("price", 23, -1, "integer"), sent_columns=["k"]) == []
    assert changes(keys=None, key=()) == []


def test_conditions_present_from_the_beginning_are_no_change():
    before = Assumptions(json.dumps(BEFORE | {"triggered": True, "ruled": True}))
    assert list(before.changes(before, columns=COLUMNS, key=("k",))) == []
    without = Assumptions(json.dumps(BEFORE))
    assert list(before.changes(without, columns=COLUMNS, key=("k",))) == []


def assumptions_with(**changed):
    return Assumptions(json.dumps(BEFORE | changed))


@pytest.mark.parametrize("condition", ["triggered", "ruled"])
def test_known_condition_may_disappear_and_come_back(condition):
    initial = assumptions_with(**{condition: True})
    gone = initial.followed_by(assumptions_with())
    assert gone.answer == assumptions_with().answer
    assert list(gone.changes(initial, columns=COLUMNS, key=("k",))) == []
    back = gone.followed_by(initial)
    again = back.followed_by(assumptions_with()).followed_by(initial)
    # a condition that comes and goes with every batch is remembered once
    assert len(again.earlier) == 2
    assert list(again.changes(assumptions_with(), columns=COLUMNS, key=("k",))) == []


def test_later_assumptions_are_kept_as_well():
    narrow = assumptions_with(columns={"k": COLUMNS["k"]}, keys=None)
    known = narrow.followed_by(assumptions_with())
    after = assumptions_with(
        **with_column("price", 701, -1, "double precision"), keys=None
    )
    assert list(known.changes(after, columns=COLUMNS, key=("k",))) == [
        "column price is double precision now and was bigint",
        "it no longer has a unique constraint on (k)",
    ]
