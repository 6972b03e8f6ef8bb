"""Arguments that name an earlier run, and where commands find its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.cli.flags import Part, argument, option
from propload.config import resolve, state_dir_of
from propload.options import Places
from propload.state.state_folder import check_state_folder

if TYPE_CHECKING:
    from pathlib import Path

    from propload.options import Settings


#: Runs listed by default: a screenful.
LISTED_RUNS = 20


def run_argument(meaning: str) -> Part:
    """Return the argument that names an earlier run; "" if it is not given."""
    return argument(str, "RUN", meaning, "")


def _earlier_run(newest: str) -> Part:
    return run_argument(f"A run's name or its beginning; {newest} by default.")


#: The argument that names an earlier run.
RUN = _earlier_run("the newest run that ended")
#: The argument that names an earlier run that rejected rows.
REJECTING_RUN = _earlier_run("the newest run that rejected rows")
#: The argument that names an earlier run whose rejected rows are to be replayed.
REPLAYED_RUN = _earlier_run("the newest run with rows to replay")


def limit_flag(most: int, meaning: str) -> Part:
    """Return the flag `--limit`, with its default and its help."""
    return option(int, "--limit", default=most, metavar="N", min=0, help=meaning)


#: The flag that says how many earlier runs are listed.
MOST_RUNS = limit_flag(LISTED_RUNS, "Runs listed; 0 lists all.")


def places(settings: Settings) -> Places:
    """Return the places within the state folder that the settings select.

    Raises:
        ConfigError: A setting or the folder cannot be used.
    """
    found = Places(state_dir_of(resolve(settings)))
    check_state_folder(found.state_dir)
    return found


def find_rejected(run: str, settings: Settings) -> Path:
    """Return the file of a run's rejected rows.

    Args:
        run: The run's name or its beginning. If empty, the newest run that rejected
            rows; or, if a newer replay has not ended, the run that it replays.
        settings: The settings of the command.

    Raises:
        ConfigError: A setting cannot be used, or there are no rejected rows.
    """
    from propload.earlier_runs import gone_rejects  # noqa: PLC0415 - needs Polars

    return gone_rejects.find_rejected(run, places(settings))
