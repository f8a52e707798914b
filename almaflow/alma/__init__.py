"""Everything that knows Alma: calls, the client that makes them, names and payloads."""
