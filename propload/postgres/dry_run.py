"""Ask the server what a table would do with rows, without writing any of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import polars as pl

from propload.batch import ROW, join_reasons, no_reasons
from propload.postgres.session import failures
from propload.postgres.session.driver_errors import ServerError
from propload.postgres.sql import merging
from propload.postgres.sql.casts import length_type
from propload.postgres.tables.row_size import long_keys
from propload.postgres.tables.shaping import shape_of
from propload.postgres.writing.approach import Approach
from propload.postgres.writing.merging import counts_of
from propload.postgres.writing.refused.refusals import drop_refused, reasons_of
from propload.postgres.writing.refused.screening import Screener
from propload.postgres.writing.refused.sifting import Sifter
from propload.postgres.writing.staging import (
    fill_stage,
    find_uncopyable,
    make_stage,
    select_sent,
)
from propload.report import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from propload.batch import Deduped
    from propload.postgres.session.connection import Connection
    from propload.postgres.sql.shape import Shape
    from propload.postgres.tables.facts import TableColumn, TableFacts
    from propload.target import ColumnPlan, Target


@dataclass(frozen=True, slots=True)
class Forecast:
    """The outcome that rows would have with the table as it is now.

    Attributes:
        counts: How many would be inserted, updated or left unchanged, and how many are
            stale or duplicates.
        reasons: Why rows would be rejected, with the columns `REASONS`.
        undetermined: How many other rows there are, whose outcome depends on rows with
            the same key: they are as new as another row, are only tried if another row
            is rejected, or have a key that only the server considers equal.
        erased: How many stored values would be overwritten with null, by column.
    """

    counts: Counts
    reasons: pl.DataFrame
    undetermined: int
    erased: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DryRun:
    """Asks the server what a table would do with rows.

    The rows are copied into a temporary table and examined there. Not found are rows
    that are refused only by a trigger, an exclusion constraint, a check that raises an
    error, one of very many partitions, an index other than the key's, or another row of
    the same source; nor rows that a constraint refuses if a trigger may change them
    first.

    Attributes:
        connection: A session of its own, with a stage.
        shape: How rows go into the table.
        key: The columns that identify a row.
        match_columns: The key columns by which rows are matched with others; empty in
            an append.
        uncertain: The columns whose types may refuse a staged value.
        screen: Finds rows that a condition shows to be bad.
        sift: Finds all other bad rows.
    """

    connection: Connection
    shape: Shape
    key: tuple[str, ...]
    match_columns: tuple[str, ...]
    uncertain: Sequence[str]
    screen: Screener
    sift: Sifter

    @classmethod
    def of(
        cls,
        connection: Connection,
        facts: TableFacts,
        target: Target,
        plan: Sequence[ColumnPlan],
        /,
    ) -> Self:
        """Return the dry run of a load into an existing table.

        Args:
            connection: A session of its own.
            facts: The table.
            target: Its rules.
            plan: The columns that are sent.

        Raises:
            WriteError: This user may not create temporary tables, or the server
                cannot be asked.
        """
        key, is_replace = target.key, target.mode == "replace"
        if is_replace:
            # the rows of a replace are not matched with stored ones
            target = replace(target, mode="append")
        shape = shape_of(facts, target, plan, version=connection.server_version)
        try:
            make_stage(connection, shape)
        except ServerError as error:
            table, doing = str(target.table), "a temporary table was created"
            raise failures.as_write_error(error, table=table, doing=doing) from error
        uncertain = [c.name for c in facts.columns if _may_refuse(c, shape)]
        # the rows of a replace are matched with one another
        match_columns = key if is_replace else shape.key
        screen = Screener(shape, fresh=is_replace)
        return cls(
            connection, shape, key, match_columns, uncertain, screen, Sifter(shape)
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know about the table."""
        shape = self.shape
        unasked = (
            f"a trigger of {shape.table} may change or "
            "skip rows before they are stored, so its constraints were not checked: "
            "only the load finds what they refuse"
        )
        return tuple(
            filter(
                None, [shape.fixed_columns_notice, unasked if shape.triggered else None]
            )
        )

    def close(self) -> None:
        """Close the session."""
        self.connection.close()

    def forecast(self, rows: Deduped, /) -> Forecast:
        """Return the outcome that prepared rows would have.

        Raises:
            WriteError: The server cannot be asked.
        """
        counts, reasons, erased = self._ask(rows.layers[0])
        approach = Approach(rows.layers, rows.versions)
        retried = approach.with_versions_of(reasons.get_column(ROW), self.key)
        if retried is not None:
            undetermined_rows = self._undetermined_rows(retried.layers[-1])
            reasons = reasons.join(undetermined_rows, on=ROW, how="anti")
        counts += Counts(duplicates=(retried or approach).duplicates)
        determined = counts.accounted + reasons.get_column(ROW).n_unique()
        undetermined = rows.height + rows.duplicates - determined
        return Forecast(counts, reasons, undetermined, erased)

    def _undetermined_rows(self, versions: pl.DataFrame) -> pl.DataFrame:
        """Return the rows whose outcome depends on other rows of their key.

        Args:
            versions: All rows of the keys of rejected rows; a load tries them one by
                one.
        """
        if self.shape.on_null == "keep":
            # the bad value may have come from any of them
            return versions
        if self.shape.newest is None:
            return versions.head(0)
        # a row that is as new as the one just stored is stale, even if it is bad
        age = [*self.key, self.shape.newest]
        return versions.filter(pl.len().over(age) > 1)

    def _ask(self, layer: pl.DataFrame) -> tuple[Counts, pl.DataFrame, dict[str, int]]:
        """Return counts of good rows, reasons of bad ones, and erased values."""
        table = str(self.shape.table)
        try:
            return self._forecast(select_sent(layer, self.shape))
        except ServerError as error:
            raise failures.as_write_error(error, table=table) from error
        finally:
            self.connection.rollback()

    def _forecast(
        self, layer: pl.DataFrame
    ) -> tuple[Counts, pl.DataFrame, dict[str, int]]:
        layer, unindexed = self._without_long_keys(layer)
        copied, early = self._fill(layer)
        refusals = self.screen.delete_bad_rows(self.connection, copied)
        unfit = self.sift.delete_unfit_rows(self.connection, self.uncertain)
        if unfit:
            # conditions on their columns could not be evaluated before
            refusals += unfit
            refusals += self.screen.delete_bad_rows(self.connection, copied)
        late = reasons_of(copied, refusals)
        erasing = self.shape.erasing_columns(copied)
        counts, erased = self._count(copied.height - len(refusals), erasing)
        return counts, join_reasons([unindexed, early, late]), erased

    def _without_long_keys(
        self, layer: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the rows whose keys an index can hold, and the reasons of the rest."""
        is_long = long_keys(layer, self.key) if self.key else pl.Series([False])
        if not is_long.any():
            return layer, no_reasons()
        connection = self.connection
        index = self.sift.key_index(connection, self.key)
        if index is None:
            return layer, no_reasons()
        copied, _ = self._fill(layer.filter(is_long))
        refusals = self.sift.find_long_keys(connection, self.key, index)
        connection.rollback()
        reasons = reasons_of(copied, refusals)
        return layer.join(reasons, on=ROW, how="anti", maintain_order="left"), reasons

    def _fill(self, layer: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Fill the stage; return the rows in it, and the reasons of the rest."""
        try:
            fill_stage(self.connection, layer)
        except ServerError as error:
            self.connection.rollback()
            if failures.classify(error).kind != "data":
                raise
            refusals = find_uncopyable(self.connection, layer)
            if not refusals:
                # rows that are refused together but accepted in parts would be
                # retried forever
                raise
            kept, others = self._fill(drop_refused(layer, refusals))
            return kept, join_reasons([reasons_of(layer, refusals), others])
        return layer, no_reasons()

    def _count(
        self, height: int, erasing: tuple[str, ...]
    ) -> tuple[Counts, dict[str, int]]:
        if self.shape.has_server_equality(self.match_columns):
            # it is not known here which of several equal keys comes first
            query = merging.delete_duplicate_keys(self.shape, self.match_columns)
            removed = self.connection.value(query)
            height -= int(removed)
        if not self.shape.key:
            return Counts(inserted=height), {}
        query = merging.forecast(self.shape, erasing=erasing)
        inserted, updated, stale, *erased = map(int, self.connection.rows(query)[0])
        counts = counts_of(height, inserted=inserted, updated=updated, stale=stale)
        return counts, dict(zip(erasing, erased, strict=True))


def _may_refuse(stored: TableColumn, shape: Shape) -> bool:
    """Return whether the type of a column may refuse a value that the stage holds."""
    column = next((each for each in shape.columns if each.name == stored.name), None)
    if column is None:
        return False
    if stored.domain and not stored.nullable and shape.on_null == "keep":
        # a null that the domain refuses is replaced with the stored value
        return False
    # only the table enforces the length of an array's elements
    has_length = stored.kind == "array" and length_type(column.plan) is not None
    return has_length or stored.domain is not None or column.cast_type is not None
