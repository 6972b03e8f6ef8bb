"""A run is resumed only with the rows and the settings that it began with."""

import gzip
import os
from contextlib import nullcontext

import polars as pl
import pytest

import propload
from propload.errors import (
    ConfigError,
    LoadError,
    RejectLimitError,
    SourceError,
    WriteError,
)
from propload.postgres.replacing.shadow import Shadow
from tests.integration.reading import query, read_table, run_sql
from tests.integration.users import user_without_a_ledger

pytestmark = [pytest.mark.timeout(120), pytest.mark.one_server]

ROWS = 5_000
#: A row that ends the first attempt after some batches were committed.
BAD = {"id": None, "day": 1}


def rows(day, count=ROWS):
    return [{"id": day * 100_000 + number, "day": day} for number in range(count)]


@pytest.fixture
def load(database):
    def load(source, **settings):
        arguments = {"to": database, "table": "homes", "key": "id", "batch_rows": 1_000}
        return propload.ingest(source, **{**arguments, **settings})

    return load


def load_until_bad_row(load, source, **settings):
    """Load until the bad row, and return the run's name."""
    with pytest.raises(RejectLimitError) as caught:
        load(source, max_rejects=0, **settings)
    return caught.value.report.run_id


def stored(database, day):
    return read_table(database, "homes").filter(pl.col("day") == day).height


SHAPES = {
    "frame": lambda records: pl.DataFrame(records, infer_schema_length=None),
    "pandas": lambda records: pl.DataFrame(
        records, infer_schema_length=None
    ).to_pandas(),
    "arrow": lambda records: pl.DataFrame(records, infer_schema_length=None).to_arrow(),
}


@pytest.mark.parametrize("make_source", [list, iter])
def test_other_rows_from_memory_are_loaded_from_the_first_row(
    load, database, make_source
):
    load_until_bad_row(load, make_source([*rows(1), BAD]))
    report = load(make_source(rows(2)), resume=True)
    assert report.status == "loaded"
    assert stored(database, 2) == ROWS


@pytest.mark.parametrize("shape", SHAPES)
def test_same_table_in_memory_is_resumed(load, database, shape):
    source = SHAPES[shape]([*rows(1), BAD, *rows(2)])
    run_id = load_until_bad_row(load, source, mode="append")
    report = load(source, resume=run_id, mode="append")
    assert report.run_id == run_id
    assert (stored(database, 1), stored(database, 2)) == (ROWS, ROWS)


@pytest.mark.parametrize("shape", SHAPES)
def test_changed_table_in_memory_is_not_resumed(load, shape):
    load_until_bad_row(load, SHAPES[shape]([*rows(1), BAD]))
    with pytest.raises(SourceError, match="has changed since"):
        load(SHAPES[shape](rows(2)), resume=True)


def test_list_cannot_be_recognized_and_is_not_resumed_by_name(load):
    run_id = load_until_bad_row(load, [*rows(1), BAD])
    with pytest.raises(SourceError, match=r"cannot be recognized.*without --resume"):
        load([*rows(1), BAD], resume=run_id)


def test_error_of_a_stopped_list_does_not_advise_to_resume(load):
    with pytest.raises(RejectLimitError) as caught:
        load([*rows(1), BAD], max_rejects=0)
    assert "load list again" in str(caught.value)
    assert "--resume" not in str(caught.value)


