"""A replace puts all rows in place of the old ones, or leaves the table alone."""

from contextlib import nullcontext, suppress

import polars as pl
import pytest

import propload
from propload.earlier.leftovers import drop_leftover, leftovers
from propload.earlier.recovering import recover
from propload.errors import LoadError
from propload.pipeline.fitting import TableFit
from propload.postgres import shadow
from propload.postgres.ledger.file_ledger import FileLedger
from propload.postgres.session.connection import connect
from propload.postgres.swap import Swap
from tests.faults.server import wait_until
from tests.integration.reading import query, read_table, run_sql
from tests.integration.users import user_without_a_ledger

pytestmark = pytest.mark.timeout(120)

OLD = {(number, 0) for number in range(500)}


@pytest.fixture
def goal(database):
    """Make a table of old rows. Value: the settings that replace them."""
    run_sql(
        database,
        "CREATE TABLE homes (id bigint PRIMARY KEY, day bigint)",
        "INSERT INTO homes SELECT n, 0 FROM generate_series(0, 499) AS n",
    )
    told = {"to": database, "table": "homes", "key": "id"}
    return {**told, "mode": "replace", "batch_rows": 100}


def rows(day, count=300):
    return [{"id": number, "day": day} for number in range(count)]


def stored(database):
    return set(read_table(database, "homes").select("id", "day").rows())


@pytest.mark.parametrize("bad", [[], [{"id": None, "day": 1}]], ids=["none", "refused"])
def test_a_source_without_a_usable_row_replaces_nothing(goal, database, tmp_path, bad):
    path = tmp_path / "homes.csv"
    path.write_text("id,day\n" + "".join(f",{row['day']}\n" for row in bad))
    with pytest.raises(LoadError, match=r"no row of .* could be loaded") as told:
        propload.ingest(path, **goal)
    assert "public.homes keeps its old rows" in str(told.value)
    assert "--resume" not in str(told.value) or not bad
    assert told.value.report.status == "failed"
    assert stored(database) == OLD


def test_a_block_that_fails_puts_no_part_in_place_of_the_table(goal, database):
    loader = propload.Loader(**goal)
    error = RuntimeError("the site went away")

    def block():
        with loader:
            loader.put(rows(1))
            raise error

    with pytest.raises(RuntimeError, match="went away"):
        block()
    assert loader.report.status == "interrupted"
    assert stored(database) == OLD
    # what came is not lost: whoever wants the part names the run
    assert recover(to=database) == []
    [report] = recover(loader.report.run_id, to=database)
    assert report.status == "loaded"
    assert stored(database) == {(number, 1) for number in range(300)}
    assert leftovers() == []


def test_rows_of_a_swap_that_failed_stay_in_the_journal(goal, database):
    with connect(database) as holder:

        def given():
            yield from rows(1)
            # a reader's open transaction, for which the swap cannot wait long
            holder.rows("SELECT count(*) FROM homes")

        impatient = f"{database}&options=-c%20lock_timeout%3D200"
        told = {**goal, "to": impatient, "retry_attempts": 2}
        with pytest.raises(LoadError, match="propload recover") as caught:
            propload.ingest(given(), **told)
        holder.rollback()
    assert stored(database) == OLD
    [left] = leftovers()
    assert left.run_id == caught.value.report.run_id
    [report] = recover(left.run_id, to=database)
    assert report.counts.read == 300
    assert stored(database) == {(number, 1) for number in range(300)}


def test_columns_that_rows_lack_take_their_defaults_where_others_refer_to_the_table(
    goal, database
):
    run_sql(
        database,
        "ALTER TABLE homes ADD COLUMN note text DEFAULT 'none', "
        "ADD COLUMN twice bigint GENERATED ALWAYS AS (day * 2) STORED",
        "UPDATE homes SET note = 'old'",
        "CREATE TABLE visits (home bigint REFERENCES homes)",
        "INSERT INTO visits VALUES (7)",
    )
    propload.ingest(rows(1), **goal)
    table = read_table(database, "homes")
    assert table.height == 300
    assert set(table.select("day", "note", "twice").rows()) == {(1, "none", 2)}


