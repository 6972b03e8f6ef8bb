"""Notes for the user on columns that may not hold what the user intends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propload.messages.wording import counted, listed_names
from propload.sources.files.formats import suffix_format

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from propload.prepare.joining import Joined
    from propload.target import Target

#: The most column names that a note lists.
NAMES_LISTED = 10

#: Usual delimiters of fields.
DELIMITERS = (",", ";", "\t", "|")

#: Prefixes of the names of types that are ordered as text.
_LETTERS = ("text", "character", "citext", "bpchar")


def no_rows_note(joined: Joined, target: Target, /) -> str:
    """Return the note on a table that is not created because there is no row."""
    names = listed_names(joined.parts[0].rows.schema.names, NAMES_LISTED)
    return (
        f"{joined.parts[0].source} has a header ({names}) but no row to detect the "
        f"types of its columns from: {target.table} was not created"
    )


def newest_as_text_notes(
    target: Target, types: Mapping[str, tuple[str, str]], /, *, is_new: bool
) -> list[str]:
    """Return a list with a note if `newest` is compared as text, else an empty one.

    Args:
        target: The table and its rules.
        types: The type of each column in the rows, and in the table.
        is_new: Whether the run creates the table.
    """
    _, pg_type = types.get(target.newest or "", ("", ""))
    if target.mode in ("append", "insert-new") or not _sorts_as_text(pg_type):
        return []
    advice = (
        "give it a mapping with a parser (timestamp), or create the table beforehand"
        if is_new
        else "change the column's type in the table (timestamptz, numeric)"
    )
    note = (
        f"newest compares column {target.newest} of {target.table} as text, letter by "
        f"letter: 9 is newer than 10, and time zones do not count: {advice}"
    )
    return [note]


def _sorts_as_text(pg_type: str) -> bool:
    return pg_type.startswith(_LETTERS) and not pg_type.endswith("[]")


def would_erase_note(
    erased: Mapping[str, int], target: Target, /, *, repeated: bool
) -> list[str]:
    """Return a check's note on stored values that nulls would erase, if any.

    Args:
        erased: The number of such values, by column.
        target: The table and its rules.
        repeated: Whether keys occur more than once, so that some values count twice.
    """
    nonzero = [(name, count) for name, count in erased.items() if count]
    if not nonzero:
        return []
    about = "up to " if repeated else ""
    note = (
        f"nulls would erase what {target.table} holds, as on_null is overwrite: "
        f"{about}{_by_column(nonzero, 'value')}. If that is not intended, leave the "
        "columns out, or load with on_null = keep"
    )
    return [note]


def did_erase_note(erased: Mapping[str, int], target: Target, /) -> list[str]:
    """Return a report's note on stored values that nulls have erased, if any.

    Args:
        erased: A lower bound on the number of such values, by column.
        target: The table and its rules.
    """
    if not erased:
        return []
    values = _by_column(list(erased.items()), "stored value")
    note = (
        f"nulls have erased at least {values} in {target.table}, as "
        "on_null is overwrite: where values were missing by mistake, load those rows "
        "again with their values, and rows without values with on_null = keep"
    )
    return [note]


def _by_column(counts: Sequence[tuple[str, int]], what: str) -> str:
    """Return a list such as `3 values of price, 2 of area and 4 columns more`."""
    (name, count), *others = counts[:NAMES_LISTED]
    parts = [f"{counted(count, what)} of {name}"]
    parts += [f"{count:,} of {name}" for name, count in others]
    omitted = len(counts) - NAMES_LISTED
    more = f" and {counted(omitted, 'column')} more" if omitted > 0 else ""
    return ", ".join(parts) + more


def delimiter_warning(joined: Joined, /) -> str:
    """Return a warning if rows may have been read with a wrong delimiter, or ""."""
    first = joined.parts[0]
    names = first.rows.schema.names
    delimiters = [mark for mark in DELIMITERS if len(names) == 1 and mark in names[0]]
    if not delimiters or not joined.untyped or suffix_format(first.source) == "xlsx":
        return ""
    return (
        f"the name of the only column holds {delimiters[0]!r}: is the delimiter right "
        "(--delimiter)?"
    )


def delimiter_note(joined: Joined, /) -> list[str]:
    """Return a report's note on a delimiter that may be wrong, if any."""
    warning = delimiter_warning(joined)
    return [f"{joined.parts[0].source}: {warning}"] if warning else []


def with_source(message: object, joined: Joined, /, *, shown: str = "") -> str:
    """Return a message about rows, with their source and any warning on the delimiter.

    Args:
        message: The message: what is wrong.
        joined: The rows.
        shown: The source that the user already sees, which is not repeated.
    """
    source, warning = joined.parts[0].source, delimiter_warning(joined)
    is_named = source == shown or source in str(message)
    text = str(message) if is_named else f"{source}: {message}"
    return f"{text}; {warning}" if warning else text
