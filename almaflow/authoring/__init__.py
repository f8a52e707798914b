"""What helps people to write workflows: their tests, and what changes between two revisions."""
