"""What the command line tells the libraries' allocators, and what it leaves alone."""

import os

from propload.process.allocators import give_back_memory

NAMES = ("ARROW_DEFAULT_MEMORY_POOL", "_RJEM_MALLOC_CONF")


def test_freed_memory_is_given_back_soon(monkeypatch):
    # set first, so that they are put back as they were
    for name in NAMES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    give_back_memory()
    told = [os.environ[name] for name in NAMES]
    assert told == ["system", "dirty_decay_ms:100,muzzy_decay_ms:0"]


def test_what_the_user_has_set_holds(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "the user's")
    give_back_memory()
    assert {os.environ[name] for name in NAMES} == {"the user's"}
