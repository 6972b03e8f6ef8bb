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

    from propload.postgres.sql.shape import ColumnShape, Shape

#: Classes and codes of errors of the server or the session: neither a condition nor a
#: row is at fault.
OF_THE_SERVER = (
    *("08", "25", "26", "28", "40", "53", "55", "57", "58", "F0"),
    *("XX001", "XX002"),
)
#: The condition that the error in an exception handler is one of them.
IS_OF_THE_SERVER = f"SQLSTATE ~ '^({'|'.join(OF_THE_SERVER)})'"

#: The checks, foreign keys and unique keys that are enforced for new rows: name, kind,
#: expression, own columns, the other table and its columns. Left out are those that
#: this pass cannot evaluate as the server does: checks that refer to the whole row or
#: to system columns; foreign keys that are not validated, are MATCH FULL, refer to the
#: table itself, or refer to one of which row-level security hides rows from this user;
#: and keys with WITHOUT OVERLAPS or PERIOD.
RULES = """
SELECT c.conname::text, c.contype::text, pg_get_expr(c.conbin, c.conrelid),
       ARRAY(SELECT a.attname::text
             FROM unnest(c.conkey) WITH ORDINALITY AS u (number, place)
             JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = c.conrelid AND a.attnum = u.number ORDER BY u.place),
       CASE WHEN c.confrelid <> 0 THEN (
           SELECT quote_ident(n.nspname) || '.' || quote_ident(f.relname)
           FROM pg_catalog.pg_class AS f
           JOIN pg_catalog.pg_namespace AS n ON n.oid = f.relnamespace
           WHERE f.oid = c.confrelid) END,
       ARRAY(SELECT a.attname::text
             FROM unnest(c.confkey) WITH ORDINALITY AS u (number, place)
             JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = c.confrelid AND a.attnum = u.number ORDER BY u.place)
FROM pg_catalog.pg_constraint AS c
WHERE c.conrelid = ($1::text)::regclass
  AND coalesce(0 < ALL (c.conkey), true)
  -- these fields are there from PostgreSQL 18 on
  AND NOT coalesce((to_jsonb(c) ->> 'conperiod')::boolean, false)
  AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
  AND (c.contype IN ('c', 'p', 'u')
       -- one that is not valid yet lets a stored row keep what it refers to
       OR c.contype = 'f' AND c.convalidated
          AND c.confrelid <> c.conrelid AND c.confmatchtype = 's'
          AND NOT pg_catalog.row_security_active(c.confrelid))
ORDER BY c.contype, c.conname"""

#: Each row is checked against the partitions in turn, so a table with more than these
#: (twenty years of months) is not checked for missing ones.
MOST_PARTITIONS = 240

#: The condition that a row fits into a partition, and the columns in it, in the form of
#: `RULES`. No row is returned if that cannot be evaluated (as with a partition key of
#: expressions), if there are too many partitions, or if one takes all rows.
PLACES = f"""
WITH keys AS (
    SELECT k.partrelid, unnest(k.partattrs) AS number
    FROM pg_catalog.pg_partitioned_table AS k
    WHERE k.partrelid IN (
        SELECT p.relid FROM pg_catalog.pg_partition_tree(($1::text)::regclass) AS p
        UNION ALL
        SELECT a.relid FROM pg_catalog.pg_partition_ancestors(($1::text)::regclass) AS a
        (relid))
)
SELECT NULL::text, 'partition', string_agg('(' || d.condition || ')', ' OR '),
       ARRAY(SELECT DISTINCT a.attname::text
             FROM keys AS k
             JOIN pg_catalog.pg_attribute AS a
               ON a.attrelid = k.partrelid AND a.attnum = k.number),
       NULL::text, ARRAY[]::text[]
FROM pg_catalog.pg_partition_tree(($1::text)::regclass) AS p
CROSS JOIN LATERAL (
    SELECT pg_catalog.pg_get_partition_constraintdef(p.relid)
) AS d (condition)
WHERE p.isleaf AND p.level > 0
HAVING count(*) = count(d.condition) AND count(*) BETWEEN 1 AND {MOST_PARTITIONS}
   AND NOT EXISTS (SELECT FROM keys AS k WHERE k.number = 0)"""

#: The server version from which on there is `pg_input_is_valid`.
TELLS_VALIDITY = 160000

