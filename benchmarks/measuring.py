"""What all benchmarks share: flags, interleaved runs, medians, results."""

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


#: The folder of results, not committed. BENCHMARK_RESULTS names another one.
RESULTS = Path(os.environ.get("BENCHMARK_RESULTS") or Path(__file__).parent / "results")
#: Runs by default: fewer say nothing about the spread.
RUNS = 5
#: Fewest consecutive batches that show a speed.
SEVERAL = 4
#: The share of the fastest speed that counts as equally fast.
NEAR = 0.95
#: Rows of a run that only checks that a benchmark works: fifty batches of ten, or half
#: a second at a steady pace.
SMALL_ROWS = 500


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is measured.

    Attributes:
        labels: What distinguishes it from other cases: work, peer, workers, ...
        rows: The number of rows that one run loads.
        run: The function that is timed. It may return further values to record, and
            its own `seconds` to replace the measured time if it ran another process.
        prepare: Called before each run, not timed.
        verify: Called after each run, not timed; raises if values are wrong.
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
            scratch: The namespace of the table.
            expected: The digest of the rows that it must hold afterwards.
            labels: What distinguishes the case from other cases.
            rows: The number of rows that one run loads.
            run: The function that is timed.
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
    """The options of a benchmark.

    Attributes:
        rows: The number of rows that a run loads, unless the benchmark has its own
            sizes.
        runs: How often each case is measured, after the warm-up.
        to: The server's connection string; None for an embedded server.
        json: The file that the summary is written to as JSON, or None.
        only: Parts of labels; only cases with one of them in a label are measured.
        inputs: CSV files whose rows replace the generated ones: the rows that are
            stored and, if given, those loaded over them.
        key: The key of these rows.
        warm: The number of warm-up turns, which are not counted.
        by_key: Whether generated rows come in the order of their key, as in an export,
            instead of scattered, as scraped rows do.
        grid: Whether to measure all combinations, which may be many.
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
        """Return whether a case with these labels is to be measured."""
        text = "\n".join(map(str, labels))
        return not self.only or any(part in text for part in self.only)


def measure(
    cases: Iterable[Case], options: Options, /, *, warm: int | None = None
) -> pl.DataFrame:
    """Return one line per run: labels, rows, run, seconds, rows_per_second, more.

    Cases take turns, so that a busy minute of the machine affects all of them.

    Args:
        cases: The cases to measure.
        options: How often to measure, and which cases.
        warm: The number of warm-up turns, if not that of the options.
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
    """Return the display of progress, which is shown on a terminal only."""
    return Progress(
        TextColumn("{task.completed} of {task.total} runs, now {task.description}"),
        console=Console(stderr=True, highlight=False),
        # a thread that redraws would take part of the measured time
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
    """Return the medians of each case, and its lowest and highest rows per second.

    Args:
        frame: The frame from `measure`.
        by: The labels that identify a case.
    """
    speed = pl.col("rows_per_second")
    own_columns = {*by, "rows", "run", "seconds", "rows_per_second"}
    more = [name for name in frame.columns if name not in own_columns]
    return frame.group_by([*by, "rows"], maintain_order=True).agg(
        speed.median().alias("rows_per_second"),
        speed.min().alias("least"),
        speed.max().alias("most"),
        pl.col("seconds").median(),
        pl.len().alias("runs"),
        *(pl.col(name).median() for name in more),
    )


def fast_enough(table: pl.DataFrame, /) -> pl.DataFrame:
    """Return the cases that are nearly as fast as the fastest (`NEAR`)."""
    speed = pl.col("rows_per_second")
    return table.filter(speed >= NEAR * speed.max())


def main(benchmark: ModuleType, /) -> None:
    """Run a benchmark from the command line; print and keep its results.

    Args:
        benchmark: A module with `NAME`, `QUESTION`, `ROWS` (the default), `BY` (the
            labels that identify a case) and `ask(scratch, options)`, which measures.
            Optional are `compare(frame)`, which replaces the plain medians,
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
        result = {
            "benchmark": benchmark.NAME,
            "machine": facts,
            "cases": summary.to_dicts(),
        }
        options.json.write_text(json.dumps(result, indent=2), encoding="utf-8")


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
    """Return a benchmark's measurements for a notebook, one line per run.

    They are kept in the results, as from the command line.
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
    """Measure, keep the lines, and return them with facts about machine and server."""
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
    """Return the sizes for a notebook, as limited by environment variables.

    `NOTEBOOK_SIZE=small` is for tests of the notebook; `NOTEBOOK_ROWS` and
    `NOTEBOOK_RUNS` are upper bounds.
    """
    if os.environ.get("NOTEBOOK_SIZE") == "small":
        return {"rows": min(rows, SMALL_ROWS), "runs": 1, "warm": 0}
    return {
        "rows": min(rows, int(os.environ.get("NOTEBOOK_ROWS", rows))),
        "runs": min(runs, int(os.environ.get("NOTEBOOK_RUNS", runs))),
    }


def keep(name: str, frame: pl.DataFrame, facts: Mapping[str, object], /) -> Path:
    """Add a benchmark's lines to the results, and return the file."""
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    # a random part, so that two that end at the same time do not overwrite each other
    path = folder / f"{now:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(3)}.parquet"
    frame.with_columns(
        pl.lit(now).alias("measured_at"), pl.lit(json.dumps(facts)).alias("machine")
    ).write_parquet(path)
    return path


def results(name: str, /) -> pl.DataFrame:
    """Return all lines kept of a benchmark on this machine."""
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
    arguments = parser.parse_args()
    if arguments.input and (
        len(arguments.input) > len(("stored", "given")) or not arguments.key
    ):
        parser.error("--input takes one file or two, and needs --key")
    return Options(
        arguments.rows,
        arguments.runs,
        arguments.to,
        arguments.json,
        tuple(arguments.only),
        tuple(arguments.input),
        tuple(arguments.key.split(",")) if arguments.key else (),
        by_key=arguments.by_key,
        grid=arguments.grid,
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
