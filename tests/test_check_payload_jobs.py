"""The checker: the job of a payload, a scheduled job, a payload in place of its file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_check import NOWHERE, problems_in

HEAD = "steps:\n  - submit_job: {job: %s, payload: p.xml}\n"


def codes(folder: Path, text: str) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in problems_in(folder, text, NOWHERE)]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("<job><id>M3</id><parameters/></job>", [("payload-of-other-job", "error")]),
        ("POST /almaws/v1/conf/jobs/M3?op=run\n<job/>", [("payload-of-other-job", "error")]),
        ("<job><id>M2</id><parameters/></job>", []),
        ('[{"name": "a", "value": "1\\n"}]', [("line-breaks", "warning")]),
    ],
)
def test_a_payload_must_be_of_the_job(
    tmp_path: Path, payload: str, expected: list[tuple[str, str]]
) -> None:
    (tmp_path / "p.xml").write_text(payload)

    assert codes(tmp_path, HEAD % "M2") == expected


def test_a_scheduled_job_is_warned_of(tmp_path: Path) -> None:
    text = "steps:\n  - submit_job: {job: S7009990}\n"

    assert codes(tmp_path, text) == [("scheduled-job", "warning")]


@pytest.mark.parametrize("payload", ["<job/>", "{}", "[]"])
def test_a_payload_is_not_the_name_of_its_file(tmp_path: Path, payload: str) -> None:
    text = f"steps:\n  - submit_job:\n      job: M2\n      payload: |\n        {payload}\n"

    assert codes(tmp_path, text) == [("inline-payload", "error")]
