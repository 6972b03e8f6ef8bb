"""Texts that tracebacks with variables must not show."""

from __future__ import annotations


class HiddenText(str):
    """A text like any other, except that its repr does not show it.

    Variables and attributes hold connection strings, whose passwords would otherwise
    be shown by whatever shows variables: debuggers, error trackers, `pytest -l`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"
