"""What holds for a run where several have a say: user, mapping, schema, table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Unpack, cast

from propload.errors import ConfigError
from propload.options import FileSettings
from propload.postgres.database import Database
from propload.postgres.server.programs import Stopped, never
from propload.postgres.session.dsn import describe_dsn
from propload.prepare.mapping import MapContext, load_mapping
from propload.prepare.preparing import Preparer
from propload.retrying import RetryOptions, retry
from propload.running.planning import Plan
from propload.settings_signature import names_settings
from propload.source_capabilities import defaults_of
from propload.target import TableName, Target

if TYPE_CHECKING:
    import threading

    from propload.options import Settings
    from propload.postgres.tables.facts import TableFacts
    from propload.prepare.checks.validation import Checker
    from propload.sources.source import Source

#: What messages call sources that nobody gave a name.
_NAMELESS = frozenset(
    {"stdin", "frame", "lazy frame", "list", "tuple", "<genexpr>", "pushed"}
)
#: What messages call several sources, and where the system has pipes (a shell's
#: `<(...)`): none of them names the table.
_NAMELESS_PATH = re.compile(r"[0-9]+ sources from |/dev/(fd/|stdin$)|/proc/[^/]+/fd/")
#: What reports call the database that runs where none is named.
EMBEDDED_LABEL = "the embedded database"


def default_settings(source: Source, settings: Settings) -> Settings:
    """Return what a source or a mapping sets where the user does not.

    A source may name its `mapping` and `schema`, a mapping its `schema`.

    Raises:
        ConfigError: The mapping cannot be used.
    """
    own = defaults_of(source)
    mapping = settings.get("mapping", own.get("mapping"))
    schema = own.get("schema")
    if mapping is not None and schema is None:
        schema = getattr(load_mapping(mapping), "schema", None)
    found = {"mapping": mapping, "schema": schema}
    kept = {name: value for name, value in found.items() if value is not None}
    return cast("Settings", kept)


def find_checker(settings: Settings) -> Checker | None:
    """Return what judges the rows of a run, or None where all pass.

    Raises:
        ConfigError: The schema cannot be used.
    """
    if "schema" not in settings:
        return None
    # pandera takes a quarter of a second, which a run without a schema saves
    from propload.prepare.checks.validation import load_schema  # noqa: PLC0415

    return load_schema(settings["schema"])


def make_preparer(
    plan: Plan, source: Source, checker: Checker | None, target: Target
) -> Preparer:
    """Return what maps and checks the rows of a run.

    Raises:
        ConfigError: The mapping cannot be used.
    """
    settings = plan.settings
    as_of = settings.get("as_of")
    assert not isinstance(as_of, str)  # noqa: S101 - resolved: a moment, if any
    return Preparer(
        mapping=load_mapping(settings["mapping"]) if "mapping" in settings else None,
        checker=checker,
        key=target.key,
        newest=target.newest,
        on_null=target.on_null,
        mode=target.mode,
        lanes=plan.workers,
        context=MapContext(as_of, source.name),
    )


def database_label(plan: Plan) -> str:
    """Return what reports and journals call the database of a run; none is asked."""
    dsn = plan.settings.get("to")
    return EMBEDDED_LABEL if dsn is None else describe_dsn(dsn)


def open_database(plan: Plan, *, stopped: Stopped = never) -> Database:
    """Return the database of a run: as set, else the embedded one, started.

    Args:
        plan: What holds.
        stopped: Whether whoever waits for the start was told to stop.

    Raises:
        WriteError: It cannot be reached.
        KeyboardInterrupt: It was told to stop before it was up.
    """
    dsn = find_dsn(plan, stopped=stopped)
    # the embedded one's address is a path of this machine, which tells a reader nothing
    return Database(dsn, state_dir=plan.places.state_dir, label=database_label(plan))


def has_database(plan: Plan) -> bool:
    """Return whether a database is named, or the embedded one was made before."""
    if plan.settings.get("to"):
        return True
    from propload.postgres.server import embedded  # noqa: PLC0415 - as below

    return embedded.exists(plan.places.state_dir)


def find_dsn(plan: Plan, *, stopped: Stopped = never) -> str:
    """Return the connection string of a run's database, started if it is the embedded.

    Arguments and errors are those of `open_database`.
    """
    dsn = plan.settings.get("to")
    if dsn:
        return dsn
    from propload.postgres.server import embedded  # noqa: PLC0415 - only where it is used

    return embedded.start(plan.places.state_dir, stopped=stopped)


@names_settings(FileSettings)
def embedded_url(**settings: Unpack[FileSettings]) -> str:
    """Return the address of the embedded database, which is started if necessary.

    Every PostgreSQL client on this machine accepts it; it holds no password.

    Args:
        **settings: `state_dir`, where it is not the usual one.

    Raises:
        ConfigError: Another setting is given.
        WriteError: It cannot be started.
    """
    plan = Plan.of_few(settings, FileSettings, function="embedded_url")
    from propload.postgres.server import embedded  # noqa: PLC0415 - only where it is used

    state_dir = plan.places.state_dir
    embedded.start(state_dir)
    # not the one that propload takes: other drivers may not know all of its settings
    return embedded.url(state_dir)


def find_target(
    plan: Plan,
    checker: Checker | None,
    source: Source,
    database: Database,
    *,
    stop: threading.Event,
) -> Target:
    """Return the target of a run.

    Who alters the table just now is waited for, as in the run; a server that is away is
    not, as its address may be wrong.

    Raises:
        ConfigError: Nobody names a table, or the mode needs a key.
        WriteError: It cannot be looked at.
    """
    table = choose_table(plan.settings, checker, source.name)
    database.reach()
    facts = retry(
        lambda: database.facts(table),
        RetryOptions.of(plan.options),
        stop=stop,
        name=f"the look at {table}",
    )
    return choose_target(plan.settings, checker, table, facts)


def choose_table(settings: Settings, checker: Checker | None, source: str) -> TableName:
    """Return the table: as set, else the schema's own, else named like the source.

    Args:
        settings: What the user said.
        checker: The schema, where there is one.
        source: The source's name.

    Raises:
        ConfigError: Nobody names a table.
    """
    text = settings.get("table")
    if text is not None:
        return TableName.parse(text)
    if checker is not None and checker.target_defaults is not None:
        return checker.target_defaults.table
    name = _table_like(source)
    if not name:
        msg = f"no table to load {source} into: use --table TABLE"
        raise ConfigError(msg)
    return TableName("public", name)


def _table_like(source: str) -> str:
    # a backslash is a letter of a name, or stands for a byte of it that is none
    stem = source.rstrip("/").rsplit("/", 1)[-1].split(".", 1)[0]
    letters = "".join(letter if letter.isalnum() else "_" for letter in stem.lower())
    nameless = source in _NAMELESS or _NAMELESS_PATH.match(source)
    return "" if nameless else letters.strip("_")


def choose_target(
    settings: Settings,
    checker: Checker | None,
    table: TableName,
    facts: TableFacts | None,
) -> Target:
    """Return the target: as set, else as the schema says, else as the table is.

    Raises:
        ConfigError: The mode needs a key and there is none.
    """
    defaults = checker.target_defaults if checker else None
    mode = settings.get("mode") or "upsert"
    key = settings.get("key") or (defaults.key if defaults else ())
    if not key and mode in {"upsert", "insert-new"} and facts is not None:
        key = facts.primary_key
    return Target(
        table=table,
        key=(key,) if isinstance(key, str) else tuple(key),
        newest=settings.get("newest") or (defaults.newest if defaults else None),
        mode=mode,
        on_null=settings.get("on_null")
        or (defaults.on_null if defaults else "overwrite"),
        on_new_columns=settings.get("on_new_columns") or "refuse",
    )
