"""The way of a run's rows: `pipeline.Pipeline` knows the order, and nothing else does.

`stages` is what it asks of its stages; `reading` reads ahead, `row_fitting` learns from
the first rows how others are prepared, `table_fitting` brings them to their table,
`lanes` write them, `tallying` counts them, `partial_batch` sees that one which is half
committed comes out as before, `notes` words what is told of rows.
"""
