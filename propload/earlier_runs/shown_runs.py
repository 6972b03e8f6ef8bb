"""A list of reports that notebooks show as a table, with a line for each run."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from propload.messages.notebook_html import cell, line, table
from propload.messages.wording import counted, visible
from propload.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propload.messages.notebook_html import TextPrinter

#: The columns of the table.
COLUMNS = ("run", "status", "table", "read", "changed", "rejected", "source")
_NUMBERS = {"read", "changed", "rejected"}
#: The most runs that are shown; a job that runs hourly has thousands in a year.
_MOST = 50


class ShownReports(list[Report]):
    """A list of reports, shown as a table rather than one full report after another."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        head = "".join(
            cell(name, kind="th", side="right" if name in _NUMBERS else "left")
            for name in COLUMNS
        )
        lines = (line(values_of(one)) for one in self[:_MOST])
        return (
            f"<div class='tex2jax_ignore mathjax_ignore'>{table((head, *lines))}"
            f"<p>{escape(self._caption())}</p></div>"
        )

    def _repr_pretty_(self, printer: TextPrinter, _is_cycle: bool) -> None:  # noqa: FBT001 - IPython's signature
        printer.text(visible("\n".join(self._text_lines())))

    def _text_lines(self) -> Iterator[str]:
        texts = [COLUMNS, *(_texts(row) for row in self[:_MOST])]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        for row in texts:
            padded = (
                text.rjust(width) if name in _NUMBERS else text.ljust(width)
                for name, text, width in zip(COLUMNS, row, widths, strict=True)
            )
            yield "  ".join(padded).rstrip()
        yield self._caption()

    def _caption(self) -> str:
        if not self:
            return "no run has ended yet"
        shown = f", the newest {_MOST} are shown" if len(self) > _MOST else ""
        return f"{counted(len(self), 'run')}{shown}; each is a report: runs()[0]"


def _texts(report: Report) -> tuple[str, ...]:
    return tuple(f"{v:,}" if isinstance(v, int) else v for v in values_of(report))


def values_of(report: Report, /) -> tuple[str | int, ...]:
    """Return what is shown of a run, one value for each of `COLUMNS`."""
    counts = report.counts
    changed = counts.inserted + counts.updated
    numbers = (counts.read, changed, counts.rejected)
    return report.run_id, report.status, report.target.table, *numbers, report.source
