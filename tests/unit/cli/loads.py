"""Stand for the loads that commands begin, and remember what they were told."""

from __future__ import annotations

from dataclasses import dataclass

from propload.report import Counts, Report, TargetName


def a_report(**changes):
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
class Checked:
    """A report of `check`, as far as the command looks at it."""

    problems: tuple[str, ...] = ()
    interrupted: bool = False

    def to_json(self):
        return "{}"


class Called:
    """Takes the place of the loader and remembers what it was told."""

    def __init__(self):
        self.calls = []
        self.answer = a_report()

    def __call__(self, source, /, **settings):
        self.calls.append((source, settings))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer
