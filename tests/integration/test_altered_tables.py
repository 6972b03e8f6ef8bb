"""A table that is altered while rows are on their way into it."""

import pandera.polars as pa
import polars as pl
import pytest

import propload
from propload.errors import LoadError
from propload.postgres.writing.writer import TableWriter
from tests.faults.server import wait_until
from tests.integration.reading import read_table, run_sql
from tests.integration.users import user_without_a_ledger

pytestmark = pytest.mark.timeout(60)

MADE = "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)"
#: What is said of a column that is not found any more.
GONE = (
    "column price is gone: if it was renamed, rename it back; if it was "
    "dropped, what committed rows held in it is gone"
)
#: More than the spool's least, so that a server that has one is told to copy a file.
PART = 500


def rows(first):
    return [{"id": n, "price": n + 100_000} for n in range(first, first + PART)]


def test_no_value_is_taken_for_one_of_another_type(database, state_dir):
    run_sql(database, MADE)
    settings = {"to": database, "table": "homes", "key": "id"}
    metrics = propload.Metrics()
    loader = propload.Loader(metrics=metrics, batch_seconds=0.05, **settings)
    loader.put(rows(0))
    wait_until(lambda: metrics.snapshot().counts.accounted == PART)
    run_sql(database, "ALTER TABLE homes ALTER price TYPE double precision")
    loader.put(rows(PART))
    with pytest.raises(LoadError) as caught:
        loader.close()
    assert (
        "table public.homes was changed while rows were being loaded into it: column "
        "price is double precision now and was bigint"
    ) in str(caught.value)
    assert caught.value.report.counts.inserted == PART
    assert read_table(database, "homes").height == PART
    (report,) = propload.recover(to=database)
    assert report.counts.inserted == 2 * PART
    stored = read_table(database, "homes").sort("id")
    assert stored["price"].to_list() == [float(n + 100_000) for n in range(2 * PART)]


@pytest.mark.one_server
def test_a_table_that_has_lost_its_last_column_is_told(database, state_dir):
    run_sql(database, "CREATE TABLE homes (id bigint PRIMARY KEY)")
    metrics = propload.Metrics()
    loader = propload.Loader(
        to=database, table="homes", key="id", metrics=metrics, batch_seconds=0.05
    )
    loader.put({"id": 1})
    wait_until(lambda: metrics.snapshot().counts.accounted == 1)
    run_sql(database, "ALTER TABLE homes DROP id")
    loader.put({"id": 2})
    with pytest.raises(LoadError, match=r"column id is gone: if it was renamed.*1 row"):
        loader.close()


def test_rows_that_went_with_their_table_are_told_of_by_a_recovery(
    database, state_dir, caplog
):
    run_sql(database, MADE)
    metrics = propload.Metrics()
    loader = propload.Loader(
        to=database, table="homes", key="id", metrics=metrics, batch_seconds=0.05
    )
    loader.put(rows(0))
    wait_until(lambda: metrics.snapshot().counts.accounted == PART)
    run_sql(database, "DROP TABLE homes", MADE)
    loader.put(rows(PART))
    with pytest.raises(LoadError, match="it was dropped and created again"):
        loader.close()
    propload.recover(to=database)
    assert read_table(database, "homes")["id"].min() == PART
    assert (
        f"had written {PART} rows into public.homes, which is a different table now"
        in caplog.text
    )


@pytest.mark.one_server
@pytest.mark.parametrize("mode", ["upsert", "append"])
@pytest.mark.parametrize(
    ("change", "said", "went"),
    [
        (["DROP TABLE homes"], "is gone: it was dropped or renamed", " unless it was"),
        (["DROP TABLE homes", MADE], "it was dropped and created again", ""),
    ],
)
@pytest.mark.parametrize("columns", ["same", "other"])
def test_rows_that_went_with_their_table_are_told_of(
    database, state_dir, mode, change, said, went, columns
):
    """Rows of other columns would be planned for the new table as if it were the old.

    Where there is none, one would be made for them.
    """
    run_sql(database, MADE)
    metrics = propload.Metrics()
    loader = propload.Loader(
        to=database,
        table="homes",
        key="id",
        mode=mode,
        metrics=metrics,
        batch_seconds=0.05,
    )
    loader.put(rows(0))
    wait_until(lambda: metrics.snapshot().counts.accounted == PART)
    run_sql(database, *change)
    later = rows(PART)
    loader.put(later if columns == "same" else [{"id": row["id"]} for row in later])
    with pytest.raises(LoadError) as caught:
        loader.close()
    told = str(caught.value)
    assert f"table public.homes {said}" in told or f"into it: {said}" in told
    assert f"The 500 committed rows went with the table{went}" in told
    assert "500 rows wait in the journal" in told
    report = caught.value.report
    assert report.counts == propload.Counts(read=PART, inserted=PART)
    (again,) = propload.recover(to=database)
    assert again.counts.inserted == 2 * PART
    assert read_table(database, "homes")["id"].min() == PART


