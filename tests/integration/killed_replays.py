"""Replays that end as if they were killed."""

from __future__ import annotations

import pytest

import propload
from propload.rejecting import RejectStore


def kill_at_its_end(monkeypatch, run_id, *, fix, to):
    """Replay, and end as if killed between the last commit and what comes after."""

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RejectStore, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            propload.replay(run_id, fix=fix, to=to)
