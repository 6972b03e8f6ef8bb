"""`propload rejects export`: write rejected rows to a file, to be fixed elsewhere."""

from __future__ import annotations

import itertools
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from propload.cli.command import command, own_app
from propload.cli.flags import option
from propload.cli.run_arguments import REJECTING_RUN, find_rejected
from propload.cli.settings import settings_group
from propload.errors import ConfigError
from propload.messages.wording import counted
from propload.private_files import atomic_write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    import polars as pl

    from propload.cli.output import Screen
    from propload.options import Settings

    #: Writes the frames; returns how many cells a spreadsheet may run as a formula.
    Writer: TypeAlias = Callable[[Iterable[pl.DataFrame], Path], int]

_OUTPUT = option(
    str,
    "--output",
    "-o",
    default=...,
    metavar="FILE",
    help="File to write: .csv, .parquet or .ndjson.",
    show_default=False,
)

app = own_app()


@command(
    app,
    "export",
    example="propload rejects export RUN --output rejected.csv",
    run=REJECTING_RUN,
    output=_OUTPUT,
    settings=settings_group(["state_dir"]),
)
def export(run: str, output: str, settings: Settings, screen: Screen) -> None:
    """Write a run's rejected rows to a file: their columns, and the reasons.

    Rows that could not be read at all have no columns; their text is among the
    reasons.
    """
    from propload.rejecting.exporting import (  # noqa: PLC0415 - needs Polars
        ExportedRows,
    )

    target = Path(output)
    write = _WRITERS.get(target.suffix)
    if write is None:
        msg = f"{target} does not end in .csv, .parquet or .ndjson"
        raise ConfigError(msg)
    path = find_rejected(run, settings)
    with path.open("rb") as file:
        exported = ExportedRows(file, path)
        formulas = _write(exported.frames(), target, write)
    if formulas:
        screen.tell(
            f"{output} holds {counted(formulas, 'cell')} that a spreadsheet may "
            "run as a formula (written as read): import its columns as text"
        )
    message = f"{counted(exported.rows, 'row')} written to {output}"
    screen.report_done(message, rows=exported.rows, file=output)


def _formulas(frame: pl.DataFrame) -> int:
    """Return how many cells a spreadsheet may run as a formula.

    Plain numbers with a sign, such as phone numbers, are not counted.
    """
    import polars as pl  # noqa: PLC0415 - heavy

    texts = pl.col(pl.String)
    is_run = texts.str.contains(r"^[=+@\t\r-]") & ~texts.str.contains(r"^[+-][\d., ]*$")
    return int(frame.select(is_run.sum()).sum_horizontal().sum())


def _nested_as_json(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - heavy

    from propload.prepare.casting.text_out import write_text  # noqa: PLC0415 - needs Polars

    nested = {name: dtype for name, dtype in frame.schema.items() if dtype.is_nested()}
    texts = {name: write_text(pl.col(name), dtype) for name, dtype in nested.items()}
    return frame.with_columns(
        text.alias(name) for name, text in texts.items() if text is not None
    )


def _write_csv(frames: Iterable[pl.DataFrame], path: Path) -> int:
    formulas = 0
    with path.open("wb") as file:
        for number, frame in enumerate(frames):
            formulas += _formulas(frame)
            _nested_as_json(frame).write_csv(file, include_header=not number)
    return formulas


def _write_ndjson(frames: Iterable[pl.DataFrame], path: Path) -> int:
    with path.open("wb") as file:
        for frame in frames:
            frame.write_ndjson(file)
    return 0


def _write_parquet(frames: Iterable[pl.DataFrame], path: Path) -> int:
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    tables = (frame.to_arrow() for frame in frames)
    first = next(tables)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as file:
        for table in itertools.chain([first], tables):
            file.write_table(table)
    return 0


_WRITERS = {".csv": _write_csv, ".ndjson": _write_ndjson, ".parquet": _write_parquet}


def _write(frames: Iterable[pl.DataFrame], path: Path, write: Writer) -> int:
    import polars as pl  # noqa: PLC0415 - heavy
    import pyarrow as pa  # noqa: PLC0415 - heavy

    try:
        with _writable_path(path) as place:
            return write(frames, place)
    except (OSError, pl.exceptions.PolarsError, pa.ArrowException) as error:
        msg = f"{path} cannot be written: {_cause(error)}"
        raise ConfigError(msg) from error


def _writable_path(path: Path) -> AbstractContextManager[Path]:
    """Return a context manager that yields the path to write to.

    An existing file, which may hold somebody's corrections, is replaced only when the
    new one is complete. A pipe, a device, or a file in a folder where none can be
    created is written directly.
    """
    target = path.resolve()
    if not path.exists():
        return atomic_write(target, like=None)
    if target.is_file() and os.access(target.parent, os.W_OK):
        return atomic_write(target, like=target.stat())
    return nullcontext(path)


def _cause(error: Exception) -> str:
    """Return why the file cannot be written, and what to do about it."""
    if not isinstance(error, OSError):
        # Parquet cannot store a struct without fields
        return f"{error} Write .ndjson"
    # each library wraps the system's message in words of its own
    reason = os.strerror(error.errno) if error.errno else error
    return f"{reason}. Name a file elsewhere (--output FILE)"
