"""What the state folder keeps: reports, notes of runs that go on, files of each run."""
