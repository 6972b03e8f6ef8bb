"""Benchmarks, with one runnable module per question; see docs/performance.md.

python -m benchmarks.NAME --rows N --runs 5 --to DSN --json FILE
"""
