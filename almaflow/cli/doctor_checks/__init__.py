"""The checks of `almaflow doctor`, one module for each part of the environment.

A check returns `Finding`s, good ones too, and raises no error of almaflow: what it cannot check is
a finding as well.
"""
