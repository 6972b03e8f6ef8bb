"""What was worded for flags names Scrapy's settings."""

import pytest

from propload.sources.spiders.settings_wording import (
    flags_to_settings,
    with_setting_name,
)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (
            "give key columns (--key A,B), or --mode append to add rows",
            "give key columns (PROPLOAD_KEY=A,B), or PROPLOAD_MODE=append to add rows",
        ),
        ("map a column to it (--mapping)", "map a column to it (PROPLOAD_MAPPING)"),
        ("leave --lock out to load", "leave PROPLOAD_LOCK out to load"),
        ("use fewer --workers", "use fewer PROPLOAD_WORKERS"),
        (
            "Give another one: --state-dir FOLDER, or PROPLOAD_STATE_DIR",
            "Give another one: PROPLOAD_STATE_DIR=FOLDER",
        ),
        (
            "have them added, or use --on-new-columns ignore",
            "have them added, or use PROPLOAD_ON_NEW_COLUMNS=ignore",
        ),
    ],
)
def test_a_flag_becomes_its_setting(told, wanted):
    assert flags_to_settings(told) == wanted


@pytest.mark.parametrize(
    "told",
    [
        "load them (propload recover 7 --key ... --mapping ...), or discard them",
        "To load them: propload recover 2026 --state-dir /kept",
        "rejects: propload rejects show 2026 --json\nnext line",
        "see -- as it is -- and --no-such-flag x",
        "",
    ],
)
def test_commands_and_other_words_stay(told):
    assert flags_to_settings(told) == told


def test_what_follows_a_command_is_no_part_of_it():
    told = "load them (propload recover 7 --table T), or give --table TABLE"
    wanted = "load them (propload recover 7 --table T), or give PROPLOAD_TABLE=TABLE"
    assert flags_to_settings(told) == wanted


def test_a_message_begins_with_the_setting_that_was_given():
    told = "mode: 'upsrt' is not one of upsert, append"
    named = f"PROPLOAD_{told[:4].upper()}{told[4:]}"
    assert with_setting_name(told, {"PROPLOAD_MODE"}) == named
    # of a target of its own
    assert with_setting_name(told, {"PROPLOAD_TARGETS"}) == told
    assert with_setting_name("homes: column id", {"PROPLOAD_KEY"}) == "homes: column id"
