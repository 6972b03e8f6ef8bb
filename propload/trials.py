"""What loads of one sample tell of batch size and workers, and how surely."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import TYPE_CHECKING

from propload.options import BATCH_ROWS, WORKERS
from propload.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propload.report import Plain, TextPrinter

#: Fewer rows take hardly longer than a run takes to begin: what differs is chance.
FEWEST_ROWS = 10_000
#: Choices this near the fastest count as equally fast: the smaller one is chosen,
#: because it takes less memory and fewer connections.
NEAR = 0.95
#: The best few are measured again: a single run may have met a busy moment.
FINALISTS = 3
_DEFAULT = (BATCH_ROWS, WORKERS)
_BAR = 40


@dataclass(frozen=True, slots=True)
class Trial:
    """One load of the sample.

    Attributes:
        batch_rows: Rows in a batch.
        workers: Lanes that wrote.
        seconds: How long it took.
        rows_per_second: Its pace.
        peak_memory_bytes: The process's largest size.
    """

    batch_rows: int
    workers: int
    seconds: float
    rows_per_second: float
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was tried, and what does best.

    Attributes:
        source: What the rows are from.
        rows: Rows of the sample.
        trials: Every load, in order.
    """

    source: str
    rows: int
    trials: tuple[Trial, ...]

    @property
    def choices(self) -> tuple[Trial, ...]:
        """One line a choice: the median of its trials, fastest first."""
        grouped: dict[tuple[int, int], list[Trial]] = {}
        for trial in self.trials:
            grouped.setdefault((trial.workers, trial.batch_rows), []).append(trial)
        medians = map(_median, grouped.values())
        return tuple(sorted(medians, key=lambda one: -one.rows_per_second))

    @property
    def best(self) -> Trial:
        """The choice to take: the leading one, or in doubt the default."""
        return (self.doubt and self.default) or self.leading

    @property
    def default(self) -> Trial | None:
        """What holds where nothing is chosen, if it was tried."""
        found = (one for one in self.choices if _choice(one) == _DEFAULT)
        return next(found, None)

    @property
    def leading(self) -> Trial:
        """The smallest choice that is nearly as fast as the fastest."""
        choices = self.choices
        enough = choices[0].rows_per_second * NEAR
        good = [one for one in choices if one.rows_per_second >= enough]
        return min(good, key=lambda one: (one.workers, one.batch_rows))

    @property
    def finalists(self) -> tuple[tuple[int, int], ...]:
        """The choices to measure again, those first that decide."""
        deciding = [self.leading, *filter(None, [self.default])]
        again = [*deciding, *self.choices[:FINALISTS]]
        return tuple(dict.fromkeys(map(_choice, again)))

    @property
    def doubt(self) -> str:
        """Why the leading choice says nothing; empty where it does."""
        leading, wanted = self.leading, ""
        if self.rows < FEWEST_ROWS:
            cause = (
                f"{counted(self.rows, 'row is', 'rows are')} too few to tell one "
                "choice from another"
            )
            wanted = f"{FEWEST_ROWS:,} rows or more"
        elif leading.batch_rows >= self.rows:
            cause = f"the {self.rows:,} rows tried are no more than one such batch"
            wanted = f"more than {leading.batch_rows:,} rows"
        else:
            cause = self._chance(leading)
            wanted = "more seconds"
        return f"{cause}: leave both to auto, or tune with {wanted}" if cause else ""

    def _chance(self, leading: Trial) -> str:
        """Why a choice may lead by chance; empty where that is not likely."""
        if len(self._speeds(leading)) == 1:
            return "it was tried only once"
        default = self.default
        if default is None or default == leading:
            return ""
        lead = leading.rows_per_second / default.rows_per_second - 1
        spread = max(self._spread(leading), self._spread(default))
        if lead > spread:
            return ""
        return (
            f"it is {lead:+.0%} beside the default (batch_rows = "
            f"{default.batch_rows}, workers = {default.workers}), and loads of one "
            f"choice differ by {spread:.0%}"
        )

    def _spread(self, choice: Trial) -> float:
        """How far the paces of a choice lie apart, as a part of their median."""
        speeds = self._speeds(choice)
        return (max(speeds) - min(speeds)) / choice.rows_per_second

    def _speeds(self, choice: Trial) -> list[float]:
        alike = (one for one in self.trials if _choice(one) == _choice(choice))
        return [one.rows_per_second for one in alike]

    @property
    def conclusion(self) -> str:
        """The leading choice in words, and why it is not taken where it is not."""
        leading = self.leading
        found = (
            f"batch_rows = {leading.batch_rows} and workers = {leading.workers}: "
            f"{leading.rows_per_second:,.0f} rows/s"
        )
        return f"{found}, but {self.doubt}" if self.doubt else found

    def as_dict(self) -> dict[str, Plain]:
        """Return plain values."""
        best, leading = self.best, self.leading
        return {
            "source": self.source,
            "rows": self.rows,
            "best": {"batch_rows": best.batch_rows, "workers": best.workers},
            "leading": {"batch_rows": leading.batch_rows, "workers": leading.workers},
            "doubt": self.doubt,
            "trials": [asdict(trial) for trial in self.trials],
        }

    def to_json(self) -> str:
        """Return the tuning as one JSON object."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2)

    def __str__(self) -> str:
        fastest = self.choices[0].rows_per_second
        head = f"{'workers':>7} {'batch_rows':>10} {'rows/s':>10} {'peak MB':>8}"
        lines = [
            f"{one.workers:>7} {one.batch_rows:>10,} {one.rows_per_second:>10,.0f} "
            f"{one.peak_memory_bytes >> 20:>8,} "
            f"{'█' * round(_BAR * one.rows_per_second / fastest)}"
            f"{' ◀' if one == self.leading else ''}"
            for one in sorted(self.choices, key=lambda c: (c.workers, c.batch_rows))
        ]
        sample = f"{counted(self.rows, 'row')} of {self.source}"
        label = "in doubt" if self.doubt else "best"
        return "\n".join([sample, head, *lines, f"{label}: {self.conclusion}"])

    def _repr_pretty_(self, printer: TextPrinter, _is_cycle: bool) -> None:  # noqa: FBT001 - IPython's signature
        printer.text(str(self))

    def _repr_html_(self) -> str:
        fastest = self.choices[0].rows_per_second
        rows = "".join(
            f"<tr><td>{one.workers}</td><td>{one.batch_rows:,}</td>"
            f"<td>{one.rows_per_second:,.0f}</td><td style='text-align:left'>"
            f"<div style='background:{'#2a7' if one == self.leading else '#8ac'};"
            f"height:1em;width:{20 * one.rows_per_second / fastest:.1f}em'></div>"
            "</td></tr>"
            for one in sorted(self.choices, key=lambda c: (c.workers, c.batch_rows))
        )
        return (
            f"<div><b>{escape(self.source)}, {counted(self.rows, 'row')}</b><table><tr>"
            "<th>workers</th><th>batch_rows</th><th>rows/s</th><th></th></tr>"
            f"{rows}</table><p>{escape(self.conclusion)}</p></div>"
        )


def _choice(trial: Trial) -> tuple[int, int]:
    return trial.batch_rows, trial.workers


def _median(trials: Sequence[Trial]) -> Trial:
    return replace(
        trials[0],
        seconds=statistics.median(one.seconds for one in trials),
        rows_per_second=statistics.median(one.rows_per_second for one in trials),
        peak_memory_bytes=max(one.peak_memory_bytes for one in trials),
    )
