"""Finds the rows that the server refuses, and why.

One bad row is named by COPY itself (`line N`) and left out, or suspected by the
values that the server quotes and written by itself. Where that is not the end of it,
the rows go through the stage in a pass of the server that tries them run by run
(`sql/sifting.py`). What COPY cannot even bring into the stage is found
here: by looking for what the server never takes, then by halving.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from propload.batch import REASONS, ROW, join_reasons, no_reasons
from propload.postgres import failures
from propload.postgres.counting import settle, updates_so_far, write_stage
from propload.postgres.driver_errors import ServerError
from propload.postgres.shape import ORDINAL
from propload.postgres.sql import merging, screening, sifting
from propload.postgres.sql.quoting import table as quoted_table
from propload.postgres.suspecting import suspects
from propload.postgres.unstorable import never_taken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propload.postgres.connection import Connection
    from propload.postgres.failures import Failure
    from propload.postgres.shape import Shape
    from propload.report import Counts

#: Short names of what a SQLSTATE says, where no constraint has a name.
CHECKS = {
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    # every other CHECK has a name
    "23514": "partition",
    "23P01": "exclusion",
    "22001": "too_long",
    "22003": "out_of_range",
    "22007": "datetime",
    "22008": "datetime",
    "22021": "encoding",
    "22P02": "cast",
    "22P05": "encoding",
    "54000": "too_large",
    "P0001": "raised",
}
#: The detail of these names the values in conflict; of others it is the whole row.
_TELLING_DETAILS = ("23503", "23505", "23P01")
#: A value in a reason is cut to what a person reads.
VALUE_LETTERS = 500
#: A byte that no text may hold: COPY refuses it whatever the table is.
NOT_COPIED = "22021"
#: A row is wider than a page of the server.
TOO_LARGE = "54000"


Step = Literal["none", "suspect", "screen", "sift"]


class Triage:
    """What is known of the bad rows of one piece.

    Attributes:
        layers: The piece's layers without the rows known to be bad.
        step: How far the search has to go: nowhere, suspects tried one by one, a
            look at the stage, or all rows tried run by run.
        layer: The number of the layer that is being written.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._constraints: dict[str, str] | None = None
        self._known_rules: list[screening.Rule] | None = None
        self.begin(())

    def begin(self, layers: tuple[pl.DataFrame, ...], /) -> None:
        """Take up a new piece."""
        self.layers = layers
        self.step: Step = "none"
        self.layer = 0
        self._named = False
        self._suspected: int | None = None
        self._known: list[pl.DataFrame] = []
        self._sifted: list[pl.DataFrame] = []

    def begin_attempt(self) -> None:
        """Forget what was found by a transaction that was undone."""
        self._sifted = []
        self.layer = 0

    def reasons(self) -> pl.DataFrame:
        """Return why rows were refused, in the order of the rows."""
        found = join_reasons([*self._known, *self._sifted]).sort(ROW)
        return self._shape.own_names.in_reasons(found)

    def learn(self, connection: Connection, failure: Failure, /) -> bool:
        """Take in a failure and return whether another attempt is worth it.

        Args:
            connection: A session with a stage and without an open transaction.
            failure: What the last attempt met.

        Raises:
            ServerError: The connection broke meanwhile.
        """
        copied = failure.sqlstate not in (None, NOT_COPIED)
        # a null that COPY refuses may yet be kept from a stored value
        decisive = _names_its_row(failure) and self._shape.on_null != "keep"
        if self.step == "none" and decisive and not self._named:
            self._named = True
            self._leave_out(self.layer, [self._named_row(connection, failure)])
            return True
        if self.step == "none" and copied and self._suspect(failure):
            self.step = "suspect"
            return True
        if self.step != "sift" and copied:
            self.step = "sift" if self.step == "screen" else "screen"
            return True
        self.step = "sift"
        found = [
            self._leave_out(number, self._uncopied(connection, layer))
            for number, layer in enumerate(self.layers)
        ]
        return any(found)

    def sift(
        self, connection: Connection, layer: pl.DataFrame, /, *, alone: bool = False
    ) -> Counts:
        """Write the good rows of the stage and take note of the others.

        Args:
            connection: A session whose stage holds the layer.
            layer: The rows.
            alone: Whether to write them one by one, because keys come twice.
        """
        suspecting = self.step == "suspect"
        if suspecting and self.layer != self._suspected:
            return write_stage(
                connection, self._shape, layer.height, patched(self._shape, layer)
            )
        connection.execute(sifting.IMMEDIATE)
        refusals = [] if suspecting else self._screen(connection, layer)
        if self.step == "screen" and refusals and not alone:
            good = layer.height - len(refusals)
            self._sifted.append(_reasons(layer, refusals))
            return write_stage(
                connection, self._shape, good, patched(self._shape, layer)
            )
        for statement in sifting.create(self._shape, patched(self._shape, layer)):
            connection.execute(statement)
        before = updates_so_far(connection, self._shape)
        *bad, answer = connection.rows(sifting.ALONE if alone else sifting.SIFT)
        refusals += [self._refusal(connection, row) for row in bad]
        self._sifted.append(_reasons(layer, refusals))
        return settle(
            connection,
            self._shape,
            layer.height - len(refusals),
            answer[7:],
            before,
            without=[each.place for each in refusals],
        )

    def _screen(self, connection: Connection, layer: pl.DataFrame) -> list[_Refusal]:
        """Take rows out of the stage that one condition tells to be bad."""
        shape = self._shape
        tells = connection.server_version >= screening.TELLS_VALIDITY
        casts = screening.uncastable(shape) if tells else []
        # a trigger may still mend a row
        rest = (
            [] if shape.triggered else screening.refused(shape, self._rules(connection))
        )
        connection.execute(screening.create(shape, casts, rest))
        verdicts = [*casts, *rest]
        return [
            _judged(layer, place, verdicts[number - 1])
            for place, number in connection.rows(screening.SCREEN)
        ]

    def _rules(self, connection: Connection) -> list[screening.Rule]:
        if self._known_rules is None:
            table = quoted_table(self._shape.table)
            rows = connection.rows(screening.RULES, (table,))
            self._known_rules = [screening.Rule(*row) for row in rows]
        return self._known_rules

    def _suspect(self, failure: Failure) -> bool:
        """Make rows that the failure may be about a layer of their own."""
        # a second bad row calls for a look at all; loose keys have an order to keep
        if self._named or self._shape.loose_key:
            return False
        number = self.layer
        layer = self.layers[number]
        found = suspects(layer, self._shape, failure)
        if not found.any():
            return False
        # the few go first: they are sooner deleted from the stage than the many
        split = (layer.filter(found), layer.filter(~found))
        self.layers = (*self.layers[:number], *split, *self.layers[number + 1 :])
        self._suspected = number
        return True

    def _leave_out(self, number: int, refusals: Sequence[_Refusal]) -> bool:
        layer = self.layers[number]
        self._known.append(_reasons(layer, refusals))
        bad = pl.Series([each.place for each in refusals], dtype=pl.UInt32)
        kept = layer.filter(
            ~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(bad.implode())
        )
        self.layers = (*self.layers[:number], kept, *self.layers[number + 1 :])
        return bool(refusals)

    def _named_row(self, connection: Connection, failure: Failure) -> _Refusal:
        refusal = _refusal_of(failure, (failure.line or 1) - 1)
        if refusal.column or not refusal.constraint:
            return refusal
        column = self._columns_of(connection).get(refusal.constraint)
        return replace(refusal, column=column or None)

    def _refusal(self, connection: Connection, row: tuple[Any, ...]) -> _Refusal:
        place, state, message, detail, column, constraint, blamed = row[:7]
        if state in _TELLING_DETAILS and detail:
            message = f"{message}. {detail}"
        if blamed is not None:
            column = self._shape.columns[blamed - 1].name
        elif not column and constraint:
            column = self._columns_of(connection).get(constraint)
        return _Refusal(place, column or None, constraint or None, message, state)

    def _columns_of(self, connection: Connection) -> dict[str, str]:
        if self._constraints is None:
            table = quoted_table(self._shape.table)
            rows = connection.rows(sifting.CONSTRAINTS, (table,))
            self._constraints = dict(rows)
        return self._constraints

    def _uncopied(self, connection: Connection, layer: pl.DataFrame) -> list[_Refusal]:
        """Return the rows that COPY cannot bring into the stage."""
        found = _never_taken(layer)
        if found:
            return found
        return list(_refused_by_copy(connection, layer, 0))


