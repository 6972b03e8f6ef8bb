"""Compare the mapping with the values that an author cleaned from the same texts.

`amsterdam-2019.csv` holds the texts of 516 pages and, beside them, prices, areas and
places that its author cleaned. The mapping reads only the texts. Differences are
counted and explained here.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from propload.batch import ROW
from propload.prepare.checks.validation import load_schema
from propload.prepare.mapping import MapContext
from propload_spiders.mapping import FUNDA

CLEANED = (
    "Name",
    "PostalCode",
    "Postal Code Generic",
    "Price",
    "Sale type",
    "Price per m2",
    "Surface",
    "Latitude",
    "Longitude",
)
#: The pages were read in the middle of November 2019.
CONTEXT = MapContext(as_of=datetime(2019, 11, 20, 12, tzinfo=UTC), source="oracle")


def read(folder, name):
    return pl.read_csv(folder / "funda" / name, infer_schema=False)


@pytest.fixture(scope="module")
def cleaned(shared_data):
    return read(shared_data, "amsterdam-2019.csv")


@pytest.fixture(scope="module")
def paired(cleaned):
    """Pair the mapped rows with the author's values."""
    sifted = FUNDA.apply(cleaned.drop(CLEANED), CONTEXT)
    assert sifted.reasons.is_empty()
    author = cleaned.select(pl.all().name.prefix("author:")).with_row_index(ROW)
    return sifted.frame.join(author, on=ROW, validate="1:1")


def differing(paired, mapped, author):
    return paired.filter(mapped.ne_missing(author))


def test_every_price_equals_that_of_the_author(paired):
    author = pl.col("author:Price").cast(pl.Int64)
    assert differing(paired, pl.col("list_price"), author).is_empty()


def test_every_price_condition_equals_that_of_the_author(paired):
    mapped = pl.col("price_condition").str.to_uppercase()
    assert differing(paired, mapped, pl.col("author:Sale type")).is_empty()


def test_every_postal_code_equals_that_of_the_author(paired):
    author = pl.col("author:PostalCode")
    assert differing(paired, pl.col("postal_code"), author).is_empty()


def test_area_differs_only_where_the_author_wrote_zero_for_none(paired):
    author = pl.col("author:Surface").cast(pl.Float64)
    other = differing(paired, pl.col("living_area_m2"), author)
    assert other.height == 10
    assert set(other["author:Wonen"]) == {"-"}
    assert set(other["author:Surface"]) == {"0"}
    assert other["living_area_m2"].null_count() == 10


def test_price_per_area_differs_only_where_the_file_lacks_the_area(paired):
    mapped = (pl.col("list_price") / pl.col("living_area_m2")).round(0).cast(pl.Int64)
    author = pl.col("author:Price per m2").cast(pl.Int64)
    other = differing(paired, mapped, author)
    # the page had an area, which the file lost; the author's quotient is based on it
    assert set(other["author:Wonen"]) == {"-"}
    assert other.height == 10


def test_volume_is_kept_only_where_the_file_holds_one(paired):
    # The file's `Inhoud` is mostly not the volume: labels of the page have two levels,
    # so labels and values were paired with a shift, and the column holds the area of
    # the balcony (or the living area again). The ten pages without areas have no
    # second level, so there it is the volume.
    inhoud = pl.col("author:Inhoud")
    cubic = paired.filter(inhoud.str.ends_with("m³"))
    square = paired.filter(inhoud.str.ends_with("m²"))
    assert (cubic.height, square.height) == (10, 506)
    assert cubic["volume_m3"].null_count() == 0
    assert set(cubic["author:Wonen"]) == {"-"}
    assert square["volume_m3"].null_count() == 506
    assert square.filter(~pl.col("attributes").str.contains('"Inhoud":')).is_empty()


def test_coordinates_differ_only_where_the_author_found_none(cleaned):
    mapped = FUNDA.apply(cleaned, CONTEXT).frame
    author = cleaned.select(
        y=pl.col("Latitude").cast(pl.Float64), x=pl.col("Longitude").cast(pl.Float64)
    )
    paired = pl.concat([mapped, author], how="horizontal")
    other = paired.filter(
        pl.col("latitude").ne_missing(pl.col("y"))
        | pl.col("longitude").ne_missing(pl.col("x"))
    )
    assert other.select("y", "x").rows() == [(0.0, 0.0)] * 2
    assert other["latitude"].null_count() == 2


def test_street_and_house_number_make_up_the_name(cleaned):
    mapped = FUNDA.apply(cleaned, CONTEXT).frame
    joined = pl.concat_str(
        "street",
        "house_number",
        "house_number_suffix",
        separator=" ",
        ignore_nulls=True,
    )
    plain = cleaned["Name"].str.replace_all(r"[\s-]+", " ").str.strip_chars()
    names = mapped.select(joined.str.replace_all(r"[\s-]+", " ")).to_series()
    assert names.to_list() == plain.to_list()
    assert mapped["house_number"].null_count() == 0


def test_raw_file_has_three_new_buildings_that_the_author_left_out(shared_data, paired):
    # the author left out three units that have a building number but no address
    raw = read(shared_data, "amsterdam-2019-raw.csv")
    sifted = FUNDA.apply(raw, CONTEXT)
    assert sifted.reasons.is_empty()
    assert sifted.frame["listing_id"].n_unique() == sifted.frame.height == 519
    more = sifted.frame.join(paired, on="listing_id", how="anti")
    assert more.height == 3
    assert more["is_new_construction"].all()
    same = sifted.frame.join(paired.select("listing_id"), on="listing_id")
    shared = [name for name in same.columns if name not in (ROW, "attributes")]
    assert (
        same.select(shared)
        .sort("listing_id")
        .equals(paired.select(shared).sort("listing_id"))
    )


@pytest.mark.parametrize(
    ("name", "rows", "loaded", "refused"),
    [
        ("amsterdam-2019-raw.csv", 519, 519, {}),
        ("amsterdam-2019.csv", 516, 516, {}),
        # 153 rows without an address and 86 with a truncated one; some of these, and
        # 7 more, have their cells shifted against their labels
        (
            "rotterdam-raw.csv.gz",
            1685,
            1440,
            {"listing address": 239, "misplaced": 157, "parse": 2},
        ),
        ("den-haag-raw.csv.gz", 1290, 1268, {"listing address": 22, "misplaced": 20}),
        ("three-cities-cleaned.csv.gz", 4060, 4060, {}),
    ],
)
def test_each_file_yields_the_known_number_of_listings(
    shared_data, name, rows, loaded, refused
):
    raw = read(shared_data, name)
    sifted = FUNDA.apply(raw, CONTEXT)
    assert (raw.height, sifted.frame.height) == (rows, loaded)
    counts = sifted.reasons.group_by("check").agg(pl.col(ROW).n_unique())
    assert dict(counts.iter_rows()) == refused


@pytest.mark.parametrize(
    "name",
    [
        "amsterdam-2019.csv",
        "rotterdam-raw.csv.gz",
        "den-haag-raw.csv.gz",
        "three-cities-cleaned.csv.gz",
    ],
)
def test_every_listing_of_a_file_passes_the_check(shared_data, name):
    context = MapContext(as_of=datetime(2022, 4, 8, tzinfo=UTC), source=name)
    mapped = FUNDA.apply(read(shared_data, name), context).frame
    checker = load_schema("propload.schemas.listing:LISTING")
    assert checker.check(mapped).reasons.is_empty()
    warned = checker.warnings(mapped)
    assert set(warned["check"]) <= {"plausible_height", "plausible_room_size"}
