"""Detect that a thread has begun to wait, so that no test wakes it too early."""

import threading


def recorded_waits(condition, monkeypatch):
    """Return a semaphore that counts the waits begun on a condition."""
    waits, wait = threading.Semaphore(0), condition.wait

    def recorded(timeout=None):
        # the lock is held, so no thread can notify before the wait has begun
        waits.release()
        return wait(timeout)

    monkeypatch.setattr(condition, "wait", recorded)
    return waits
