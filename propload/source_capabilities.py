"""Optional capabilities of sources, each queried by one function.

A source has a capability if it has the member; nothing is declared. The properties must
not have side effects, because `isinstance` reads them in Python 3.11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping


@runtime_checkable
class Stoppable(Protocol):
    """A source that ends when it is told to stop, such as a crawl."""

    def stop(self) -> None:
        """Read no more; what was read is still yielded. Any thread may call it."""


@runtime_checkable
class Endable(Protocol):
    """A source that can end after the rows that it is taking, but cannot be woken."""

    def end_after_current(self) -> None:
        """End with the rows that are being taken now; all of them are yielded."""


@runtime_checkable
class HasNotes(Protocol):
    """A source that has notes on how it was read."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report should know, one sentence each."""


@runtime_checkable
class Partial(Protocol):
    """A source that may end without an error although rows are missing."""

    @property
    def incomplete(self) -> str:
        """Why rows may be missing; empty if none are."""


@runtime_checkable
class Prefetchable(Protocol):
    """A source that may be readable before its rows are requested."""

    @property
    def prefetchable(self) -> bool:
        """Whether it can be read at any time without running code of the user."""


@runtime_checkable
class Counted(Protocol):
    """A source that takes rows before they are in a batch."""

    @property
    def rows_taken(self) -> int:
        """How many rows were taken so far, in a batch or not."""


@runtime_checkable
class Sized(Protocol):
    """A source that can estimate how many rows it has."""

    def rows_expected(self) -> int | None:
        """Return about how many rows there are in all, or None if that is unknown."""


@runtime_checkable
class HasDefaults(Protocol):
    """A source that has defaults for settings that the user does not give."""

    @property
    def defaults(self) -> Mapping[str, object]:
        """Settings by name, only those that are set."""


def notes_of(source: object, /) -> tuple[str, ...]:
    """Return the notes on how a source was read."""
    return source.notes if isinstance(source, HasNotes) else ()


def incomplete_of(source: object, /) -> str:
    """Return why rows of a source may be missing; empty if none are."""
    return source.incomplete if isinstance(source, Partial) else ""


def is_prefetchable(source: object, /) -> bool:
    """Return whether a source can be read at any time without running user code."""
    return isinstance(source, Prefetchable) and source.prefetchable


def rows_taken_of(source: object, /) -> int:
    """Return how many rows a source has taken; 0 if it does not count them."""
    return source.rows_taken if isinstance(source, Counted) else 0


def rows_expected_of(source: object, /) -> int | None:
    """Return about how many rows a source has, or None if that is unknown."""
    return source.rows_expected() if isinstance(source, Sized) else None


def defaults_of(source: object, /) -> Mapping[str, object]:
    """Return a source's own defaults for settings."""
    return source.defaults if isinstance(source, HasDefaults) else {}
