"""What can no client beat? The server's own COPY BINARY from files it reads itself."""

from __future__ import annotations

import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.listings import KEY, listings, ordered
from benchmarks.loads import load
from benchmarks.measuring import Case, Options, main, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import polars as pl

    from benchmarks.scratch import Digest, Scratch

NAME = "limit"
QUESTION = "What part of the server's own pace does propload reach?"
ROWS = 1_000_000
TAKES_ORDER = True
BY = ("candidate",)


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line per run; needs the right to write and read server files."""
    rows = ordered(listings(options.rows), by_key=options.by_key)
    scratch.fill("original", rows)
    expected = scratch.digest("original")
    folder = scratch.server_folder()
    return measure(_cases(scratch, rows, folder, expected), options)


def _cases(
    scratch: Scratch, rows: pl.DataFrame, folder: Path, expected: Digest
) -> Iterator[Case]:
    def case(name: str, run: Callable[[], dict[str, float] | None]) -> Case:
        labels = {"candidate": name}
        return Case.of_new_table(scratch, expected, labels, rows.height, run)

    key = scratch.layout.key_list
    for label, order in (("sorted", key), ("unsorted", f"hashtext({KEY[1]})")):
        for sessions in (1, 2):
            files = _write(scratch, folder / f"{label}{sessions}", order, sessions)
            name = f"server COPY, {label}, {sessions} sessions"
            yield case(name, partial(_copy_from, scratch, files))
    yield case(
        "propload",
        lambda: {"peak_mb": load(rows, scratch, "target").peak_memory_bytes / 1e6},
    )


def _write(scratch: Scratch, base: Path, order: str, parts: int) -> list[Path]:
    """Let the server write the rows to files, each a consecutive part of the order."""
    files = []
    for part in range(parts):
        path = base.with_name(f"{base.name}_{part}.bin")
        query = (
            f"SELECT {scratch.layout.column_list} FROM (SELECT *, "
            f"ntile({parts}) OVER (ORDER BY {order}) AS part FROM original) AS n "
            f"WHERE part = {part + 1} ORDER BY {order}"
        )
        scratch.execute(f"COPY ({query}) TO '{path}' (FORMAT binary)")
        files.append(path)
    return files


def _copy_from(scratch: Scratch, files: list[Path]) -> None:
    listed = scratch.layout.column_list

    def copy(path: Path) -> None:
        scratch.execute(f"COPY target ({listed}) FROM '{path}' (FORMAT binary)")

    threads = [threading.Thread(target=copy, args=(path,)) for path in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.modules[__name__])
