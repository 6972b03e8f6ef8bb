"""`propload runs`: list, show and drop the records of earlier runs."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from propload.cli.command import YES, add_group, command, own_app
from propload.cli.flags import option
from propload.cli.run_arguments import MOST_RUNS, RUN, places
from propload.cli.settings import settings_group
from propload.cli.table import print_table
from propload.config import commands_for
from propload.earlier_runs.shown_runs import COLUMNS, values_of
from propload.errors import ConfigError
from propload.messages.wording import counted, hanging, visible
from propload.state.report_store import ReportStore
from propload.state.unfinished_runs import UnfinishedRun, UnfinishedRunStore
from propload.target import parse_table

if TYPE_CHECKING:
    from propload.cli.output import Screen
    from propload.options import LedgerSettings, Places, Settings
    from propload.report import Plain, Report
    from propload.target import TableName

_ONE_TABLE = "Only runs into this TABLE or NAMESPACE.TABLE."

_OLDER_THAN = option(
    float,
    "--older-than",
    default=...,
    metavar="DAYS",
    min=0,
    help="Drop runs that ended more than this many days ago.",
)

app = own_app()
group = add_group(
    app, "runs", "Look at the reports of earlier runs, and drop old ones."
)


@command(
    group,
    "list",
    example="propload runs list\npropload runs list --table homes",
    limit=MOST_RUNS,
    settings=settings_group(["table", "state_dir"], table=_ONE_TABLE),
)
def list_runs(limit: int, settings: Settings, screen: Screen) -> None:
    """List runs with what became of their rows, newest first.

    A run that goes on is listed as running, one whose process is gone as killed.
    """
    where = places(settings)
    table = parse_table(settings.get("table"))
    # one more than is shown, to know whether there are others
    found = _newest(where, limit and limit + 1, table)
    listed = found[: limit or None]
    if screen.as_json:
        screen.show_values([_values(run, where) for run in listed])
        return
    into = "" if table is None else f" into {table}"
    if not listed:
        screen.tell(f"no run{into} has begun yet")
        return
    print_table(screen, COLUMNS, map(_line, listed), shrinkable="source")
    if len(found) > len(listed):
        screen.tell(f"there are earlier runs{into} as well; --limit 0 lists all")


@command(
    group,
    "show",
    example="propload runs show\npropload runs show RUN --json",
    run=RUN,
    settings=settings_group(["state_dir"]),
)
def show(run: str, settings: Settings, screen: Screen) -> None:
    """Show the report of a run; of one that was killed, how to go on with it."""
    where = places(settings)
    unfinished = _find_unfinished(where, run)
    if unfinished is not None:
        _show_unfinished(unfinished, where, screen)
        return
    report = ReportStore(where.runs).read(run)
    screen.show(replace(report, commands=commands_for(where.state_dir)))


@command(
    group,
    "drop",
    example="propload runs drop --older-than 90",
    older_than=_OLDER_THAN,
    yes=YES,
    settings=settings_group(["to", "table", "state_dir"], table=_ONE_TABLE),
)
def drop(
    older_than: float,
    yes: bool,  # noqa: FBT001 - called by name
    settings: LedgerSettings,
    screen: Screen,
) -> None:
    """Delete what is remembered of old runs: reports, and entries of the ledger.

    Rows, rejected rows and journals stay, and so does the ledger of runs that did
    not load all their rows. --resume knows no run that was dropped.
    """
    from propload.earlier_runs.dropping import drop_runs  # noqa: PLC0415 - heavy

    if not yes:
        days = "1 day" if older_than == 1 else f"{older_than:g} days"
        into = f"into {settings['table']} " if "table" in settings else ""
        old_runs = f"runs {into}that ended more than {days} ago"
        question = f"Delete the records of {old_runs}?"
        screen.confirm(question)
    dropped = drop_runs(older_than, **settings)
    screen.report_done(
        f"dropped {counted(dropped.runs, 'run')} of the ledger, "
        f"{counted(dropped.reports, 'report')}",
        **asdict(dropped),
    )


def _newest(
    where: Places, limit: int, table: TableName | None
) -> list[Report | UnfinishedRun]:
    """Return runs, newest first; one resumed and not ended again is unfinished."""
    unfinished = UnfinishedRunStore(where.runs).newest(table=table)
    unfinished_ids = {run.run_id for run in unfinished}
    most = limit and limit + len(unfinished_ids)
    reports = ReportStore(where.runs).newest(most, table=table)
    ended = [run for run in reports if run.run_id not in unfinished_ids]
    both: list[Report | UnfinishedRun] = [*unfinished, *ended]
    return sorted(both, key=lambda run: run.run_id, reverse=True)[: limit or None]


def _find_unfinished(where: Places, run: str) -> UnfinishedRun | None:
    """Return the unfinished run with this name or prefix; None if it has ended.

    A run that was resumed and has not ended again is unfinished, whatever its earlier
    report says. Without a name, return the newest run that is not running, if it was
    killed.

    Raises:
        ConfigError: Several runs have this prefix, one of them unfinished.
    """
    unfinished = {one.run_id: one for one in UnfinishedRunStore(where.runs).newest()}
    ended = ReportStore(where.runs).files.names()
    names = {*unfinished, *ended}
    if not run:
        # the newest run that ended: a killed one counts as ended
        running = {name for name, one in unfinished.items() if one.status == "running"}
        return unfinished.get(max(names - running, default=""))
    found = {run} & names or {name for name in names if name.startswith(run)}
    if found.isdisjoint(unfinished):
        return None
    if len(found) > 1:
        listing = commands_for(where.state_dir).list_runs()
        many = f"the names of {len(found)} runs begin with that"
        msg = f"run {run!r}: {many}. See: {listing}"
        raise ConfigError(msg)
    return unfinished[found.pop()]


def _show_unfinished(run: UnfinishedRun, where: Places, screen: Screen) -> None:
    if screen.as_json:
        screen.show_values(_values(run, where))
        return
    lines = (
        f"{run.source} → {run.target.table} in {run.target.database}: {run.status}",
        f"  run {run.run_id}, began {run.began:%Y-%m-%d %H:%M:%S} UTC",
        f"  {_next_step(run, where)}",
    )
    screen.print_lines(hanging(visible(line)) for line in lines)


def _values(run: Report | UnfinishedRun, where: Places) -> dict[str, Plain]:
    values = run.as_dict()
    if isinstance(run, UnfinishedRun):
        values["message"] = _next_step(run, where)
    return values


def _next_step(run: UnfinishedRun, where: Places) -> str:
    """Return that a run is still running, or else how to continue it."""
    if run.status == "running":
        return f"it is running in process {run.pid}"
    return f"its process is gone; {_how_to_load_rest(run, where)}"


def _how_to_load_rest(run: UnfinishedRun, where: Places) -> str:
    """Return how to load the rest of a killed run, depending on what started it."""
    if run.way == "recover":
        if not (where.journal / run.run_id).exists():
            return "nothing is left in its journal"
        recover = commands_for(where.state_dir).recover(run.run_id)
        return f"to load what is left: {recover}"
    if run.way == "replay":
        return _how_to_replay(run.replayed, where)
    if run.way == "again":
        return f"to continue: load {run.source} again"
    return f"to continue: the same propload ingest with --resume {run.run_id}"


def _how_to_replay(run_id: str, where: Places) -> str:
    """Return how to replay a run's rejected rows again, or that none are left."""
    from propload.rejecting import RejectStore  # noqa: PLC0415 - needs Polars

    if not RejectStore(where.rejects).files.path(run_id).exists():
        return f"no rejected row of run {run_id} is left"
    replay = commands_for(where.state_dir).replay(run_id)
    return f"to continue: {replay}, with the same other flags"


def _line(run: Report | UnfinishedRun) -> tuple[str | int, ...]:
    if not isinstance(run, UnfinishedRun):
        return values_of(run)
    return run.run_id, run.status, run.target.table, "-", "-", "-", run.source
