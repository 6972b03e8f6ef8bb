"""What trial loads of a sample say about batch size and workers, and how surely."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import Literal, TypedDict

from propload.messages.notebook_html import TextPrinter, headings, line, table
from propload.messages.wording import counted
from propload.options import BATCH_ROWS, WORKERS
from propload.report import Plain

#: With fewer rows a run takes hardly longer than its start: differences are chance.
FEWEST_ROWS = 10_000
#: Choices with at least this fraction of the fastest one's rate count as equally fast.
#: Of these the smallest is chosen, as it takes less memory and fewer connections.
NEAR = 0.95
#: How many of the fastest are measured again: a single run may have met a busy moment.
FINALISTS = 3
#: How often the leading choice is compared with the default: fewer comparisons say
#: nothing, more would add little.
FEWEST_PAIRS, MOST_PAIRS = 5, 12
#: Significance level: between two equally fast choices, each comparison is a coin toss;
#: the probability of as many wins as are required is at most this.
CHANCE = 0.05
#: The time of a whole search, as a number of typical loads: it makes some 20 loads, and
#: some of them are slow.
LOADS_OF_A_SEARCH = 30
_DEFAULT = (BATCH_ROWS, WORKERS)
_BAR = 40


class Sizes(TypedDict):
    """The settings that a search looks for."""

    batch_rows: int | Literal["auto"]
    workers: int | Literal["auto"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One load of the sample.

    Attributes:
        batch_rows: Rows in a batch.
        workers: How many lanes wrote.
        seconds: How long it took.
        rows_per_second: Its rate.
        peak_memory_bytes: The largest resident size of the process.
    """

    batch_rows: int
    workers: int
    seconds: float
    rows_per_second: float
    peak_memory_bytes: int

    @property
    def choice(self) -> tuple[int, int]:
        """What it tried: rows in a batch, and workers."""
        return self.batch_rows, self.workers


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was tried, and what is best.

    Attributes:
        source: The source of the rows.
        rows: Rows in the sample.
        trials: All loads, in order.
        pairs: The trials that compare the default with the leading choice: one of each,
            made directly after each other.
    """

    source: str
    rows: int
    trials: tuple[Trial, ...]
    pairs: tuple[tuple[Trial, Trial], ...] = ()

    @property
    def choices(self) -> tuple[Trial, ...]:
        """For each choice the median of its trials, fastest first."""
        grouped: dict[tuple[int, int], list[Trial]] = {}
        for trial in self.trials:
            grouped.setdefault(trial.choice, []).append(trial)
        medians = map(_median, grouped.values())
        return tuple(sorted(medians, key=lambda one: -one.rows_per_second))

    @property
    def best(self) -> Trial:
        """The choice to take: the leading one if clearly faster, else the default."""
        return (not self.is_clear and self.default) or self.leading

    @property
    def is_clear(self) -> bool:
        """Whether the leading choice is faster than the default by more than chance."""
        default = self.default
        if self.doubt or (default and default.choice == self.leading.choice):
            return False
        return default is None or (
            self._wins >= wins_needed(len(self.pairs)) and self._gain >= 1 / NEAR
        )

    @property
    def settings(self) -> Sizes:
        """The settings to use: a choice that is clearly faster, or `auto` for both."""
        if not self.is_clear:
            return {"batch_rows": "auto", "workers": "auto"}
        return {"batch_rows": self.best.batch_rows, "workers": self.best.workers}

    @property
    def default(self) -> Trial | None:
        """The median trial of the default choice, if it was tried."""
        matching = (one for one in self.choices if one.choice == _DEFAULT)
        return next(matching, None)

    @property
    def leading(self) -> Trial:
        """The choice that was compared, else the smallest of the nearly fastest."""
        choices = self.choices
        if self.pairs:
            choice = self.pairs[0][1].choice
            return next(one for one in choices if one.choice == choice)
        threshold = choices[0].rows_per_second * NEAR
        near = [one for one in choices if one.rows_per_second >= threshold]
        return min(near, key=lambda one: (one.workers, one.batch_rows))

    @property
    def finalists(self) -> tuple[tuple[int, int], ...]:
        """The choices to measure again, those first that decide the result."""
        decisive = [self.leading, *filter(None, [self.default])]
        candidates = [*decisive, *self.choices[:FINALISTS]]
        return tuple(dict.fromkeys(one.choice for one in candidates))

    @property
    def doubt(self) -> str:
        """Why the trials are inconclusive; empty if they are not."""
        cause, wanted = self._unfit
        if not cause and len(self.choices) == 1:
            cause = "there was no time to try another choice"
            wanted = f"{self._seconds_needed} seconds"
        if self.is_open:
            cause = f"it was not compared with the default {FEWEST_PAIRS} times"
            wanted = f"{self._seconds_needed} seconds"
        return f"{cause}: leave both to auto, or tune with {wanted}" if cause else ""

    @property
    def is_open(self) -> bool:
        """Whether more comparisons are needed and could decide."""
        default = self.default
        if default is None or default.choice == self.leading.choice:
            return False
        return not self._unfit[0] and len(self.pairs) < FEWEST_PAIRS

    @property
    def _unfit(self) -> tuple[str, str]:
        """Why trials of these rows cannot decide, and what could; empty if they can."""
        leading = self.leading
        if self.rows < FEWEST_ROWS:
            few = counted(self.rows, "row is", "rows are")
            cause = f"{few} too few to tell one choice from another"
            return cause, f"{FEWEST_ROWS:,} rows or more"
        if leading.batch_rows >= self.rows:
            cause = f"the {self.rows:,} rows tried are no more than one such batch"
            return cause, f"more than {leading.batch_rows:,} rows"
        return "", ""

    @property
    def _seconds_needed(self) -> int:
        """About how many seconds a search needs to make enough comparisons."""
        typical = statistics.median(one.seconds for one in self.trials)
        return 10 * math.ceil(typical * LOADS_OF_A_SEARCH / 10)

    @property
    def _ratios(self) -> list[float]:
        """For each pair, how many times as fast as the default the other choice was."""
        return [
            other.rows_per_second / default.rows_per_second
            for default, other in self.pairs
        ]

    @property
    def _wins(self) -> int:
        return sum(ratio > 1 for ratio in self._ratios)

    @property
    def _gain(self) -> float:
        return statistics.median(self._ratios)

    @property
    def conclusion(self) -> str:
        """The settings to use and why, in words."""
        leading = self.leading
        choice = (
            f"batch_rows = {leading.batch_rows} and workers = {leading.workers}: "
            f"{leading.rows_per_second:,.0f} rows/s"
        )
        if self.doubt:
            return f"{choice}, but {self.doubt}"
        if not self.pairs:
            kept = "auto for both, as no choice is faster than "
            return choice if self.is_clear else kept + choice
        times = (
            f"{self._gain - 1:+.0%} compared with the default (batch_rows = "
            f"{BATCH_ROWS}, workers = {WORKERS}), and faster in {self._wins} of "
            f"{len(self.pairs)} comparisons"
        )
        if self.is_clear:
            return f"{choice}, {times}"
        return (
            "auto for both, as no choice is clearly faster than the default; "
            f"the nearest was {choice}, {times}, which may be chance"
        )

    def as_dict(self) -> dict[str, Plain]:
        """Return the tuning as values for JSON."""
        best, leading, chosen = self.best, self.leading, self.settings
        return {
            "source": self.source,
            "rows": self.rows,
            "best": {"batch_rows": best.batch_rows, "workers": best.workers},
            "leading": {"batch_rows": leading.batch_rows, "workers": leading.workers},
            "settings": {
                "batch_rows": chosen["batch_rows"],
                "workers": chosen["workers"],
            },
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
        lines = (
            line((one.workers, one.batch_rows, round(one.rows_per_second)))
            + f"<td><div style='background:{'#2a7' if one == self.leading else '#8ac'};"
            f"height:1em;width:{20 * one.rows_per_second / fastest:.1f}em'></div></td>"
            for one in sorted(self.choices, key=lambda c: (c.workers, c.batch_rows))
        )
        head = headings(("workers", "batch_rows", "rows/s", ""))
        return (
            f"<div><b>{escape(self.source)}, {counted(self.rows, 'row')}</b>"
            f"{table((head, *lines))}<p>{escape(self.conclusion)}</p></div>"
        )


def wins_needed(pairs: int, /) -> int:
    """Return how many comparisons must be won for the gain to be more than chance.

    If even winning all is not enough, that is one more than there are.
    """
    threshold = CHANCE * 2**pairs
    tail = pairs_won = 0
    for wins in range(pairs, -1, -1):
        tail += math.comb(pairs, wins)
        if tail > threshold:
            break
        pairs_won = wins
    return pairs_won or pairs + 1


def _median(trials: Sequence[Trial]) -> Trial:
    return replace(
        trials[0],
        seconds=statistics.median(one.seconds for one in trials),
        rows_per_second=statistics.median(one.rows_per_second for one in trials),
        peak_memory_bytes=max(one.peak_memory_bytes for one in trials),
    )
