"""Sheets of workbooks (.xlsx, .xls, .xlsb, .ods), as text columns."""

from __future__ import annotations

import io
import re
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import fastexcel
import polars as pl
import pyarrow as pa

from propload.batch import CREATED_AS, WRITTEN_NUMBER, Unread
from propload.errors import SourceError
from propload.fields import but_texts
from propload.sources.above import lines_above
from propload.sources.dialect import SAMPLE_ROWS, doubt_first, name_columns
from propload.sources.records import HEADER_AGAIN
from propload.sources.source import cut, noted, with_nulls
from propload.values import FORMULA_ERRORS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import IO

    from propload.batch import Batch
    from propload.options import SourceOptions


#: Texts that take the place of cells, by column and row.
_Words: TypeAlias = "dict[int, dict[int, str]]"
#: The reading options that workbooks heed.
TAKES = frozenset({"sheet", "skip_lines", "header", "null_words"})
#: How the reader names an error that a formula gave.
_ERROR = re.compile(r"Error\((\w+)\)")
#: How it names the time in a cell of an OpenDocument sheet.
_DURATION = re.compile(r'DurationIso\("(.*)"\)')
_CLOCK = re.compile(r"^(-?)PT(\d+)H(\d+)M([\d.]+)S$")
#: How the reader tells of a cell that is shown as a span of time (`[h]:mm`), in days.
_SPAN = re.compile(r"value: ([-+.0-9eE]+), datetime_type: TimeDelta")
#: The text of a cell that is shown as a moment or a span: the reader writes them alike.
_MOMENT = r"^-?[0-9]{4,}-[0-9]{2}-[0-9]{2} [0-9]{2}:"
#: How the styles of a workbook tell of a format that shows a span.
_SPAN_FORMAT = re.compile(
    rb'numFmtId="4[67]"|formatCode="[^"]*\[(?:h+|m+|s+)\]', re.IGNORECASE
)
STYLES = "xl/styles.xml"
#: Where no styles tell of spans, moments before this year may be some: they count from
#: the day before Excel's first.
_LAST_SPAN = "1920"
_ANY_MOMENT = ":"
_SPAN_TEXT = r"^-?[0-9]{2,}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?$"
#: A whole number, as cells have one; of numbers those with more digits than a decimal
#: holds are written with an exponent.
_WHOLE = r"^-?[0-9]+$"
LONGEST_WHOLE = 39
#: How the reader tells of a cell with text.
_TEXT_CELL = "'String("
#: How many rows of the sheet stand above one, by a name that no column has.
ABOVE = "propload_above"
#: So many sheets that were not read are named.
SHEETS_TOLD = 10
MILLISECONDS_A_DAY = 86_400_000
#: A time without a day comes as one of the day before Excel's first.
_TIME_OF_DAY = r"^1899-12-3[01] ([0-9]{2}:.*)$"


def read_workbook(
    file: IO[bytes], name: str, options: SourceOptions
) -> Iterator[Batch]:
    """Yield the rows of one sheet that are not blank.

    A sheet is read whole: its format allows nothing else, and it ends at a million
    rows.

    Args:
        file: The workbook.
        name: What messages call it.
        options: Which sheet, and how many rows and bytes go into one batch.

    Raises:
        SourceError: The workbook is damaged, has no such sheet or an empty one.
    """
    sheet = _Sheet(file, name, options)
    frame, numbers, spans = _cells(sheet)
    frame = _below(frame, options.skip_lines, name)
    head = frame.head(1 + SAMPLE_ROWS).fill_null("").rows()
    first, *sample = [row[1:] for row in head]
    names, has_header = name_columns(first, sample, name, header=options.header)
    doubt = ""
    if options.header is None:
        above = lines_above([(row[0], row[1:]) for row in head])
        lines = above and options.skip_lines + above
        doubt = doubt_first(first, sample, name, lines=lines, is_header=has_header)
    frame, again = _without_header(frame.drop(ABOVE), first if has_header else None)
    columns = frame.get_columns()
    fields = [
        _field(name, one, may_be_span=place in spans, numbers_but=numbers.get(place))
        for place, (name, one) in enumerate(zip(names, columns, strict=True))
    ]
    rows = pa.RecordBatch.from_arrays(
        [column.to_arrow() for column in columns], schema=pa.schema(fields)
    )
    rows = with_nulls(rows, options.null_words)
    batches = cut(rows, name, 1, options, untyped=True, unread=again)
    yield from noted(batches, [*filter(None, (sheet.note, doubt))])


def _cells(sheet: _Sheet) -> tuple[pl.DataFrame, dict[int, set[str]], _Words]:
    """Return all cells as text, texts that only look like numbers, and spans."""
    frame, numbers = sheet.with_numbers()
    frame = _with_words(frame, sheet.errors)
    spans = sheet.spans(_columns_with(frame, _MOMENT, before=sheet.last_span))
    frame = _with_words(frame, spans)
    shown = frame.with_columns(pl.all().str.replace(_TIME_OF_DAY, "$1"))
    return shown, numbers, spans


