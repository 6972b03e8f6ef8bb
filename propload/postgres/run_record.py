"""A run as the ledger knows it, and what its settings there tell of its pieces."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from propload.postgres.facts import TableFacts

#: The settings of a run as the ledger has them: what shapes its rows, its table's
#: number and columns, and which batches were written again by others.
_SHAPING, _OID, _COLUMNS, _VOID = "shaping", "table_oid", "columns", "void"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the ledger knows it.

    Attributes:
        run_id: Its name.
        source: The name of what it reads.
        target: The qualified table.
        mode: How it writes.
        fingerprint: What the source was when the run began, or None.
        settings: Its settings as JSON.
        status: `running`, or how it ended.
    """

    run_id: str
    source: str
    target: str
    mode: str
    fingerprint: str | None = None
    settings: str = "{}"
    status: str = "running"

    def into(self, facts: TableFacts, /) -> RunRecord:
        """Return the record of a run that writes into that table."""
        return self._with(**{_OID: facts.oid, _COLUMNS: facts.columns_mark})

    def goes_on(self, before: RunRecord, /) -> RunRecord:
        """Return the record of this run where it goes on with another one."""
        told = {**json.loads(before.settings), **json.loads(self.settings)}
        return replace(self, run_id=before.run_id, settings=json.dumps(told))

    def without(self, first: int, beyond: int, /) -> RunRecord:
        """Return the record of a run that writes some batches again as others.

        Args:
            first: The number of the first of these batches.
            beyond: The number after the last one.
        """
        return self._with(**{_VOID: [*self._void, (first, beyond)]})

    def counts_for(self, batch: int, /) -> bool:
        """Return whether what was entered of a batch still holds."""
        return not any(first <= batch < beyond for first, beyond in self._void)

    @property
    def shaping(self) -> str | None:
        """What shapes and routes its rows, where it is known."""
        found = json.loads(self.settings).get(_SHAPING)
        return None if found is None else str(found)

    @property
    def columns(self) -> str | None:
        """The mark of the table's columns, where it is known."""
        found = json.loads(self.settings).get(_COLUMNS)
        return None if found is None else str(found)

    @property
    def table_oid(self) -> int | None:
        """The number of the table that the run wrote into, where it is known."""
        found = json.loads(self.settings).get(_OID)
        return None if found is None else int(found)

    @property
    def _void(self) -> list[tuple[int, int]]:
        return [(a, b) for a, b in json.loads(self.settings).get(_VOID, ())]

    def _with(self, **told: object) -> RunRecord:
        settings = {**json.loads(self.settings), **told}
        return replace(self, settings=json.dumps(settings))
