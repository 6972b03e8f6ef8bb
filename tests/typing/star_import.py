"""Names that a type checker must know after `import *`; never run."""

from typing import assert_type

from propload import *  # noqa: F403 - the import under test

assert_type(ingest("homes.csv", table="homes"), Report)  # noqa: F405 - imported by *
