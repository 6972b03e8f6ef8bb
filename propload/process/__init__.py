"""What a process has but once: its signals, its threads, that it was forked."""