class Killed(BaseException):
    """Ends a run as nothing else does."""


def test_a_replace_that_was_killed_after_it_took_effect_is_not_told_to_be_lost(
    goal, database, tmp_path, monkeypatch
):
    path = tmp_path / "homes.csv"
    path.write_text("id,day\n" + "".join(f"{n},1\n" for n in range(300)))

    def killed(_ledger, _status):
        raise Killed

    with user_without_a_ledger(database, "homes") as limited:
        told = {**goal, "to": limited}
        with monkeypatch.context() as patched:
            patched.setattr(FileLedger, "settle_end", killed)
            with pytest.raises(Killed):
                propload.ingest(path, **told)
        assert stored(database) == {(n, 1) for n in range(300)}
        report = propload.ingest(path, resume=True, **told)
        assert report.status == "loaded"
        assert stored(database) == {(n, 1) for n in range(300)}


def ended_early(goal, table):
    """Begin to replace a table by rows that a generator does not end to give."""

    def given():
        yield from rows(1)
        msg = "the site went away"
        raise RuntimeError(msg)

    with pytest.raises(LoadError, match="went away") as caught:
        propload.ingest(given(), **{**goal, "table": table})
    return caught.value.report.run_id


def shadows(database):
    with connect(database) as session:
        return session.rows(
            "SELECT relname::text FROM pg_class "
            "WHERE starts_with(relname::text, 'propload_shadow_') AND relkind = 'r'"
        )


@pytest.mark.one_server
@pytest.mark.parametrize("ledger", ["table", "file"])
def test_a_replace_of_another_table_leaves_alone_what_nobody_can_read_again(
    goal, database, ledger
):
    """Its journal has let go of the rows that are committed."""
    run_sql(database, "CREATE TABLE others (LIKE homes INCLUDING ALL)")
    limits = nullcontext(database)
    if ledger == "file":
        limits = user_without_a_ledger(database, "homes", "others")
    with limits as user:
        told = {**goal, "to": user}
        run = ended_early(told, "homes")
        assert propload.ingest(rows(2), **{**told, "table": "others"}).counts.read
        assert len(shadows(database)) == 1
        [report] = recover(run, to=user)
        assert report.status == "loaded"
        assert stored(database) == {(number, 1) for number in range(300)}
        assert shadows(database) == []


@pytest.mark.one_server
def test_what_a_replace_had_gathered_goes_with_its_journal(goal, database):
    run = ended_early(goal, "homes")
    assert len(shadows(database)) == 1
    drop_leftover(run, to=database)
    assert shadows(database) == []
    assert stored(database) == OLD
    assert leftovers() == []


@pytest.mark.one_server
def test_rows_of_a_replace_that_stay_in_another_database_are_told(
    goal, database, caplog
):
    run = ended_early(goal, "homes")
    drop_leftover(run, to="postgresql://nobody@127.0.0.1:1/none")
    assert leftovers() == []
    assert f"the rows that run {run} had gathered for public.homes stay" in caplog.text


@pytest.mark.one_server
def test_what_nobody_comes_back_for_is_told_after_a_week(
    goal, database, caplog, monkeypatch, tmp_path
):
    run = ended_early(goal, "homes")
    run_sql(database, "CREATE TABLE others (LIKE homes INCLUDING ALL)")
    other = {**goal, "table": "others", "state_dir": tmp_path}
    propload.ingest(rows(2), **other)
    assert "has held since" not in caplog.text
    monkeypatch.setattr(shadow, "TOLD_AFTER_DAYS", 0)
    propload.ingest(rows(2), **other)
    assert f"what run {run} had gathered for public.homes" in caplog.text
    assert f"propload recover {run} --state-dir {tmp_path} puts it" in caplog.text


MADE_AGAIN = "CREATE TABLE homes (id bigint PRIMARY KEY, day bigint)"


