"""What an Alma says that wants to harm: nothing of it acts on a terminal, and no key is repeated.

Every command is typed against an Alma whose every text holds the API key in many forms, escape
sequences, line breaks, bidirectional controls and commands of a CI.
"""

from __future__ import annotations

import base64
import json
import logging
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from almaflow.alma.simulator import Reply, SimulatedAlma
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.cli.command_list import COMMANDS
from almaflow.clock import SystemClock
from tests.cli.conftest import Almaflow, Typed, Write
from tests.secrets_found import secrets_found

KEY = "l8xx0123456789abcdef0123456789abcdef"
OTHER_KEY = "l7xxfedcba9876543210fedcba9876543210"
FTP = 'hunter "2/ö'
SECRETS = {"key": KEY, "other": OTHER_KEY, "ftp": FTP}

ACTS = "".join(
    [
        *("\x1b]0;PWNED\x07", "\x1b[31m", "\x1b[2J", "\x9b31m", "\u202egnp", "\u2028\u200b"),
        *("\r2026 forged", "\n::error::x", "\n##vso[a]b"),
    ]
)
LEAKS = " ".join(
    [
        *(KEY, KEY.upper(), KEY.encode().hex(), quote(KEY), OTHER_KEY),
        *(base64.b64encode(f"user:{KEY}".encode()).decode(), FTP, FTP.upper(), quote(FTP)),
        *(json.dumps(FTP), FTP.encode().hex().upper(), "https://me:passw0rd@h/?token=t0ken"),
    ]
)
HOSTILE = f"{ACTS} {LEAKS}"

# The texts in Alma's answers; others are codes and ids, which almaflow decides by.
TEXTS = frozenset(
    {"desc", "description", "errorMessage", "trackingId", "title", "name", "link", "note"}
)


class HostileAlma(SimulatedAlma):
    """Says what it always says, with a text behind each text that wants to harm."""

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        reply = super().handle(method, target, headers, body)
        if "json" not in reply.headers.get("content-type", ""):
            return reply
        content = json.dumps(_hostile(json.loads(reply.body))).encode()
        return replace(reply, body=content, headers=reply.headers | _length(content))


def _length(content: bytes) -> dict[str, str]:
    return {"content-length": str(len(content))}


def _hostile(data: Any) -> Any:
    if isinstance(data, dict):
        changed = {
            key: f"{value} {HOSTILE}"
            if key in TEXTS and isinstance(value, str)
            else _hostile(value)
            for key, value in data.items()
        }
        return changed | {f"more {HOSTILE}": HOSTILE}
    return [_hostile(one) for one in data] if isinstance(data, list) else data


def _part(key: str, value: Any) -> Any:
    return f"{value} {HOSTILE}" if key in TEXTS and isinstance(value, str) else _hostile(value)


