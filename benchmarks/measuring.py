"""What every benchmark shares: flags, interleaved runs, medians, results."""

from __future__ import annotations

import argparse
import gc
import json
import os
import secrets
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TextColumn

from benchmarks import machine
from benchmarks.scratch import open_scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType
    from typing import Self

    from benchmarks.scratch import Digest, Scratch


#: Appended to by every run; not committed. BENCHMARK_RESULTS names another folder.
RESULTS = Path(os.environ.get("BENCHMARK_RESULTS") or Path(__file__).parent / "results")
#: Fewer runs say nothing about the spread.
RUNS = 5
#: Fewer batches in a row show no speed.
SEVERAL = 4
#: This near to the fastest counts as equally fast.
NEAR = 0.95
#: Rows of a run that only shows that it works: fifty batches of ten, or half a second
#: at a steady pace.
SMALL_ROWS = 500


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is measured.

    Attributes:
        labels: What tells it from the others: work, peer, workers, ...
        rows: How many rows one run moves.
        run: What the clock measures; may return more values to note, `seconds` in
            place of the clock's own where it began another process.
        prepare: Done before each run, off the clock.
        verify: Done after each run, off the clock; raises where values are wrong.
    """

    labels: Mapping[str, str | int | float]
    rows: int
    run: Callable[[], Mapping[str, float] | None]
    prepare: Callable[[], object] = lambda: None
    verify: Callable[[], object] = lambda: None

    @classmethod
    def of_new_table(
        cls,
        scratch: Scratch,
        expected: Digest,
        labels: Mapping[str, str | int | float],
        rows: int,
        run: Callable[[], Mapping[str, float] | None],
        /,
    ) -> Self:
        """Return a case that begins each run with an empty table `target`.

        Args:
            scratch: Where the table is.
            expected: The digest of what it has to hold afterwards.
            labels: What tells the case from the others.
            rows: How many rows one run moves.
            run: What the clock measures.
        """
        return cls(
            labels,
            rows,
            run,
            lambda: scratch.fresh("target"),
            lambda: scratch.verify("target", expected),
        )


@dataclass(frozen=True, slots=True)
class Options:
    """What a benchmark is told.

    Attributes:
        rows: How many rows a run moves, where the benchmark has no sizes of its own.
        runs: How often each case is measured, after the warm-up.
        to: The server's connection string; None is the embedded one.
        json: Where the summary goes as JSON, or None.
        only: Parts of labels; cases that bear none of them are left out.
        inputs: CSV files whose rows are taken instead of made-up ones: what is
            stored, and what is loaded over it.
        key: The key of their rows.
        warm: Turns before the first one that counts.
        by_key: Whether made-up rows come in the order of their key, as an export
            has them, and not scattered, as scraped rows are.
        grid: Whether all combinations are measured where there are many.
    """

    rows: int
    runs: int = RUNS
    to: str | None = None
    json: Path | None = None
    only: tuple[str, ...] = field(default=())
    inputs: tuple[Path, ...] = ()
    key: tuple[str, ...] = ()
    warm: int = 1
    by_key: bool = False
    grid: bool = False

    def wants(self, *labels: object) -> bool:
        """Return whether a case of these labels is asked for."""
        text = "\n".join(map(str, labels))
        return not self.only or any(part in text for part in self.only)


def measure(
    cases: Iterable[Case], options: Options, /, *, warm: int | None = None
) -> pl.DataFrame:
    """Return one line a run: labels, rows, run, seconds, rows_per_second, more.

    Cases take turns, so that a busy minute of the machine hits all of them.

    Args:
        cases: What is measured.
        options: How often, and which cases.
        warm: Turns before the first one that counts, where the cases know better.
    """
    turns = options.warm if warm is None else warm
    chosen = [case for case in cases if options.wants(*case.labels.values())]
    takes = [(turn, case) for turn in range(-turns, options.runs) for case in chosen]
    lines: list[dict[str, Any]] = []
    with _progress() as shown:
        task = shown.add_task("", total=len(takes))
        for turn, case in takes:
            shown.update(task, description=_described(case, turn), refresh=True)
            line = _time(case)
            shown.advance(task)
            if turn >= 0:
                lines.append({**case.labels, "rows": case.rows, "run": turn, **line})
    return pl.DataFrame(lines, infer_schema_length=None)


def _progress() -> Progress:
    """Return what shows how far the runs are, on a terminal only."""
    return Progress(
        TextColumn("{task.completed} of {task.total} runs, now {task.description}"),
        console=Console(stderr=True, highlight=False),
        # a thread that draws would take part of the time that is measured
        auto_refresh=False,
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def _described(case: Case, turn: int) -> str:
    labels = ", ".join(f"{name} {value}" for name, value in case.labels.items())
    return escape(f"{labels}{' (warming up)' if turn < 0 else ''}")


def _time(case: Case) -> dict[str, float]:
    case.prepare()
    gc.collect()
    began = time.perf_counter()
    more = dict(case.run() or {})
    seconds = more.pop("seconds", time.perf_counter() - began)
    case.verify()
    return {"seconds": seconds, "rows_per_second": case.rows / seconds, **more}


def summarize(frame: pl.DataFrame, /, *, by: Sequence[str]) -> pl.DataFrame:
    """Return the median of each case, and the least and the most rows a second.

    Args:
        frame: What `measure` returned.
        by: The labels that name a case.
    """
    speed = pl.col("rows_per_second")
    known = {*by, "rows", "run", "seconds", "rows_per_second"}
    more = [name for name in frame.columns if name not in known]
    return frame.group_by([*by, "rows"], maintain_order=True).agg(
        speed.median().alias("rows_per_second"),
        speed.min().alias("least"),
        speed.max().alias("most"),
        pl.col("seconds").median(),
        pl.len().alias("runs"),
        *(pl.col(name).median() for name in more),
    )


def fast_enough(table: pl.DataFrame, /) -> pl.DataFrame:
    """Return the cases that are nearly as fast as the fastest of them."""
    speed = pl.col("rows_per_second")
    return table.filter(speed >= NEAR * speed.max())


def main(benchmark: ModuleType, /) -> None:
    """Run a benchmark from the command line: print it, keep it, write it as JSON.

    Args:
        benchmark: A module with `NAME`, `QUESTION`, `ROWS` (by default), `BY` (the
            labels that name a case) and `ask(scratch, options)`, which measures;
            perhaps with `compare(frame)` in place of the plain medians,
            `conclude(frame)`, `TAKES_INPUT`, `TAKES_ORDER` and `TAKES_GRID`.
    """
    options = _parse(benchmark)
    print(benchmark.QUESTION)
    with open_scratch(options.to) as scratch:
        frame, facts = _ask(benchmark, scratch, options)
    if frame.is_empty():
        msg = f"no case has one of {', '.join(options.only)} in a label"
        raise SystemExit(msg)
    compare = getattr(benchmark, "compare", partial(summarize, by=benchmark.BY))
    summary = compare(frame)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160, fmt_str_lengths=60):
        print(summary)
    if hasattr(benchmark, "conclude"):
        print(benchmark.conclude(frame))
    print(json.dumps(facts))
    if options.json:
        told = {
            "benchmark": benchmark.NAME,
            "machine": facts,
            "cases": summary.to_dicts(),
        }
        options.json.write_text(json.dumps(told, indent=2), encoding="utf-8")


def answer(
    benchmark: ModuleType,
    /,
    *,
    rows: int,
    runs: int = RUNS,
    to: str | None = None,
    only: Sequence[str] = (),
    inputs: Sequence[str | Path] = (),
    key: Sequence[str] = (),
    warm: int = 1,
    grid: bool = False,
) -> pl.DataFrame:
    """Return what a benchmark measures, for a notebook: one line a run.

    It is kept as from the command line.
    """
    options = Options(
        rows,
        runs,
        to,
        only=tuple(only),
        inputs=tuple(map(Path, inputs)),
        key=tuple(key),
        warm=warm,
        grid=grid,
    )
    with open_scratch(to) as scratch:
        frame, _ = _ask(benchmark, scratch, options)
    return frame


def _ask(
    benchmark: ModuleType, scratch: Scratch, options: Options
) -> tuple[pl.DataFrame, dict[str, object]]:
    """Measure and keep it; return it with the facts of machine and server."""
    facts: dict[str, object] = {
        **machine.facts(),
        "postgresql": scratch.version,
        "server": scratch.settings(),
    }
    frame: pl.DataFrame = benchmark.ask(scratch, options)
    if not frame.is_empty():
        keep(benchmark.NAME, frame, facts)
    return frame, facts


def size(*, rows: int, runs: int) -> dict[str, int]:
    """Return the sizes of a notebook, or those that its environment asks for.

    `NOTEBOOK_SIZE=small` is for its test; `NOTEBOOK_ROWS` and `NOTEBOOK_RUNS` are
    the most of each.
    """
    if os.environ.get("NOTEBOOK_SIZE") == "small":
        return {"rows": min(rows, SMALL_ROWS), "runs": 1, "warm": 0}
    return {
        "rows": min(rows, int(os.environ.get("NOTEBOOK_ROWS", rows))),
        "runs": min(runs, int(os.environ.get("NOTEBOOK_RUNS", runs))),
    }


def keep(name: str, frame: pl.DataFrame, facts: Mapping[str, object], /) -> Path:
    """Add a benchmark's lines to the results; return the file."""
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    # two may end at once: neither overwrites the other
    path = folder / f"{now:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(3)}.parquet"
    frame.with_columns(
        pl.lit(now).alias("measured_at"), pl.lit(json.dumps(facts)).alias("machine")
    ).write_parquet(path)
    return path


