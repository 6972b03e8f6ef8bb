"""Names of runs."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from propload.errors import ConfigError
from propload.messages.wording import with_article


def new_run_id() -> str:
    """Return a name for a run that sorts by time and collides with no other.

    Runs of one second are in order too: which one is the newest decides what is
    resumed, replayed and recovered.
    """
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}-{now.microsecond:05x}{secrets.token_hex(2)[:3]}"


def moment_of(run_id: str, /) -> datetime | None:
    """Return when a run first began, by its name; None where that tells none."""
    second, _, rest = run_id.partition("-")
    try:
        began = datetime.strptime(second, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return began.replace(microsecond=int(rest[:5], 16))
    except ValueError:
        return None


def require_run_id(given: object, /) -> str:
    """Return the name of a run, which a report bears and is not.

    Raises:
        ConfigError: It is something else.
    """
    if isinstance(given, str):
        return given
    kind = with_article(type(given).__name__)
    msg = f"{kind} does not name a run: pass its name, such as report.run_id"
    raise ConfigError(msg)
