"""Doubles of the loads that commands start, which record how they were called."""

from __future__ import annotations

from dataclasses import dataclass

from propload.report import Counts, Report, TargetName


def make_report(**changes):
    values = {
        "run_id": "r1",
        "status": "loaded",
        "source": "a.csv",
        "target": TargetName("local", "public.homes"),
        "counts": Counts(read=2, inserted=2),
        "seconds": 1.0,
    }
    return Report(**{**values, **changes})


@dataclass(frozen=True)
class CheckDouble:
    """A double of the report of `check`, with what the command uses."""

    problems: tuple[str, ...] = ()
    interrupted: bool = False

    def to_json(self):
        return "{}"


class LoadRecorder:
    """Replaces `ingest` and `check`, and records the calls."""

    def __init__(self):
        self.calls = []
        self.answer = make_report()

    def __call__(self, source, /, **settings):
        self.calls.append((source, settings))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer
