"""Runs: one coroutine a run, which interprets the steps in order and journals every effect."""
