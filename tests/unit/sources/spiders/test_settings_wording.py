"""Messages worded for command-line flags name Scrapy's settings instead."""

import pytest

from propload.sources.spiders.settings_wording import (
    flags_to_settings,
    with_setting_name,
)


@pytest.mark.parametrize(
    ("message", "wanted"),
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
def test_flag_becomes_its_setting(message, wanted):
    assert flags_to_settings(message) == wanted


@pytest.mark.parametrize(
    "message",
    [
        "load them (propload recover 7 --key ... --mapping ...), or discard them",
        "To load them: propload recover 2026 --state-dir /kept",
        "rejects: propload rejects show 2026 --json\nnext line",
        "see -- as it is -- and --no-such-flag x",
        "",
    ],
)
def test_commands_and_other_words_are_unchanged(message):
    assert flags_to_settings(message) == message


def test_flag_after_a_command_becomes_its_setting():
    message = "load them (propload recover 7 --table T), or give --table TABLE"
    wanted = "load them (propload recover 7 --table T), or give PROPLOAD_TABLE=TABLE"
    assert flags_to_settings(message) == wanted


def test_message_begins_with_the_name_of_the_setting():
    message = "mode: 'upsrt' is not one of upsert, append"
    with_name = f"PROPLOAD_{message[:4].upper()}{message[4:]}"
    assert with_setting_name(message, {"PROPLOAD_MODE"}) == with_name
    # mode was set for one target, not by PROPLOAD_MODE
    assert with_setting_name(message, {"PROPLOAD_TARGETS"}) == message
    assert with_setting_name("homes: column id", {"PROPLOAD_KEY"}) == "homes: column id"
