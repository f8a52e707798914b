"""The page as `serve` puts it together, and the hash of a password."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import pytest

from almaflow.cli.page import session_key
from almaflow.errors import RequestWrong
from almaflow.settings import find_project
from almaflow.web.security.passwords import is_right
from tests.cli.conftest import Almaflow, Write


@pytest.mark.parametrize("address", ["0.0.0.0:8480", '"[::]:8480"', "192.0.2.7:0"])
def test_serve_refuses_a_page_that_others_reach_without_a_login(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("A_KEY", "l8xx-invented")
    write(
        "almaflow.yaml",
        f"institutions: {{main: {{region: eu, api_key: env:A_KEY}}}}\nserve:\n  page: {address}\n",
    )
    write("workflows/a.yaml", "steps: [{notify: a}]\n")

    typed = almaflow("serve")

    assert typed.code == 2
    assert "needs a login" in typed.err


@pytest.mark.parametrize(
    "page", ["8480", "127.0.0.1", "127.0.0.1:99999", "http://[::1]:80", "true"]
)
def test_an_address_that_is_not_one_is_a_problem_of_the_file(
    almaflow: Almaflow, write: Write, page: str
) -> None:
    write("almaflow.yaml", f"serve:\n  page: {page}\n")

    typed = almaflow("validate")

    assert typed.code == 1
    assert "bad_address" in typed.out or "not a valid address" in typed.out


def test_a_hash_made_from_a_pipe_is_that_of_the_line(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    typed = almaflow("hash-password")
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    short = almaflow("hash-password")

    assert (typed.code, short.code) == (0, 2)
    assert is_right(typed.out.strip(), "correct horse battery")
    assert not is_right(typed.out.strip(), "correct horse batterY")


def test_the_key_of_sessions_is_made_once_and_for_its_owner_only(
    folder: Path, write: Write
) -> None:
    write("almaflow.yaml", "timezone: UTC\n")
    project = find_project(folder)

    key = session_key(project)

    file = folder / ".almaflow" / "page.key"
    assert session_key(project) == key == file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["page.key"]
    file.write_bytes(b"short")
    with pytest.raises(RequestWrong, match=r"page\.key"):
        session_key(project)
