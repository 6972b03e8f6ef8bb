"""The log of a process that loads several tables at once tells the loads apart."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

import propload

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

TABLES = ("flats", "houses")


def test_each_line_about_a_batch_names_its_table(database, caplog):
    def load(table):
        rows = ({"id": number} for number in range(40))
        settings = {"to": database, "table": table, "key": "id", "batch_rows": 10}
        return propload.ingest(rows, workers=2, **settings)

    with (
        caplog.at_level(logging.INFO, logger="propload"),
        ThreadPoolExecutor(len(TABLES)) as threads,
    ):
        reports = list(threads.map(load, TABLES))
    for table, report in zip(TABLES, reports, strict=True):
        lines = [line for line in caplog.messages if f"public.{table}" in line]
        assert sum(": prepared " in line for line in lines) == report.batches
        assert sum(": committed " in line for line in lines) == 2 * report.batches
    lines = [line for line in caplog.messages if "batch" in line]
    assert [line for line in lines if not line.startswith("public.")] == []
