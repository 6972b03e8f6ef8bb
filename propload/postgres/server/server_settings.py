"""Settings of a server that propload runs, sized for the machine and for loading.

docs/postgres.md says what is relaxed and what is not. `fsync`, `full_page_writes` and
`synchronous_commit` stay on: a commit that was reported survives a crash of the
machine.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

MIB = 1 << 20
GIB = 1 << 30


def machine_memory() -> int:
    """Return the bytes of memory that this machine or container may use."""
    limits = [psutil.virtual_memory().total]
    for file in (
        Path("/sys/fs/cgroup/memory.max"),
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):  # `max` means no limit
            limits.append(int(file.read_text("ascii")))
    return min(limits)


def server_settings(memory: int, free_disk: int, /) -> dict[str, str]:
    """Return the settings for a machine.

    Args:
        memory: Bytes of memory of the machine.
        free_disk: Free bytes on the disk of the cluster.
    """
    return {
        # no network; the socket's folder is private to its owner
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        # A load touches index pages at random; the hot ones should stay here. An
        # eighth leaves the rest to propload and the file cache; more than 2 GB does
        # not make a load faster.
        "shared_buffers": _mib(_clamp(128 * MIB, memory // 8, 2 * GIB)),
        "effective_cache_size": _mib(memory // 2),
        # stages of 50,000 rows stay in memory; the default 8 MB spills them
        "temp_buffers": _mib(_clamp(8 * MIB, memory // 256, 64 * MIB)),
        "work_mem": _mib(_clamp(4 * MIB, memory // 256, 64 * MIB)),
        "maintenance_work_mem": _mib(_clamp(64 * MIB, memory // 32, 512 * MIB)),
        # Few checkpoints: after each one, a changed page is logged in full again.
        # The WAL takes at most a tenth of the free disk.
        "max_wal_size": _mib(_clamp(256 * MIB, free_disk // 10, 8 * GIB)),
        "min_wal_size": _mib(_clamp(80 * MIB, free_disk // 100, GIB)),
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "wal_buffers": "64MB" if memory >= 4 * GIB else "16MB",
        # The WAL is flushed while rows still arrive, so that their commit waits less
        # than 1 ms instead of 4 to 8 ms. An idle server does not wake up for it.
        "wal_writer_delay": "5ms",
        # no standby, no archive: COPY into a new table may skip the WAL
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "random_page_cost": "1.1",
        "max_connections": "64",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # propload reports rejected rows; the log should not contain them
        "log_min_messages": "log",
        "log_checkpoints": "off",
    }


def settings_text(
    home: Path, socket_dir: Path, port: int, extra: dict[str, str]
) -> str:
    """Return the text of the settings file of a cluster.

    Args:
        home: A folder on the disk of the cluster.
        socket_dir: The folder of the socket.
        port: The number in the socket's name.
        extra: Settings that override these.
    """
    settings = server_settings(machine_memory(), shutil.disk_usage(home).free)
    settings |= {"unix_socket_directories": str(socket_dir), "port": str(port)} | extra
    head = "# written by propload at each start; ALTER SYSTEM goes before it\n"
    return head + "".join(_lines(settings.items()))


def _lines(settings: Iterable[tuple[str, str]]) -> Iterable[str]:
    for name, value in settings:
        quoted = value.replace("'", "''")
        yield f"{name} = '{quoted}'\n"


def _clamp(minimum: int, value: int, maximum: int) -> int:
    return max(minimum, min(value, maximum))


def _mib(size: int) -> str:
    return f"{size // MIB}MB"
