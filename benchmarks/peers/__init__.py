"""How fast is propload compared with its peers? Each module here is one of them.

`FORM` is the form of rows that `load` takes (frame, dicts or csv), `MOST_ROWS` the
number of rows that is enough to know its speed, and `load(rows, scratch, table)`
upserts them by their key. propload is measured at each of these numbers too, so that
equal numbers are compared. All but `dlt_keyless` write into a table with the same
primary key. Values are verified after each run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.candidates import BASELINES, CANDIDATES, KEYLESS, Candidate
from benchmarks.isolated import isolated_growth
from benchmarks.measuring import Case, Options, measure, summarize
from benchmarks.workloads import (
    CHANGED,
    NEW,
    OVERLAP,
    UNCHANGED,
    FileWorkloads,
    ListingWorkloads,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.scratch import Digest, Scratch
    from benchmarks.workloads import Workload, Workloads

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
#: Rows per second of the seed, from which the project began: row objects, and one
#: statement per batch.
SEED_FIGURES = {
    "the seed, 1 worker": 1_000,
    "the seed, 8 workers": 5_000,
}
#: Its memory in MB per 1,000 rows of the input: 2 to 3.
SEED_MB = 2.5


def ask(scratch: Scratch, options: Options) -> pl.DataFrame:
    """Return one line per run: work, candidate, rows, seconds, rows_per_second."""
    workloads: Workloads = ListingWorkloads(by_key=options.by_key)
    if options.inputs:
        workloads = FileWorkloads.read(options.inputs, options.key)
    place = scratch.of(workloads.layout)
    return pl.concat(
        [_measure(place, options, workloads, name) for name in workloads.names],
        how="diagonal_relaxed",
    )


def compare(frame: pl.DataFrame) -> pl.DataFrame:
    """Return medians, and how many times as fast as each candidate propload is.

    A candidate is compared with propload for the same work, form and number of rows.
    The ratio is null if there is no such measurement, as for the seed, whose number of
    rows is unknown. If a candidate was also measured with fewer rows, their number is
    added to its name. `mb_per_1000_rows` is by how much a separate process grows,
    measured once for each candidate and number of rows.

    Args:
        frame: The frame from `ask`.
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
    """Return medians with their ratios to propload for the same work, form and rows."""
    table = summarize(frame, by=BY)
    same = ["work", "form", "rows"]
    ours = table.filter(pl.col("candidate").is_in(list(BASELINES.values()))).select(
        *same, pl.col("rows_per_second").alias("ours")
    )
    return table.join(ours, on=same, how="left", maintain_order="left").select(
        pl.exclude("ours"),
        (pl.col("ours") / pl.col("rows_per_second")).alias("propload_is_faster"),
    )


def conclude(frame: pl.DataFrame) -> str:
    """Return the results as text, one line per work, form and number of rows."""
    groups = _ratios(frame).group_by("work", "form", "rows", maintain_order=True)
    lines = (_conclude(rows) for _, rows in groups)
    return "\n".join(filter(None, lines))


def _conclude(rows: pl.DataFrame) -> str:
    """Return the comparison as text; "" if there is no other candidate."""
    name = pl.col("candidate")
    ours = rows.filter(name.is_in(list(BASELINES.values())))
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
    sentences = [
        paces,
        *_compare_with_dlt(own, others),
        *(f"{_times(line)} {KEYLESS}" for line in keyless),
    ]
    return "; ".join(sentences)


def _compare_with_dlt(own: dict[str, Any], others: pl.DataFrame) -> Iterator[str]:
    """Yield the comparison with the fastest candidate of dlt with the same key."""
    dlt = others.filter(pl.col("candidate").str.starts_with("dlt"))
    for row in dlt.sort("rows_per_second").tail(1).to_dicts():
        aim = AIMS.get((own["work"], own["form"]))
        aimed = f", where {aim} are aimed at" if aim else ""
        yield f"{_times(row)} {row['candidate']}{aimed}"


def _times(row: dict[str, Any]) -> str:
    return f"{row['propload_is_faster']:.1f} times"


