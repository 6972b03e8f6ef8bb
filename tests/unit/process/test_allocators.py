"""How the command line sets the allocators of libraries, unless the user did."""

import os
import sys
from types import SimpleNamespace

import pytest

from propload.process.allocators import return_memory_soon

NAMES = ("ARROW_DEFAULT_MEMORY_POOL", "JE_ARROW_MALLOC_CONF", "_RJEM_MALLOC_CONF")
SOON = "dirty_decay_ms:100,muzzy_decay_ms:0"


def test_allocators_are_set_to_return_freed_memory_soon(monkeypatch):
    # set first, so that monkeypatch restores them
    for name in NAMES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return_memory_soon()
    pool, *decay = (os.environ[name] for name in NAMES)
    # tests/acceptance asks pyarrow for the pool itself
    assert pool in {"jemalloc", "system"}
    assert decay == [SOON, SOON]


@pytest.mark.parametrize(
    ("system", "machine", "pool"),
    [
        ("linux", "x86_64", "jemalloc"),
        ("linux", "aarch64", "system"),
        ("darwin", "x86_64", "system"),
    ],
)
def test_memory_pool_is_one_that_the_platforms_wheels_have(
    monkeypatch, system, machine, pool
):
    for name in NAMES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))
    return_memory_soon()
    assert os.environ[NAMES[0]] == pool


def test_variables_that_the_user_has_set_are_kept(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "the user's")
    return_memory_soon()
    assert {os.environ[name] for name in NAMES} == {"the user's"}
