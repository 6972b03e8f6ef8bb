"""The path of a run's rows: only `pipeline.Pipeline` knows the order of the stages.

`stages` holds the protocols of the stages; `reading` reads ahead, `row_fitting` learns
from the first rows how to prepare all others, `table_fitting` fits them to their table,
`lanes` write them, `tallying` counts them, `partial_batch` makes sure that a partly
committed batch comes out as before, `notes` words the notes on rows.
"""
