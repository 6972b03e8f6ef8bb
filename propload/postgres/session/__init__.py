"""A session with the server: how it is opened, and what its errors mean."""
