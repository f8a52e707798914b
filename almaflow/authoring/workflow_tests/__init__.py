"""Tests of workflows: `tests/<workflow>.tests.yaml`, run on the simulator.

The way of a file: `files` finds and reads it, `models` is its form, `checking` compares its names
with the workflow, `running` plays each test through a `Player` that the command line hands in,
`comparing` finds the differences, and `coverage` what no test reached.
"""
