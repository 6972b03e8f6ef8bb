"""How fast is propload beside its peers? One file here is one of them.

`FORM` says what `load` takes (frame or dicts), `MOST_ROWS` how many rows are enough to
know its pace, and `load(rows, scratch, table)` upserts them by their key. propload is
measured at each of these numbers too, so that equal is compared with equal. All write
into a table with the same primary key, but for `dlt_keyless`. Values are compared
after each run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.alone import grown_alone
from benchmarks.candidates import CANDIDATES, KEYLESS, TWINS, Candidate
from benchmarks.measuring import Case, Options, measure, summarize
from benchmarks.works import CHANGED, NEW, OVERLAP, UNCHANGED, FileWorks, ListingWorks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.scratch import Digest, Scratch
    from benchmarks.works import Work, Works

NAME = "peers"
QUESTION = "How fast is propload beside its peers, for the same rows and key?"
ROWS = 1_000_000
TAKES_INPUT = True
TAKES_ORDER = True
BY = ("work", "form", "candidate")
#: How many times as fast as dlt propload should be.
AIMS = {
    (NEW, "frame"): 3.5,
    (UNCHANGED, "frame"): 5,
    (CHANGED, "frame"): 4,
    (OVERLAP, "frame"): 3,
    (NEW, "dicts"): 20,
}
#: What the project began from: row objects and one statement a batch.
SEED_FIGURES = {
    "the seed, 1 worker": 1_000,
    "the seed, 8 workers": 5_000,
}
#: It took 2 to 3 MB for each 1,000 rows of the input.
SEED_MB = 2.5


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line a run: work, candidate, rows, seconds, rows_per_second."""
    works: Works = ListingWorks(by_key=options.by_key)
    if options.inputs:
        works = FileWorks.read(options.inputs, options.key)
    place = scratch.of(works.layout)
    return pl.concat(
        [_measure(place, options, works, name) for name in works.names],
        how="diagonal_relaxed",
    )


def compare(frame: pl.DataFrame) -> pl.DataFrame:
    """Return medians, and how many times as fast propload is.

    It is compared with rows of the same work, form and number: none where it was not
    measured so, as for the seed, whose rows are not known. A candidate that was
    measured with fewer rows as well bears their number in its name.
    `mb_per_1000_rows` is by how much a process of its own grows, once for each.

    Args:
        frame: What `ask` returned.
    """
    seed = pl.DataFrame(
        [(name, float(pace)) for name, pace in SEED_FIGURES.items()],
        schema=["candidate", "rows_per_second"],
        orient="row",
    ).with_columns(
        work=pl.lit(NEW), form=pl.lit("dicts"), mb_per_1000_rows=pl.lit(SEED_MB)
    )
    fewer = pl.col("rows") < pl.col("rows").max().over("work", "candidate")
    named = pl.when(fewer).then(pl.format("{}, {} rows", "candidate", "rows"))
    table = _ratios(frame).with_columns(candidate=named.otherwise("candidate"))
    return pl.concat([table, seed], how="diagonal")


def _ratios(frame: pl.DataFrame) -> pl.DataFrame:
    """Return medians beside those of propload with as many rows of the same form."""
    table = summarize(frame, by=BY)
    same = ["work", "form", "rows"]
    ours = table.filter(pl.col("candidate").is_in(list(TWINS.values()))).select(
        *same, pl.col("rows_per_second").alias("ours")
    )
    return table.join(ours, on=same, how="left", maintain_order="left").select(
        pl.exclude("ours"),
        (pl.col("ours") / pl.col("rows_per_second")).alias("propload_is_faster"),
    )


def conclude(frame: pl.DataFrame) -> str:
    """Return what the numbers say, a line for each work, form and number of rows."""
    groups = _ratios(frame).group_by("work", "form", "rows", maintain_order=True)
    lines = (_conclude(rows) for _, rows in groups)
    return "\n".join(filter(None, lines))


def _conclude(rows: pl.DataFrame) -> str:
    """Return what the medians of comparable runs say; "" if there is no other."""
    name = pl.col("candidate")
    ours = rows.filter(name.is_in(list(TWINS.values())))
    others = rows.filter(~name.str.starts_with("propload"), name != KEYLESS)
    if ours.is_empty() or others.is_empty():
        return ""
    own = ours.row(0, named=True)
    best = others.sort("rows_per_second").row(-1, named=True)
    paces = (
        f"{own['work']}, {own['rows']:,} rows ({own['form']}): propload "
        f"{own['rows_per_second']:,.0f} rows/s, the fastest other with the same key "
        f"({best['candidate']}) {best['rows_per_second']:,.0f}: {_times(best)}"
    )
    keyless = rows.filter(name == KEYLESS).to_dicts()
    told = [
        paces,
        *_beside_dlt(own, others),
        *(f"{_times(one)} {KEYLESS}" for one in keyless),
    ]
    return "; ".join(told)


