"""`propload rejects export`: refused rows as a file to mend elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from propload.cli.command import command
from propload.cli.flags import Part
from propload.cli.places import RUN, find_rejects
from propload.cli.settings import settings_group
from propload.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from propload.cli.screen import Screen
    from propload.options import Settings

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


def add_to(group: typer.Typer) -> None:
    """Add `export` to the group."""

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
        frame = _flat(find_rejects(given).read(run))
        _write(frame, Path(output))
        if screen.as_json:
            screen.show_values({"rows": frame.height, "file": output})
        else:
            screen.tell(f"{frame.height:,} rows written to {output}")


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a column for each value as read, and one text of all reasons."""
    import polars as pl  # noqa: PLC0415 - heavy

    reason = pl.element().struct
    unread = reason.field("stage") == "read"
    said = pl.concat_str(
        reason.field("column").fill_null("row"),
        pl.lit(": "),
        reason.field("message"),
        # such a row has no columns, its text is all there is of it
        pl.when(unread).then(pl.lit(": ")),
        pl.when(unread).then(reason.field("value")),
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
