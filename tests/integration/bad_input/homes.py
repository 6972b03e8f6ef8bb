"""A file of good rows, and the rows that are stored."""

from tests.integration.reading import read_table

GOOD = "id,price\n1,10\n2,20\n3,30\n"


def stored(database, table="homes"):
    return read_table(database, table).sort("id")
