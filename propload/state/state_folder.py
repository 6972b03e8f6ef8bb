"""The state folder: creates it if missing, and refuses it early if it is unusable."""

from __future__ import annotations

import errno
import os
import pwd
from contextlib import suppress
from typing import TYPE_CHECKING

from propload.errors import ConfigError
from propload.private_files import make_private_folder

if TYPE_CHECKING:
    from pathlib import Path

#: The state folder and those in it, each of which may have another owner.
_OF_RUNS = ("", "rejects", "journal", "runs")
_READING = os.R_OK | os.X_OK
_WRITING = os.W_OK | os.X_OK
#: Prefix of the id of a user that has no name on this machine.
_NAMELESS = "user "
_ANOTHER = "--state-dir FOLDER, or PROPLOAD_STATE_DIR"


def make_state_folder(state_dir: Path) -> None:
    """Create the state folder if it is missing, and check that it is writable.

    Raises:
        ConfigError: It cannot be created or written.
    """
    check_state_folder(state_dir, writing=True)
    try:
        make_private_folder(state_dir)
    except OSError as error:
        raise _unusable(state_dir, state_dir, error) from error


def check_state_folder(state_dir: Path, /, *, writing: bool = False) -> None:
    """Check that this user can use the state folder, as far as it exists.

    Args:
        state_dir: The folder.
        writing: Whether files will be created in it, not only read.

    Raises:
        ConfigError: It cannot be used; the message says who owns it, and what to do.
    """
    mode = _READING | (_WRITING if writing else 0)
    for name in _OF_RUNS:
        require_usable(state_dir, state_dir / name, mode)


def require_usable(state_dir: Path, path: Path, mode: int, /) -> None:
    """Check that this user can use a path in the state folder, if it exists.

    Args:
        state_dir: The folder.
        path: The path.
        mode: How it is used, as for `os.access`.

    Raises:
        ConfigError: It cannot be used; the message says who owns it, and what to do.
    """
    try:
        path.stat()
        if not os.access(path, mode):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _unusable(state_dir, path, error) from error


def _unusable(state_dir: Path, path: Path, error: OSError) -> ConfigError:
    """Return the error for a folder that cannot be used."""
    found, file = _shut(path), _file_on_the_way(state_dir)
    owner, user = _owner(found), os.geteuid()
    is_refused = isinstance(error, PermissionError) and file is None
    cannot = f"the state folder {state_dir} cannot be used"
    if owner is None or owner == user or not is_refused:
        why = error.strerror if file is None else f"{file} is not a folder"
        return ConfigError(f"{cannot}: {why}. Use another one: {_ANOTHER}")
    whose, what = user_name(owner), "it" if found == state_dir else found
    told = f"{cannot}: {what} belongs to {whose}, and this is {user_name(user)}"
    if found in state_dir.parents:
        return ConfigError(f"{told}. Name another one: {_ANOTHER}")
    return ConfigError(
        f"{told}. Run propload as {whose}, change its owner "
        f"({_hand_over(state_dir)}), or name another one: {_ANOTHER}"
    )


def not_ours(path: Path, /) -> str:
    """Return the message about another user's file; empty if it is this user's."""
    owner, user = _owner(path), os.geteuid()
    if owner is None or owner == user:
        return ""
    return (
        f"{path} belongs to {user_name(owner)}, and this is {user_name(user)}: change "
        f"its owner ({_hand_over(path.parent)})"
    )


def _hand_over(folder: Path) -> str:
    """Return the command with which root gives a folder to this user."""
    me = user_name(os.geteuid())
    return f"chown -R {me.removeprefix(_NAMELESS)} {folder}"


def _file_on_the_way(path: Path) -> Path | None:
    """Return the file in the place of a folder or one of its parents, or None."""
    for one in (path, *path.parents):
        with suppress(OSError):
            if one.exists():
                return None if one.is_dir() else one
    return None


def _shut(path: Path) -> Path:
    """Return the first parent of a path that this user may not enter, or the path."""
    for above in reversed(path.parents):
        if _owner(above) is not None and not os.access(above, os.X_OK):
            return above
    return path


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def user_name(number: int) -> str:
    """Return the name of a user of this machine, for messages."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"{_NAMELESS}{number}"