#: Executes the pass. It returns, for each bad row, its ordinal, the number of its
#: verdict, and the code and message of the type's input function if that was asked,
#: else nulls.
SCREEN = "SELECT row_ordinal, verdict, code, words FROM pg_temp.propload_screen()"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A condition that finds bad rows, and the error that it stands for.

    Attributes:
        condition: It is true of bad rows; `s` is the stage.
        column: The column at fault, or several, separated by commas.
        constraint: The constraint's name, or None.
        sqlstate: The code of the error that the server would raise.
        message: The message that the server would give, in parts that are joined by the
            value.
        asked: A call that returns the server's own code and message for the value, if
            the type's input function can report them; `d` is the stage.
    """

    condition: str
    column: str | None
    constraint: str | None = None
    sqlstate: str = ""
    message: tuple[str, ...] = ()
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of `RULES` or `PLACES`: a check, a foreign or unique key, or partitions.

    Attributes:
        constraint: The constraint's name, or None for partitions.
        kind: `c` (check), `f` (foreign key), `p` (primary key), `u` (unique) or
            `partition`.
        expression: The condition of a check or of partitions, else None.
        columns: The columns that it is about.
        parent: The quoted name of the table that a foreign key refers to, else None.
        parent_columns: The columns of that table that it refers to.
    """

    constraint: str | None
    kind: str
    expression: str | None
    columns: list[str]
    parent: str | None
    parent_columns: list[str]

    @property
    def unique(self) -> bool:
        """Whether it is a primary or unique key."""
        return self.kind in {"p", "u"}


def uncastable(shape: Shape, /) -> list[Verdict]:
    """Return the verdicts for texts that cannot be cast, from `TELLS_VALIDITY` on."""
    return [
        verdict
        for column in shape.columns
        if column.stage_type.startswith("text")
        for verdict in _uncastable(column)
    ]


def _uncastable(column: ColumnShape) -> Iterator[Verdict]:
    pg_type, value = column.cast_type, f"s.{name(column.name)}"
    if pg_type is None:
        return
    kept = casts.kept_exactly(column.plan, value)
    # the type with its length has to be valid too, as `kept_exactly` casts to it
    for each in dict.fromkeys([pg_type, column.plan.pg_type] if kept else [pg_type]):
        yield _unreadable(column.name, each)
    if kept:
        yield Verdict(
            f"NOT ({kept})",
            column.name,
            sqlstate="22P02",
            message=('"', f'" is not exact as {column.plan.pg_type}'),
        )


def _unreadable(column: str, pg_type: str) -> Verdict:
    read = text(casts.input_type(pg_type))
    return Verdict(
        f"NOT pg_input_is_valid(s.{name(column)}, {read})",
        column,
        asked=f"pg_input_error_info(d.{name(column)}, {read})",
    )


def refused(shape: Shape, rules: Sequence[Rule], /) -> list[Verdict]:
    """Return the verdicts for rows that nulls, checks, keys or partitions forbid."""
    found = [
        _null(shape, f"({_written(shape, column)}) IS NULL", column.name)
        for column in shape.columns
        if not column.nullable
    ]
    # a stored row keeps its own values in columns that are not sent
    new = "j.home IS NULL" if shape.key else "true"
    found += [_null(shape, new, column) for column in shape.required]
    travelling = {column.name for column in shape.columns}
    known = [rule for rule in rules if travelling.issuperset(rule.columns)]
    found += [_check(shape, rule) for rule in known if rule.kind == "c"]
    found += [_parent(shape, rule) for rule in known if rule.kind == "f"]
    found += [_place(shape, rule) for rule in known if rule.kind == "partition"]
    # a stored row with the same key is updated: no conflict
    unique = [rule for rule in known if rule.unique]
    own = set(shape.key)
    return found + [_holder(shape, each) for each in unique if set(each.columns) != own]


def create(
    shape: Shape, of_all: Sequence[Verdict], of_written: Sequence[Verdict], /
) -> str:
    """Return the statement that creates the pass as a temporary function.

    Args:
        shape: The table.
        of_all: The verdicts on all rows of the stage, which come first.
        of_written: The verdicts on rows that would be written.
    """
    first = _take_out(f"FROM {STAGE} AS s", "true", of_all, 1) if of_all else ""
    second = ""
    if of_written:
        chosen = f"FROM {STAGE} AS s"
        ahead = ""
        if shape.key:
            ahead = f"judged AS MATERIALIZED ({changes_query(shape)}), "
            chosen = f"FROM judged AS j JOIN {STAGE} AS s ON s.ctid = j.place"
        if _folds(shape):
            chosen += (
                f" LEFT JOIN {table(shape.table)} AS o "
                f"ON j.home IS NOT NULL AND {same_key(shape)}"
            )
        which = "NOT j.stale" if shape.key else "true"
        second = _take_out(chosen, which, of_written, len(of_all) + 1, ahead)
    body = f"""
#variable_conflict use_column
DECLARE
    propload_rows integer[]; propload_verdicts integer[];
    propload_codes text[]; propload_words text[];
BEGIN
    {_guarded(first)}
    {_guarded(second)}
END"""
    return (
        "CREATE OR REPLACE FUNCTION pg_temp.propload_screen() "
        "RETURNS TABLE (row_ordinal integer, verdict integer, code text, words text) "
        f"LANGUAGE plpgsql AS {text(body)}"
    )


def _guarded(look: str) -> str:
    """Return a step of the pass that finds nothing if evaluating it fails.

    A type's input function may raise an error that it should only report, a condition
    may fail on a value, a function may raise, and this user may lack a privilege on a
    table. Then it is left to `sifting` to find the bad rows.
    """
    return f"""
    BEGIN
        {look}
    EXCEPTION WHEN OTHERS THEN
        IF {IS_OF_THE_SERVER} THEN
            RAISE;
        END IF;
    END;"""