def _below(frame: pl.DataFrame, lines: int, name: str) -> pl.DataFrame:
    """Return the rows below some, without blank ones, and what stands above in `ABOVE`.

    Raises:
        SourceError: There are none.
    """
    frame = frame.slice(lines).with_row_index(ABOVE)
    frame = frame.filter(pl.any_horizontal(pl.exclude(ABOVE).is_not_null()))
    if frame.is_empty():
        below = f" below row {lines}" if lines else ""
        msg = f"{name} is empty: its sheet has no rows{below}"
        raise SourceError(msg, source=name)
    return frame


def _without_header(
    frame: pl.DataFrame, header: Sequence[str] | None
) -> tuple[pl.DataFrame, list[Unread]]:
    """Return the rows below the header, and those that are the header again.

    Args:
        frame: All rows.
        header: The texts of the first one, or None where that is no header.
    """
    if header is None:
        return frame, []
    frame = frame.slice(1)
    if len(header) < 2:
        # of one column, a value may well be its name
        return frame, []
    same = [
        pl.col(name).fill_null("") == text
        for name, text in zip(frame.columns, header, strict=True)
    ]
    again = frame.select(pl.all_horizontal(same)).to_series()
    check, why = HEADER_AGAIN
    text = "\t".join(header)
    unread = [Unread(row + 1, text, check, why) for row in again.arg_true()]
    return (frame.filter(~again) if unread else frame), unread


def _with_words(frame: pl.DataFrame, columns: _Words) -> pl.DataFrame:
    """Return the cells with some of them replaced."""
    for column, words in columns.items():
        cells = frame.to_series(column).scatter(list(words), list(words.values()))
        frame.replace_column(column, cells)
    return frame


def _columns_with(
    frame: pl.DataFrame, pattern: str, *, before: str | None = None
) -> list[int]:
    """Return the columns with a cell whose text matches a pattern.

    Args:
        frame: All cells as text.
        pattern: The pattern.
        before: A text that the cell's comes before, where that is asked for.
    """
    sought = pl.all().str.contains(pattern)
    if before is not None:
        sought &= pl.all() < before
    found = frame.select(sought.any())
    return [place for place, column in enumerate(found) if column.item()]