def before_third_piece(monkeypatch, action):
    """Have something done when two pieces of a lane are committed."""
    write, pieces = TableWriter.write, []

    def written(self, piece):
        pieces.append(piece.batch)
        if len(pieces) == 3:
            action()
        return write(self, piece)

    monkeypatch.setattr(TableWriter, "write", written)


@pytest.mark.one_server
@pytest.mark.parametrize(
    "change", ["DROP TABLE homes", "ALTER TABLE homes RENAME TO h"]
)
def test_a_file_whose_table_is_gone_is_loaded_anew_or_goes_on(
    database, state_dir, tmp_path, monkeypatch, change
):
    run_sql(database, MADE)
    path = tmp_path / "homes.csv"
    pl.DataFrame(rows(0)).write_csv(path)
    told = {"to": database, "table": "homes", "key": "id", "batch_rows": 100}
    told |= {"mode": "append", "workers": 1}
    with monkeypatch.context() as patched:
        before_third_piece(patched, lambda: run_sql(database, change))
        with pytest.raises(LoadError, match="dropped or renamed") as caught:
            propload.ingest(path, **told)
    run_id = caught.value.report.run_id
    assert str(caught.value).endswith(
        "The 200 committed rows went with the table unless it was renamed. To "
        "continue: if it was renamed, rename it back to public.homes, then the same "
        f"command with --resume {run_id}; otherwise load {path} again, without --resume"
    )
    if "RENAME" in change:
        run_sql(database, "ALTER TABLE h RENAME TO homes")
        report = propload.ingest(path, resume=run_id, **told)
    else:
        report = propload.ingest(path, **told)
    assert report.counts == propload.Counts(read=PART, inserted=PART)
    assert read_table(database, "homes").height == PART


@pytest.mark.one_server
@pytest.mark.parametrize("mode", ["upsert", "append"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE homes DROP price", GONE),
        ("ALTER TABLE homes RENAME price TO cost", GONE),
        (
            "ALTER TABLE homes ALTER price TYPE text",
            "column price is text now and was bigint",
        ),
        (
            "CREATE RULE none AS ON INSERT TO homes DO INSTEAD NOTHING",
            "it has a rule now",
        ),
    ],
)
def test_what_changed_is_told_instead_of_what_the_server_met_by_it(
    database, state_dir, monkeypatch, mode, change, said
):
    run_sql(database, MADE)
    before_third_piece(monkeypatch, lambda: run_sql(database, change))
    told = {"to": database, "table": "homes", "key": "id", "batch_rows": 100}
    with pytest.raises(LoadError) as caught:
        propload.ingest(pl.DataFrame(rows(0)), workers=1, mode=mode, **told)
    assert str(caught.value).startswith(
        "table public.homes was changed while rows were being loaded into it: "
        f"{said}. Nothing of this batch was written. What was committed stays. "
    )
    assert caught.value.report.counts == propload.Counts(read=200, inserted=200)
    # where it is known that it would fail again
    assert ("fix that" in str(caught.value)) >= ("gone" in said)


@pytest.mark.one_server
def test_rows_that_came_to_be_hidden_are_not_refused_as_doubles(
    database, state_dir, monkeypatch
):
    run_sql(
        database,
        MADE,
        "INSERT INTO homes SELECT n, 0 FROM generate_series(0, 499) AS n",
        "CREATE POLICY early ON homes USING (id < 200) WITH CHECK (true)",
    )
    hide = "ALTER TABLE homes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    before_third_piece(monkeypatch, lambda: run_sql(database, hide))
    told = {"table": "homes", "key": "id", "batch_rows": 100, "workers": 1}
    with (
        user_without_a_ledger(database, "homes") as user,
        pytest.raises(LoadError, match="row-level security applies") as caught,
    ):
        propload.ingest(pl.DataFrame(rows(0)), to=user, **told)
    assert caught.value.report.counts == propload.Counts(read=200, updated=200)


@pytest.mark.one_server
def test_a_table_that_is_gone_is_told_of_before_rows_that_fit_no_new_one(
    database, state_dir
):
    """The rows that show whether a new table and a schema go together came before."""
    run_sql(database, MADE)
    metrics = propload.Metrics()
    loader = propload.Loader(
        to=database,
        table="homes",
        key="id",
        schema=pa.DataFrameSchema(
            {"id": pa.Column(int), "price": pa.Column(int, nullable=True)}
        ),
        metrics=metrics,
        batch_seconds=0.05,
    )
    loader.put(rows(0))
    wait_until(lambda: metrics.snapshot().counts.accounted == PART)
    run_sql(database, "DROP TABLE homes")
    loader.put([{"id": PART, "street": "x"}])
    with pytest.raises(LoadError, match="homes is gone"):
        loader.close()
