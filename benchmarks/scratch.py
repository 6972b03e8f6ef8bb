"""The place of a benchmark in a server: one namespace, removed afterwards."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from benchmarks.layout import quoted
from benchmarks.listings import LISTINGS
from propload.postgres.server import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from benchmarks.layout import Layout


#: What a server's speed depends on.
SETTINGS = (
    "autovacuum",
    "checkpoint_timeout",
    "data_checksums",
    "effective_io_concurrency",
    "fsync",
    "full_page_writes",
    "io_method",
    "maintenance_work_mem",
    "max_connections",
    "max_wal_size",
    "server_version",
    "shared_buffers",
    "synchronous_commit",
    "wal_buffers",
    "wal_compression",
    "wal_level",
    "wal_writer_delay",
    "work_mem",
)
#: Rows of a row group, as other programs write them.
ROW_GROUP = 100_000
#: How a column's values are written for the digest, whatever type a candidate gave it.
_SPELLED = {
    "bigint": "{}::bigint::text",
    "integer": "{}::bigint::text",
    "smallint": "{}::bigint::text",
    "boolean": "{}::boolean::text",
    "double precision": "{}::double precision::text",
    "date": "{}::date::text",
    "timestamp without time zone": "extract(epoch FROM {})::numeric(20,6)::text",
    "timestamp with time zone": "extract(epoch FROM {})::numeric(20,6)::text",
    "text": "{}::text",
}


class WrongValuesError(Exception):
    """A candidate stored other rows than it was given."""


class Digest(NamedTuple):
    """What tables that hold the same rows have in common.

    Attributes:
        rows: The number of rows.
        total: A number made of all their values.
    """

    rows: int
    total: int


@dataclass(frozen=True, slots=True)
class Scratch:
    """A namespace for a benchmark's tables.

    Attributes:
        dsn: The server's connection string.
        namespace: PostgreSQL's schema for everything that is made.
        version: The server's version.
        state: A state folder for propload's own files.
        layout: What rows the tables hold.
    """

    dsn: str
    namespace: str
    version: str
    state: Path
    layout: Layout = LISTINGS

    def of(self, layout: Layout) -> Scratch:
        """Return the same place for tables of other rows."""
        return replace(self, layout=layout)

    def connect(self) -> psycopg.Connection:
        """Return a connection in autocommit; its tables are the namespace's."""
        connection = psycopg.connect(self.dsn, autocommit=True)
        connection.execute(f"SET search_path = {self.namespace}".encode())
        return connection

    def execute(self, *statements: str) -> None:
        """Run statements, each by itself."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def create(self, table: str, *, key: bool = True) -> None:
        """Make an empty table anew."""
        columns = [
            f"{quoted([name])} {kind}" for name, kind in self.layout.columns.items()
        ]
        if key:
            columns.append(f"PRIMARY KEY ({self.layout.keyed})")
        self.execute(
            f"DROP TABLE IF EXISTS {table}",
            f"CREATE TABLE {table} ({', '.join(columns)})",
        )

    def fresh(self, table: str) -> None:
        """Make an empty table anew, and let the server finish earlier work."""
        self.create(table)
        # not analyzed: an empty table would then have other plans than a new one
        self.settle()

    def fill(self, table: str, frame: pl.DataFrame) -> None:
        """Make a table that holds these rows as they come, and settle the server."""
        self.create(table)
        with self.connect() as connection, connection.cursor() as cursor:
            _copy(cursor, table, frame)
        self.settle(table)

    def copy_of(self, original: str, table: str) -> None:
        """Make a table with the rows of another one, each in the same place."""
        self.create(table)
        self.execute(f"INSERT INTO {table} SELECT * FROM {original} ORDER BY ctid")
        self.settle(table)

    def arrange(self, table: str, original: str) -> None:
        """Bring the rows of a table into the places that another has for their keys.

        The table stays, with what a candidate knows of it and columns of its own.

        Args:
            table: What a candidate has filled.
            original: The rows of the same keys, as `fill` stored them.
        """
        self.execute(
            f"CREATE UNLOGGED TABLE arranged AS SELECT t.* FROM {table} AS t "
            f"JOIN {original} AS o USING ({self.layout.keyed}) ORDER BY o.ctid",
            f"TRUNCATE {table}",
            f"INSERT INTO {table} SELECT * FROM arranged ORDER BY ctid",
            "DROP TABLE arranged",
        )
        self.settle(table)

    def settle(self, *tables: str) -> None:
        """Let the server finish earlier work, so that no later run pays for it."""
        with self.connect() as connection:
            for table in tables:
                connection.execute(f"VACUUM (ANALYZE) {table}".encode())
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                connection.execute("CHECKPOINT")

    def digest(self, table: str) -> Digest:
        """Return the digest of a table."""
        values = ", ".join(
            f"coalesce({_SPELLED[kind].format(quoted([name]))}, '~')"
            for name, kind in self.layout.columns.items()
        )
        query = (
            "SELECT count(*), coalesce(sum(hashtextextended("
            f"concat_ws('|', {values}), 0)::numeric), 0) FROM {table}"
        )
        return Digest(*self._row(query))

    def digest_of(self, frame: pl.DataFrame) -> Digest:
        """Return the digest of a table that holds these rows and no others."""
        self._store("oracle", frame)
        found = self.digest("oracle")
        self.execute("DROP TABLE oracle")
        return found

    def _store(self, table: str, frame: pl.DataFrame) -> None:
        self.create(table, key=False)
        with self.connect() as connection, connection.cursor() as cursor:
            _copy(cursor, table, frame)

    def verify(self, table: str, expected: Digest) -> None:
        """Compare a table with what it should hold.

        Raises:
            WrongValuesError: It holds something else.
        """
        found = self.digest(table)
        if found != expected:
            msg = f"{table} holds {found.rows:,} rows, expected {expected.rows:,}"
            other_rows = found.rows != expected.rows
            raise WrongValuesError(msg if other_rows else f"{msg}: values")

    def verify_part(self, table: str, frame: pl.DataFrame, *, rows: int) -> None:
        """Compare the rows of some keys, and how many there are in all.

        Args:
            table: What is compared.
            frame: What it should hold for the keys in here.
            rows: How many rows it should hold.

        Raises:
            WrongValuesError: It holds something else.
        """
        self._store("part", frame)
        joined = f"(SELECT t.* FROM {table} AS t JOIN part USING ({self.layout.keyed}))"
        self.verify(f"{joined} AS those", self.digest("part"))
        self.execute("DROP TABLE part")
        if self.count(table) != rows:
            msg = f"{table} holds {self.count(table):,} rows, expected {rows:,}"
            raise WrongValuesError(msg)

    def write(self, frame: pl.DataFrame) -> str:
        """Return a Parquet file of these rows in the state folder."""
        path = self.state / f"rows-{secrets.token_hex(4)}.parquet"
        frame.write_parquet(path, row_group_size=ROW_GROUP)
        return str(path)

    def server_folder(self) -> Path:
        """Return a folder that the server may write to: its own, or the state's."""
        folder = self.state / "server"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)  # the server runs as another user
        return folder

    def settings(self) -> dict[str, str]:
        """Return the server's settings that its speed depends on."""
        with self.connect() as connection:
            found = connection.execute(
                "SELECT name, current_setting(name) FROM pg_settings "
                "WHERE name = ANY(%s) ORDER BY name",
                [list(SETTINGS)],
            ).fetchall()
        return dict(found)

    def count(self, table: str) -> int:
        """Return the rows of a table."""
        return self._row(f"SELECT count(*) FROM {table}")[0]

    def _row(self, query: str) -> tuple[int, ...]:
        with self.connect() as connection:
            found = connection.execute(query.encode()).fetchone()
        return tuple(int(value) for value in found or ())