@pytest.fixture
def before_swap(monkeypatch, database):
    """Run a statement before the first swap."""

    def before_swap(statement):
        run, waiting = Swap.run, [statement]

        def altered(self, committed):
            while waiting:
                run_sql(database, waiting.pop())
            run(self, committed)

        monkeypatch.setattr(Swap, "run", altered)

    return before_swap


def as_file(folder):
    path = folder / "homes.csv"
    lines = [f"{row['id']},{row['day']}\n" for row in rows(1)]
    path.write_text("id,day\n" + "".join(lines))
    return path


@pytest.mark.one_server
@pytest.mark.parametrize("kept", ["in the file", "in the journal"])
def test_a_replace_whose_table_is_gone_waits_until_it_is_made_again(
    goal, database, before_swap, tmp_path, kept
):
    before_swap("DROP TABLE homes")
    file = as_file(tmp_path)
    is_file = kept == "in the file"
    with pytest.raises(LoadError, match=r"homes is gone.*fix that") as failed:
        propload.ingest(file if is_file else iter(rows(1)), **goal)
    run_id = failed.value.report.run_id

    def go_on():
        if is_file:
            return propload.ingest(file, resume=run_id, **goal)
        return recover(run_id, to=database)[0]

    with pytest.raises(
        LoadError, match=r"homes is gone, .* create the table again.*fix that"
    ) as again:
        go_on()
    for told in (failed, again):
        assert "keeps its old rows" not in str(told.value)
    run_sql(database, MADE_AGAIN)
    assert go_on().status == "loaded"
    assert stored(database) == {(number, 1) for number in range(300)}


@pytest.fixture
def before_other_columns(monkeypatch, database):
    """Run statements when rows are stored, and before those of other columns are."""
    fit, metrics = TableFit.__call__, propload.Metrics()

    def before_other_columns(*statements):
        waiting = [statements]

        def fitted(self, joined):
            if self.is_fitted and waiting:
                wait_until(lambda: metrics.snapshot().counts.accounted == 300)
                run_sql(database, *waiting.pop())
            return fit(self, joined)

        monkeypatch.setattr(TableFit, "__call__", fitted)
        return metrics

    return before_other_columns


def files_of_other_columns(folder):
    later = folder / "later.csv"
    later.write_text("id\n" + "".join(f"{n}\n" for n in range(300, 400)))
    return [as_file(folder), later]


def pushed(source, **told):
    """Push the rows of files."""
    with propload.Loader(**told) as loader:
        for path in source:
            loader.put(pl.read_csv(path).to_dicts())
    return loader.report


@pytest.mark.one_server
@pytest.mark.parametrize("kept", ["in the file", "in the journal"])
def test_a_table_that_is_gone_is_not_made_again_for_rows_of_other_columns(
    goal, database, before_other_columns, tmp_path, kept
):
    """It would be made of their columns alone, without what else it had."""
    metrics = before_other_columns("DROP TABLE homes")
    source = files_of_other_columns(tmp_path)
    load = propload.ingest if kept == "in the file" else pushed
    gone = r"homes is gone, .* create the table again, .*fix that"
    with pytest.raises(LoadError, match=gone) as failed:
        load(source, metrics=metrics, **goal)
    run_id = failed.value.report.run_id

    def go_on():
        if kept == "in the file":
            return propload.ingest(source, resume=run_id, **goal)
        return recover(run_id, to=database)[0]

    with pytest.raises(LoadError, match=gone):
        go_on()
    assert query(database, "SELECT to_regclass('homes') IS NULL") == [(True,)]
    run_sql(database, MADE_AGAIN)
    assert go_on().counts == propload.Counts(read=400, inserted=400)
    rest = {(number, None) for number in range(300, 400)}
    assert stored(database) == {(number, 1) for number in range(300)} | rest


