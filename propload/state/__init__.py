"""The state folder: reports, markers of unfinished runs, and other files of runs."""
