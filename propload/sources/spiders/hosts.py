"""Which hosts are on this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit


def host_of(url: str, /) -> str:
    """Return the host of an address, or an empty text where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        # brackets that are no IPv6 address
        return ""


def is_host(name: str, /) -> bool:
    """Return whether a text can be a host's name."""
    return bool(name) and not re.search(r"[\s/\\@]", name)


def is_loopback(url: str, /) -> bool:
    """Return whether an address is on this machine."""
    host = host_of(url)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
