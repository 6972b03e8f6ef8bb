"""Which table a source goes into where nobody says."""

import pytest

import propload
from propload.errors import ConfigError
from propload.postgres.server import embedded
from propload.running.choosing import choose_table


@pytest.mark.parametrize(
    ("source", "table"),
    [
        ("data/Homes 2024.csv.gz", "public.homes_2024"),
        ("data/rent\\sale.csv", "public.rent_sale"),
        ("caf\\xe9.csv", "public.caf_xe9"),
        ("todays_homes", "public.todays_homes"),
    ],
)
def test_a_table_is_called_like_its_source(source, table):
    assert str(choose_table({}, None, source)) == table


@pytest.mark.parametrize(
    "source",
    [
        "stdin",
        "frame",
        "lazy frame",
        "list",
        "<genexpr>",
        "pushed",
        "2 sources from a to b",
    ],
)
def test_what_has_no_name_needs_a_table(source):
    with pytest.raises(ConfigError, match=r"no table to load .* into: give --table"):
        choose_table({}, None, source)
    assert str(choose_table({"table": "a.b"}, None, source)) == "a.b"


def test_the_address_of_the_embedded_database_is_that_of_the_state_folder(
    monkeypatch, state_dir, tmp_path
):
    def start(folder, *, stopped):
        assert not stopped()
        return f"postgresql:///{folder}"

    monkeypatch.setattr(embedded, "start", start)
    assert propload.embedded_url() == f"postgresql:///{state_dir}"
    assert propload.embedded_url(state_dir=tmp_path) == f"postgresql:///{tmp_path}"
    with pytest.raises(ConfigError, match="to has no say"):
        propload.embedded_url(to="postgresql://elsewhere")
