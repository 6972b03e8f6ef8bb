"""How fast is propload beside its peers? One file here is one candidate.

`FORM` says what `load` takes (frame or dicts), `MOST_ROWS` how many rows are enough to
know its pace, and `load(rows, scratch, table)` upserts them by their key. All write
into a table with the same primary key, but for `dlt_keyless`. Values are compared
after each run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from benchmarks.alone import grown_alone
from benchmarks.candidates import CANDIDATES, KEYLESS, Candidate
from benchmarks.measuring import Case, Options, measure, summarize
from benchmarks.works import NEW, FileWorks, ListingWorks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.scratch import Scratch
    from benchmarks.works import Work, Works

NAME = "peers"
QUESTION = "How fast is propload beside its peers, for the same rows and key?"
ROWS = 1_000_000
TAKES_INPUT = True
TAKES_ORDER = True
BY = ("work", "candidate")
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

    `mb_per_1000_rows` is by how much a process of its own grows, once for each.

    Args:
        frame: What `ask` returned.
    """
    table = summarize(frame, by=BY)
    seed = pl.DataFrame(
        [(name, float(pace)) for name, pace in SEED_FIGURES.items()],
        schema=["candidate", "rows_per_second"],
        orient="row",
    ).with_columns(work=pl.lit(NEW), mb_per_1000_rows=pl.lit(SEED_MB))
    everyone = pl.concat([table, seed], how="diagonal")
    ours = table.filter(pl.col("candidate") == "propload_frame").select(
        "work", pl.col("rows_per_second").alias("ours")
    )
    return everyone.join(ours, on="work", how="left").select(
        pl.exclude("ours"),
        (pl.col("ours") / pl.col("rows_per_second")).alias("propload_is_faster"),
    )


def conclude(frame: pl.DataFrame) -> str:
    """Return what the numbers say, one line a work."""
    table = compare(frame).filter(pl.col("least").is_not_null())
    works = table.get_column("work").unique(maintain_order=True)
    return "\n".join(
        line
        for work in works
        if (line := _conclude(work, table.filter(pl.col("work") == work)))
    )


def _conclude(work: str, rows: pl.DataFrame) -> str:
    """Return what the medians of one work say; nothing where nobody is beside."""
    name = pl.col("candidate")
    ours = rows.filter(name == "propload_frame")
    others = rows.filter(~name.str.starts_with("propload"), name != KEYLESS)
    if ours.is_empty() or others.is_empty():
        return ""
    best = others.sort("rows_per_second").row(-1, named=True)
    said = (
        f"{work}: propload {ours.item(0, 'rows_per_second'):,.0f} rows/s, the "
        f"fastest other with the same key ({best['candidate']}) "
        f"{best['rows_per_second']:,.0f}: {best['propload_is_faster']:.1f} times"
    )
    keyless = rows.filter(name == KEYLESS)
    if keyless.is_empty():
        return said
    return f"{said}; {keyless.item(0, 'propload_is_faster'):.1f} times {KEYLESS}"


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
    sizes = frame.select("candidate", "rows").unique(maintain_order=True)
    grown = [_megabytes(scratch, works, *size) for size in sizes.rows()]
    taken = sizes.select("candidate", pl.Series("mb_per_1000_rows", grown))
    return frame.join(taken, on="candidate", maintain_order="left")


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
    made: dict[int, tuple[Work, tuple[int, int]]] = {}
    chosen = [one for one in CANDIDATES if options.wants(name, one)]
    for one in filter(None, map(Candidate.find, chosen)):
        size = min(options.rows, one.most_rows)
        if size not in made:
            made[size] = _make(scratch, works.work(name, size))
        yield _case(scratch, one, *made[size])


def _make(scratch: Scratch, work: Work) -> tuple[Work, tuple[int, int]]:
    """Store what is there before, and note what has to be there afterwards."""
    scratch.fill(_stored(work), work.stored)
    return work, scratch.digest_of(work.result)


def _stored(work: Work) -> str:
    return f"stored_{work.name.replace(' ', '_').replace('%', '')}_{work.given.height}"


def _case(
    scratch: Scratch, one: Candidate, work: Work, expected: tuple[int, int]
) -> Case:
    given = one.taken(work.given, scratch)

    return Case(
        {"work": work.name, "candidate": one.name},
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
        # it has to know the rows as its own
        one.clear(scratch, "target")
        one.load(one.taken(work.stored, scratch), scratch, "target")
        scratch.arrange("target", _stored(work))
