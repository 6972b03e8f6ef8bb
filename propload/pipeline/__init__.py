"""The way of a run's rows: `pipeline.Pipeline` knows the order, and nothing else does.

`stages` is what it asks of its stages; `reading` reads ahead, `table_fitting` brings
rows to their table, `lanes` write them, `tallying` counts them, `partial_batch` sees
that one which is half committed comes out as before, `notes` words what is told of
rows.
"""
