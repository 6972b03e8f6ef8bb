"""Pandera changes nothing for the program that uses propload."""

import os
import subprocess
import sys

import pytest

CODE = """
import datetime as dt, os
import pyarrow as pa
{imports}
told = [os.environ.get(name) for name in ("PYARROW_IGNORE_TIMEZONE", "SPARK_LOCAL_IP")]
noon = dt.datetime(2024, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
kept = pa.Table.from_pylist([{{"t": noon}}])["t"][0].as_py()
print(told, kept == noon)
"""


def output_of_new_process(imports, **variables):
    bare = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYARROW_IGNORE_TIMEZONE", "SPARK_LOCAL_IP"}
    }
    completed = subprocess.run(
        [sys.executable, "-c", CODE.format(imports=imports)],
        env={**bare, **variables},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return completed.stdout.strip()


@pytest.mark.parametrize(
    "imports",
    [
        "from propload.schemas.listing import LISTING",
        "from propload.prepare.checks import validation as v; v.load_schema('listing')",
        "import propload.schemas.rules",
    ],
)
def test_schema_leaves_the_environment_as_it_was(imports):
    assert output_of_new_process(imports) == "[None, None] True"


def test_variables_set_by_the_user_are_kept():
    variables = {"PYARROW_IGNORE_TIMEZONE": "", "SPARK_LOCAL_IP": "10.0.0.1"}
    found = output_of_new_process("import propload.schemas.rules", **variables)
    assert found.startswith("['', '10.0.0.1']")


def test_variables_set_by_an_earlier_pandera_import_are_kept():
    imports = "import pandera.polars; import propload.schemas.rules"
    assert output_of_new_process(imports) == "['1', '127.0.0.1'] False"
