"""The page of a new project for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.asked_alma import Counted, connect_alma
from tests.web.pages import Site, site_in


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A page without runs, for a person who may operate."""
    made = site_in(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def alma(site: Site) -> Counted:
    """The Alma that the site asks."""
    return connect_alma(site)
