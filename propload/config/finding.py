"""The state folder, and the flag that a suggested command needs to find it."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from propload.config.files import CONFIG_VARIABLE, load_config
from propload.config.settings import SETTINGS
from propload.config.values import read_path
from propload.errors import ConfigError
from propload.messages.suggested_commands import Commands

if TYPE_CHECKING:
    from pathlib import Path

_STATE_DIR = SETTINGS["state_dir"]


def default_state_dir() -> Path:
    """Return the default state folder of the platform.

    Raises:
        ConfigError: The platform has none, for lack of a home folder.
    """
    from platformdirs import user_state_path  # noqa: PLC0415 - only runs need it

    try:
        return user_state_path("propload", appauthor=False)
    except RuntimeError as error:
        msg = f"cannot find a state folder: {error}. Set --state-dir or HOME"
        raise ConfigError(msg) from error


def commands_for(state_dir: Path, /) -> Commands:
    """Return the wording of commands that are to use a run's state folder.

    Args:
        state_dir: The state folder of the run.
    """
    return Commands(_state_flag(state_dir), str(state_dir))


def _state_flag(state_dir: Path) -> str:
    # OSError: the current folder was deleted, so it has no path
    with suppress(ConfigError, OSError):
        if _usual_state_dir().absolute() == state_dir.absolute():
            return ""
    return f" {_STATE_DIR.flag} {shlex.quote(str(state_dir))}"


def _usual_state_dir() -> Path:
    """Return the state folder that a command without `--state-dir` would use."""
    value: object = os.environ.get(_STATE_DIR.variable)
    # not if the variable is set: it may come from this command's --config, and the next
    # command would not have it
    if not value and not os.environ.get(CONFIG_VARIABLE):
        value = load_config().top.get(_STATE_DIR.name)
    return read_path(value) if value else default_state_dir()
