from __future__ import annotations

import pickle

import propload


def test_report_can_be_pickled(database):
    settings = {"to": database, "table": "homes", "key": "id"}
    report = propload.ingest([{"id": 1}, {"id": None}], **settings)
    unpickled = pickle.loads(pickle.dumps(report))  # noqa: S301 - of its own making
    assert unpickled == report
    assert unpickled.rejects.equals(report.rejects)
    clean = propload.ingest([{"id": 1}], **settings)
    assert report.rejects.columns == ["id", *clean.rejects.columns]
    assert clean.rejects.is_empty()
