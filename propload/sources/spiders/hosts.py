"""Hosts in URLs, and whether they are on this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit


def host_of(url: str, /) -> str:
    """Return the host of a URL, or an empty text if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        # brackets without an IPv6 address in them
        return ""


def is_host(name: str, /) -> bool:
    """Return whether a text can be a host's name."""
    return bool(name) and not re.search(r"[\s/\\@]", name)


def is_loopback(url: str, /) -> bool:
    """Return whether the host of a URL is this machine."""
    host = host_of(url)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
