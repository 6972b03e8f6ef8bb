"""What concerns the process as a whole: signals, threads, forks, memory allocators."""
