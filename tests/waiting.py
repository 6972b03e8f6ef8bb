"""Tells when a thread has begun to wait, so that no test wakes it too early."""

import threading


def noted_waits(condition, monkeypatch):
    """Return a semaphore that counts who begins to wait for a condition."""
    waits, wait = threading.Semaphore(0), condition.wait

    def noted(timeout=None):
        # the lock is held: nobody can tell of a change before the wait has begun
        waits.release()
        return wait(timeout)

    monkeypatch.setattr(condition, "wait", noted)
    return waits