def results(name: str, /) -> pl.DataFrame:
    """Return all lines that a benchmark has left on this machine."""
    files = sorted((RESULTS / name).glob("*.parquet"))
    return pl.concat([pl.read_parquet(file) for file in files], how="diagonal_relaxed")


def _parse(benchmark: ModuleType) -> Options:
    name = f"python -m benchmarks.{benchmark.NAME}"
    parser = argparse.ArgumentParser(name, description=benchmark.QUESTION)
    parser.add_argument("--rows", type=int, default=benchmark.ROWS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--to", metavar="DSN", help="default: the embedded server")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PART",
        help="only cases that have PART in a label; may be repeated",
    )
    parser.set_defaults(input=[], key="", by_key=False, grid=False)
    if getattr(benchmark, "TAKES_INPUT", False):
        _add_input(parser)
    if getattr(benchmark, "TAKES_ORDER", False):
        _add_order(parser)
    if getattr(benchmark, "TAKES_GRID", False):
        parser.add_argument(
            "--grid", action="store_true", help="all combinations: takes a while"
        )
    told = parser.parse_args()
    if told.input and (len(told.input) > len(("stored", "given")) or not told.key):
        parser.error("--input takes one file or two, and needs --key")
    return Options(
        told.rows,
        told.runs,
        told.to,
        told.json,
        tuple(told.only),
        tuple(told.input),
        tuple(told.key.split(",")) if told.key else (),
        by_key=told.by_key,
        grid=told.grid,
    )


def _add_order(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--by-key",
        action="store_true",
        help="rows come in the order of their key, not scattered",
    )


def _add_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--input",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="rows of a CSV file, and perhaps of another that is loaded over them",
    )
    parser.add_argument("--key", metavar="NAME,NAME", help="the key of these rows")
