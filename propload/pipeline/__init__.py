"""The way of a run's rows: `pipeline.Pipeline` knows the order, and nothing else does.

`stages` is what it asks of its stages; `reading` reads ahead, `fitting` brings rows to
their table, `lanes` write them, `tallying` counts them, `making_again` sees that a
batch which is half committed comes out as before, `remarks` words what is told of rows.
"""
