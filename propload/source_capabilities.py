"""What a source may have besides batches, each asked for by one function.

A source has a capability where its class has the member: none is declared. Nothing may
depend on whether asking for a capability reads its property: Python 3.11 does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping


@runtime_checkable
class Stoppable(Protocol):
    """A source that ends when it is told to, as a crawl does."""

    def stop(self) -> None:
        """Read no more, from any thread; what was read is still given."""


@runtime_checkable
class Endable(Protocol):
    """A source that ends with the rows that it is taking; nothing wakes it."""

    def take_no_more(self) -> None:
        """End with the rows that are taken now, all of which are given."""


@runtime_checkable
class Noted(Protocol):
    """A source that has something to tell of how it was read."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know, a sentence each."""


@runtime_checkable
class Partial(Protocol):
    """A source that may end without an error and lack rows."""

    @property
    def incomplete(self) -> str:
        """Why rows may be missing; empty where none are."""


@runtime_checkable
class AtHand(Protocol):
    """A source that may be there before anybody asks for its rows."""

    @property
    def at_hand(self) -> bool:
        """Whether it can be read at any time, by no code of the user."""


@runtime_checkable
class Counted(Protocol):
    """A source that takes rows before they are in a batch."""

    @property
    def rows_taken(self) -> int:
        """The rows that were taken so far, in a batch or not."""


@runtime_checkable
class Sized(Protocol):
    """A source that can tell about how many rows it has."""

    def rows_expected(self) -> int | None:
        """Return how many rows will come in all, or None where that is not known."""


@runtime_checkable
class Preset(Protocol):
    """A source that says how it is loaded where the user does not."""

    @property
    def defaults(self) -> Mapping[str, object]:
        """Settings by name; none that is not set."""


def notes_of(source: object, /) -> tuple[str, ...]:
    """Return what there is to tell of how a source was read."""
    return source.notes if isinstance(source, Noted) else ()


def incomplete_of(source: object, /) -> str:
    """Return why rows of a source may be missing; empty where none are."""
    return source.incomplete if isinstance(source, Partial) else ""


def is_at_hand(source: object, /) -> bool:
    """Return whether a source can be read at any time, by no code of the user."""
    return isinstance(source, AtHand) and source.at_hand


def rows_taken_of(source: object, /) -> int:
    """Return how many rows a source has taken; 0 where it does not count them."""
    return source.rows_taken if isinstance(source, Counted) else 0


def rows_expected_of(source: object, /) -> int | None:
    """Return about how many rows a source has, or None where it cannot tell."""
    return source.rows_expected() if isinstance(source, Sized) else None


def defaults_of(source: object, /) -> Mapping[str, object]:
    """Return the settings that a source has of its own."""
    return source.defaults if isinstance(source, Preset) else {}
