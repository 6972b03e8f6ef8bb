"""A run as the ledger has it, and what its settings there say about its pieces."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propload.postgres.ledger.entry import LedgerEntry
    from propload.postgres.tables.facts import TableFacts

#: Keys of a run's settings in the ledger: its number of lanes, a fingerprint of what
#: shapes its rows, its table's OID and columns, and rows that other batches rewrote.
_LANES, _SHAPING, _OID, _COLUMNS = "workers", "shaping", "table_oid", "columns"
_VOID = "void"
#: The types that were guessed for columns that it added; later rows are read as these.
_GUESSED = "guessed"
#: What its mapping and schema mean, and the versions of the packages they call.
_MEANING = "meaning"
#: Whether its rows came from a journal, which drops them once they are committed.
_JOURNALED = "journaled"


#: Whether a run and its continuation shape rows in the same way. It cannot be told if
#: the functions are of other versions (`versions`) or cannot be examined (`unknown`).
ShapingMatch = Literal["same", "other", "versions", "unknown"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the mapping and the schema of a run mean.

    Attributes:
        fingerprint: It differs if they may mean something else; None if that cannot be
            told, empty if there are none.
        versions: The versions of the packages whose functions they call, empty if
            there are none.
    """

    fingerprint: str | None
    versions: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the ledger has it.

    Attributes:
        run_id: Its ID.
        source: The name of what it reads.
        target: The qualified name of the table.
        mode: How it writes.
        fingerprint: What identifies the state of the source when the run began, or
            None.
        settings: What else must be known to continue it, as JSON; may hold keys of
            other versions that this one does not read.
        status: `running`, or how it ended.
    """

    run_id: str
    source: str
    target: str
    mode: str
    fingerprint: str | None = None
    settings: str = "{}"
    status: str = "running"

    def with_shaping(
        self,
        settings_fingerprint: str,
        meaning: Meaning,
        /,
        *,
        lanes: int,
        is_journaled: bool,
    ) -> RunRecord:
        """Return the record with what determines how rows are shaped and routed.

        Args:
            settings_fingerprint: A fingerprint of the settings by which rows are read,
                mapped and routed.
            meaning: What the mapping and the schema mean.
            lanes: How many lanes write.
            is_journaled: Whether rows cannot be read again once they are committed.
        """
        changes = {
            _LANES: lanes,
            _SHAPING: settings_fingerprint,
            _JOURNALED: is_journaled,
            _MEANING: [meaning.fingerprint, meaning.versions],
        }
        return self._with(changes)

    def with_lanes(self, lanes: int, /) -> RunRecord:
        """Return the record with this number of lanes."""
        return self._with({_LANES: lanes})

    def with_table(self, facts: TableFacts, /) -> RunRecord:
        """Return the record with the OID and the columns of the table it writes."""
        return self._with({_OID: facts.oid, _COLUMNS: facts.columns_fingerprint})

    def with_guessed_types(self, names: Mapping[str, str], /) -> RunRecord:
        """Return the record with the types that the run has guessed.

        Args:
            names: The name of each column's type.
        """
        return self if names == self.guessed else self._with({_GUESSED: {**names}})

    def as_continuation_of(self, before: RunRecord, /) -> RunRecord:
        """Return this record as the continuation of a run: its ID, settings merged."""
        settings = {**before._parsed_settings, **self._parsed_settings}
        return replace(self, run_id=before.run_id, settings=json.dumps(settings))

    def with_void_entries(self, row: int, batch: int, /) -> RunRecord:
        """Return the record of a run that writes rows again, in new batches.

        Args:
            row: The run's number of the first row that is written again.
            batch: The number of the first new batch.
        """
        return self._with({_VOID: [*self._void, (row, batch)]})

    def still_counts(self, entry: LedgerEntry, /) -> bool:
        """Return whether an entry still counts: its rows are not written again."""
        return not any(
            entry.first_row >= row and entry.batch < batch for row, batch in self._void
        )

    def compare_shaping(self, before: RunRecord, /) -> ShapingMatch:
        """Return whether rows are shaped and routed as they were in an earlier run.

        Older versions of propload recorded less; what they left out is not compared.
        """
        if before._shaping not in (None, self._shaping):
            return "other"
        then, now = before.meaning, self.meaning
        if then is None or now is None:
            return "same"
        if then.versions and now.versions and then.versions != now.versions:
            return "versions"
        if then.fingerprint is None or now.fingerprint is None:
            return "unknown"
        return "same" if then.fingerprint == now.fingerprint else "other"

    @property
    def lanes(self) -> int:
        """Its number of lanes: the rows of a key must go to the same lane again."""
        return int(self._parsed_settings.get(_LANES, 1))

    @property
    def is_journaled(self) -> bool:
        """Whether its rows cannot be read again once they are committed."""
        return bool(self._parsed_settings.get(_JOURNALED))

    @property
    def meaning(self) -> Meaning | None:
        """What its mapping and schema mean; None if its version did not record it."""
        value = self._parsed_settings.get(_MEANING)
        return None if value is None else Meaning(*value)

    @property
    def columns(self) -> str | None:
        """The fingerprint of the table's columns, or None if it is not known."""
        value = self._parsed_settings.get(_COLUMNS)
        return None if value is None else str(value)

    @property
    def guessed(self) -> dict[str, str]:
        """The names of the types that it has guessed, by column."""
        return dict(self._parsed_settings.get(_GUESSED, {}))

    @property
    def table_oid(self) -> int | None:
        """The OID of the table that the run wrote into, or None if it is not known."""
        value = self._parsed_settings.get(_OID)
        return None if value is None else int(value)

    @property
    def _shaping(self) -> str | None:
        value = self._parsed_settings.get(_SHAPING)
        return None if value is None else str(value)

    @property
    def _parsed_settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = json.loads(self.settings)
        return settings

    @property
    def _void(self) -> list[tuple[int, int]]:
        return [(a, b) for a, b in self._parsed_settings.get(_VOID, ())]

    def _with(self, changes: Mapping[str, object]) -> RunRecord:
        return replace(self, settings=json.dumps({**self._parsed_settings, **changes}))
