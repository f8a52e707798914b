"""`notify`, and the notices about how a run ended, through a real web hook and mail server."""

from __future__ import annotations

import email
import json
from collections.abc import Callable, Sequence
from email import policy
from pathlib import Path
from typing import Any

import pytest

from almaflow.connectors.attached_files import AttachedFile
from almaflow.connectors.base import NoExternalSystems
from almaflow.connectors.errors import ConnectorRefused, TemporaryFailure
from almaflow.connectors.registry import LiveSystems
from almaflow.engine.notifications import TRIED_LATER
from almaflow.runs.events import EventKind
from almaflow.thread_pool import ThreadPool
from tests.connectors.servers import free_port, mail_server, web_hook
from tests.harness import Process, Stage, interrupt_after

SETTINGS = """\
institutions: {main: {region: eu, api_key: env:ALMA_KEY}}
channels: {systems: env:SYSTEMS, catalogers: env:CATALOGERS}
secrets: {ftp: env:FTP}
"""


@pytest.fixture
def live(set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("ALMA_KEY", "l8xx-of-alma")
    monkeypatch.setenv("FTP", "the-ftp-passw0rd")
    monkeypatch.setenv("CATALOGERS", "json://127.0.0.1:9")
    stage = set_stage({"sets": [WEEDING]}, settings=SETTINGS)
    stage.outside = LiveSystems(stage.project)
    return stage


WEEDING = {"id": "59317390720001276", "name": "Weeding", "content": "ITEM"}


class Channel(NoExternalSystems):
    """Takes notices, after as many failures as are set, and remembers them."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tried = 0
        self.taken: list[tuple[str, str, str]] = []

    def send_notice(
        self, channel: str, title: str, text: str, files: Sequence[AttachedFile] = ()
    ) -> str:
        self.tried += 1
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append((channel, title, text))
        return ""


# --- the step -------------------------------------------------------------------------------------


def test_a_message_is_sent_to_its_channel(live: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_hook() as hook:
        monkeypatch.setenv("SYSTEMS", f"json://127.0.0.1:{hook.port}")
        played = live.run("""
            name: nightly
            steps:
              - notify: {to: systems, message: "Look at {{ run.name }}, use {{ secrets.ftp }}"}
        """)

    [sent] = map(json.loads, hook.bodies)
    assert played.outcome == "succeeded"
    assert sent["title"] == "almaflow: nightly at main"
    assert sent["message"] == "Look at nightly, use the-ftp-passw0rd"
    assert played.said(EventKind.NOTICE) == ["Look at nightly, use ***secrets.ftp***"]
    assert "the-ftp-passw0rd" not in str([played.record, played.journal, played.log, played.heard])


def test_the_log_is_always_there_and_needs_nothing(stage: Stage) -> None:
    stage.outside = NoExternalSystems()

    played = stage.run("steps: [{notify: hello}]")

    assert played.outcome == "succeeded"
    assert played.said(EventKind.NOTICE) == ["hello"]


def test_a_message_that_is_not_delivered_is_a_warning_with_the_reason(
    live: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"json://someone:t0p-secret@127.0.0.1:{free_port()}/path-of-secret"
    monkeypatch.setenv("SYSTEMS", address)

    played = live.run("""
        steps:
          - id: it
            notify: {to: systems, message: hello}
    """)

    assert played.outcome == "warning"
    assert played.steps["it"]["error"].startswith(
        "The channel `systems` did not accept the notification: "
    )
    # Three attempts, about a minute in all.
    assert played.steps["it"]["seconds"] == 20
    assert [one.partition(" (")[0] for one in played.said_waiting] == ["the notice is sent again"]
    everything = str([played.record, played.journal, played.log, played.heard])
    assert "t0p-secret" not in everything
    assert "path-of-secret" not in everything


def test_a_channel_in_trouble_is_asked_again(stage: Stage) -> None:
    stage.outside = channel = Channel(TemporaryFailure("Busy."), TemporaryFailure("Busy."))

    played = stage.run("steps: [{id: it, notify: {to: systems, message: hello}}]")

    assert played.outcome == "succeeded"
    assert channel.taken == [("systems", "almaflow: test at main", "hello")]
    assert played.steps["it"]["seconds"] == 20
    assert played.said_waiting == ["the notice is sent again (Busy)"]


def test_a_channel_that_can_take_nothing_is_not_asked_again(stage: Stage) -> None:
    stage.outside = channel = Channel(ConnectorRefused("The package apprise is missing."))

    played = stage.run("steps: [{id: it, notify: {to: systems, message: hello}}]")

    assert played.ended == ("warning", "")
    assert played.steps["it"]["error"] == f"The package apprise is missing. {TRIED_LATER}"
    assert channel.tried == 1


def test_a_secret_that_a_filter_has_changed_is_not_sent(
    live: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_hook() as hook:
        monkeypatch.setenv("SYSTEMS", f"json://127.0.0.1:{hook.port}")
        played = live.run("""
            steps:
              - id: it
                notify: {to: systems, message: "{{ secrets.ftp | upper }}"}
        """)

    assert hook.bodies == []
    assert played.outcome == "warning"
    assert played.steps["it"]["error"].startswith("A template changes the text of a secret")


def test_a_channel_that_hangs_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """In real time; in virtual time a thread at work holds the clock."""

    async def hang(*arguments: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(ThreadPool, "run", hang)

    played = stage.run("steps: [{id: it, notify: {to: systems, message: hello}}]")

    assert played.steps["it"]["error"] == (
        f"The channel `systems` did not respond within 20 seconds. {TRIED_LATER}"
    )


def test_a_message_that_was_delivered_is_not_sent_again_after_a_restart(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage()
    stage.outside = channel = Channel()

    stage.run(
        "steps: [{notify: {to: systems, message: hello}}, {wait: 10m}]",
        beside=interrupt_after(minutes=1),
    )
    played = stage.resume()

    assert played.outcome == "succeeded"
    assert len(channel.taken) == 1


# --- how a run ended ------------------------------------------------------------------------------


def notices_of(stage: Stage, workflow: str, **more: Any) -> list[tuple[str, str, str]]:
    """Return what is sent to channels when *workflow* is run."""
    stage.outside = channel = Channel()
    stage.run(workflow, **more)
    return channel.taken


ALL = "notify: [{on: [succeeded, warning, failed, cancelled], to: systems}]\n"


def test_a_good_end_is_told_to_whoever_asked_for_it(stage: Stage) -> None:
    [(channel, title, text)] = notices_of(stage, ALL + "name: nightly\nsteps: [{wait: 1m}]\n")

    assert channel == "systems"
    assert title == "almaflow: nightly succeeded (main)"
    assert text == (
        "nightly succeeded at main.\n\nWhat happened: almaflow show "
        "20260302-081500-aaa01\n\nYou do not need to do anything."
    )


@pytest.mark.parametrize("on", ["[warning, cancelled]", "[recovered, missed, late, waiting]"])
def test_who_did_not_ask_for_it_hears_nothing(stage: Stage, on: str) -> None:
    assert notices_of(stage, f"notify: [{{on: {on}, to: systems}}]\nsteps: [{{wait: 1m}}]") == []


def test_a_failure_is_told_with_its_reason_alma_s_link_and_the_next_move(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"sets": [WEEDING], "jobs": [{"job": "M48", "outcomes": "FAILED"}]})

    [(_, title, text)] = notices_of(
        stage,
        ALL + f'name: weed\nsteps: [{{id: it, submit_job: {{job: M48, set: "{WEEDING["id"]}"}}}}]',
    )

    [instance] = stage.alma.instances("M48")[-1:]
    assert title == "almaflow: weed failed (main)"
    said, error, where, link, move = text.split("\n\n")
    assert said == "weed failed at main."
    assert error.startswith("Step it: ")
    assert where == "What happened: almaflow show 20260302-081500-aaa01"
    assert link.startswith("In Alma: https://")
    assert link.endswith(f"/instances/{instance.id}")
    assert move == (
        "Correct the problem above, then run `almaflow retry 20260302-081500-aaa01` to retry the "
        "step that failed."
    )


def test_a_warning_links_to_what_is_wrong_and_not_to_what_came_after(
    set_stage: Callable[..., Stage],
) -> None:
    jobs = [
        {"job": "M48", "nth": 1, "outcomes": "COMPLETED_WARNING"},
        {"job": "M48", "nth": 2, "outcomes": "COMPLETED_SUCCESS"},
    ]
    stage = set_stage({"sets": [WEEDING], "jobs": jobs})
    step = f'{{submit_job: {{job: M48, set: "{WEEDING["id"]}"}}}}'

    [(_, title, text)] = notices_of(stage, ALL + f"steps: [{step}, {step}]")

    first, _ = stage.alma.instances("M48")[-2:]
    assert title == "almaflow: test ended with a warning (main)"
    assert f"/instances/{first.id}\n\n" in text
    assert text.endswith(
        "Check whether something has to be done by hand; nothing continues automatically."
    )


def test_a_time_that_is_up_counts_as_failed(stage: Stage) -> None:
    [(_, title, text)] = notices_of(stage, ALL + "timeout: 1m\nsteps: [{wait: 10m}]")

    assert title == "almaflow: test timed out (main)"
    assert "The run did not end within 1m." in text
    assert text.endswith(
        "A job that was started may still be running in Alma: check there first. `almaflow retry "
        "20260302-081500-aaa01` retries the step whose time limit expired."
    )


def test_a_cancelled_run_is_told(stage: Stage) -> None:
    async def cancel(process: Process) -> None:
        await process.wait(minutes=1)
        process.cancel("ada")

    [(_, title, text)] = notices_of(stage, ALL + "steps: [{wait: 10m}]", beside=cancel)

    assert title == "almaflow: test was cancelled (main)"
    assert "Cancelled by ada." in text


RECOVERED = "name: nightly\nnotify: [{on: [recovered], to: systems}]\nsteps: [%s]\n"


def ends(stage: Stage, *steps: str) -> list[tuple[str, str]]:
    """Return titles and texts of what is sent when each of *steps* in turn makes a run."""
    stage.outside = channel = Channel()
    for step in steps:
        stage.run(RECOVERED % step)
    return [(title, text) for _, title, text in channel.taken]


def test_the_first_good_end_after_a_bad_one_is_a_recovery(stage: Stage) -> None:
    [(title, text)] = ends(stage, "{wait: 1m}", "{fail: no}", "{fail: no}", "{wait: 1m}", "stop: x")

    assert title == "almaflow: nightly succeeded and has recovered (main)"
    assert text == (
        "nightly succeeded and has recovered at main. The run before, 20260302-081600-aaa03, "
        "failed.\n\nWhat happened: almaflow show 20260302-081600-aaa04\n\nYou do not "
        "need to do anything."
    )


def test_a_run_without_anything_to_do_has_recovered_as_well(stage: Stage) -> None:
    [(title, _)] = ends(stage, "{fail: no}", "check: {that: 1 == 2, otherwise: skip}")

    assert title == "almaflow: nightly had nothing to do and has recovered (main)"


def test_a_cancelled_run_is_neither_a_failure_nor_a_recovery(stage: Stage) -> None:
    async def cancel(process: Process) -> None:
        await process.wait(minutes=1)
        process.cancel("ada")

    stage.outside = channel = Channel()
    stage.run(RECOVERED % "{wait: 10m}", beside=cancel)
    stage.run(RECOVERED % "{wait: 1m}")
    assert channel.taken == []

    stage.run(RECOVERED % "{fail: no}")
    stage.run(RECOVERED % "{wait: 10m}", beside=cancel)
    stage.run(RECOVERED % "{wait: 1m}")
    [(_, _, text)] = channel.taken
    assert "The run before, 20260302-081700-aaa03, failed." in text


def test_only_runs_of_the_same_workflow_count(stage: Stage) -> None:
    stage.outside = channel = Channel()
    stage.run("name: other\nsteps: [{fail: no}]")
    stage.run(RECOVERED % "{wait: 1m}")

    assert channel.taken == []


def test_everybody_who_asked_hears_once(stage: Stage) -> None:
    workflow = """
        notify:
          - {on: [failed], to: systems}
          - {on: [failed, warning], to: catalogers}
          - {on: [failed], to: log}
        steps: [{fail: no}]
    """

    assert sorted(one[0] for one in notices_of(stage, workflow)) == ["catalogers", "systems"]


def test_a_notice_that_is_not_delivered_changes_nothing_about_the_run(stage: Stage) -> None:
    stage.outside = channel = Channel(*[TemporaryFailure("The channel `systems` is busy.")] * 9)

    played = stage.run(ALL + "steps: [{wait: 1m}]")

    assert played.outcome == "succeeded"
    assert channel.tried == 3
    assert played.said() == [
        f"A notice was not delivered: The channel `systems` is busy. {TRIED_LATER}"
    ]


def test_a_later_run_delivers_what_an_earlier_one_could_not(stage: Stage) -> None:
    stage.outside = channel = Channel(*[TemporaryFailure("Busy.")] * 6)
    stage.run(ALL + "name: nightly\nsteps: [{notify: {to: systems, message: hello}}]")
    before = list(channel.taken)

    stage.pass_time(hours=2)
    stage.run("name: other\nsteps: [{wait: 2m}]")

    assert before == []
    assert [title for _, title, _ in channel.taken] == [
        "almaflow: nightly at main",
        "almaflow: nightly ended with a warning (main)",
    ]


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_commit_loses_no_notice(
    set_stage: Callable[..., Stage], after: bool
) -> None:
    workflow = ALL + "steps: [{notify: {to: systems, message: hello}}]"
    stage = set_stage(durable=True)
    stage.outside = Channel()
    stage.run(workflow)
    commits = stage.boundary.counts["commit"]

    for at in range(2, commits + 1):
        stage.outside = channel = Channel()
        crashed = stage.crash(workflow, "commit", at, after=after)
        stage.pass_time(minutes=2)
        if crashed.outcome is None:
            stage.resume()
        else:
            stage.run("name: other\nsteps: [{wait: 2m}]")

        titles = [title for _, title, _ in channel.taken]
        assert set(titles) == {"almaflow: test at main", "almaflow: test succeeded (main)"}


def test_a_notice_that_was_delivered_is_not_sent_again_by_a_later_run(stage: Stage) -> None:
    class Half(Channel):
        """Takes no notice for the catalogers while it is *closed*."""

        closed = True

        def send_notice(
            self, channel: str, title: str, text: str, files: Sequence[AttachedFile] = ()
        ) -> str:
            if self.closed and channel == "catalogers":
                raise TemporaryFailure("Closed.")
            return super().send_notice(channel, title, text, files)

    stage.outside = channel = Half()
    workflow = """
        notify:
          - {on: [succeeded], to: systems}
          - {on: [succeeded], to: catalogers}
        steps: [{wait: 1m}]
    """

    first = stage.run(workflow)
    channel.closed = False
    stage.pass_time(minutes=2)
    stage.run("steps: [{wait: 1m}]")

    assert first.outcome == "succeeded"
    assert [one[0] for one in channel.taken] == ["systems", "catalogers"]


def test_a_known_secret_never_leaves_with_a_notice(
    live: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_hook() as hook:
        monkeypatch.setenv("SYSTEMS", f"json://127.0.0.1:{hook.port}")
        live.run(ALL + "steps: [{fail: the password is the-ftp-passw0rd}]")

    [body] = hook.bodies
    assert "the-ftp-passw0rd" not in body
    assert "the password is ***" in body


def test_a_notice_may_be_a_mail(live: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as mails:
        monkeypatch.setenv(
            "SYSTEMS", f"mailto://127.0.0.1:{mails.port}?from=a@example.org&to=b@example.org"
        )
        live.run(ALL + "name: nightly\nsteps: [{fail: no more room}]")

    [(_, to, whole)] = mails.taken
    message = email.message_from_string(whole, policy=policy.default)
    body = message.get_body(("plain", "html"))
    assert body is not None
    assert to == ["b@example.org"]
    assert message["Subject"] == "almaflow: nightly failed (main)"
    assert "Step fail-1: no more room" in body.get_content()
    assert "almaflow show 20260302-081500-aaa01" in body.get_content()


def test_a_simulated_run_sends_nothing(set_stage: Callable[..., Stage], tmp_path: Path) -> None:
    played = set_stage().run(ALL + "steps: [{notify: {to: anybody, message: hello}}]")

    assert played.outcome == "succeeded"
    assert played.said(EventKind.NOTICE) == ["hello", "test ended as succeeded."]
