"""`notify` with files: what is attached, what is not and why, now and when it is sent later."""

from __future__ import annotations

import email
import json
from collections.abc import Callable, Sequence
from email import policy
from pathlib import Path

import pytest

from almaflow.connectors.attached_files import (
    LARGEST_FILE,
    MOST_FILES,
    AttachedFile,
    load_files,
    take_files,
)
from almaflow.connectors.base import FileSource, NoExternalSystems, Search
from almaflow.connectors.errors import TemporaryFailure
from almaflow.connectors.registry import LiveSystems
from almaflow.runs.events import EventKind
from tests.connectors.servers import mail_server, web_hook
from tests.harness import Stage

SETTINGS = """\
institutions: {main: {region: eu, api_key: env:ALMA_KEY}}
channels: {systems: env:SYSTEMS}
"""

ROWS = "barcode\n39031000200018\n"


@pytest.fixture
def live(set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    monkeypatch.setenv("ALMA_KEY", "l8xx-of-alma")
    stage = set_stage(settings=SETTINGS)
    stage.outside = LiveSystems(stage.project)
    (stage.folder / "exported.csv").write_text(ROWS)
    return stage


def attachments_of(mail: str) -> list[tuple[str | None, bytes]]:
    message = email.message_from_string(mail, policy=policy.default)
    return [
        (part.get_filename(), part.get_payload(decode=True) or b"")  # type: ignore[misc]
        for part in message.iter_attachments()
    ]


def test_a_mail_carries_the_files_byte_by_byte(
    live: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = bytes(range(256)) * 4096
    (live.folder / "folder 1").mkdir()
    (live.folder / "folder 1" / "50%20 of #1?.mrc").write_bytes(binary)
    with mail_server() as mails:
        monkeypatch.setenv(
            "SYSTEMS", f"mailto://127.0.0.1:{mails.port}?from=a@example.org&to=b@example.org"
        )
        played = live.run("""
            steps:
              - id: it
                notify:
                  to: systems
                  message: Two files.
                  attach: [exported.csv, "folder 1/50%20 of #1?.mrc"]
        """)

    assert played.outcome == "succeeded"
    [(_, _, mail)] = mails.taken
    assert attachments_of(mail) == [
        ("exported.csv", ROWS.encode()),
        ("50%20 of #1?.mrc", binary),
    ]
    assert played.said(EventKind.NOTICE) == [
        "Two files.\n\nAttached: exported.csv (23 bytes), folder 1/50%20 of #1?.mrc (1.0 MB)."
    ]


def test_the_files_of_an_earlier_step_are_attached_as_they_are_named(stage: Stage) -> None:
    source = stage.folder / "server"
    source.mkdir()
    for name in ("a.csv", "b.csv"):
        (source / name).write_text(name)
    stage.outside = channel = Carrier(LiveSystems(stage.project))

    played = stage.run(f"""
        steps:
          - id: fetched
            fetch_files: {{folder: "{source}", pattern: "*.csv", to: exported}}
          - append_file: {{file: log.csv, row: {{files: "{{{{ steps.fetched.files | length }}}}"}}}}
          - notify:
              to: systems
              message: Look.
              attach: ["{{{{ steps.fetched.files }}}}", log.csv]
    """)

    assert played.outcome == "succeeded"
    assert [file.name for file in channel.files] == ["exported/a.csv", "exported/b.csv", "log.csv"]


def test_no_file_is_fine(stage: Stage) -> None:
    played = stage.run("""
        vars: {files: []}
        steps:
          - notify: {message: hello, attach: "{{ vars.files }}"}
          - notify: {message: hello, attach: ["{{ '' }}"]}
    """)

    assert played.outcome == "succeeded"
    assert played.said(EventKind.NOTICE) == ["hello", "hello"]


def test_a_message_is_sent_without_a_file_that_is_not_there_and_says_so(stage: Stage) -> None:
    stage.outside = channel = Carrier()
    (stage.folder / "there.csv").write_text("x")

    played = stage.run("""
        steps:
          - id: it
            notify: {to: systems, message: Look., attach: [gone.csv, there.csv, "."]}
    """)

    assert played.outcome == "warning"
    assert played.steps["it"]["error"] == (
        "gone.csv is not attached: there is no such file. . is not attached: it is a folder, not "
        "a file."
    )
    [text] = channel.texts
    assert "Attached: there.csv (1 byte)." in text
    assert "gone.csv is not attached: there is no such file." in text


@pytest.mark.parametrize("path", ["../outside.csv", ".env", "almaflow.yaml", "/etc/hostname"])
def test_only_files_of_the_project_are_attached(stage: Stage, path: str) -> None:
    stage.outside = channel = Carrier()

    played = stage.run(f"""
        vars: {{path: "{path}"}}
        steps:
          - notify: {{to: systems, message: Look., attach: "{{{{ vars.path }}}}"}}
    """)

    assert played.outcome == "failed"
    assert channel.texts == []


def test_what_is_no_path_fails_the_step(stage: Stage) -> None:
    played = stage.run("""
        steps: [{notify: {message: a, attach: "{{ [1] }}"}}]
    """)

    assert played.outcome == "failed"
    assert "`attach` needs the path of a file" in played.record.error


def test_a_channel_that_carries_no_files_gets_their_names_and_the_log_says_so(
    live: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_hook() as hook:
        # A web hook of Mattermost, as of many chats, takes text only.
        monkeypatch.setenv(
            "SYSTEMS", f"mmost://127.0.0.1:{hook.port}/3ccdd113474722377935511fc85d3dd4"
        )
        played = live.run("""
            steps:
              - id: it
                notify: {to: systems, message: Look., attach: exported.csv}
        """)

    [body] = hook.bodies
    assert "exported.csv (23 bytes)" in body
    assert "39031000200018" not in body
    assert played.outcome == "succeeded"
    assert "does not carry files" in str(played.log)


def test_a_web_hook_with_json_carries_the_files(
    live: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_hook() as hook:
        monkeypatch.setenv("SYSTEMS", f"json://127.0.0.1:{hook.port}")
        live.run("steps: [{notify: {to: systems, message: Look., attach: exported.csv}}]")

    [sent] = map(json.loads, hook.bodies)
    assert [one["filename"] for one in sent["attachments"]] == ["exported.csv"]


class Carrier(NoExternalSystems):
    """Takes notices with their files, after as many failures as are set."""

    def __init__(self, inner: LiveSystems | None = None, failures: int = 0) -> None:
        self.failures = failures
        self.texts: list[str] = []
        self.files: list[AttachedFile] = []
        self.inner = inner or NoExternalSystems()

    def file_source(self, search: Search) -> FileSource:
        return self.inner.file_source(search)

    def send_notice(
        self, channel: str, title: str, text: str, files: Sequence[AttachedFile] = ()
    ) -> str:
        if self.failures:
            self.failures -= 1
            raise TemporaryFailure("Busy.")
        self.texts.append(text)
        self.files += files
        return ""


def test_a_message_that_a_later_run_delivers_still_has_its_files(stage: Stage) -> None:
    (stage.folder / "exported.csv").write_text(ROWS)
    stage.outside = channel = Carrier(failures=3)
    first = stage.run("""
        steps: [{notify: {to: systems, message: Look., attach: exported.csv}}]
    """)

    stage.pass_time(hours=2)
    stage.run("steps: [{wait: 1m}]")

    assert first.outcome == "warning"
    [file] = channel.files
    assert (file.name, file.size) == ("exported.csv", len(ROWS))
    assert load_files([file])[0] == [(file, ROWS.encode())]


def test_a_file_that_is_gone_or_another_one_when_it_is_sent_is_named(tmp_path: Path) -> None:
    for name in ("same", "changed", "gone", "link"):
        (tmp_path / name).write_text(name)
    files, _ = take_files([(name, tmp_path / name) for name in ("same", "changed", "gone", "link")])
    (tmp_path / "changed").write_text("newer")
    (tmp_path / "gone").unlink()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("/etc/passwd")

    loaded, problems = load_files(files)

    assert [content for _, content in loaded] == [b"same", b"newer"]
    assert problems == [
        "changed was changed after this message was made; this is its newer content.",
        "gone is not attached: there is no such file.",
        "link is not attached: it was replaced by a link.",
    ]


def test_the_sizes_and_the_number_of_files_are_bounded(tmp_path: Path) -> None:
    def file(name: str, size: int) -> tuple[str, Path]:
        with (tmp_path / name).open("wb") as stream:
            stream.truncate(size)
        return name, tmp_path / name

    wanted = [file("large", LARGEST_FILE + 1), *(file(f"a{n}", LARGEST_FILE) for n in range(3))]
    files, problems = take_files(wanted)
    assert [one.name for one in files] == ["a0", "a1"]
    assert problems[0].startswith("large is not attached: it is larger than 10 MiB")
    assert problems[1].startswith("a2 is not attached: the files of a notification have at most 25")

    many = [file(f"b{n}", 1) for n in range(MOST_FILES + 1)]
    files, problems = take_files(many)
    assert len(files) == MOST_FILES
    assert problems == ["b20 is not attached: a notification carries at most 20 files."]


def test_a_simulation_shows_names_and_sizes_only(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage()
    (stage.folder / "exported.csv").write_text(ROWS)

    played = stage.run("""
        steps:
          - id: made
            append_file: {file: made.csv, row: {a: b}}
          - notify: {to: anybody, message: hello, attach: [exported.csv, made.csv]}
    """)

    assert played.outcome == "succeeded"
    [said] = played.said(EventKind.NOTICE)
    assert said.startswith("hello\n\nAttached: exported.csv (23 bytes), made.csv (")
    assert not (stage.folder / "made.csv").exists()
