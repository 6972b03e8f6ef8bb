"""`propload rejects replay|drop|export`: what becomes of refused rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from propload.cli.command import command
from propload.cli.flags import Part
from propload.cli.ingest import EXIT_CODES, quieted
from propload.cli.places import RUN, places
from propload.cli.settings import settings_group
from propload.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from propload.cli.screen import Screen
    from propload.options import Settings
    from propload.rejecting import RejectStore
    from propload.replaying import Fix

_FIX = Part(
    str | None,
    typer.Option(
        "--fix",
        metavar="MODULE:FUNCTION",
        help="Function that mends the rows: frame in, frame out.",
    ),
)
_YES = Part(
    bool,
    typer.Option("--yes", "-y", help="Do not ask.", show_default=False),
    default=False,
)
_WRITTEN = Part(
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to: .csv, .parquet or .ndjson.",
        show_default=False,
    ),
    default=...,
)


def add_replay(group: typer.Typer) -> None:
    """Add `replay` to the group `rejects`."""

    @command(
        group,
        "replay",
        example="propload rejects replay RUN --fix mending:fix\n"
        "propload rejects replay RUN --mapping mended.toml",
        run=RUN,
        fix=_FIX,
        given=settings_group(),
    )
    def replay(run: str, fix: str | None, given: Settings, screen: Screen) -> None:
        """Load a run's refused rows again, after the cause was mended.

        Settings are those of the run, unless given. What is refused again is kept
        under the new run's name.
        """
        from propload.replaying import replay as load  # noqa: PLC0415 - heavy

        mends = _function(fix) if fix else None
        report = load(run, fix=mends, **quieted(given, screen))
        screen.show(report)
        raise typer.Exit(EXIT_CODES[report.status])


def add_drop(group: typer.Typer) -> None:
    """Add `drop` to the group `rejects`."""

    @command(
        group,
        "drop",
        example="propload rejects drop RUN",
        run=Part(str, typer.Argument(metavar="RUN", help=_RUN_NAMED), default=...),
        yes=_YES,
        given=settings_group(["state_dir"]),
    )
    def drop(run: str, yes: bool, given: Settings, screen: Screen) -> None:  # noqa: FBT001 - called by name
        """Delete a run's refused rows for good."""
        store = _store(given)
        path = store.find(run)
        if not yes:
            rows = store.read(path.stem).height
            question = f"Delete the {rows:,} refused rows of run {path.stem}?"
            typer.confirm(question, abort=True, err=True)
        store.drop(path.stem)
        if screen.as_json:
            screen.show_values({"dropped": path.stem})
        else:
            screen.tell(f"deleted {path}")


def add_export(group: typer.Typer) -> None:
    """Add `export` to the group `rejects`."""

    @command(
        group,
        "export",
        example="propload rejects export RUN --output refused.csv",
        run=RUN,
        output=_WRITTEN,
        given=settings_group(["state_dir"]),
    )
    def export(run: str, output: str, given: Settings, screen: Screen) -> None:
        """Write a run's refused rows to a file: their columns, and the reasons.

        Rows that could not be read at all have no columns; their text is among the
        reasons.
        """
        frame = _flat(_store(given).read(run))
        _write(frame, Path(output))
        if screen.as_json:
            screen.show_values({"rows": frame.height, "file": output})
        else:
            screen.tell(f"{frame.height:,} rows written to {output}")


_RUN_NAMED = "A run's name or its beginning."


def _store(given: Settings) -> RejectStore:
    from propload.rejecting import RejectStore  # noqa: PLC0415 - needs Polars

    return RejectStore(places(given).rejects)


def _function(name: str) -> Fix:
    from propload.prepare.registry import find_object  # noqa: PLC0415 - needs Polars

    if ":" not in name:
        msg = f"--fix {name!r} is not MODULE:FUNCTION"
        raise ConfigError(msg)
    found = find_object(name, group="propload.fixes", kind="fix")
    if not callable(found):
        msg = f"--fix {name!r} is not a function"
        raise ConfigError(msg)
    return cast("Fix", found)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a column for each value as read, and one text of all reasons."""
    import polars as pl  # noqa: PLC0415 - heavy

    reason = pl.element().struct
    said = pl.concat_str(
        reason.field("column").fill_null("row"),
        pl.lit(": "),
        reason.field("message"),
        ignore_nulls=True,
    )
    reasons = pl.col("reasons").list.eval(said).list.join("; ")
    told = frame.select(reasons.alias("propload_reasons"))
    if not isinstance(frame.schema["values"], pl.Struct):
        return told
    # by itself: a row may have columns called like those of the rejects
    values = frame.get_column("values").struct.unnest()
    return values.drop("propload_reasons", strict=False).hstack(told)


def _nested_as_json(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - heavy

    from propload.prepare.text_out import write_text  # noqa: PLC0415 - needs Polars

    nested = {name: dtype for name, dtype in frame.schema.items() if dtype.is_nested()}
    texts = {name: write_text(pl.col(name), dtype) for name, dtype in nested.items()}
    return frame.with_columns(
        text.alias(name) for name, text in texts.items() if text is not None
    )


def _write(frame: pl.DataFrame, path: Path) -> None:
    try:
        if path.suffix == ".csv":
            _nested_as_json(frame).write_csv(path)
        elif path.suffix == ".parquet":
            frame.write_parquet(path)
        elif path.suffix == ".ndjson":
            frame.write_ndjson(path)
        else:
            msg = f"the ending of {path} is none of .csv, .parquet and .ndjson"
            raise ConfigError(msg)
    except OSError as error:
        msg = f"{path} cannot be written: {error}"
        raise ConfigError(msg) from error
