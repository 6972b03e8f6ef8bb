"""Where does the time go? Each stage is measured separately, one batch at a time."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.listings import listings
from benchmarks.measuring import Options, main, summarize
from propload.options import SourceOptions
from propload.postgres.session.connection import connect
from propload.prepare.checks.validation import load_schema
from propload.prepare.dedupe import dedupe
from propload.prepare.joining import Joined
from propload.prepare.routing import route
from propload.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.scratch import Scratch

NAME = "stages"
QUESTION = "Which stage takes how much of the time, at which batch size?"
ROWS = 100_000
BY = ("batch_rows", "stage")
#: Rows per batch; small batches show the fixed cost of a check.
SIZES = (500, 5_000, 50_000)
#: Stages measured for comparison only: they are not part of a load from a frame.
ASIDE = ("source: dicts", "pandera alone")


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line per stage, batch size and run."""
    lines: list[dict[str, Any]] = []
    for size in [size for size in SIZES if size <= options.rows] or [options.rows]:
        for turn in range(-options.warm, options.runs):
            seconds_by_stage = _stages(scratch, listings(size))
            if turn >= 0:
                lines += _lines(size, turn, seconds_by_stage)
    wanted = [one for one in lines if options.wants(one["batch_rows"], one["stage"])]
    return pl.DataFrame(wanted, infer_schema_length=None)


def conclude(frame: pl.DataFrame) -> str:
    """Return the stage that takes the most time, and the cost of a check, as text."""
    lines = []
    table = summarize(frame, by=BY)
    for (size,), rows in table.group_by("batch_rows", maintain_order=True):
        seconds = dict(rows.select("stage", "seconds").iter_rows())
        most = rows.sort("share", descending=True, nulls_last=True).row(0, named=True)
        if most["share"] is None or not {"check", "pandera alone"} <= set(seconds):
            continue
        lines.append(
            f"{size:,} rows: {most['stage']} takes {most['share']:.0%}; the check "
            f"{1_000 * seconds['check']:,.1f} ms, where pandera alone takes "
            f"{1_000 * seconds['pandera alone']:,.1f} ms"
        )
    return "\n".join(lines)


def _lines(
    size: int, turn: int, seconds_by_stage: dict[str, float]
) -> list[dict[str, Any]]:
    """Return one line per stage; `share` is its part of a load from a frame."""
    whole = sum(
        seconds for stage, seconds in seconds_by_stage.items() if stage not in ASIDE
    )
    return [
        {
            "batch_rows": size,
            "stage": stage,
            "rows": size,
            "run": turn,
            "seconds": seconds,
            "rows_per_second": size / seconds,
            "share": None if stage in ASIDE else seconds / whole,
        }
        for stage, seconds in seconds_by_stage.items()
    ]


def _stages(scratch: Scratch, rows: pl.DataFrame) -> dict[str, float]:
    """Return the seconds of each stage for one batch."""
    clock, layout = _Clock(), scratch.layout
    checker = load_schema("listing")
    schema: Any = checker._schema  # noqa: SLF001 - pandera alone is what is measured
    dicts = rows.to_dicts()
    clock.time("source: dicts", lambda: list(open_source(dicts, SourceOptions())))
    batches = clock.time(
        "source: frame", lambda: list(open_source(rows, SourceOptions()))
    )
    raw = clock.time("join", Joined(0, tuple(batches), 0).raw)
    clock.time("pandera alone", lambda: schema.validate(raw, lazy=True))
    checked = clock.time("check", lambda: checker.check(raw)).frame
    clock.time("warnings", lambda: checker.warnings(checked))
    deduped = clock.time(
        "dedupe and sort",
        lambda: dedupe(
            checked, key=layout.key, newest=layout.newest, on_null=layout.on_null
        ),
    )
    lanes = clock.time("route", lambda: route(deduped, key=layout.key, lanes=2))
    scratch.create("target")
    with connect(scratch.dsn) as session:

        def copy() -> None:
            for share in lanes:
                frame = share.layers[0].drop("propload_row")
                session.copy("target", frame, namespace=scratch.namespace)

        clock.time("copy, 1 session", copy)
        clock.time("commit", session.commit)
    scratch.verify("target", scratch.digest_of(rows))
    return clock.seconds


class _Clock:
    """Times steps, and keeps the seconds of each by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, name: str, step: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = step()
        self.seconds[name] = time.perf_counter() - began
        return result


if __name__ == "__main__":
    main(sys.modules[__name__])
