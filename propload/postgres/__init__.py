"""PostgreSQL: sessions, tables, ledger and the write path; `database` joins them."""