def _beside_dlt(own: dict[str, Any], others: pl.DataFrame) -> Iterator[str]:
    """Give what to say of dlt with the same key, at its fastest."""
    dlt = others.filter(pl.col("candidate").str.starts_with("dlt"))
    for one in dlt.sort("rows_per_second").tail(1).to_dicts():
        aim = AIMS.get((own["work"], own["form"]))
        aimed = f", where {aim} are aimed at" if aim else ""
        yield f"{_times(one)} {one['candidate']}{aimed}"


def _times(one: dict[str, Any]) -> str:
    return f"{one['propload_is_faster']:.1f} times"


def _measure(
    scratch: Scratch, options: Options, works: Works, work: str
) -> pl.DataFrame:
    """Measure a work, unless others were asked for by their names."""
    named = [part for part in options.only if part in works.names]
    if named and work not in named:
        return pl.DataFrame()
    wanted = tuple(part for part in options.only if part not in named)
    chosen = Options(options.rows, options.runs, only=wanted, warm=options.warm)
    frame = measure(cases(scratch, works, work, chosen), chosen)
    scratch.execute("DROP TABLE IF EXISTS target")
    if work != NEW or frame.is_empty():
        return frame
    measured = frame.select("candidate", "rows").unique(maintain_order=True)
    grown = [_megabytes(scratch, works, *one) for one in measured.rows()]
    taken = measured.with_columns(pl.Series("mb_per_1000_rows", grown))
    return frame.join(taken, on=measured.columns, maintain_order="left")


def _megabytes(scratch: Scratch, works: Works, name: str, rows: int) -> float:
    """Return the memory that a candidate takes for 1,000 rows of a new table, in MB."""
    path = scratch.state / "alone.parquet"
    given = works.work(NEW, rows).given
    given.write_parquet(path)
    grown = grown_alone(name, path, scratch, "alone")
    scratch.verify("alone", scratch.digest_of(given))
    scratch.execute("DROP TABLE alone")
    return grown / 1e6 / (given.height / 1_000)


def cases(
    scratch: Scratch, works: Works, name: str, options: Options
) -> Iterator[Case]:
    """Give a case for each candidate that is asked for.

    Args:
        scratch: Where to.
        works: What rows there are.
        name: The work.
        options: How many rows, and which candidates.
    """
    made: dict[int, tuple[Work, Digest]] = {}
    # a file may have fewer rows than the smallest number
    begun: set[tuple[str, int]] = set()
    named = [one for one in CANDIDATES if options.wants(name, one)]
    chosen = list(filter(None, map(Candidate.find, named)))
    for one, size in sizes(chosen, options.rows):
        if size not in made:
            made[size] = _make(scratch, works.work(name, size))
        case = _case(scratch, one, *made[size])
        if (one.name, case.rows) not in begun:
            begun.add((one.name, case.rows))
            yield case


def sizes(chosen: list[Candidate], rows: int) -> Iterator[tuple[Candidate, int]]:
    """Give each candidate its number of rows, and propload those of all others.

    Args:
        chosen: The candidates.
        rows: The most rows.
    """
    for one in chosen:
        numbers = {min(rows, one.most_rows)}
        if one.name == TWINS.get(one.form):
            numbers |= {
                min(rows, other.most_rows) for other in chosen if other.form == one.form
            }
        for size in sorted(numbers, reverse=True):
            yield one, size


def _make(scratch: Scratch, work: Work) -> tuple[Work, Digest]:
    """Store what is there before, and note what has to be there afterwards."""
    scratch.fill(_stored(work), work.stored)
    return work, scratch.digest_of(work.result)


def _stored(work: Work) -> str:
    return f"stored_{work.name.replace(' ', '_').replace('%', '')}_{work.given.height}"


def _case(scratch: Scratch, one: Candidate, work: Work, expected: Digest) -> Case:
    given = one.taken(work.given, scratch)
    return Case(
        {"work": work.name, "form": one.form, "candidate": one.name},
        work.given.height,
        lambda: one.load(given, scratch, "target"),
        lambda: _prepare(scratch, one, work),
        lambda: scratch.verify("target", expected),
    )


def _prepare(scratch: Scratch, one: Candidate, work: Work) -> None:
    """Make the table as it is before the work: the same for every candidate.

    Rows lie in it in the order in which they were given, whoever stored them, and
    the server has finished all earlier work.
    """
    if not work.stored.height:
        one.clear(scratch, "target")
        # an empty table that was analyzed would have other plans than a new one
        scratch.settle()
    elif one.reset is None:
        scratch.copy_of(_stored(work), "target")
    else:
        # it has to have loaded the rows itself
        one.clear(scratch, "target")
        one.load(one.taken(work.stored, scratch), scratch, "target")
        scratch.arrange("target", _stored(work))
