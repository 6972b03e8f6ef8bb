# ruff: noqa: S608 - names are quoted, values are made into literals here
"""A pass over the stage that finds bad rows by conditions, many at once.

It finds values that cannot be cast, nulls, violations of checks and foreign keys,
missing partitions, and unique values that a stored row has. It deletes these rows from
the stage, so that the slower pass of `sifting` has only the rest to try. It may miss
bad rows, but it never reports one that the server would take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from propload.batch import ORDINAL
from propload.postgres.sql import casts, comparing
from propload.postgres.sql.change_detection import changes_query, same_key
from propload.postgres.sql.quoting import name, table, text
from propload.postgres.sql.shape import INCOMING, STORED
from propload.postgres.sql.stage import STAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propload.postgres.sql.row_rules import Rule
    from propload.postgres.sql.shape import ColumnShape, Shape

#: Classes and codes of errors of the server or the session: neither a condition nor a
#: row is at fault.
SERVER_ERROR_CODES = (
    *("08", "25", "26", "28", "40", "53", "55", "57", "58", "F0"),
    *("XX001", "XX002"),
)
#: The condition that the error in an exception handler is one of them.
IS_SERVER_ERROR = f"SQLSTATE ~ '^({'|'.join(SERVER_ERROR_CODES)})'"

#: The server version from which on there is `pg_input_is_valid`.
INPUT_VALIDITY_VERSION = 160000

#: Executes the pass. It returns, for each bad row, its ordinal, the number of its
#: condition, and the code and message of the type's input function if that was asked,
#: else nulls.
CALL_SCREEN = "SELECT row_ordinal, verdict, code, words FROM pg_temp.propload_screen()"


@dataclass(frozen=True, slots=True)
class BadRowCondition:
    """A condition that finds bad rows, and the error that it stands for.

    Attributes:
        condition: It is true of bad rows; `s` is the stage.
        column: The column at fault, or several, separated by commas.
        constraint: The constraint's name, or None.
        sqlstate: The code of the error that the server would raise.
        message: The message that the server would give, in parts that are joined by the
            value.
        error_info: A call that returns the server's own code and message for the value,
            if the type's input function can report them; `d` is the stage.
    """

    condition: str
    column: str | None
    constraint: str | None = None
    sqlstate: str = ""
    message: tuple[str, ...] = ()
    error_info: str | None = None


def cast_conditions(shape: Shape, /) -> list[BadRowCondition]:
    """Return the conditions for texts that cannot be cast.

    They need a server from `INPUT_VALIDITY_VERSION` on.
    """
    return [
        condition
        for column in shape.columns
        if column.stage_type.startswith("text")
        for condition in _cast_conditions(column)
    ]


def _cast_conditions(column: ColumnShape) -> Iterator[BadRowCondition]:
    pg_type, value = column.cast_type, f"s.{name(column.name)}"
    if pg_type is None:
        return
    kept = casts.kept_exactly(column.plan, value)
    # the type with its length has to be valid too, as `kept_exactly` casts to it
    for each in dict.fromkeys([pg_type, column.plan.pg_type] if kept else [pg_type]):
        yield _unreadable_value(column.name, each)
    if kept:
        yield BadRowCondition(
            f"NOT ({kept})",
            column.name,
            sqlstate="22P02",
            message=('"', f'" is not exact as {column.plan.pg_type}'),
        )


def _unreadable_value(column: str, pg_type: str) -> BadRowCondition:
    read = text(casts.input_type(pg_type))
    return BadRowCondition(
        f"NOT pg_input_is_valid(s.{name(column)}, {read})",
        column,
        error_info=f"pg_input_error_info(d.{name(column)}, {read})",
    )


def rule_conditions(shape: Shape, rules: Sequence[Rule], /) -> list[BadRowCondition]:
    """Return the conditions for rows that nulls, checks, keys or partitions forbid."""
    conditions = [
        _null_condition(
            shape, f"({_written_value(shape, column)}) IS NULL", column.name
        )
        for column in shape.columns
        if not column.nullable
    ]
    # a stored row keeps its own values in columns that are not sent
    new = "j.home IS NULL" if shape.key else "true"
    conditions += [_null_condition(shape, new, column) for column in shape.required]
    sent = {column.name for column in shape.columns}
    testable = [rule for rule in rules if sent.issuperset(rule.columns)]
    for kind, condition in (
        ("c", _check_condition),
        ("f", _foreign_key_condition),
        ("partition", _partition_condition),
    ):
        conditions += [condition(shape, r) for r in testable if r.kind == kind]
    # a stored row with the same key is updated: no conflict
    unique = [rule for rule in testable if rule.unique]
    own = set(shape.key)
    others = [rule for rule in unique if set(rule.columns) != own]
    return conditions + [_unique_condition(shape, rule) for rule in others]


def create(
    shape: Shape,
    on_all: Sequence[BadRowCondition],
    on_written: Sequence[BadRowCondition],
    /,
) -> str:
    """Return the statement that creates the pass as a temporary function.

    Args:
        shape: The table.
        on_all: The conditions on all rows of the stage, which come first.
        on_written: The conditions on rows that would be written.
    """
    first = _delete_bad_rows(f"FROM {STAGE} AS s", "true", on_all, 1) if on_all else ""
    second = ""
    if on_written:
        source = f"FROM {STAGE} AS s"
        cte = ""
        if shape.key:
            cte = f"judged AS MATERIALIZED ({changes_query(shape)}), "
            source = f"FROM judged AS j JOIN {STAGE} AS s ON s.ctid = j.place"
        if _folds(shape):
            source += (
                f" LEFT JOIN {table(shape.table)} AS o "
                f"ON j.home IS NOT NULL AND {same_key(shape)}"
            )
        where = "NOT j.stale" if shape.key else "true"
        second = _delete_bad_rows(source, where, on_written, len(on_all) + 1, cte)
    body = f"""
