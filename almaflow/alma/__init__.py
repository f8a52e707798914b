"""Everything about Alma: requests, the client, names and payloads."""
