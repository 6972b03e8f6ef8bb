"""Where commands find the files of earlier runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from propload.config import resolve
from propload.options import Places

if TYPE_CHECKING:
    from propload.options import Settings


def places(given: Settings) -> Places:
    """Return the folders of the state folder that holds.

    Raises:
        ConfigError: A setting cannot be used.
    """
    return Places(Path(resolve(given)["state_dir"]))
