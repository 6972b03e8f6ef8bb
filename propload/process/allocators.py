"""How soon the libraries give back memory that they have freed."""

from __future__ import annotations

import os

#: Both keep freed memory for later by default: Arrow's allocator a second and longer,
#: that of Polars half a second, and then until the system asks for it. At a steady
#: pace none of it is needed again, but it stands in the process's memory all the time.
_SETTINGS = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:100,muzzy_decay_ms:0",
}


def give_back_memory() -> None:
    """Have Arrow and Polars give back freed memory soon; what the user has set holds.

    To be called before either is imported, and only by a program: a process that uses
    propload as a library has allocators of its own choice.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