def _copy(cursor: psycopg.Cursor, table: str, frame: pl.DataFrame) -> None:
    given = f"COPY {table} ({quoted(frame.columns)}) FROM STDIN (FORMAT csv)"
    with cursor.copy(given.encode()) as copy:
        for part in frame.iter_slices(50_000):
            copy.write(part.write_csv(include_header=False))


@contextmanager
def open_scratch(dsn: str | None = None, /) -> Iterator[Scratch]:
    """Open a namespace in a server, and remove it afterwards.

    Args:
        dsn: The server; by default an embedded one that ends with this.
    """
    with tempfile.TemporaryDirectory(prefix="propload-benchmark-") as folder:
        state = Path(folder)
        state.chmod(0o755)  # the server's account reads the files of `limit`
        if dsn is None:
            embedded.start(state)
        try:
            # peers may have an older libpq, which refuses words of propload's address
            yield from _namespace(dsn or embedded.url(state), state)
        finally:
            if dsn is None:
                embedded.destroy(state)


def _namespace(dsn: str, state: Path) -> Iterator[Scratch]:
    name = f"propload_benchmark_{secrets.token_hex(3)}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        version = f"{connection.info.server_version // 10000}"
        connection.execute(f"CREATE SCHEMA {name}".encode())
    scratch = Scratch(dsn, name, version, state)
    try:
        yield scratch
    finally:
        scratch.execute(f"DROP SCHEMA {name} CASCADE")
