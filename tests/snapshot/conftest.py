"""A project with a snapshot, and what `validate` says about its workflows."""

from __future__ import annotations

from tests.cli.conftest import almaflow, folder, lively, write

__all__ = ["almaflow", "folder", "lively", "write"]