@dataclass(frozen=True, slots=True)
class _Refusal:
    place: int
    column: str | None
    constraint: str | None
    message: str
    sqlstate: str | None


def _judged(layer: pl.DataFrame, place: int, verdict: screening.Verdict) -> _Refusal:
    refusal = _Refusal(
        place, verdict.column, verdict.constraint, verdict.message, verdict.sqlstate
    )
    if "{}" not in verdict.message:
        return refusal
    value = _value(layer, refusal) or ""
    return replace(refusal, message=verdict.message.replace("{}", value))


def patched(shape: Shape, layer: pl.DataFrame, /) -> tuple[str, ...]:
    """Return columns whose nulls must not reach a column that takes none."""
    if shape.on_null != "keep":
        return ()
    return tuple(
        column.name
        for column in shape.values
        if not column.nullable and layer[column.name].null_count()
    )


def staged(layer: pl.DataFrame, /) -> pl.DataFrame:
    """Return a layer as the stage takes it: numbered in its own order."""
    ordinals = pl.int_range(pl.len(), dtype=pl.Int32).alias(ORDINAL)
    return layer.drop(ROW).select(ordinals, pl.all())


def _refused_by_copy(
    connection: Connection, layer: pl.DataFrame, first: int
) -> Iterator[_Refusal]:
    while layer.height:
        failure = _try_copy(connection, layer)
        if failure is None:
            return
        named = failure.line if _names_its_row(failure) else None
        if named is not None or layer.height == 1:
            line = named or 1
            yield _refusal_of(failure, first + line - 1)
            # the rows before it were taken
            layer, first = layer.slice(line), first + line
        else:
            half = layer.height // 2
            yield from _refused_by_copy(connection, layer.head(half), first)
            layer, first = layer.slice(half), first + half


