"""Rules for what a user does to the table between loads."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.integration.lives.life import (
    Life,
    no_shadow_rows,
    no_unfinished_run,
    requires,
)
from tests.integration.reading import run_sql

IDS = st.integers(1, 6)


class Users(Life):
    """A table whose rows and columns a user changes."""

    @rule(number=IDS)
    def delete_row(self, number):
        self._run(f"DELETE FROM homes WHERE id = {number}")
        self._keep(lambda row: row.get("id") != number)

    @rule(number=IDS, seen=st.integers(1, 3), price=st.integers(0, 9))
    def update_row(self, number, seen, price):
        self._run(
            f"UPDATE homes SET seen = {seen}, price = '{price}' WHERE id = {number}"
        )
        for row in self.model.rows.values():
            if row.get("id") == number:
                row["seen"] = seen
                row["price"] = str(price) if "price" in self.model.texts else price

    @requires(lambda self: "rooms" not in self.model.columns)
    @no_shadow_rows
    @rule(default=st.sampled_from([None, 7]))
    def add_column(self, default):
        clause = "" if default is None else f"DEFAULT {default}"
        self._run(f"ALTER TABLE homes ADD rooms bigint {clause}")
        self.model.columns.append("rooms")
        if default is not None:
            self.model.defaults["rooms"] = default
            for row in self.model.rows.values():
                row["rooms"] = default

    @requires(lambda self: "rooms" in self.model.columns)
    @no_shadow_rows
    @rule()
    def drop_column(self):
        self._run("ALTER TABLE homes DROP rooms")
        self.model.columns.remove("rooms")
        self.model.defaults.clear()
        for row in self.model.rows.values():
            row.pop("rooms", None)

    @requires(lambda self: "price" not in self.model.texts)
    @no_shadow_rows
    @rule()
    def widen_columns(self):
        self._run(
            "ALTER TABLE homes ALTER price TYPE bigint, ALTER seen TYPE bigint",
        )

    @requires(lambda self: "price" not in self.model.texts)
    @no_shadow_rows
    @rule()
    def make_prices_texts(self):
        self._run(
            "ALTER TABLE homes DROP CONSTRAINT IF EXISTS homes_price_check, "
            "DROP CONSTRAINT IF EXISTS dear, ALTER price TYPE text"
        )
        self.model.least, self.model.most = {}, {}
        self.model.texts.add("price")
        for row in self.model.rows.values():
            if row.get("price") is not None:
                row["price"] = str(row["price"])

    @requires(lambda self: not self.model.most and "price" not in self.model.texts)
    @no_shadow_rows
    @rule()
    def refuse_high_prices(self):
        self._run(
            "DELETE FROM homes WHERE price > 9",
            "ALTER TABLE homes ADD CONSTRAINT dear CHECK (price <= 9)",
        )
        self._keep(lambda row: (row.get("price") or 0) <= 9)
        self.model.most["price"] = 9

    @requires(lambda self: self.model.most)
    @no_shadow_rows
    @rule()
    def tolerate_high_prices(self):
        self._run("ALTER TABLE homes DROP CONSTRAINT dear")
        self.model.most.clear()

    @no_unfinished_run
    @requires(lambda self: not self.model.needed)
    @rule(name=st.sampled_from(["seen", "note"]))
    def refuse_nulls(self, name):
        self._run(
            f"DELETE FROM homes WHERE {name} IS NULL",
            f"ALTER TABLE homes ALTER {name} SET NOT NULL",
        )
        self._keep(lambda row: row.get(name) is not None)
        self.model.needed = {name}

    @requires(lambda self: self.model.needed)
    @no_shadow_rows
    @rule()
    def tolerate_nulls(self):
        [name] = self.model.needed
        self._run(f"ALTER TABLE homes ALTER {name} DROP NOT NULL")
        self.model.needed = set()

    @no_unfinished_run
    @requires(lambda self: not self.model.single)
    @rule()
    def refuse_repeats(self):
        self._run(
            "DELETE FROM homes WHERE note IN "
            "(SELECT note FROM homes GROUP BY note HAVING count(*) > 1)",
            "ALTER TABLE homes ADD CONSTRAINT single UNIQUE (note)",
        )
        times = Counter(row.get("note") for row in self.model.rows.values())
        self._keep(lambda row: row.get("note") is None or times[row["note"]] == 1)
        self.model.single = {"note"}

    @requires(lambda self: self.model.single)
    @no_shadow_rows
    @rule()
    def tolerate_repeats(self):
        self._run("ALTER TABLE homes DROP CONSTRAINT single")
        self.model.single = set()

    def _run(self, *statements):
        run_sql(self.database, *statements)

    def _keep(self, is_kept):
        rows = self.model.rows
        self.model.rows = {key: row for key, row in rows.items() if is_kept(row)}