@pytest.fixture
def project(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project whose Alma is hostile."""
    alma = HostileAlma(SystemClock().now)
    monkeypatch.setenv("HOSTILE_KEY", alma.add_institution("main", key=KEY))
    monkeypatch.setenv("FTP_PASSWORD", FTP)
    monkeypatch.setenv("USER", f"eve {ACTS}")
    monkeypatch.setenv("LOGNAME", f"eve {ACTS} {LEAKS}")
    with SimulatorServer(alma) as server:
        settings = write(
            "almaflow.yaml",
            f"""\
            institutions: {{main: {{base_url: "{server.url}", api_key: "env:HOSTILE_KEY"}}}}
            secrets: {{ftp: env:FTP_PASSWORD}}
            """,
        )
        write("workflows/files/a.csv", "barcode\n1\n")
        write(
            "workflows/w.yaml",
            """\
            schedule: [{cron: "0 3 * * *"}]
            steps:
              - id: jobs
                get: {path: /conf/jobs, query: {limit: "3"}}
              - id: absent
                find_set: {name: there is no such set}
                on_failure: continue
              - id: started
                submit_job: {job: M48, set: "1234567890", parameters: {a: b}, wait: false}
                on_failure: continue
              - notify: "heard {{ steps.jobs.body.job[0].name }} and {{ steps.absent.error }}"
              - fail: "{{ steps.jobs.body.job[1].description }}"
            outputs: {all: "{{ steps.jobs.body }}"}
            """,
        )
        yield settings.parent


def harmful(text: str) -> set[str]:
    """Return the characters of *text* that act on a terminal; written from Unicode."""
    kinds = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return {one for one in text if unicodedata.category(one) in kinds} - {"\n", "\t"}


def check(typed: Typed) -> None:
    """Check that nothing harmful was printed, and no secret in any form."""
    printed = typed.out + typed.err
    assert typed.code in (0, 1, 2)
    assert harmful(printed) == set()
    lines = [line.strip() for line in printed.splitlines()]
    ours = ("::warning file=workflows/w.yaml,", "::error file=workflows/w.yaml,")
    assert [one for one in lines if one.startswith("::") and not one.startswith(ours)] == []
    assert not any(one.startswith("2026 forged") for one in lines)
    assert "##vso[" not in printed
    known = SECRETS | {name + " in capitals": one.upper() for name, one in SECRETS.items()}
    known |= {name + " as digits": one.encode().hex() for name, one in SECRETS.items()}
    assert secrets_found(known, [printed, printed.lower()]) == []
    assert "passw0rd" not in printed
    assert "t0ken" not in printed


def stored(project: Path) -> list[bytes]:
    """Return what the store has on the disk."""
    files = [file.read_bytes() for file in project.rglob("*.db*") if file.is_file()]
    assert any(b"there is no such set" in content for content in files)
    return files


# Those that serve until they are stopped, write files, or have nothing of Alma's to show.
WITHOUT = {
    *("serve", "simulator", "schema", "explain", "import-payload", "install-service", "backup"),
    *("rehearse", "init", "worker", "hash-password", "docs", "graph", "lsp", "new", "import-cron"),
    *("snapshot", "test", "diff"),
}

COMMAND_LINES = [
    *("run w", "run w --json", "plan w", "plan w --json", "validate --online", "validate -v"),
    *("validate --online --json", "validate --online --format sarif"),
    *("validate --online --format github", "runs", "runs --json", "show last"),
    *("show last --json", "logs last", "logs last --json", "why last", "why w --json"),
    *("retry last", "retry last --yes", "retry last --json", "resume last", "resume --all"),
    *("cancel last", "approve last x", "resolve last x --not-submitted"),
    *("jobs list", "jobs list --json", "jobs show M48", "jobs show M48 --json"),
    *("jobs show nowhere", "profiles list", "profiles list --json", "profiles show 1"),
    *("sets list", "sets list --json", "sets show 1234567890", "sets show nowhere"),
    *("doctor", "doctor --json", "next", "ticks", "ticks --json", "unpause w"),
    *("workers", "workers --json", "store check", "store check --json"),
    *("prune --older-than 1d --dry-run",),
]


def test_every_command_is_tried() -> None:
    tried = {line.split()[0] for line in [*COMMAND_LINES, "pause w", "skip-next w"]}

    assert set(COMMANDS) - tried <= WITHOUT


@pytest.mark.slow
@pytest.mark.usefixtures("project")
def test_no_command_lets_a_text_of_alma_act_or_repeats_a_key(
    almaflow: Almaflow, project: Path
) -> None:
    for line in COMMAND_LINES:
        typed = almaflow(*line.split())
        check(typed)
        if "json" in line or "sarif" in line:
            json.loads(typed.out)

    assert secrets_found(SECRETS, stored(project)) == []


@pytest.mark.usefixtures("project")
def test_what_people_write_is_recorded_without_secrets_and_shown_without_harm(
    almaflow: Almaflow, project: Path
) -> None:
    almaflow("run", "w")
    note = f"because {HOSTILE}".replace("\0", "")
    for line in (
        ["pause", "w", "--note", note],
        ["why", "w"],
        ["next"],
        ["unpause", "w"],
        ["skip-next", "w", "--note", note],
        ["ticks"],
        ["approve", "last", note, "--comment", note],
        ["show", note],
        ["jobs", "list", "--name", note],
    ):
        check(almaflow(*line))

    assert secrets_found(SECRETS, stored(project)) == []


@pytest.mark.usefixtures("project")
def test_what_a_library_logs_is_printed_without_harm(
    almaflow: Almaflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    almaflow("runs")
    monkeypatch.setattr(logging.getLogger("a-library"), "propagate", False)

    logging.getLogger("a-library").warning("the server says %s", HOSTILE)

    printed = capsys.readouterr()
    assert "the server says" in printed.err
    check(Typed(0, printed.out, printed.err))
