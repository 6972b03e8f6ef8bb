"""What a run reports about rows whose piece was rolled back for good."""

import pytest

import propload
from propload.errors import LoadError
from tests.integration.reading import read_table, run_sql

pytestmark = [pytest.mark.timeout(60), pytest.mark.one_server]

#: Accepts every statement but no commit, with a code that puts the blame on no row.
TABLE = (
    "CREATE TABLE homes (id bigint PRIMARY KEY, price bigint CHECK (price > 0))",
    """CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'out of order' USING ERRCODE = 'XX000'; END $$""",
    """CREATE CONSTRAINT TRIGGER late AFTER INSERT ON homes DEFERRABLE INITIALLY
    DEFERRED FOR EACH ROW EXECUTE FUNCTION public.fail()""",
)
ROWS = [{"id": number, "price": number} for number in range(20)]


def test_no_row_of_an_uncommitted_piece_is_rejected(database, state_dir):
    run_sql(database, *TABLE)
    settings = {"to": database, "table": "homes", "key": "id", "workers": 1}
    with pytest.raises(LoadError, match="out of order") as caught:
        propload.ingest(ROWS, **settings)
    report = caught.value.report
    assert report.counts.read == 0
    assert report.reasons_counted == ()
    assert report.rejects_path is None
    # replaying them would load rows that the next load brings as well
    assert [path.name for path in (state_dir / "rejects").glob("*.ndjson")] == []
    run_sql(database, "DROP TRIGGER late ON homes")
    report = propload.ingest(ROWS, **settings)
    assert (report.counts.inserted, report.counts.rejected) == (19, 1)
    assert read_table(database, "homes").height == 19