def test_pushed_rows_are_all_loaded_even_with_resume(database, load):
    loader = propload.Loader(to=database, table="homes", key="id", max_rejects=0)
    loader.put(rows(1))
    loader.put([BAD])
    with pytest.raises(LoadError):
        loader.close()
    with propload.Loader(to=database, table="homes", key="id", resume=True) as second:
        second.put(rows(2))
    assert stored(database, 2) == ROWS


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "homes.csv"
    pl.DataFrame([*rows(1), BAD, *rows(2)], infer_schema_length=None).write_csv(path)
    return path


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "day"},
        {"newest": "day"},
        {"null_words": ["2"]},
        {"mapping": {"columns": {"id": "id", "day": {"from": "day"}}}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_file_is_resumed_only_with_the_settings_it_began_with(load, csv, changed):
    run_id = load_until_bad_row(load, csv)
    for resume in (run_id, True):
        with pytest.raises(ConfigError, match="other settings"):
            load(csv, resume=resume, **changed)
    assert load(csv, resume=True).run_id == run_id


def test_edited_mapping_file_counts_as_other_settings(load, csv, tmp_path):
    mapping = tmp_path / "homes.toml"
    mapping.write_text('id = "id"\nday = "day"\n')
    run_id = load_until_bad_row(load, csv, mapping=mapping)
    mapping.write_text('id = "id"\nday = { from = "day", parse = "integer" }\n')
    with pytest.raises(ConfigError, match="other settings"):
        load(csv, resume=run_id, mapping=mapping)


def test_resumed_run_reports_all_of_its_batches(load, tmp_path):
    file = tmp_path / "homes.csv"
    file.write_text("id,day\n" + "1,1\n2,2\n" * 10 + ",3\n")
    run_id = load_until_bad_row(load, file, batch_rows=4)
    live = propload.Metrics()
    report = load(file, resume=run_id, batch_rows=4, metrics=live)
    assert (report.counts.read, report.batches) == (21, 6)
    assert live.snapshot().batches == 6


def test_resumed_run_reports_the_reasons_of_all_of_its_rows(load, tmp_path):
    file = tmp_path / "homes.csv"
    file.write_text("id,day\n" + "1,1\n,2\n" * 3 + ",3\n" * 3)
    with pytest.raises(RejectLimitError) as caught:
        load(file, max_rejects=2, batch_rows=3)
    first = caught.value.report
    report = load(file, resume=first.run_id, batch_rows=3)
    (reason,) = report.reasons_counted
    assert reason.rows == report.counts.rejected == report.rejects.height == 6


@pytest.mark.parametrize("mode", ["upsert", "append"])
@pytest.mark.parametrize(
    ("statements", "cause"),
    [
        (["DROP TABLE homes"], "is gone"),
        (["TRUNCATE homes"], "has since been emptied"),
        (
            ["CREATE TABLE other AS TABLE homes", "DROP TABLE homes",
             "ALTER TABLE other RENAME TO homes"],
            "is a different table",
        ),
    ],
)  # fmt: skip
def test_run_whose_rows_are_gone_is_not_resumed(
    load, database, tmp_path, mode, statements, cause
):
    file = tmp_path / "homes.csv"
    pl.DataFrame([*rows(1), BAD, *rows(2)], infer_schema_length=None).write_csv(file)
    run_id = load_until_bad_row(load, file, mode=mode)
    run_sql(database, *statements)
    tables = "SELECT count(*) FROM pg_class WHERE relname = 'homes'"
    before = query(database, tables)
    for resume in (True, run_id):
        with pytest.raises(ConfigError, match=rf"run {run_id} had written .* {cause}"):
            load(file, mode=mode, resume=resume)
    assert query(database, tables) == before


def test_finished_append_is_not_taken_as_loaded_if_its_table_is_gone(
    load, database, tmp_path
):
    file = tmp_path / "homes.csv"
    pl.DataFrame(rows(1)).write_csv(file)
    load(file, mode="append")
    run_sql(database, "DROP TABLE homes")
    with pytest.raises(ConfigError, match=r"homes, which is gone: load .* again"):
        load(file, mode="append", resume=True)
    load(file, mode="append")
    assert stored(database, 1) == ROWS


def test_replace_is_resumed_although_the_old_table_was_emptied(
    load, database, tmp_path
):
    file = tmp_path / "homes.csv"
    pl.DataFrame([*rows(1), BAD, *rows(2)], infer_schema_length=None).write_csv(file)
    load([{"id": 1, "day": 0}])
    run_id = load_until_bad_row(load, file, mode="replace")
    run_sql(database, "DELETE FROM homes")
    load(file, mode="replace", resume=run_id)
    assert stored(database, 1) == stored(database, 2) == ROWS


def files_of(folder, *texts):
    paths = [folder / f"day{number}.csv" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return [str(path) for path in paths]


def test_error_names_the_file_that_does_not_fit_and_how_to_resume(
    load, database, tmp_path
):
    whole = "id,day\n" + "".join(f"{n},1\n" for n in range(1_000))
    files = files_of(tmp_path, whole, "id,night\n7,1\n")
    with pytest.raises(LoadError, match=r"day1\.csv: .*night") as caught:
        load(files, batch_seconds=0.01)
    run = caught.value.report.run_id
    assert caught.value.report.counts.inserted == 1_000
    assert "fix that: if only the table has changed" in str(caught.value)
    # the advice works: the run is resumed once the table is mended
    run_sql(database, "ALTER TABLE homes ADD night bigint")
    assert load(files, resume=run).counts.inserted == 1_000
    assert read_table(database, "homes").filter(pl.col("night") == 1).height == 1


def test_error_of_a_damaged_file_says_to_load_again_without_resume(load, tmp_path):
    whole = "id,day\n" + "".join(f"{n},1\n" for n in range(1_000))
    path = tmp_path / "day.csv.gz"
    packed = gzip.compress(whole.encode())
    path.write_bytes(packed[:-20])
    with pytest.raises(LoadError, match=r"day\.csv\.gz") as caught:
        load(str(path), mode="append", key=None)
    error = str(caught.value)
    assert "load again without --resume, and only what is not committed yet" in error


def test_run_is_resumed_after_another_file_of_its_name_was_loaded(
    load, database, tmp_path
):
    path = tmp_path / "homes.csv"
    pl.DataFrame([*rows(1), BAD, *rows(2)]).write_csv(path)
    content, stat = path.read_bytes(), path.stat()
    run_id = load_until_bad_row(load, path, mode="append")
    # another machine's file of the same path
    pl.DataFrame(rows(3)).write_csv(path)
    load(path, mode="append")
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    report = load(path, resume=True, mode="append")
    assert report.run_id == run_id
    assert [stored(database, day) for day in (1, 2, 3)] == [ROWS, ROWS, ROWS]


def test_file_loaded_with_one_mapping_is_loaded_with_another_too(
    load, database, tmp_path
):
    path = tmp_path / "homes.csv"
    pl.DataFrame(rows(1, 10)).write_csv(path)
    run_sql(database, "CREATE TABLE homes (id int, day int)")
    for day in (1, 2):
        name = tmp_path / f"m{day}.toml"
        name.write_text(f'[columns]\nid = "id"\nday = {{ constant = {day} }}\n')
        report = load(path, resume=True, mode="append", mapping=name)
        assert report.counts.inserted == 10
    # and not twice
    again = load(path, resume=True, mode="append", mapping=name)
    assert again.run_id == report.run_id
    assert [stored(database, day) for day in (1, 2)] == [10, 10]


@pytest.mark.parametrize("limited", [False, True], ids=["database", "file"])
def test_resumed_run_keeps_the_types_that_it_inferred(
    load, database, tmp_path, limited
):
    good, bad = "id,rooms\n1,2\n2,3\n", "id,rooms\n,1\n,1\n"
    files = files_of(tmp_path, good, bad, "id,rooms\n007,03\n7,3.0\n8,4\n")
    user = user_without_a_ledger(database) if limited else nullcontext(database)
    with user as dsn:
        # the last file has not been reached
        run_id = load_until_bad_row(load, files, to=dsn, batch_rows=2)
        report = load(files, to=dsn, batch_rows=2, resume=run_id)
        rows = read_table(database, "homes").sort("id").rows()
    assert rows == [(1, 2), (2, 3), (8, 4)]
    assert (report.counts.rejected, report.counts.duplicates) == (4, 0)
    assert any("its ledger is the file" in note for note in report.notes) == limited


def test_inferred_types_are_kept_although_no_row_was_written(
    load, database, tmp_path, monkeypatch
):
    files = files_of(tmp_path, "id,rooms\n1,2\n2,3\n", "id,rooms\n007,03\n7,3.0\n")
    settings = {"mode": "replace", "batch_rows": 2}

    def refuse(*_args, **_kwargs):
        msg = "no room for a shadow"
        raise WriteError(msg)

    with monkeypatch.context() as patched:
        patched.setattr(Shadow, "make", refuse)
        with pytest.raises(LoadError, match="no room") as caught:
            load(files, **settings)
    # the table exists, and so does the run's entry in the ledger
    load(files, **settings, resume=caught.value.report.run_id)
    assert read_table(database, "homes").sort("id").rows() == [(1, 2), (2, 3)]