def _names_its_row(failure: Failure) -> bool:
    # rows are stored many at once: one too large for a page is met lines later
    return failure.line is not None and failure.sqlstate != TOO_LARGE


def _try_copy(connection: Connection, layer: pl.DataFrame) -> Failure | None:
    try:
        connection.copy(merging.STAGE, staged(layer), temporary=True)
    except ServerError as error:
        failure = failures.classify(error)
        if failure.kind != "data":
            raise
        return failure
    finally:
        connection.rollback()
    return None


def _never_taken(layer: pl.DataFrame) -> list[_Refusal]:
    return [
        _Refusal(place, fault.column, None, fault.message, fault.sqlstate)
        for fault in never_taken(layer)
        for place in fault.places
    ]


def _refusal_of(failure: Failure, place: int) -> _Refusal:
    message = failure.message
    if failure.sqlstate in CHECKS and failure.sqlstate not in _TELLING_DETAILS:
        # the detail quotes the whole row, which the reject holds anyway
        message = message.partition(". ")[0]
    return _Refusal(
        place, failure.column, failure.constraint, message, failure.sqlstate
    )


def _reasons(layer: pl.DataFrame, refusals: Sequence[_Refusal]) -> pl.DataFrame:
    if not refusals:
        return no_reasons()
    rows = layer[ROW].gather([each.place for each in refusals])
    lines = [
        (
            row,
            "database",
            each.column,
            _check(each),
            _value(layer, each),
            each.message,
            each.sqlstate,
        )
        for row, each in zip(rows, refusals, strict=True)
    ]
    return pl.DataFrame(lines, schema=REASONS, orient="row")


def _check(refusal: _Refusal) -> str:
    state = refusal.sqlstate or "22000"
    # a NOT NULL constraint has a name on some versions only
    if refusal.constraint and state != "23502":
        return refusal.constraint
    return CHECKS.get(state, state)


def _value(layer: pl.DataFrame, refusal: _Refusal) -> str | None:
    columns = [refusal.column] if refusal.column in layer.columns else []
    if refusal.column and not columns:
        columns = refusal.column.split(", ")
    if not columns or not all(name in layer.columns for name in columns):
        return None
    values = [_text(layer[name], refusal.place) for name in columns]
    known = [value for value in values if value is not None]
    return (
        ", ".join(value or "null" for value in values)[:VALUE_LETTERS]
        if known
        else None
    )


def _text(values: pl.Series, place: int) -> str | None:
    if values.dtype.is_temporal():
        # Python's own years end where PostgreSQL's go on
        values, place = values.slice(place, 1).cast(pl.String), 0
    value = values[place]
    return None if value is None else str(value)
