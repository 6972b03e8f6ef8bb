"""PostgreSQL: sessions, tables, the ledger and the write path; `loading` joins them."""
