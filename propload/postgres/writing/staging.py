"""Creates and fills the stage, and finds the rows that COPY cannot put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from propload.batch import ORDINAL, ROW
from propload.errors import WriteError
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import sessions
from propload.postgres.sql.stage import EMPTY_STAGE, STAGE_NAME
from propload.postgres.tables.row_size import FITTING_COLUMNS, rows_too_wide
from propload.postgres.tables.unstorable import find_unstorable
from propload.postgres.writing.refused.refusals import TOO_LARGE, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.postgres.session.connection import Connection
    from propload.postgres.session.failures import Failure
    from propload.postgres.sql.shape import Shape


def make_stage(connection: Connection, shape: Shape, /) -> None:
    """Create the session's stage, which outlives the transaction; commits.

    Raises:
        WriteError: This user may not make temporary tables.
        ServerError: The connection broke.
    """
    try:
        connection.execute(";".join(sessions.set_up(shape)))
        connection.commit()
    except ServerError as error:
        _require_privilege(connection, shape, error)
        error.doing = "the temporary table that rows wait in was created"
        raise


def _require_privilege(
    connection: Connection, shape: Shape, error: ServerError
) -> None:
    """Raise an error that names the missing privilege, if that is the cause."""
    if error.sqlstate != failures.MISSING_RIGHT:
        return
    connection.rollback()
    if not connection.ask(sessions.MAY_STAGE)[0][0]:
        table = shape.shadow_names.replace_in_text(str(shape.table))
        msg = (
            f"{table} takes rows through a temporary table, which "
            "this user may not create: GRANT TEMPORARY ON DATABASE to it"
        )
        raise WriteError(msg, table=table) from error


def fill_stage(
    connection: Connection, layer: pl.DataFrame, /, *, empty_first: bool = False
) -> None:
    """Copy a layer into the stage.

    Args:
        connection: A session that has a stage.
        layer: The rows, with `ROW`; they are numbered in the layer's order.
        empty_first: Whether rows of this transaction have to be deleted from the stage
            first.

    Raises:
        ServerError: COPY refused a row, or the connection broke.
    """
    if empty_first:
        connection.execute(EMPTY_STAGE)
    ordinals = pl.int_range(pl.len(), dtype=pl.Int32).alias(ORDINAL)
    numbered = layer.drop(ROW).select(ordinals, pl.all())
    connection.copy(STAGE_NAME, numbered, temporary=True)


def select_sent(layer: pl.DataFrame, shape: Shape, /) -> pl.DataFrame:
    """Return the columns of a layer that are sent to the table, and `ROW`."""
    return layer.select(*(column.name for column in shape.columns), ROW)


def find_uncopyable(connection: Connection, layer: pl.DataFrame, /) -> list[Refusal]:
    """Return the rows that COPY cannot put into the stage; ends the transaction.

    Raises:
        ServerError: COPY failed for a reason other than its rows.
    """
    refusals = [
        Refusal(position, fault.column, None, fault.message, fault.sqlstate)
        for fault in find_unstorable(layer)
        for position in fault.places
    ]
    refusals = refusals or _too_wide(connection, layer)
    return refusals or list(_refused_by_copy(connection, layer, 0))


def _too_wide(connection: Connection, layer: pl.DataFrame) -> list[Refusal]:
    """Return the rows that are certain not to fit into a page, without copying them."""
    if layer.width <= FITTING_COLUMNS:
        return []
    block_bytes = connection.value(sessions.PAGE_BYTES)
    connection.rollback()
    positions = rows_too_wide(layer.drop(ROW), block_bytes)
    message = f"row is too big for a page of {block_bytes:,} bytes"
    return [Refusal(position, None, None, message, TOO_LARGE) for position in positions]


def names_its_row(failure: Failure, /) -> bool:
    """Return whether the line that COPY reports is that of the bad row."""
    # COPY stores many rows at once, so one too large for a page is reported lines later
    return failure.line is not None and failure.sqlstate != TOO_LARGE


def _refused_by_copy(
    connection: Connection, layer: pl.DataFrame, first: int
) -> Iterator[Refusal]:
    while layer.height:
        failure = _try_copy(connection, layer)
        if failure is None:
            return
        named = failure.line if names_its_row(failure) else None
        if named is not None or layer.height == 1:
            line = named or 1
            yield Refusal.of(failure, first + line - 1)
            # the rows before it were accepted
            layer, first = layer.slice(line), first + line
        else:
            half = layer.height // 2
            yield from _refused_by_copy(connection, layer.head(half), first)
            layer, first = layer.slice(half), first + half


def _try_copy(connection: Connection, layer: pl.DataFrame) -> Failure | None:
    try:
        fill_stage(connection, layer)
    except ServerError as error:
        failure = failures.classify(error)
        if failure.kind != "data":
            raise
        return failure
    finally:
        connection.rollback()
    return None
