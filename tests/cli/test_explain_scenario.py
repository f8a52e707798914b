"""`almaflow explain scenario`: what a scenario file may say."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Almaflow


@pytest.mark.parametrize(
    ("topic", "shown"),
    [
        ("scenario", "everything_exists"),
        ("scenario.other_runs", "-3d"),
        ("scenario.library.jobs.content", "Takes:"),
    ],
)
def test_scenarios_are_explained(almaflow: Almaflow, topic: str, shown: str) -> None:
    typed = almaflow("explain", topic)

    assert typed.code == 0
    assert shown in typed.out


def test_a_field_that_scenarios_do_not_have_is_a_wrong_request(almaflow: Almaflow) -> None:
    assert almaflow("explain", "scenario.otherruns").code == 2
