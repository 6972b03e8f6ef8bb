"""Uses of the public API that a type checker must accept or reject.

This module is never run: mypy checks each line, and each `type: ignore`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, assert_never, assert_type

import polars as pl

import propload

if TYPE_CHECKING:
    from typing import Unpack


def load(frame: pl.DataFrame) -> None:
    """Load in all ways shown in the documentation."""
    report = propload.ingest("homes.csv", table="homes", key="id", newest="seen")
    assert_type(report, propload.Report)
    assert_type(report.counts.inserted, int)
    assert_type(report.rejects, pl.DataFrame)
    propload.ingest(frame, table="homes", key=["source", "id"], batch_rows="auto")
    propload.ingest([{"id": 1}], job="nightly", max_memory="600MB", workers=2)

    propload.ingest("homes.csv", stop=threading.Event())

    propload.ingest("homes.csv", to=None, key=None, mode=None, workers=None)

    propload.ingest("homes.csv", tabel="homes")  # type: ignore[call-arg] # a typo
    propload.ingest("homes.csv", mode="merge")  # type: ignore[arg-type] # no such mode
    propload.ingest(source="homes.csv")  # type: ignore[call-arg] # positional only


def push() -> None:
    """Push rows one by one."""
    with propload.Loader(table="homes", key="id") as loader:
        loader.put({"id": 1})
    assert_type(loader.report.counts.inserted, int)


def check_and_inspect() -> None:
    """Check before a load, and inspect after it."""
    assert_type(propload.check("homes.csv", table="homes"), propload.CheckReport)
    assert_type(propload.rejects(), pl.DataFrame)
    assert_type(propload.runs(5), list[propload.Report])
    tuning = propload.tune("homes.csv", table="homes", seconds=1)
    propload.ingest("homes.csv", table="homes", **tuning.settings)
    assert_type(propload.leftovers(), list[propload.Leftover])
    assert_type(propload.drop_leftover("20260101-ab"), int)
    assert_type(propload.drop_rejects("20260101-ab"), int)
    assert_type(propload.embedded_url(), str)
    assert_type(propload.tune("homes.csv", table="homes").best.workers, int)


def pass_settings() -> None:
    """Pass settings that functions accept or reject."""
    propload.runs(5, table="homes", state_dir="state")
    propload.drop_runs(90, to="embedded", table="homes")
    propload.leftovers(to="embedded")
    propload.replay(mapping="homes.toml", resume=True)

    propload.runs(to="embedded")  # type: ignore[call-arg] # reports are files
    propload.rejects(table="homes")  # type: ignore[call-arg] # one run's
    propload.drop_rejects("20260101-ab", to="x")  # type: ignore[call-arg] # files only
    propload.drop_old_rejects(90, table="homes")  # type: ignore[call-arg] # all tables
    propload.drop_leftover("20260101-ab", table="x")  # type: ignore[call-arg] # one run
    propload.embedded_url(to="embedded")  # type: ignore[call-arg] # always embedded
    propload.replay(format="csv")  # type: ignore[call-arg] # rows are read already
    propload.recover(resume=True)  # type: ignore[call-arg] # it always resumes


def catch_errors() -> None:
    """Catch the errors that a load may raise."""
    try:
        load(pl.DataFrame())
    except propload.LoadError as error:
        assert_type(error.report, propload.Report | None)
    except propload.PropLoadError as error:
        assert_type(error.exit_code, int)


def use_names() -> None:
    """Use names that exist, and reject others."""
    propload.ingst("homes.csv", table="homes")  # type: ignore[attr-defined] # a typo
    assert_type(propload.__version__, str)


def wrap(source: object, **settings: Unpack[propload.Settings]) -> propload.Report:
    """Pass on settings, with defaults of one's own."""
    settings.setdefault("on_null", "keep")
    return propload.ingest(source, **settings)


def print_trial(trial: propload.Trial) -> None:
    """Receive a trial, as `on_trial` of `tune` does."""
    assert_type(trial.workers, int)


def annotate_parts(report: propload.Report, checked: propload.CheckReport) -> str:
    """Annotate the parts of results with their public types."""
    target: propload.TargetName = report.target
    reasons: list[propload.ReasonCount] = [*report.warnings, *checked.reasons]
    columns: list[propload.ColumnCheck] = [*checked.columns]
    now: propload.Snapshot = propload.Metrics().snapshot()
    propload.tune("homes.csv", table="homes", on_trial=print_trial)
    match report.status:
        case "loaded" | "failed" | "stopped" | "interrupted" | "blocked":
            return f"{target.table} {len(reasons)} {len(columns)} {now.batches}"
        case _:
            assert_never(report.status)