def _measure(
    scratch: Scratch, options: Options, workloads: Workloads, workload: str
) -> pl.DataFrame:
    """Measure a workload, unless only others were asked for by name."""
    named = [part for part in options.only if part in workloads.names]
    if named and workload not in named:
        return pl.DataFrame()
    wanted = tuple(part for part in options.only if part not in named)
    chosen = Options(options.rows, options.runs, only=wanted, warm=options.warm)
    frame = measure(cases(scratch, workloads, workload, chosen), chosen)
    scratch.execute("DROP TABLE IF EXISTS target")
    if workload != NEW or frame.is_empty():
        return frame
    measured = frame.select("candidate", "rows").unique(maintain_order=True)
    grown = [_megabytes(scratch, workloads, *case) for case in measured.rows()]
    memory = measured.with_columns(pl.Series("mb_per_1000_rows", grown))
    return frame.join(memory, on=measured.columns, maintain_order="left")


def _megabytes(scratch: Scratch, workloads: Workloads, name: str, rows: int) -> float:
    """Return the memory in MB per 1,000 rows that a candidate takes for a new table."""
    path = scratch.state / "alone.parquet"
    incoming = workloads.workload(NEW, rows).incoming
    incoming.write_parquet(path)
    grown = isolated_growth(name, path, scratch, "alone")
    scratch.verify("alone", scratch.digest_of(incoming))
    scratch.execute("DROP TABLE alone")
    return grown / 1e6 / (incoming.height / 1_000)


def cases(
    scratch: Scratch, workloads: Workloads, name: str, options: Options
) -> Iterator[Case]:
    """Yield a case for each candidate to be measured.

    Args:
        scratch: The namespace to load into.
        workloads: The workloads of the rows.
        name: The name of the workload.
        options: How many rows, and which candidates.
    """
    made: dict[int, tuple[Workload, Digest]] = {}
    # a file may have fewer rows than several of the sizes, which are then the same case
    begun: set[tuple[str, int]] = set()
    named = [candidate for candidate in CANDIDATES if options.wants(name, candidate)]
    chosen = list(filter(None, map(Candidate.find, named)))
    for candidate, size in sizes(chosen, options.rows):
        if size not in made:
            made[size] = _make(scratch, workloads.workload(name, size))
        case = _case(scratch, candidate, *made[size])
        if (candidate.name, case.rows) not in begun:
            begun.add((candidate.name, case.rows))
            yield case


def sizes(chosen: list[Candidate], rows: int) -> Iterator[tuple[Candidate, int]]:
    """Yield each candidate with its number of rows, and propload with those of all.

    Args:
        chosen: The candidates.
        rows: The most rows for any of them.
    """
    for candidate in chosen:
        numbers = {min(rows, candidate.most_rows)}
        if candidate.name == BASELINES.get(candidate.form):
            numbers |= {
                min(rows, other.most_rows)
                for other in chosen
                if other.form == candidate.form
            }
        for size in sorted(numbers, reverse=True):
            yield candidate, size


def _make(scratch: Scratch, workload: Workload) -> tuple[Workload, Digest]:
    """Store the rows that exist before; return the workload and its expected digest."""
    scratch.fill(_stored(workload), workload.stored)
    return workload, scratch.digest_of(workload.result)


def _stored(workload: Workload) -> str:
    name = workload.name.replace(" ", "_").replace("%", "")
    return f"stored_{name}_{workload.incoming.height}"


def _case(
    scratch: Scratch, candidate: Candidate, workload: Workload, expected: Digest
) -> Case:
    incoming = candidate.convert(workload.incoming, scratch)
    return Case(
        {"work": workload.name, "form": candidate.form, "candidate": candidate.name},
        workload.incoming.height,
        lambda: candidate.load(incoming, scratch, "target"),
        lambda: _prepare(scratch, candidate, workload),
        lambda: scratch.verify("target", expected),
    )


def _prepare(scratch: Scratch, candidate: Candidate, workload: Workload) -> None:
    """Create the table as it is before the load, the same for every candidate.

    Its rows are stored in the order in which they were given, whichever candidate wrote
    them, and the server has finished all earlier work.
    """
    if not workload.stored.height:
        candidate.clear(scratch, "target")
        # not analyzed: an empty table would then get other plans than a new one
        scratch.settle()
    elif candidate.reset is None:
        scratch.copy_of(_stored(workload), "target")
    else:
        # it must load the rows itself
        candidate.clear(scratch, "target")
        candidate.load(candidate.convert(workload.stored, scratch), scratch, "target")
        scratch.arrange("target", _stored(workload))
