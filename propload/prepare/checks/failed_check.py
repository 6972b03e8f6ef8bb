"""What failed a check, as reasons."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from propload.batch import ROW, reason_lines
from propload.prepare.casting.row_casting import VALUE_LENGTH
from propload.prepare.casting.text_out import write_text

#: What Python calls a function that nobody named.
_LAMBDA_NAME = "<lambda>"


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """One check that failed, and the rows in which it did.

    Attributes:
        column: The column or columns at fault, None where it is the whole row.
        shown: The columns whose values a reason shows; empty for all.
        check: The check's short name.
        place: The beginning of the message, which names the column; may be empty.
        problem: What is wrong.
        rows: The rows that failed, with `ROW`.
    """

    column: str | None
    shown: tuple[str, ...]
    check: str
    place: str
    problem: str
    rows: pl.DataFrame

    @property
    def message(self) -> str:
        """What is wrong, of all rows alike."""
        return self.place + self.problem

    def reasons(self) -> pl.DataFrame:
        """Return one reason for each row."""
        value = self._value().str.head(VALUE_LENGTH)
        return reason_lines(
            self.rows,
            stage="check",
            column=self.column,
            check=self.check,
            value=value,
            message=self._message_with_value(value),
        )

    def _message_with_value(self, value: pl.Expr) -> pl.Expr:
        """Return what is wrong with each row, with the value if it is one column's."""
        message = pl.lit(self.message)
        if not self.place:
            return message
        shown = pl.format("{}'{}' {}", pl.lit(self.place), value, pl.lit(self.problem))
        return pl.when(value.is_null()).then(message).otherwise(shown)

    def _value(self) -> pl.Expr:
        schema = self.rows.schema
        if self.column is not None and self.column in schema:
            text = write_text(pl.col(self.column), schema[self.column], pg_type="bytea")
        else:
            shown = [name for name in self.shown if name in schema] or [
                name for name in schema if name != ROW
            ]
            fields = pl.Struct({name: schema[name] for name in shown})
            text = write_text(pl.struct(shown), fields)
        return pl.lit(None, pl.String) if text is None else text


def describe_check(
    name: str | None, error: str | None, /, *, of_row: bool
) -> tuple[str, str]:
    """Return a check's short name, and what is said of what fails it.

    Args:
        name: Its name, as pandera knows it.
        error: Its message, as pandera knows it.
        of_row: Whether it looks at several columns, so that none of them is named.
    """
    short, description = str(name or error), str(error or name)
    if description.startswith(short):
        short = description
    if description == _LAMBDA_NAME:
        description = "a check without a name"
    if not of_row:
        return short, f"fails {description}"
    # the author's own message says what is wrong, a bare name does not
    return (
        short,
        f"the row fails {description}" if description == short else description,
    )
