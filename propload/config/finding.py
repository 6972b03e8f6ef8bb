"""What a command has to be told so that it finds what a run left."""

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
    """Return the state folder where nobody says another one.

    Raises:
        ConfigError: The platform does not say where it is to be.
    """
    from platformdirs import user_state_path  # noqa: PLC0415 - only runs need it

    try:
        return user_state_path("propload", appauthor=False)
    except RuntimeError as error:
        msg = f"cannot find a state folder: {error}. Set --state-dir or HOME"
        raise ConfigError(msg) from error


def commands_for(state_dir: Path, /) -> Commands:
    """Return how commands are written that are to find a state folder.

    Args:
        state_dir: The folder that a run has used.
    """
    return Commands(_state_flag(state_dir), str(state_dir))


def _state_flag(state_dir: Path) -> str:
    # a current folder that was deleted has no path
    with suppress(ConfigError, OSError):
        if _usual_state_dir().absolute() == state_dir.absolute():
            return ""
    return f" {_STATE_DIR.flag} {shlex.quote(str(state_dir))}"


def _usual_state_dir() -> Path:
    """Return the state folder of a command that is given no flag."""
    told: object = os.environ.get(_STATE_DIR.variable)
    # a file that is named may have been so by the flag of this command alone
    if not told and not os.environ.get(CONFIG_VARIABLE):
        told = load_config().top.get(_STATE_DIR.name)
    return read_path(told) if told else default_state_dir()
