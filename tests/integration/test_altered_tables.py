"""A table that is altered while rows are being loaded into it."""

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

CREATE_HOMES = "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint)"
#: The message about a column that is no longer found.
GONE = (
    "column price is gone: if it was renamed, rename it back; if it was "
    "dropped, what committed rows held in it is gone"
)
#: More rows than the spool's minimum, so that a server with a spool copies a file.
PART = 500


def rows(first):
    return [{"id": n, "price": n + 100_000} for n in range(first, first + PART)]


def test_column_type_change_stops_load_and_recover_loads_the_rest(database, state_dir):
    run_sql(database, CREATE_HOMES)
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
def test_error_names_the_only_column_after_it_was_dropped(database, state_dir):
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


def test_recover_warns_of_committed_rows_lost_with_a_recreated_table(
    database, state_dir, caplog
):
    run_sql(database, CREATE_HOMES)
    metrics = propload.Metrics()
    loader = propload.Loader(
        to=database, table="homes", key="id", metrics=metrics, batch_seconds=0.05
    )
    loader.put(rows(0))
    wait_until(lambda: metrics.snapshot().counts.accounted == PART)
    run_sql(database, "DROP TABLE homes", CREATE_HOMES)
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
    ("change", "message", "condition"),
    [
        (["DROP TABLE homes"], "is gone: it was dropped or renamed", " unless it was"),
        (["DROP TABLE homes", CREATE_HOMES], "it was dropped and created again", ""),
    ],
)
@pytest.mark.parametrize("columns", ["same", "other"])
def test_error_counts_committed_rows_lost_with_a_dropped_table(
    database, state_dir, mode, change, message, condition, columns
):
    """Rows with other columns must not be planned for the new table as for the old one.

    Nor may a table be created for them if there is none.
    """
    run_sql(database, CREATE_HOMES)
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
    error = str(caught.value)
    assert f"table public.homes {message}" in error or f"into it: {message}" in error
    assert f"The 500 committed rows went with the table{condition}" in error
    assert "500 rows wait in the journal" in error
    report = caught.value.report
    assert report.counts == propload.Counts(read=PART, inserted=PART)
    (again,) = propload.recover(to=database)
    assert again.counts.inserted == 2 * PART
    assert read_table(database, "homes")["id"].min() == PART


def before_third_piece(monkeypatch, action):
    """Run an action before a lane writes its third piece."""
    write, pieces = TableWriter.write, []

    def counting_write(self, piece):
        pieces.append(piece.batch)
        if len(pieces) == 3:
            action()
        return write(self, piece)

    monkeypatch.setattr(TableWriter, "write", counting_write)


@pytest.mark.one_server
@pytest.mark.parametrize(
    "change", ["DROP TABLE homes", "ALTER TABLE homes RENAME TO h"]
)
def test_file_is_resumed_after_rename_back_and_reloaded_after_drop(
    database, state_dir, tmp_path, monkeypatch, change
):
    run_sql(database, CREATE_HOMES)
    path = tmp_path / "homes.csv"
    pl.DataFrame(rows(0)).write_csv(path)
    settings = {"to": database, "table": "homes", "key": "id", "batch_rows": 100}
    settings |= {"mode": "append", "workers": 1}
    with monkeypatch.context() as patched:
        before_third_piece(patched, lambda: run_sql(database, change))
        with pytest.raises(LoadError, match="dropped or renamed") as caught:
            propload.ingest(path, **settings)
    run_id = caught.value.report.run_id
    assert str(caught.value).endswith(
        "The 200 committed rows went with the table unless it was renamed. To "
        "continue: if it was renamed, rename it back to public.homes, then the same "
        f"command with --resume {run_id}; otherwise load {path} again, without --resume"
    )
    if "RENAME" in change:
        run_sql(database, "ALTER TABLE h RENAME TO homes")
        report = propload.ingest(path, resume=run_id, **settings)
    else:
        report = propload.ingest(path, **settings)
    assert report.counts == propload.Counts(read=PART, inserted=PART)
    assert read_table(database, "homes").height == PART


@pytest.mark.one_server
@pytest.mark.parametrize("mode", ["upsert", "append"])
@pytest.mark.parametrize(
    ("change", "message"),
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
def test_error_names_the_table_change_not_the_server_error_it_caused(
    database, state_dir, monkeypatch, mode, change, message
):
    run_sql(database, CREATE_HOMES)
    before_third_piece(monkeypatch, lambda: run_sql(database, change))
    settings = {"to": database, "table": "homes", "key": "id", "batch_rows": 100}
    with pytest.raises(LoadError) as caught:
        propload.ingest(pl.DataFrame(rows(0)), workers=1, mode=mode, **settings)
    assert str(caught.value).startswith(
        "table public.homes was changed while rows were being loaded into it: "
        f"{message}. Nothing of this batch was written. What was committed stays. "
    )
    assert caught.value.report.counts == propload.Counts(read=200, inserted=200)
    # a column that is gone would make the next attempt fail as well
    if "gone" in message:
        assert "fix that" in str(caught.value)


@pytest.mark.one_server
def test_rows_hidden_by_new_row_security_are_not_rejected_as_duplicates(
    database, state_dir, monkeypatch
):
    run_sql(
        database,
        CREATE_HOMES,
        "INSERT INTO homes SELECT n, 0 FROM generate_series(0, 499) AS n",
        "CREATE POLICY early ON homes USING (id < 200) WITH CHECK (true)",
    )
    hide = "ALTER TABLE homes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    before_third_piece(monkeypatch, lambda: run_sql(database, hide))
    settings = {"table": "homes", "key": "id", "batch_rows": 100, "workers": 1}
    with (
        user_without_a_ledger(database, "homes") as user,
        pytest.raises(LoadError, match="row-level security applies") as caught,
    ):
        propload.ingest(pl.DataFrame(rows(0)), to=user, **settings)
    assert caught.value.report.counts == propload.Counts(read=200, updated=200)


@pytest.mark.one_server
def test_missing_table_is_reported_before_rows_unfit_for_a_new_one(database, state_dir):
    """Whether the schema suits a new table is judged by rows committed earlier."""
    run_sql(database, CREATE_HOMES)
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
