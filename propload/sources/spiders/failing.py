"""Why a page did not come, in words for a report."""

from __future__ import annotations

import re

#: What aiohttp tells of its settings: an object, which says nothing to a reader.
_TLS = re.compile(r" ssl:(?:<[^>]*>|\w+)")


def failure_said(error: BaseException | None, /) -> str:
    """Return what a failure is called and says."""
    return f"{type(error).__name__}: {_TLS.sub('', str(error))}".rstrip(": ")
