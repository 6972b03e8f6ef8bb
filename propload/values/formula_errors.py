"""What spreadsheets show for a formula that has no value."""

from __future__ import annotations

#: The texts that are shown, by calamine's names of the errors.
FORMULA_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}