def _last_span(content: bytes) -> str:
    """Return what the text of a span of time comes before; nothing where none is."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            styles = archive.read(STYLES)
    except (zipfile.BadZipFile, KeyError):
        # an older or another kind of workbook
        return _LAST_SPAN
    return _ANY_MOMENT if _SPAN_FORMAT.search(styles) else ""


def _field(
    name: str,
    column: pl.Series,
    *,
    may_be_span: bool,
    numbers_but: Collection[str] | None,
) -> pa.Field:
    """Return a text column's field, an interval's where each cell is a span of time.

    Args:
        name: The column's name.
        column: Its texts.
        may_be_span: Whether some cells are spans of time.
        numbers_but: Texts that only look like the numbers of other cells, if it has
            such.
    """
    is_span = may_be_span and column.str.contains(_SPAN_TEXT).all()
    field = pa.field(
        name,
        column.head(0).to_arrow().type,
        metadata={CREATED_AS: b"interval"} if is_span else None,
    )
    return field if numbers_but is None else but_texts(field, numbers_but)


def _exact(column: pl.Series, numbers: pl.Series, texts: Collection[int]) -> pl.Series:
    """Return cells with their numbers in full: the reader rounds to nine decimals.

    Args:
        column: All cells as text.
        numbers: All that may be read as numbers as such.
        texts: Rows of cells with text among those that look like one with decimals.
    """
    frame = pl.DataFrame({"text": column, "number": numbers})
    frame = frame.with_row_index("row")
    text, number = pl.col("text"), pl.col("number")
    is_decimal = text.str.contains(WRITTEN_NUMBER) & ~pl.col("row").is_in(list(texts))
    # of a cell with text both are the same, and no text is so long
    is_whole = text.str.contains(_WHOLE)
    is_rounded = text.cast(pl.Float64, strict=False) != number
    is_long = text.str.len_bytes() > LONGEST_WHOLE
    is_number = number.is_not_null() & (is_decimal | is_whole & (is_rounded | is_long))
    full = number.cast(pl.String).str.strip_suffix(".0")
    return frame.select(pl.when(is_number).then(full).otherwise(text)).to_series()


class _Sheet:
    """One sheet of a workbook.

    Args:
        file: The workbook.
        name: What messages call it.
        options: Which sheet.

    Attributes:
        errors: Cells with an error, or with a time in OpenDocument, as they are shown.
        last_span: What the text of a span of time comes before.
        note: Which sheet was taken of several, or nothing.

    Raises:
        SourceError: The workbook is damaged or has no such sheet.
    """

    def __init__(self, file: IO[bytes], name: str, options: SourceOptions) -> None:
        self._name = name
        content = file.read()
        with self._readable():
            self._workbook = fastexcel.read_excel(content)
        self._sheet = options.sheet or 0
        if options.sheet and options.sheet not in self._workbook.sheet_names:
            known = ", ".join(repr(sheet) for sheet in self._workbook.sheet_names)
            msg = f"{name} has no sheet {options.sheet!r}: it has {known}"
            raise SourceError(msg, source=name)
        self.note = _sheet_note(name, options.sheet, self._workbook.sheet_names)
        self.last_span = _last_span(content)
        self._in_sheet: list[int] = []
        #: As text; a span of time as a moment, a cell with an error as null.
        self._cells, faults = self._load("string")
        self.errors: _Words = {}
        for (row, column), told in faults:
            self.errors.setdefault(column, {})[row] = _shown(told)

    def with_numbers(self) -> tuple[pl.DataFrame, dict[int, set[str]]]:
        """Return the cells with numbers in full, and texts that only look like some.

        The texts are those of each column that has numbers with decimals.
        """
        frame = pl.DataFrame(self._cells)
        looking = _columns_with(frame, f"{_WHOLE}|{WRITTEN_NUMBER}")
        if not looking:
            return frame, {}
        numbers = self._load_as("float", looking)[0]
        texts = self._texts(_columns_with(frame, WRITTEN_NUMBER))
        but: dict[int, set[str]] = {}
        for place in looking:
            cells, rows = frame.to_series(place), texts.get(place, [])
            like = cells.gather(rows).str.contains(WRITTEN_NUMBER)
            if cells.str.contains(WRITTEN_NUMBER).sum() > like.sum():
                but[place] = set(cells.gather(rows).filter(like))
            values = pl.Series(numbers.column(place), dtype=pl.Float64)
            full = _exact(cells, values, rows)
            frame.replace_column(place, full.alias(cells.name))
        return frame, but

    def _texts(self, columns: Sequence[int]) -> dict[int, list[int]]:
        """Return the rows of cells with text, but for those that are whole numbers.

        Where the reader is asked for whole numbers, such a text is a fault, and a
        number with decimals is none.

        Args:
            columns: Where they are looked for.
        """
        found: dict[int, list[int]] = {place: [] for place in columns}
        faults = self._load_as("int", columns)[1] if columns else []
        for (row, column), told in faults:
            if column in found and _TEXT_CELL in told:
                found[column].append(row)
        return found

    def spans(self, columns: Sequence[int]) -> _Words:
        """Return the cells that are shown as spans of time, as `hours:minutes:seconds`.

        The reader makes moments of them as of others; but where it is asked for
        numbers, it complains of either and says which is which.

        Args:
            columns: Where there may be some.
        """
        found: _Words = {}
        if not columns:
            return found
        for (row, column), told in self._load_as("float", columns)[1]:
            if span := _SPAN.search(told):
                found.setdefault(column, {})[row] = _span_text(float(span[1]))
        return found

    def _load_as(
        self, dtype: str, columns: Sequence[int]
    ) -> tuple[pa.RecordBatch, list[tuple[tuple[int, int], str]]]:
        # a type for each: what the reader is to guess, it may refuse
        types = dict.fromkeys(self._in_sheet, "string")
        wanted = (self._in_sheet[place] for place in columns)
        return self._load({**types, **dict.fromkeys(wanted, dtype)})

    def _load(
        self, dtypes: Any
    ) -> tuple[pa.RecordBatch, list[tuple[tuple[int, int], str]]]:
        with self._readable():
            loaded = self._workbook.load_sheet(
                self._sheet, header_row=None, dtypes=dtypes
            )
            cells, faults = loaded.to_arrow_with_errors()
        # a table may begin right of A: types go by the columns of the sheet
        self._in_sheet = [one.absolute_index for one in loaded.available_columns()]
        errors = faults.errors if faults is not None else []
        return cells, [(one.offset_position, one.detail) for one in errors]

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except fastexcel.FastExcelError as error:
            # the first line says it; those below say where in the reader
            said = str(error).partition("\n")[0]
            msg = f"{self._name} is not a readable workbook: {said}"
            raise SourceError(msg, source=self._name) from error


def _sheet_note(name: str, told: str | None, sheets: Sequence[str]) -> str:
    """Return which sheet is read where nobody said it of several, or nothing."""
    if told is not None or len(sheets) == 1:
        return ""
    others = ", ".join(repr(sheet) for sheet in sheets[1 : 1 + SHEETS_TOLD])
    left = len(sheets) - 1 - SHEETS_TOLD
    more = f" and {left} more" if left > 0 else ""
    return (
        f"{name} has {len(sheets)} sheets: the first, {sheets[0]!r}, was read. "
        f"For another one ({others}{more}), say --sheet NAME (sheet = NAME)"
    )


def _shown(told: str) -> str:
    """Return what a cell shows of which the reader makes no text."""
    if time := _DURATION.search(told):
        return _CLOCK.sub(r"\1\2:\3:\4", time[1])
    error = _ERROR.search(told)
    return FORMULA_ERRORS.get(error[1], f"#{error[1]}") if error else told


def _span_text(days: float) -> str:
    """Return a span of time as PostgreSQL and people write it."""
    count = round(days * MILLISECONDS_A_DAY)
    seconds, milliseconds = divmod(abs(count), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    rest = f".{milliseconds:03}" if milliseconds else ""
    return f"{'-' if count < 0 else ''}{hours:02}:{minutes:02}:{seconds:02}{rest}"
