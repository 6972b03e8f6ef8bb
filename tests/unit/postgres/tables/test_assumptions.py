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
    *, key=("k",), travelling=tuple(COLUMNS), accepts_partial_rows=False, **after
):
    return list(
        Assumptions(json.dumps(BEFORE)).changes(
            Assumptions(json.dumps(BEFORE | after)),
            columns=travelling,
            key=key,
            accepts_partial_rows=accepts_partial_rows,
        )
    )


def with_column(name, *told):
    number = COLUMNS.get(name, [len(COLUMNS) + 1])[-1]
    return {"columns": COLUMNS | {name: [*told, number]}}


def test_what_stays_as_it_was_is_no_change():
    assert changes() == []


@pytest.mark.parametrize(
    ("after", "said"),
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
def test_what_rows_may_not_meet_is_said(after, said):
    assert changes(**after) == [said]


@pytest.mark.parametrize(
    "after",
    [
        # the server refuses what is too long
        with_column("name", 1043, 9, "character varying(5)"),
        with_column("name", 25, -1, "text"),
        with_column("code", 1042, 24, "character(20)"),
        with_column("added", 25, -1, "text"),
        {"keys": [["k"]]},
        {"keys": [["code", "name"], ["k"]]},
    ],
)
def test_what_rows_may_meet_is_no_change(after):
    assert changes(**after) == []


def test_a_column_that_every_new_row_has_to_bring_is_said():
    after = {"required": ["k", "more"]}
    (said,) = changes(**after)
    assert said.startswith("column more is NOT NULL and has no default now")
    assert said.endswith("set a default in the table")
    # rows that are parts of stored ones need not bring it, nor do those that do
    assert changes(**after, accepts_partial_rows=True) == []
    assert changes(**after, travelling=[*COLUMNS, "more"]) == []
    # it may come to have a default, and lose it again, if it was known
    known = told(**after).followed_by(told())
    assert list(known.changes(told(**after), columns=COLUMNS, key=("k",))) == []


def test_columns_that_do_not_travel_and_keys_that_are_not_looked_for_are_passed_over():
    assert changes(**with_column("price", 23, -1, "integer"), travelling=["k"]) == []
    assert changes(keys=None, key=()) == []


def test_what_was_so_from_the_beginning_is_no_change():
    before = Assumptions(json.dumps(BEFORE | {"triggered": True, "ruled": True}))
    assert list(before.changes(before, columns=COLUMNS, key=("k",))) == []
    without = Assumptions(json.dumps(BEFORE))
    assert list(before.changes(without, columns=COLUMNS, key=("k",))) == []


def told(**changed):
    return Assumptions(json.dumps(BEFORE | changed))


@pytest.mark.parametrize("what", ["triggered", "ruled"])
def test_what_was_known_at_the_beginning_may_go_and_come_back(what):
    begun = told(**{what: True})
    gone = begun.followed_by(told())
    assert gone.answer == told().answer
    assert list(gone.changes(begun, columns=COLUMNS, key=("k",))) == []
    back = gone.followed_by(begun)
    again = back.followed_by(told()).followed_by(begun)
    # what comes and goes with each batch is remembered once
    assert len(again.earlier) == 2
    assert list(again.changes(told(), columns=COLUMNS, key=("k",))) == []


def test_what_came_later_is_held_on_to_as_well():
    narrow = told(columns={"k": COLUMNS["k"]}, keys=None)
    known = narrow.followed_by(told())
    after = told(**with_column("price", 701, -1, "double precision"), keys=None)
    assert list(known.changes(after, columns=COLUMNS, key=("k",))) == [
        "column price is double precision now and was bigint",
        "it no longer has a unique constraint on (k)",
    ]
