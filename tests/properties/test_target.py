"""A table's name and the text that stands for it in ledgers, journals and reports."""

from hypothesis import given
from hypothesis import strategies as st

from propload.target import TableName

PARTS = st.text(min_size=1) | st.text('."a é', min_size=1)


@given(PARTS, PARTS)
def test_the_text_of_a_name_is_read_back(namespace, table):
    name = TableName(namespace, table)
    assert TableName.parse(str(name)) == name


@given(*[st.text(min_size=1).filter(lambda part: not set(part) & set('."'))] * 2)
def test_a_plain_name_has_no_quotes(namespace, table):
    # earlier runs wrote it so: what they left is found by it
    assert str(TableName(namespace, table)) == f"{namespace}.{table}"