@pytest.mark.one_server
@pytest.mark.parametrize("usable", [0, 300])
def test_a_table_that_was_dropped_is_not_said_to_keep_its_rows(goal, database, usable):
    metrics = propload.Metrics()
    loader = propload.Loader(metrics=metrics, batch_seconds=0.05, **goal)
    loader.put(rows(1, usable) or [{"id": None, "day": 1}] * 300)
    wait_until(lambda: metrics.snapshot().counts.accounted == 300)
    run_sql(database, "DROP TABLE homes")
    # a block that raises, or a source without a usable row
    ended = loader.__exit__ if usable else loader.close
    with suppress(LoadError):
        ended(*[RuntimeError, RuntimeError("the site went away"), None][: 3 * usable])
    told = loader.report.message
    assert "public.homes is gone, and its old rows with it" in told
    assert "keeps" not in told
    assert ("To load what came: create the table again" in told) == bool(usable)


@pytest.mark.one_server
def test_a_table_that_a_replace_has_made_has_no_old_rows(goal, database):
    run_sql(database, "DROP TABLE homes")
    run = ended_early(goal, "homes")
    [report] = [one for one in propload.runs() if one.run_id == run]
    assert "public.homes is new and stays empty. To load what came: " in report.message
    recover(run, to=database)
    assert stored(database) == {(number, 1) for number in range(300)}


@pytest.mark.one_server
def test_a_table_that_was_never_there_is_not_said_to_keep_rows(database, tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("id,day\n")
    with pytest.raises(LoadError, match="nothing is there to replace") as failed:
        propload.ingest(path, to=database, table="homes", key="id", mode="replace")
    assert "old rows" not in str(failed.value)


@pytest.mark.one_server
def test_what_was_gathered_goes_into_a_table_that_was_made_again_meanwhile(
    goal, database, before_other_columns, tmp_path
):
    metrics = before_other_columns("DROP TABLE homes", MADE_AGAIN)
    source = files_of_other_columns(tmp_path)
    report = propload.ingest(source, metrics=metrics, **goal)
    assert report.counts == propload.Counts(read=400, inserted=400)
    assert len(stored(database)) == 400


@pytest.mark.one_server
def test_rows_that_came_to_be_hidden_do_not_stay_beside_the_new_ones(
    goal, database, before_swap
):
    run_sql(database, "CREATE TABLE visits (home bigint REFERENCES homes)")
    before_swap("ALTER TABLE homes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    run_sql(database, "CREATE POLICY early ON homes USING (id < 200) WITH CHECK (true)")
    with user_without_a_ledger(database, "homes", "visits") as user:
        told = r"row-level security applies to this user since this replace began"
        with pytest.raises(LoadError, match=told):
            propload.ingest(rows(1), **{**goal, "to": user})
        assert stored(database) == OLD


@pytest.mark.one_server
@pytest.mark.parametrize("kept", ["in the file", "in the journal"])
def test_a_table_that_lost_a_column_is_to_be_mended_before_it_is_replaced(
    goal, database, before_swap, tmp_path, kept
):
    before_swap("ALTER TABLE homes DROP day")
    source = as_file(tmp_path) if kept == "in the file" else iter(rows(1))
    with pytest.raises(
        LoadError, match=r'"day" .*public\.homes keeps its old rows.*fix that'
    ):
        propload.ingest(source, **goal)


def test_rows_that_a_rule_of_the_table_keeps_out_are_told_with_the_ways_out(
    goal, database
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
    ) as one:
        propload.ingest(iter(rows(1)), **goal)
    [left] = leftovers()
    drop = f"give it up .propload recover --drop {left.run_id}"
    with pytest.raises(
        LoadError, match=f"fix that, then run .* again, or {drop}"
    ) as two:
        recover(left.run_id, to=database)
    for told in (one, two):
        assert str(told.value).count("public.homes keeps its old rows") == 1
    assert stored(database) == OLD
    run_sql(database, "DROP TRIGGER r ON homes")
    [report] = recover(left.run_id, to=database)
    assert report.status == "loaded"
    assert stored(database) == {(number, 1) for number in range(300)}
