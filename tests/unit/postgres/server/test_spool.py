from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from propload.postgres.server.spool import Spool, clear_spool, spool_of


@pytest.mark.parametrize("host", ["", "db.example.org", "127.0.0.1", "spool"])
def test_server_on_another_host_has_no_spool(host, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spool_of(tmp_path).mkdir(mode=0o700)
    assert Spool.find(host) is None


def test_folder_that_others_may_enter_is_no_spool(tmp_path):
    folder = spool_of(tmp_path)
    assert Spool.find(str(tmp_path)) is None
    folder.mkdir(mode=0o700)
    assert Spool.find(str(tmp_path)) is not None
    folder.chmod(0o750)
    assert Spool.find(str(tmp_path)) is None


def test_link_to_a_folder_is_no_spool(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    spool_of(tmp_path).symlink_to(elsewhere)
    assert Spool.find(str(tmp_path)) is None


@pytest.mark.parametrize("user", [0, 4321])
def test_folder_of_another_user_is_no_spool(tmp_path, monkeypatch, user):
    folder = spool_of(tmp_path)
    folder.mkdir(mode=0o700)
    found = folder.lstat()

    def lstat(path):
        # the folder belongs to another user than the socket
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:]))

    monkeypatch.setattr(Path, "lstat", lstat)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert Spool.find(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("column", "accepted"),
    [
        (pa.array(["a"] * 500, pa.large_string()), True),
        (pa.array([1] * 500, pa.int16()), True),
        (pa.array([1] * 100, pa.int16()), False),
        (pa.array([1] * 500, pa.decimal128(9, 2)), False),
        (pa.array([1] * 500, pa.timestamp("ns")), False),
        (pa.array([1] * 500, pa.timestamp("us", tz="Europe/Amsterdam")), False),
        (pa.nulls(500), False),
    ],
)
def test_only_many_rows_of_plain_types_are_accepted(tmp_path, column, accepted):
    assert Spool(tmp_path).accepts(pa.table({"v": column})) is accepted


def test_closed_spool_accepts_no_rows(tmp_path):
    rows = pl.DataFrame({"v": range(500)}).to_arrow()
    spool = Spool(tmp_path)
    assert spool.accepts(rows)
    spool.close("the disk is full")
    assert not spool.accepts(rows)


def test_failed_write_leaves_no_file(tmp_path):
    far = pl.Series([2**63 - 1, -(2**63)]).cast(pl.Datetime("us"))
    with pytest.raises(ValueError, match="flow"):
        Spool(tmp_path).write(pl.DataFrame({"v": far}).to_arrow())
    assert list(tmp_path.iterdir()) == []


def test_clearing_a_missing_spool_does_nothing(tmp_path):
    clear_spool(tmp_path / "none")
