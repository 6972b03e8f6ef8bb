"""Sessions with the server: how they are opened, and what their errors mean."""