def _folds(shape: Shape) -> bool:
    """Return whether nulls leave stored values as they are; then `o` is joined."""
    return bool(shape.key) and shape.on_null == "keep"


def _written(shape: Shape, column: ColumnShape) -> str:
    """Return the expression of the value that would be written into a column."""
    if _folds(shape):
        return comparing.folded_value(shape, column, INCOMING, STORED)
    return INCOMING(column)


def _take_out(
    chosen: str, which: str, verdicts: Sequence[Verdict], first: int, ahead: str = ""
) -> str:
    numbered = list(enumerate(verdicts, start=first))
    cases = " ".join(
        f"WHEN {each.condition} THEN {number}" for number, each in numbered
    )
    said = " ".join(
        f"WHEN {number} THEN (SELECT ARRAY[i.sql_error_code, "
        f"concat_ws('. ', i.message, i.detail)] FROM {each.asked} AS i)"
        for number, each in numbered
        if each.asked
    )
    told = f"CASE b.verdict {said} END" if said else "NULL::text[]"
    return f"""
        WITH {ahead}bad AS MATERIALIZED (
            SELECT s.ctid AS place, CASE {cases} END AS verdict {chosen} WHERE {which}
        ), gone AS (
            DELETE FROM {STAGE} AS d USING bad AS b
            WHERE d.ctid = b.place AND b.verdict IS NOT NULL
            RETURNING d.{ORDINAL} AS number, b.verdict AS verdict, {told} AS told
        )
        SELECT array_agg(number), array_agg(verdict),
               array_agg(told[1]), array_agg(told[2])
        INTO propload_rows, propload_verdicts, propload_codes, propload_words
        FROM gone;
        RETURN QUERY SELECT unnest(propload_rows), unnest(propload_verdicts),
                            unnest(propload_codes), unnest(propload_words);"""


def _null(shape: Shape, condition: str, column: str) -> Verdict:
    message = (
        f'null value in column "{column}" of relation "{shape.table.table}" '
        "violates not-null constraint"
    )
    return Verdict(condition, column, sqlstate="23502", message=(message,))


def _stored(shape: Shape, column: ColumnShape) -> str:
    """Return the expression of a value as the table would store it."""
    value = _written(shape, column)
    length = casts.length_type(column.plan)
    # storing may pad or round the value, or drop trailing blanks
    return value if length is None else f"({value})::{length}"


def _check(shape: Shape, rule: Rule) -> Verdict:
    row, named = f'new row for relation "{shape.table.table}"', f'"{rule.constraint}"'
    return Verdict(
        _broken(shape, rule),
        ", ".join(rule.columns) or None,
        rule.constraint,
        "23514",
        (f"{row} violates check constraint {named}",),
    )


def _place(shape: Shape, rule: Rule) -> Verdict:
    message = f'no partition of relation "{shape.table.table}" found for row'
    return Verdict(_broken(shape, rule), None, sqlstate="23514", message=(message,))


def _broken(shape: Shape, rule: Rule) -> str:
    """Return the condition that a row violates a rule about that row alone."""
    values = ", ".join(
        f"{_stored(shape, shape.column(each))} AS {name(each)}" for each in rule.columns
    )
    return f"(SELECT ({rule.expression}) IS FALSE FROM (SELECT {values or '1'}) AS r)"


def _holder(shape: Shape, rule: Rule) -> Verdict:
    columns = [shape.column(each) for each in rule.columns]
    same = " AND ".join(
        f"p.{name(each.name)} = {_stored(shape, each)}" for each in columns
    )
    # a stored row that is itself about to be updated may give up the value
    stays = (
        "AND p.ctid NOT IN "
        "(SELECT home FROM judged WHERE home IS NOT NULL AND NOT stale)"
        if shape.key
        else ""
    )
    named = ", ".join(rule.columns)
    told = f'duplicate key value violates unique constraint "{rule.constraint}". '
    return Verdict(
        f"EXISTS (SELECT FROM {table(shape.table)} AS p WHERE {same} {stays})",
        named,
        rule.constraint,
        "23505",
        (f"{told}Key ({named})=(", ") already exists."),
    )


def _parent(shape: Shape, rule: Rule) -> Verdict:
    pairs = [
        (_stored(shape, shape.column(own)), f"p.{name(their)}")
        for own, their in zip(rule.columns, rule.parent_columns, strict=True)
    ]
    given = " AND ".join(f"{own} IS NOT NULL" for own, _ in pairs)
    same = " AND ".join(f"{their} = {own}" for own, their in pairs)
    columns = ", ".join(rule.columns)
    told = (
        f'insert or update on table "{shape.table.table}" violates foreign key '
        f'constraint "{rule.constraint}". Key ({columns})=('
    )
    return Verdict(
        f"{given} AND NOT EXISTS (SELECT FROM {rule.parent} AS p WHERE {same})",
        columns,
        rule.constraint,
        "23503",
        (told, f") is not present in table {rule.parent}."),
    )
