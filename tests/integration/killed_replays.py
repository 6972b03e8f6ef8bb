"""Simulate replays that are killed."""

from __future__ import annotations

import pytest

import propload
from propload.rejecting import RejectStore


def kill_at_its_end(monkeypatch, run_id, *, fix, to):
    """Replay, and stop as if killed right after the last commit."""

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RejectStore, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            propload.replay(run_id, fix=fix, to=to)
