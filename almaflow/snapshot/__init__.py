"""The snapshot of Alma, `alma-catalog.json` next to almaflow.yaml, meant for git.

With it the checks know the jobs, profiles, counters and codes of an institution without a network.
`almaflow snapshot` writes it (`authoring/snapshots`); `check/against_snapshot` uses it.

model         what the file says, as values     lookups   names and ids → jobs and profiles
file_format   the values as text, and back      files     reading and writing the file
place         where the file is
"""