#variable_conflict use_column
DECLARE
    propload_rows integer[]; propload_verdicts integer[];
    propload_codes text[]; propload_words text[];
BEGIN
    {_ignore_errors(first)}
    {_ignore_errors(second)}
END"""
    return (
        "CREATE OR REPLACE FUNCTION pg_temp.propload_screen() "
        "RETURNS TABLE (row_ordinal integer, verdict integer, code text, words text) "
        f"LANGUAGE plpgsql AS {text(body)}"
    )


def _ignore_errors(step: str) -> str:
    """Return a step of the pass that finds nothing if evaluating it fails.

    A type's input function may raise an error that it should only report, a condition
    may fail on a value, a function may raise, and this user may lack a privilege on a
    table. Then it is left to `sifting` to find the bad rows.
    """
    return f"""
    BEGIN
        {step}
    EXCEPTION WHEN OTHERS THEN
        IF {IS_SERVER_ERROR} THEN
            RAISE;
        END IF;
    END;"""


def _folds(shape: Shape) -> bool:
    """Return whether nulls leave stored values as they are; then `o` is joined."""
    return bool(shape.key) and shape.on_null == "keep"


def _written_value(shape: Shape, column: ColumnShape) -> str:
    """Return the expression of the value that would be written into a column."""
    if _folds(shape):
        return comparing.folded_value(shape, column, INCOMING, STORED)
    return INCOMING(column)


def _delete_bad_rows(
    source: str,
    where: str,
    conditions: Sequence[BadRowCondition],
    first: int,
    cte: str = "",
) -> str:
    numbered = list(enumerate(conditions, start=first))
    cases = " ".join(
        f"WHEN {each.condition} THEN {number}" for number, each in numbered
    )
    error_infos = " ".join(
        f"WHEN {number} THEN (SELECT ARRAY[i.sql_error_code, "
        f"concat_ws('. ', i.message, i.detail)] FROM {each.error_info} AS i)"
        for number, each in numbered
        if each.error_info
    )
    error = f"CASE b.verdict {error_infos} END" if error_infos else "NULL::text[]"
    return f"""
        WITH {cte}bad AS MATERIALIZED (
            SELECT s.ctid AS place, CASE {cases} END AS verdict {source} WHERE {where}
        ), gone AS (
            DELETE FROM {STAGE} AS d USING bad AS b
            WHERE d.ctid = b.place AND b.verdict IS NOT NULL
            RETURNING d.{ORDINAL} AS number, b.verdict AS verdict, {error} AS told
        )
        SELECT array_agg(number), array_agg(verdict),
               array_agg(told[1]), array_agg(told[2])
        INTO propload_rows, propload_verdicts, propload_codes, propload_words
        FROM gone;
        RETURN QUERY SELECT unnest(propload_rows), unnest(propload_verdicts),
                            unnest(propload_codes), unnest(propload_words);"""


def _null_condition(shape: Shape, condition: str, column: str) -> BadRowCondition:
    message = (
        f'null value in column "{column}" of relation "{shape.table.table}" '
        "violates not-null constraint"
    )
    return BadRowCondition(condition, column, sqlstate="23502", message=(message,))


def _stored_value(shape: Shape, column: ColumnShape) -> str:
    """Return the expression of a value as the table would store it."""
    value = _written_value(shape, column)
    length = casts.length_type(column.plan)
    # storing may pad or round the value, or drop trailing blanks
    return value if length is None else f"({value})::{length}"


def _check_condition(shape: Shape, rule: Rule) -> BadRowCondition:
    row = f'new row for relation "{shape.table.table}"'
    constraint = f'"{rule.constraint}"'
    return BadRowCondition(
        _violates(shape, rule),
        ", ".join(rule.columns) or None,
        rule.constraint,
        "23514",
        (f"{row} violates check constraint {constraint}",),
    )


def _partition_condition(shape: Shape, rule: Rule) -> BadRowCondition:
    message = f'no partition of relation "{shape.table.table}" found for row'
    return BadRowCondition(
        _violates(shape, rule), None, sqlstate="23514", message=(message,)
    )


def _violates(shape: Shape, rule: Rule) -> str:
    """Return the condition that a row violates a rule about that row alone."""
    values = ", ".join(
        f"{_stored_value(shape, shape.column(each))} AS {name(each)}"
        for each in rule.columns
    )
    return f"(SELECT ({rule.expression}) IS FALSE FROM (SELECT {values or '1'}) AS r)"


def _unique_condition(shape: Shape, rule: Rule) -> BadRowCondition:
    columns = [shape.column(each) for each in rule.columns]
    same = " AND ".join(
        f"p.{name(each.name)} = {_stored_value(shape, each)}" for each in columns
    )
    # a stored row that is itself about to be updated may give up the value
    keeps_value = (
        "AND p.ctid NOT IN "
        "(SELECT home FROM judged WHERE home IS NOT NULL AND NOT stale)"
        if shape.key
        else ""
    )
    key = ", ".join(rule.columns)
    violation = f'duplicate key value violates unique constraint "{rule.constraint}". '
    return BadRowCondition(
        f"EXISTS (SELECT FROM {table(shape.table)} AS p WHERE {same} {keeps_value})",
        key,
        rule.constraint,
        "23505",
        (f"{violation}Key ({key})=(", ") already exists."),
    )


def _foreign_key_condition(shape: Shape, rule: Rule) -> BadRowCondition:
    pairs = [
        (_stored_value(shape, shape.column(own)), f"p.{name(their)}")
        for own, their in zip(rule.columns, rule.parent_columns, strict=True)
    ]
    has_values = " AND ".join(f"{own} IS NOT NULL" for own, _ in pairs)
    same = " AND ".join(f"{their} = {own}" for own, their in pairs)
    columns = ", ".join(rule.columns)
    violation = (
        f'insert or update on table "{shape.table.table}" violates foreign key '
        f'constraint "{rule.constraint}". Key ({columns})=('
    )
    return BadRowCondition(
        f"{has_values} AND NOT EXISTS (SELECT FROM {rule.parent} AS p WHERE {same})",
        columns,
        rule.constraint,
        "23503",
        (violation, f") is not present in table {rule.parent}."),
    )
