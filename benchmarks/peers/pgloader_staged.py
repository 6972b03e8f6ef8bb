"""pgloader copies a CSV file into a stage; the server upserts from there.

It has no upsert of its own. Two threads parse faster than the one connection can write;
batches have as many rows as those of propload.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from benchmarks.layout import quoted
from benchmarks.peers.upsert import upsert_sql
from propload.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.scratch import Scratch

FORM = "csv"
#: It loads about 20,000 rows per second, whatever their number.
MOST_ROWS = 100_000
#: The program that must be installed besides Python packages, as a Debian package.
PROGRAM = "pgloader"

COMMAND = """
LOAD CSV FROM '{path}' WITH ENCODING UTF-8 HAVING FIELDS ({fields})
    INTO {url} TARGET TABLE {table} ({columns})
    WITH skip header = 1, fields optionally enclosed by '"', fields terminated by ',',
         batch rows = 50000, prefetch rows = 100000, workers = 2, concurrency = 1;
"""


def load(rows: Path, scratch: Scratch, table: str, /) -> None:
    """Upsert the rows of a file; reading it is part of the measured time."""
    # names that pgloader's command language accepts, whatever those of the table are
    names = {f"f{place}": name for place, name in enumerate(scratch.layout.columns)}
    kinds = zip(names, scratch.layout.columns.values(), strict=True)
    made = ", ".join(f"{name} {kind}" for name, kind in kinds)
    scratch.execute(
        "DROP TABLE IF EXISTS stage", f"CREATE UNLOGGED TABLE stage ({made})"
    )
    commands = COMMAND.format(
        path=rows,
        fields=", ".join(f"{name} [null if blanks]" for name in names),
        url=_url(scratch.dsn),
        table=f"{scratch.namespace}.stage",
        columns=", ".join(names),
    )
    _run(scratch.state, commands)
    renamed = ", ".join(f"{name} AS {quoted([own])}" for name, own in names.items())
    staged_rows = f"(SELECT {renamed} FROM stage) AS staged"
    scratch.execute(upsert_sql(scratch.layout, table, staged_rows), "DROP TABLE stage")


def _run(folder: Path, commands: str) -> None:
    path = folder / "pgloader.load"
    # the connection string may contain a password
    write_private(path, commands.encode())
    command = [PROGRAM, "--quiet", "--root-dir", str(folder / PROGRAM), str(path)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - the benchmark's own


def _url(dsn: str) -> str:
    """Return the connection string as a URL in pgloader's form."""
    parameters = conninfo_to_dict(dsn)
    host = str(parameters.get("host") or "localhost")
    place = f"unix:{host}" if host.startswith("/") else host
    secret = parameters.get("password")
    password = f":{quote(str(secret), safe='')}" if secret else ""
    user = quote(str(parameters.get("user") or "postgres"), safe="")
    port = parameters.get("port") or 5432
    return f"postgresql://{user}{password}@{place}:{port}/{parameters['dbname']}"
