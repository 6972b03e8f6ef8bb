"""The cells of a sheet as text, as a spreadsheet program shows them."""

from __future__ import annotations

import io
import re
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import fastexcel
import polars as pl

from propload.batch import WRITTEN_NUMBER
from propload.errors import SourceError
from propload.messages.wording import listed
from propload.sources.files.sheet_text import scan_sheet_xml
from propload.values.formula_errors import FORMULA_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import IO

    from propload.options import SourceOptions

#: The types that fastexcel, the reader, is asked for, by its names.
_Dtype: TypeAlias = Literal["string", "float", "int"]
#: Cells that are not of the type asked for: row, column, the reader's message.
_Faults: TypeAlias = "list[tuple[int, str, str]]"
#: Texts that replace cells, by column and row.
_Words: TypeAlias = "dict[str, dict[int, str]]"
#: The reader's message on a cell with the error of a formula.
_ERROR = re.compile(r"Error\((\w+)\)")
#: Its message on a cell of an OpenDocument sheet with a time.
_DURATION = re.compile(r'DurationIso\("(.*)"\)')
_CLOCK = re.compile(r"^(-?)PT(\d+)H(\d+)M([\d.]+)S$")
#: Its message on a cell that is shown as a time span (`[h]:mm`); the value is in days.
_SPAN = re.compile(r"value: ([-+.0-9eE]+), datetime_type: TimeDelta")
#: The text of a cell that is shown as a timestamp or a time span, which the reader
#: writes alike.
_MOMENT = r"^-?[0-9]{4,}-[0-9]{2}-[0-9]{2} [0-9]{2}:"
#: A number format for time spans, as the styles of a workbook write it.
_SPAN_FORMAT = re.compile(
    rb'numFmtId="4[67]"|formatCode="[^"]*\[(?:h+|m+|s+)\]', re.IGNORECASE
)
STYLES = "xl/styles.xml"
#: Without styles to tell, timestamps before this year may be time spans, which the
#: reader counts from the day before Excel's first.
_LAST_SPAN = "1920"
#: Sorts after the text of any timestamp.
_ANY_MOMENT = ":"
#: The text of a whole number. Longer ones than `LONGEST_WHOLE` have more digits than a
#: decimal holds, and are written with an exponent.
_WHOLE = r"^-?[0-9]+$"
LONGEST_WHOLE = 39
#: The most sheets that were not read that a note names.
SHEETS_LISTED = 10
MILLISECONDS_A_DAY = 86_400_000
#: A time without a date is read as a timestamp of the day before Excel's first.
_TIME_OF_DAY = r"^1899-12-3[01] ([0-9]{2}:.*)$"


class Sheet:
    """One sheet of a workbook.

    Args:
        file: The workbook.
        name: Its name in messages.
        options: Which sheet.

    Attributes:
        last_span: A text that sorts after the texts of all time spans; empty if there
            are none.
        note: A note on which of several sheets was read, or an empty text.
        formulas: A note on formulas without a value, or an empty text.

    Raises:
        SourceError: The workbook is damaged, has no such sheet, or the sheet is too
            large for the memory.
    """

    def __init__(self, file: IO[bytes], name: str, options: SourceOptions) -> None:
        self._name = name
        content = file.read()
        with self._report_errors():
            self._workbook = fastexcel.read_excel(content)
        sheets = self._workbook.sheet_names
        if options.sheet and options.sheet not in sheets:
            names = ", ".join(map(repr, sheets))
            msg = f"{name} has no sheet {options.sheet!r}: it has {names}"
            raise SourceError(msg, source=name)
        self._sheet = options.sheet or 0
        self.note = _sheet_note(name, options.sheet, sheets)
        place = sheets.index(options.sheet) if options.sheet else 0
        text = scan_sheet_xml(content, place)
        text.require_room(name)
        self.formulas = text.note(name)
        self.last_span = _last_span(content)

    def load(
        self, dtype: _Dtype, columns: list[str] | None = None
    ) -> tuple[pl.DataFrame, _Faults]:
        """Return the cells as values of a type, and messages on those that are not.

        As text, a time span looks like a timestamp.

        Args:
            dtype: The type.
            columns: The columns, or None for all.
        """
        if columns == []:
            return pl.DataFrame(), []
        with self._report_errors():
            loaded = self._workbook.load_sheet(
                self._sheet, header_row=None, dtypes=dtype, use_columns=columns
            )
            cells, faults = loaded.to_arrow_with_errors()
        names = [column.name for column in loaded.available_columns()]
        return pl.DataFrame(cells), [
            (fault.offset_position[0], names[fault.offset_position[1]], fault.detail)
            for fault in (faults.errors if faults is not None else ())
        ]

    @contextmanager
    def _report_errors(self) -> Iterator[None]:
        try:
            yield
        except fastexcel.FastExcelError as error:
            # the first line says what is wrong, the others where in the reader
            reason = str(error).partition("\n")[0]
            msg = f"{self._name} is not a readable workbook: {reason}"
            raise SourceError(msg, source=self._name) from error


class Cells(NamedTuple):
    """All cells of a sheet as text, and what the texts do not tell, by column.

    Attributes:
        frame: The texts, as the cells are shown.
        numbers_but: For each column with decimal numbers, the texts in it that look
            like a decimal number but are text in the sheet.
        spans: The columns with time spans.
    """

    frame: pl.DataFrame
    numbers_but: dict[str, set[str]]
    spans: Collection[str]


