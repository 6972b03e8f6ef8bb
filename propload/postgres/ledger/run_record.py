"""A run as the ledger knows it, and what its settings there tell of its pieces."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propload.postgres.ledger.entry import LedgerEntry
    from propload.postgres.tables.facts import TableFacts

#: The settings of a run as the ledger has them: its lanes, what shapes its rows, its
#: table's number and columns, and which rows were written again by other batches.
_LANES, _SHAPING, _OID, _COLUMNS = "workers", "shaping", "table_oid", "columns"
_VOID = "void"
#: The types that were guessed for columns it has made, by which later rows are read.
_GUESSED = "guessed"
#: What its mapping and schema mean, and by whose functions.
_MEANING = "meaning"
#: Whether its rows came by a journal, which lets go of them once they are committed.
_JOURNALED = "journaled"


#: How a run and the one that goes on with it shape their rows: `versions` and
#: `unknown` where nobody can tell, as functions are others, or cannot be looked into.
Likeness = Literal["same", "other", "versions", "unknown"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the mapping and the schema of a run mean.

    Attributes:
        mark: What differs where they may mean something else; None where nobody can
            tell, empty where there are none.
        versions: Whose functions they call, empty where there are none.
    """

    mark: str | None
    versions: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the ledger knows it.

    Attributes:
        run_id: Its name.
        source: The name of what it reads.
        target: The qualified table.
        mode: How it writes.
        fingerprint: What the source was when the run began, or None.
        settings: What else is to be known when it goes on, as JSON: other versions
            may have told more than this one reads.
        status: `running`, or how it ended.
    """

    run_id: str
    source: str
    target: str
    mode: str
    fingerprint: str | None = None
    settings: str = "{}"
    status: str = "running"

    def shaped(
        self, mark: str, meaning: Meaning, /, *, lanes: int, is_journaled: bool
    ) -> RunRecord:
        """Return the record of a run of which it is known how rows take their way.

        Args:
            mark: What changes when rows are read, mapped or routed by other settings.
            meaning: What the mapping and the schema mean.
            lanes: How many lanes write.
            is_journaled: Whether nobody can read rows again once they are committed.
        """
        told = {_LANES: lanes, _SHAPING: mark, _JOURNALED: is_journaled}
        return self._with({**told, _MEANING: [meaning.mark, meaning.versions]})

    def with_lanes(self, lanes: int, /) -> RunRecord:
        """Return the record of a run whose number of lanes was chosen."""
        return self._with({_LANES: lanes})

    def into(self, facts: TableFacts, /) -> RunRecord:
        """Return the record of a run that writes into that table."""
        return self._with({_OID: facts.oid, _COLUMNS: facts.columns_mark})

    def guessing(self, names: Mapping[str, str], /) -> RunRecord:
        """Return the record of a run that has guessed these types.

        Args:
            names: The name of each column's type.
        """
        return self if names == self.guessed else self._with({_GUESSED: {**names}})

    def continuing(self, before: RunRecord, /) -> RunRecord:
        """Return this record as the continuation of an earlier run."""
        told = {**before._told, **self._told}
        return replace(self, run_id=before.run_id, settings=json.dumps(told))

    def without(self, row: int, batch: int, /) -> RunRecord:
        """Return the record of a run that writes rows again, in other batches.

        Args:
            row: The run's number of the first of these rows.
            batch: The number of the first of these batches.
        """
        return self._with({_VOID: [*self._void, (row, batch)]})

    def still_counts(self, entry: LedgerEntry, /) -> bool:
        """Return whether an entry still counts: its rows were not written again."""
        return not any(
            entry.first_row >= row and entry.batch < batch for row, batch in self._void
        )

    def likeness(self, before: RunRecord, /) -> Likeness:
        """Return whether rows take the way that they took in an earlier run.

        Older versions of propload told less: what they did not tell is not asked.
        """
        if before._shaping not in (None, self._shaping):
            return "other"
        then, now = before.meaning, self.meaning
        if then is None or now is None:
            return "same"
        if then.versions and now.versions and then.versions != now.versions:
            return "versions"
        if then.mark is None or now.mark is None:
            return "unknown"
        return "same" if then.mark == now.mark else "other"

    @property
    def lanes(self) -> int:
        """Its number of lanes: a key's rows must take the same one again."""
        return int(self._told.get(_LANES, 1))

    @property
    def is_journaled(self) -> bool:
        """Whether nobody can read its rows again once they are committed."""
        return bool(self._told.get(_JOURNALED))

    @property
    def meaning(self) -> Meaning | None:
        """What its mapping and schema mean; None where its version did not tell."""
        found = self._told.get(_MEANING)
        return None if found is None else Meaning(*found)

    @property
    def columns(self) -> str | None:
        """The mark of the table's columns, where it is known."""
        found = self._told.get(_COLUMNS)
        return None if found is None else str(found)

    @property
    def guessed(self) -> dict[str, str]:
        """The names of the types that it has guessed, by the column."""
        return dict(self._told.get(_GUESSED, {}))

    @property
    def table_oid(self) -> int | None:
        """The number of the table that the run wrote into, where it is known."""
        found = self._told.get(_OID)
        return None if found is None else int(found)

    @property
    def _shaping(self) -> str | None:
        found = self._told.get(_SHAPING)
        return None if found is None else str(found)

    @property
    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.settings)
        return told

    @property
    def _void(self) -> list[tuple[int, int]]:
        return [(a, b) for a, b in self._told.get(_VOID, ())]

    def _with(self, told: Mapping[str, object]) -> RunRecord:
        return replace(self, settings=json.dumps({**self._told, **told}))
