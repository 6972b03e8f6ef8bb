"""`propload rejects export`: rejected rows as a file to mend elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from propload.cli.command import command
from propload.cli.flags import Part
from propload.cli.places import REJECTING_RUN, find_rejects
from propload.cli.settings import settings_group
from propload.errors import ConfigError
from propload.wording import counted

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
        help="File to write: .csv, .parquet or .ndjson.",
        show_default=False,
    ),
    default=...,
)


def add_to(group: typer.Typer) -> None:
    """Add `export` to the group."""

    @command(
        group,
        "export",
        example="propload rejects export RUN --output rejected.csv",
        run=REJECTING_RUN,
        output=_WRITTEN,
        given=settings_group(["state_dir"]),
    )
    def export(run: str, output: str, given: Settings, screen: Screen) -> None:
        """Write a run's rejected rows to a file: their columns, and the reasons.

        Rows that could not be read at all have no columns; their text is among the
        reasons.
        """
        from propload.rejecting.lines import read_exported  # noqa: PLC0415 - needs Polars

        frame = read_exported(find_rejects(given).files.find(run))
        _write(frame, Path(output))
        if output.endswith(".csv") and (formulas := _formulas(frame)):
            screen.tell(
                f"{output} holds {counted(formulas, 'cell')} that a spreadsheet may "
                "run as a formula, as they were read: import its columns as text"
            )
        if screen.as_json:
            screen.show_values({"rows": frame.height, "file": output})
        else:
            screen.tell(f"{counted(frame.height, 'row')} written to {output}")


def _formulas(frame: pl.DataFrame) -> int:
    """Return how many cells a spreadsheet would run: not mere numbers, as of phones."""
    import polars as pl  # noqa: PLC0415 - heavy

    texts = pl.col(pl.String)
    is_run = texts.str.contains(r"^[=+@\t\r-]") & ~texts.str.contains(r"^[+-][\d., ]*$")
    return int(frame.select(is_run.sum()).sum_horizontal().sum())


def _nested_as_json(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - heavy

    from propload.prepare.text_out import write_text  # noqa: PLC0415 - needs Polars

    nested = {name: dtype for name, dtype in frame.schema.items() if dtype.is_nested()}
    texts = {name: write_text(pl.col(name), dtype) for name, dtype in nested.items()}
    return frame.with_columns(
        text.alias(name) for name, text in texts.items() if text is not None
    )


def _write(frame: pl.DataFrame, path: Path) -> None:
    import polars as pl  # noqa: PLC0415 - heavy

    try:
        if path.suffix == ".csv":
            _nested_as_json(frame).write_csv(path)
        elif path.suffix == ".parquet":
            frame.write_parquet(path)
        elif path.suffix == ".ndjson":
            frame.write_ndjson(path)
        else:
            msg = f"{path} does not end in .csv, .parquet or .ndjson"
            raise ConfigError(msg)
    except (OSError, pl.exceptions.PolarsError) as error:
        # Parquet has no objects without a name in them
        cause = error if isinstance(error, OSError) else f"{error} Write .ndjson"
        msg = f"{path} cannot be written: {cause}"
        raise ConfigError(msg) from error