def read_cells(sheet: Sheet, /) -> Cells:
    """Return all cells of a sheet.

    Raises:
        SourceError: It cannot be read.
    """
    frame, faults = sheet.load("string")
    frame = _replace_cells(frame, _texts_by_cell(faults, _cell_text))
    decimal = _columns_with(frame, WRITTEN_NUMBER)
    moments = _columns_with(frame, _MOMENT, before=sheet.last_span)
    float_columns = dict.fromkeys([*decimal, *_columns_with(frame, _WHOLE), *moments])
    # timestamps are not floats, and the messages on them tell which are time spans
    floats, faults = sheet.load("float", [*float_columns])
    integers, _ = sheet.load("int", decimal)
    numbers_but = {}
    for numbers in floats:
        name, column = numbers.name, frame[numbers.name]
        is_decimal = looks_decimal = column.str.contains(WRITTEN_NUMBER)
        if name in integers.columns:
            # read as an integer, a number loses its decimals, and a text that looks
            # like one becomes null
            is_decimal = looks_decimal & integers[name].is_not_null()
        if is_decimal.any():
            numbers_but[name] = set(column.filter(looks_decimal & ~is_decimal))
        frame = frame.with_columns(_with_exact_numbers(column, numbers, is_decimal))
    spans = _texts_by_cell(faults, _span_text)
    frame = _replace_cells(frame, spans)
    shown = frame.with_columns(pl.all().str.replace(_TIME_OF_DAY, "$1"))
    return Cells(shown, numbers_but, spans.keys())


def _with_exact_numbers(
    column: pl.Series, numbers: pl.Series, is_decimal: pl.Series
) -> pl.Series:
    """Return the cells with their numbers in full: the reader rounds to nine decimals.

    Args:
        column: All cells as text.
        numbers: All cells as floats, null if they cannot be read as such.
        is_decimal: Which cells are numbers with decimals.
    """
    # for a text that looks like a number both are equal, and no text is that long
    is_rounded = column.cast(pl.Float64, strict=False) != numbers
    is_long = column.str.len_bytes() > LONGEST_WHOLE
    is_number = is_decimal | (column.str.contains(_WHOLE) & (is_rounded | is_long))
    full = numbers.cast(pl.String).str.strip_suffix(".0")
    cells = pl.when(is_number & numbers.is_not_null()).then(full).otherwise(column)
    return pl.select(cells.alias(column.name)).to_series()


def _texts_by_cell(faults: _Faults, text_of: Callable[[str], str]) -> _Words:
    """Return the texts of cells on which the reader has given a message.

    Args:
        faults: The cells and the messages.
        text_of: Returns a cell's text by its message; an empty one to leave it out.
    """
    texts: _Words = {}
    for row, column, message in faults:
        if text := text_of(message):
            texts.setdefault(column, {})[row] = text
    return texts


def _replace_cells(frame: pl.DataFrame, columns: _Words) -> pl.DataFrame:
    """Return the frame with the texts of some cells replaced."""
    return frame.with_columns(
        frame[column].scatter(list(words), list(words.values()))
        for column, words in columns.items()
    )


def _columns_with(
    frame: pl.DataFrame, pattern: str, *, before: str | None = None
) -> list[str]:
    """Return the columns with a cell whose text matches a pattern.

    Args:
        frame: All cells as text.
        pattern: The pattern.
        before: If given, a text that the cell's text must also sort before.
    """
    condition = pl.all().str.contains(pattern)
    if before is not None:
        condition &= pl.all() < before
    return [column.name for column in frame.select(condition.any()) if column.item()]


def _last_span(content: bytes) -> str:
    """Return a text that sorts after all time spans; an empty one if there are none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            styles = archive.read(STYLES)
    except (zipfile.BadZipFile, KeyError):
        # not an .xlsx workbook
        return _LAST_SPAN
    return _ANY_MOMENT if _SPAN_FORMAT.search(styles) else ""


def _sheet_note(name: str, chosen: str | None, sheets: Sequence[str]) -> str:
    """Return a note on which of several sheets is read if the user chose none."""
    if chosen is not None or len(sheets) == 1:
        return ""
    others = listed([*map(repr, sheets[1:])], SHEETS_LISTED)
    return (
        f"{name} has {len(sheets)} sheets: the first, {sheets[0]!r}, was read. "
        f"For another one ({others}), use --sheet NAME (sheet = NAME)"
    )


def _cell_text(message: str) -> str:
    """Return what a cell shows, by the message of the reader that has no text of it."""
    if time := _DURATION.search(message):
        return _CLOCK.sub(r"\1\2:\3:\4", time[1])
    error = _ERROR.search(message)
    return FORMULA_ERRORS.get(error[1], f"#{error[1]}") if error else message


def _span_text(message: str) -> str:
    """Return a time span in PostgreSQL's notation; nothing for other messages."""
    span = _SPAN.search(message)
    if span is None:
        return ""
    count = round(float(span[1]) * MILLISECONDS_A_DAY)
    seconds, milliseconds = divmod(abs(count), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    rest = f".{milliseconds:03}" if milliseconds else ""
    return f"{'-' if count < 0 else ''}{hours:02}:{minutes:02}:{seconds:02}{rest}"
