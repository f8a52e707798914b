"""A stage for each test: an Alma, a clock and a store."""

from __future__ import annotations

from tests.engine.conftest import set_stage, stage

__all__ = ["set_stage", "stage"]
