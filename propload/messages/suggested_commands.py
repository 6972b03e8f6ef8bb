"""How the commands are written that messages tell a user to run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Commands:
    """Words commands so that they can be copied as they are.

    Attributes:
        flag: What each of them is told to find the state folder, after a space; empty
            where they find it by themselves.
        state_dir: That folder, which a saved text is not to show; empty where no text
            names it.
        program: The program as a shell finds it.
    """

    flag: str = ""
    state_dir: str = ""
    program: str = "propload"

    def recover(self, run_id: str = "", /) -> str:
        """Return what loads the journal of a run, or of all into the database."""
        return self._worded("recover", run_id)

    def list_journals(self) -> str:
        """Return what lists the journals that are left."""
        return self._worded("recover --list")

    def drop_journal(self, run_id: str, /) -> str:
        """Return what gives up the journal of a run."""
        return self._worded("recover --drop", run_id)

    def list_runs(self) -> str:
        """Return what lists the runs."""
        return self._worded("runs list")

    def show_run(self, run_id: str, /) -> str:
        """Return what shows the report of a run."""
        return self._worded("runs show", run_id)

    def list_rejects(self) -> str:
        """Return what lists the runs that rejected rows."""
        return self._worded("rejects list")

    def show_rejects(self, run_id: str, /) -> str:
        """Return what shows the rejected rows of a run."""
        return self._worded("rejects show", run_id)

    def replay(self, run_id: str, /) -> str:
        """Return what loads the rejected rows of a run again."""
        return self._worded("rejects replay", run_id)

    def drop_rejects(self, run_id: str, /) -> str:
        """Return what deletes the rejected rows of a run."""
        return self._worded("rejects drop", run_id)

    def export_rejects(self, run_id: str, /) -> str:
        """Return what writes the rejected rows of a run to a file."""
        return f"{self._worded('rejects export', run_id)} --output FILE"

    def open_psql(self) -> str:
        """Return what opens the embedded database, up to what psql is told."""
        return self._worded("db psql")

    def stop_database(self) -> str:
        """Return what stops the embedded database."""
        return self._worded("db stop")

    def destroy_database(self) -> str:
        """Return what removes the embedded database."""
        return self._worded("db destroy")

    def hidden_in(self, text: str, /) -> str:
        """Return a text that is to be saved: it names no state folder."""
        text = text.replace(self.flag, "") if self.flag else text
        return text.replace(self.state_dir, "…") if self.state_dir else text

    def _worded(self, command: str, run_id: str = "") -> str:
        run = f" {run_id}" if run_id else ""
        return f"{self.program} {command}{run}{self.flag}"
