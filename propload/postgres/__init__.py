"""PostgreSQL: sessions, tables, ledger and write path; `database` joins them."""
