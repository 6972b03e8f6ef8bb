"""A replace puts all rows in place of the old ones, or leaves the table alone."""

import pytest

import propload
from propload.earlier_runs.leftover_journals import leftovers
from propload.earlier_runs.recovering import recover
from propload.errors import LoadError
from propload.postgres.ledger.file_ledger import FileLedger
from propload.postgres.session.connection import connect
from propload.sources.files.file_source import FileSource
from tests.integration.reading import read_table, run_sql
from tests.integration.replacing.homes import OLD, rows, stored
from tests.integration.users import user_without_a_ledger

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("bad", [[], [{"id": None, "day": 1}]], ids=["none", "refused"])
def test_source_without_a_usable_row_replaces_nothing(
    replace_settings, database, tmp_path, bad
):
    path = tmp_path / "homes.csv"
    path.write_text("id,day\n" + "".join(f",{row['day']}\n" for row in bad))
    with pytest.raises(LoadError, match=r"no row of .* could be loaded") as caught:
        propload.ingest(path, **replace_settings)
    assert "public.homes keeps its old rows" in str(caught.value)
    assert "--resume" not in str(caught.value) or not bad
    assert caught.value.report.status == "failed"
    assert stored(database) == OLD


def test_file_that_is_still_being_written_replaces_nothing(
    replace_settings, database, tmp_path, monkeypatch
):
    path = tmp_path / "homes.csv"
    path.write_text("id,day\n" + "".join(f"{number},1\n" for number in range(300)))
    read = FileSource.__iter__

    def growing(self):
        for batch in read(self):
            with path.open("a") as file:
                file.write("300,1\n")
            yield batch

    with monkeypatch.context() as patched:
        patched.setattr(FileSource, "__iter__", growing)
        with pytest.raises(LoadError, match="was changed while it was being") as caught:
            propload.ingest(path, **replace_settings)
    assert "public.homes keeps its old rows" in str(caught.value)
    assert "again, without --resume" in str(caught.value)
    assert stored(database) == OLD
    assert propload.ingest(path, **replace_settings).status == "loaded"
    assert stored(database) == {(number, 1) for number in range(301)}


def test_loader_block_that_raises_replaces_nothing(replace_settings, database):
    loader = propload.Loader(**replace_settings)
    error = RuntimeError("the site went away")

    def block():
        with loader:
            loader.put(rows(1))
            raise error

    with pytest.raises(RuntimeError, match="went away"):
        block()
    assert loader.report.status == "interrupted"
    assert stored(database) == OLD
    # the rows are not lost: they are recovered if the run is named
    assert recover(to=database) == []
    [report] = recover(loader.report.run_id, to=database)
    assert report.status == "loaded"
    assert stored(database) == {(number, 1) for number in range(300)}
    assert leftovers() == []


def test_rows_of_a_failed_swap_stay_in_the_journal(replace_settings, database):
    with connect(database) as holder:

        def rows_and_a_reader():
            yield from rows(1)
            # a reader's open transaction, for which the swap cannot wait long
            holder.rows("SELECT count(*) FROM homes")

        impatient = f"{database}&options=-c%20lock_timeout%3D200"
        settings = {**replace_settings, "to": impatient, "retry_attempts": 2}
        with pytest.raises(LoadError, match="propload recover") as caught:
            propload.ingest(rows_and_a_reader(), **settings)
        holder.rollback()
    assert stored(database) == OLD
    [left] = leftovers()
    assert left.run_id == caught.value.report.run_id
    [report] = recover(left.run_id, to=database)
    assert report.counts.read == 300
    assert stored(database) == {(number, 1) for number in range(300)}


def test_columns_that_rows_lack_take_defaults_in_a_referenced_table(
    replace_settings, database
):
    run_sql(
        database,
        "ALTER TABLE homes ADD COLUMN note text DEFAULT 'none', "
        "ADD COLUMN twice bigint GENERATED ALWAYS AS (day * 2) STORED",
        "UPDATE homes SET note = 'old'",
        "CREATE TABLE visits (home bigint REFERENCES homes)",
        "INSERT INTO visits VALUES (7)",
    )
    propload.ingest(rows(1), **replace_settings)
    table = read_table(database, "homes")
    assert table.height == 300
    assert set(table.select("day", "note", "twice").rows()) == {(1, "none", 2)}


class Killed(BaseException):
    """Ends a run at once, as no code handles it."""


def test_replace_killed_after_it_took_effect_is_resumed_as_loaded(
    replace_settings, database, tmp_path, monkeypatch
):
    path = tmp_path / "homes.csv"
    path.write_text("id,day\n" + "".join(f"{n},1\n" for n in range(300)))

    def kill(_ledger, _status):
        raise Killed

    with user_without_a_ledger(database, "homes") as limited:
        settings = {**replace_settings, "to": limited}
        with monkeypatch.context() as patched:
            patched.setattr(FileLedger, "mark_end_committed", kill)
            with pytest.raises(Killed):
                propload.ingest(path, **settings)
        assert stored(database) == {(n, 1) for n in range(300)}
        report = propload.ingest(path, resume=True, **settings)
        assert report.status == "loaded"
        assert stored(database) == {(n, 1) for n in range(300)}


def test_error_for_rows_refused_by_a_trigger_says_how_to_go_on(
    replace_settings, database
):
    run_sql(
        database,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.id = 7 THEN RAISE ''no seventh''; END IF; RETURN NEW; END'",
        "CREATE TRIGGER r BEFORE INSERT ON homes FOR EACH ROW "
        "EXECUTE FUNCTION refuse()",
    )
    with pytest.raises(
        LoadError, match=r"no seventh.*fix that, then propload reco"
    ) as of_ingest:
        propload.ingest(iter(rows(1)), **replace_settings)
    [left] = leftovers()
    drop = f"discard it .propload recover --drop {left.run_id}"
    with pytest.raises(
        LoadError, match=f"fix that, then run .* again, or {drop}"
    ) as of_recover:
        recover(left.run_id, to=database)
    for error in (of_ingest, of_recover):
        assert str(error.value).count("public.homes keeps its old rows") == 1
    assert stored(database) == OLD
    run_sql(database, "DROP TRIGGER r ON homes")
    [report] = recover(left.run_id, to=database)
    assert report.status == "loaded"
    assert stored(database) == {(number, 1) for number in range(300)}
