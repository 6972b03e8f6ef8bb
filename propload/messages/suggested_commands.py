"""The text of commands that messages tell a user to run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Commands:
    """Writes commands so that they can be copied and run as they are.

    Attributes:
        flag: The flag by which each command finds the state folder, with a leading
            space; empty if they find it without one.
        state_dir: That folder, which saved texts must not show; empty if no text shows
            it.
        program: The program as a shell finds it.
    """

    flag: str = ""
    state_dir: str = ""
    program: str = "propload"

    def recover(self, run_id: str = "", /) -> str:
        """Return the command that loads a run's journal, or all into the database."""
        return self._worded("recover", run_id)

    def recover_otherwise(self, run_id: str, /) -> str:
        """Return the command that loads a run's journal with other settings."""
        return f"{self.recover(run_id)} --key ... --mapping ... --on-new-columns ..."

    def list_journals(self) -> str:
        """Return the command that lists the journals that are left."""
        return self._worded("recover --list")

    def drop_journal(self, run_id: str, /) -> str:
        """Return the command that discards the journal of a run."""
        return self._worded("recover --drop", run_id)

    def list_runs(self) -> str:
        """Return the command that lists the runs."""
        return self._worded("runs list")

    def show_run(self, run_id: str, /) -> str:
        """Return the command that shows the report of a run."""
        return self._worded("runs show", run_id)

    def list_rejects(self) -> str:
        """Return the command that lists the runs that rejected rows."""
        return self._worded("rejects list")

    def show_rejects(self, run_id: str, /) -> str:
        """Return the command that shows the rejected rows of a run."""
        return self._worded("rejects show", run_id)

    def replay(self, run_id: str, /) -> str:
        """Return the command that loads the rejected rows of a run again."""
        return self._worded("rejects replay", run_id)

    def drop_rejects(self, run_id: str, /) -> str:
        """Return the command that deletes the rejected rows of a run."""
        return self._worded("rejects drop", run_id)

    def export_rejects(self, run_id: str, /) -> str:
        """Return the command that writes the rejected rows of a run to a file."""
        return f"{self._worded('rejects export', run_id)} --output FILE"

    def open_psql(self) -> str:
        """Return the command that opens the embedded database, without psql options."""
        return self._worded("db psql")

    def stop_database(self) -> str:
        """Return the command that stops the embedded database."""
        return self._worded("db stop")

    def destroy_database(self) -> str:
        """Return the command that deletes the embedded database."""
        return self._worded("db destroy")

    def hidden_in(self, text: str, /) -> str:
        """Return a text without the state folder, so that it can be saved."""
        text = text.replace(self.flag, "") if self.flag else text
        return text.replace(self.state_dir, "…") if self.state_dir else text

    def _worded(self, command: str, run_id: str = "") -> str:
        run = f" {run_id}" if run_id else ""
        return f"{self.program} {command}{run}{self.flag}"
