"""What a run counts and takes while it goes on: live counters, memory."""
