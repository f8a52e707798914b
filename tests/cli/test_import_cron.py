"""`almaflow import-cron`: what is read becomes a workflow, all else is listed with its line."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from almaflow.authoring.new_workflow.shell_commands import NotRead, Pause, ShellReader
from tests.cli.conftest import Almaflow, Write
from tests.cli.test_new import payload as payload_of

KEY = "l8xx" + "4f2a" * 8
BASE = "https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/jobs"
PAYLOAD = (
    "<job><parameters><parameter><name>task_x</name><value>1</value></parameter>"
    "<parameter><name>set_id</name><value>38205478040009276</value></parameter>"
    "</parameters></job>"
)
CURL = f"curl -s -X POST -H 'Content-Type: application/xml' -d '{PAYLOAD}' '{BASE}/M44?op=run"


@pytest.fixture(autouse=True)
def project(write: Write) -> Path:
    write("export.xml", PAYLOAD)
    return write(
        "almaflow.yaml",
        "timezone: Europe/Zurich\ninstitutions: {main: {region: eu, api_key: env:ALMA_API_KEY}}\n",
    )


@pytest.mark.parametrize(
    "line",
    [
        f"30 2 * * * {CURL}&apikey=$ALMA_KEY'",
        f"@daily {CURL}&apikey={KEY}' > /dev/null 2>&1",
        f"0 4 * * sun flock -n /tmp/lock {CURL}' >> /var/log/alma.log 2>&1",
        f"0 4 * * 1-5 curl -fsS --request POST -d @export.xml {BASE}/M44?op=run",
        f'0 4 * * 1-5 cd /srv/alma && curl -XPOST -d@/srv/alma/export.xml "{BASE}/M44?op=run"',
        f"0 4 * * 1-5 wget -qO- --post-file=export.xml '{BASE}/M44?op=run&apikey={KEY}'",
        f"0 4 * * 1-5 wget -q -O /dev/null --header='Content-Type: application/xml' --method=POST "
        f"--body-data '{PAYLOAD}' {BASE}/M44?op=run",
        f"5 4 * * * curl -H 'Authorization: apikey {KEY}' --data=@export.xml {BASE}/M44?op=run; "
        f"sleep 10m && curl -d @export.xml {BASE}/M44?op=run",
    ],
)
def test_a_line_becomes_a_valid_workflow(
    almaflow: Almaflow, write: Write, folder: Path, line: str
) -> None:
    write("crontab", f"# our jobs\nMAILTO=systems@example.org\n{line}\n")

    made = almaflow("import-cron", "crontab")

    assert made.code == 0, made.out + made.err
    assert almaflow("validate").code == 0
    assert almaflow("run", "cron-line-3", "--simulate").code == 0
    written = "".join(path.read_text() for path in (folder / "workflows").rglob("*.*"))
    assert KEY not in written + made.out
    assert "38205478040009276" in written


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("30 2 * * * /usr/bin/backup --all", "backup"),
        (f"30 2 * * * {CURL}' | grep error", "|"),
        (f"30 2 * * * {CURL}&user=$WHO'", "WHO"),
        (f"30 2 * * * {CURL}&x=$(date)'", "output of another command"),
        ("30 2 * * * run-export.sh", "run-export.sh"),
        (f"30 2 * * * curl -X POST -d @missing.xml {BASE}/M44?op=run", "missing.xml"),
        (f"30 2 * * * curl {BASE}/M44", "starts a job"),
        (f"30 2 * * * curl -d '<job>' {BASE}/M44?op=run", "payload"),
        (f"30 2 * * * curl -u a:b -d @export.xml {BASE}/M44?op=run", "-u"),
        ("30 25 * * * sleep 1", "schedule"),
        ("@reboot sleep 1", "schedule"),
        ("30 2 * * * sleep 1", "no job"),
        ("30 2 * * * echo 50% done", "%"),
        ("hello", "schedule"),
        (f"30 2 * * * {CURL}", "quotation"),
    ],
)
def test_what_is_not_read_is_listed_with_its_line_and_reason(
    almaflow: Almaflow, write: Write, line: str, named: str
) -> None:
    write("crontab", f"\n{line}\n")

    made = almaflow("import-cron", "crontab", "--json")

    assert made.code == 1
    assert made.json["workflows"] == []
    assert [one["line"] for one in made.json["unread"]] == [2]
    assert named in made.json["unread"][0]["reason"]
    assert not Path("workflows").exists()


def test_a_script_next_to_the_crontab_is_read(almaflow: Almaflow, write: Write) -> None:
    write(
        "export.sh",
        f"""\
        #!/bin/bash
        set -euo pipefail
        KEY="{KEY}"
        export BASE={BASE}
        curl -sS -X POST \\
          -H "Authorization: apikey $KEY" \\
          -d @export.xml "$BASE/M44?op=run"
        """,
    )
    write("crontab", "CRON_TZ=America/New_York\n0 3 * * * root /opt/alma/export.sh\n")

    made = almaflow("import-cron", "crontab", "--user-column", "--json")

    assert made.code == 0, made.out
    assert made.json["workflows"][0]["had_key"]
    text = Path("workflows/cron-line-2.yaml").read_text()
    assert "America/New_York" in text
    assert KEY not in text


def test_a_script_with_more_than_that_is_not_read(almaflow: Almaflow, write: Write) -> None:
    write("export.sh", "if true; then\n  sleep 1\nfi\n")
    write("crontab", "0 3 * * * bash export.sh\n")

    made = almaflow("import-cron", "crontab", "--json")

    assert "`if`" in made.json["unread"][0]["reason"]


def test_scripts_that_call_each_other_end(almaflow: Almaflow, write: Write) -> None:
    write("a.sh", "bash a.sh\n")
    write("crontab", "0 3 * * * bash a.sh\n")

    assert almaflow("import-cron", "crontab").code == 1


def test_nothing_is_overwritten_the_second_time(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in (0, 2):
        stream = io.TextIOWrapper(io.BytesIO(f"30 2 * * * {CURL}'\n".encode()))
        monkeypatch.setattr(sys, "stdin", stream)
        assert almaflow("import-cron").code == code


@pytest.mark.parametrize("text", ["", "# only this\n", "\n\n"])
def test_an_empty_crontab_is_no_error(almaflow: Almaflow, write: Write, text: str) -> None:
    write("crontab", text)

    assert almaflow("import-cron", "crontab").code == 0


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        ("nice -n 10 sleep 2m", [120]),
        ("ionice -c3 nice sleep 7", [7]),
        ("timeout -k 5 60 sleep 1h", [3600]),
        ("env flock -w 5 /tmp/lock sleep 2d", [172800]),
        ("sleep 1 2> /dev/null; sleep 2s >", [1, 2]),
        ("export A=3 && sleep $A; echo done; cd /srv", [3]),
    ],
)
def test_what_only_bounds_a_command_is_left_out(command: str, seconds: list[int]) -> None:
    reader = ShellReader(lambda _: None, {})

    assert list(reader.actions(command)) == [Pause(one) for one in seconds]


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("flock /tmp/lock -c 'sleep 1'", "one text"),
        ("sleep soon", "`sleep soon`"),
        ("sleep 1 < file", "`<`"),
        (f"curl {BASE}/M44?op=run -d", "`-d` is missing"),
        (f"curl {BASE}/M44?op=run", "POST"),
        (f"curl -X PUT -d x {BASE}/M44?op=run", "POST"),
        (f"curl -X POST {BASE}/M44?op=run", "no payload"),
        (f"curl -d a -d b {BASE}/M44?op=run", "more than one"),
    ],
)
def test_a_command_that_is_not_read_names_its_reason(command: str, named: str) -> None:
    reader = ShellReader(lambda _: None, {})

    with pytest.raises(NotRead, match=re.escape(named)):
        list(reader.actions(command))


@pytest.mark.parametrize(
    ("payload", "job", "files"),
    [
        (
            payload_of(("a", "1"), ("a", "2")),
            {"job": {"id": "M44"}, "payload": "payloads/cron-line-1-1.xml"},
            ["cron-line-1-1.xml"],
        ),
        (payload_of(("set_id", "3820")), {"job": {"id": "M44"}, "set": "3820"}, []),
        (
            payload_of(("a", "1"), ("job_name", "Nightly")),
            {"job": {"id": "M44"}, "parameters": {"a": "1"}, "job_name": "Nightly"},
            [],
        ),
    ],
)
def test_a_payload_is_in_the_workflow_or_in_its_file(
    almaflow: Almaflow,
    write: Write,
    folder: Path,
    payload: str,
    job: dict[str, object],
    files: list[str],
) -> None:
    write("export.xml", payload)
    write("crontab", f"0 4 * * * sleep 0; curl -d @export.xml {BASE}/M44?op=run\n")

    made = almaflow("import-cron", "crontab")

    assert made.code == 0, made.out + made.err
    [step] = YAML(typ="safe").load(Path("workflows/cron-line-1.yaml"))["steps"]
    assert step == {"id": "job_1", "submit_job": job}
    assert [one.name for one in (folder / "workflows").rglob("*.xml")] == files
