"""Notices, taken by a mail server and a web hook on this machine."""

from __future__ import annotations

import email
import json
import time
from email import policy
from pathlib import Path

import pytest

from almaflow.connectors import apprise_channel
from almaflow.connectors.apprise_channel import send
from almaflow.connectors.apprise_process import redirect_problem
from almaflow.connectors.errors import ConnectorRefused, TemporaryFailure
from tests.connectors import hostile
from tests.connectors.servers import free_port, mail_server, web_hook

TITLE = "almaflow: withdraw failed"
TEXT = "withdraw (run 20260302-081500-aaa01) failed.\n\n  almaflow show x\nGrüße & <so on>"


def test_a_mail_is_sent_with_title_and_text() -> None:
    with mail_server() as mails:
        address = f"mailto://127.0.0.1:{mails.port}?from=almaflow@example.org&to=a@example.org"
        send("systems", address, TITLE, TEXT)

    [(sender, to, whole)] = mails.taken
    message = email.message_from_string(whole, policy=policy.default)
    part = message.get_body(("plain", "html"))
    assert part is not None
    assert (sender, to) == ("almaflow@example.org", ["a@example.org"])
    assert message["Subject"] == TITLE
    assert "almaflow show x" in part.get_content()
    assert "Grüße" in part.get_content()


def test_a_web_hook_is_posted_to() -> None:
    with web_hook() as hook:
        send("systems", f"json://127.0.0.1:{hook.port}/hook", TITLE, TEXT)

    [body] = [json.loads(body) for body in hook.bodies]
    assert (body["title"], body["message"]) == (TITLE, TEXT)


def test_a_channel_may_be_several_addresses() -> None:
    with web_hook() as one, web_hook() as two:
        address = f"json://127.0.0.1:{one.port} json://127.0.0.1:{two.port}"
        send("systems", address, TITLE, TEXT)

    assert (len(one.bodies), len(two.bodies)) == (1, 1)


def test_a_service_that_refuses_is_named_with_the_reason(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with web_hook() as hook:
        hook.status = 503
        address = f"json://someone:t0ken-passw0rd@127.0.0.1:{hook.port}/path-of-secret"
        with pytest.raises(TemporaryFailure) as caught:
            send("systems", address, TITLE, TEXT)

    told = str(caught.value)
    assert told.startswith("The channel `systems` did not accept the notification: ")
    assert "503" in told
    assert "t0ken-passw0rd" not in told
    assert "path-of-secret" not in told
    assert capfd.readouterr() == ("", "")


def test_a_service_that_is_not_there_is_told() -> None:
    with pytest.raises(
        TemporaryFailure, match="The channel `systems` did not accept the notification: "
    ):
        send("systems", f"json://127.0.0.1:{free_port()}", TITLE, TEXT)


@pytest.mark.parametrize("address", ["nonsense", "nothing://x", "mailto://", "l7xxsecretsecret"])
def test_an_address_that_apprise_does_not_know_is_refused(address: str) -> None:
    with pytest.raises(ConnectorRefused) as caught:
        send("systems", address, TITLE, TEXT)

    assert str(caught.value) == (
        "The address of the channel `systems` is not a valid Apprise address. The "
        "documentation of Apprise lists all addresses (mailto://…, slack://…, jsons://…)."
    )


@pytest.mark.parametrize(
    ("scheme", "play"),
    [
        pytest.param("json", hostile.drip_body, marks=pytest.mark.slow),
        pytest.param("json", hostile.drip_headers, marks=pytest.mark.slow),
        pytest.param("json", hostile.endless_1xx, marks=pytest.mark.slow),
        pytest.param("mailto", hostile.endless_mail_greeting, marks=pytest.mark.slow),
    ],
)
def test_a_slow_server_does_not_hold_a_notice(
    scheme: str, play: hostile.Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprise_channel, "TIMEOUT", 3.0)
    with hostile.server(play) as port:
        begun = time.monotonic()
        address = f"{scheme}://127.0.0.1:{port}?from=a@example.org&to=b@example.org"
        with pytest.raises(TemporaryFailure):
            send("systems", address, TITLE, TEXT)

    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    "play",
    [
        hostile.endless_body,
        hostile.endless_headers,
        hostile.endless_chunk_line,
        hostile.gzip_bomb,
        hostile.redirect("/again"),
    ],
)
def test_an_answer_without_end_is_given_up_before_the_time_is_over(play: hostile.Play) -> None:
    with hostile.server(play) as port, pytest.raises(TemporaryFailure) as caught:
        send("systems", f"json://127.0.0.1:{port}", TITLE, TEXT)

    assert f"{apprise_channel.TIMEOUT:g} seconds" not in str(caught.value)


def test_a_redirect_to_another_port_of_this_machine_is_not_followed() -> None:
    with web_hook() as inner:
        play = hostile.redirect(f"http://localhost:{inner.port}/admin")
        with hostile.server(play) as port, pytest.raises(TemporaryFailure) as caught:
            send("systems", f"json://127.0.0.1:{port}", TITLE, TEXT)

    assert inner.bodies == []
    assert "redirects to an address that is not public" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "target", "allowed"),
    [
        ("https://8.8.8.8/a", "https://8.8.8.8/b", True),
        ("https://8.8.8.8/a", "https://9.9.9.9/b", True),
        ("http://8.8.8.8/a", "https://8.8.8.8/b", True),
        ("https://8.8.8.8/a", "http://8.8.8.8/b", False),
        ("http://127.0.0.1:80/a", "http://127.0.0.1:80/b", True),
        ("http://127.0.0.1:80/a", "http://127.0.0.1:81/b", False),
        ("https://8.8.8.8/a", "https://127.0.0.1/", False),
        ("https://8.8.8.8/a", "https://localhost/", False),
        ("https://8.8.8.8/a", "https://[::1]/", False),
        ("https://8.8.8.8/a", "https://[::ffff:127.0.0.1]/", False),
        ("https://8.8.8.8/a", "https://2130706433/", False),
        ("https://8.8.8.8/a", "https://169.254.169.254/latest/", False),
        ("https://8.8.8.8/a", "https://[fd00:ec2::254]/", False),
        ("https://8.8.8.8/a", "https://10.0.0.1/", False),
        ("https://8.8.8.8/a", "https://0.0.0.0/", False),
        ("https://8.8.8.8/a", "file:///etc/passwd", False),
        ("https://8.8.8.8/a", "https://8.8.8.8:99999/", False),
        ("https://8.8.8.8/a", "https://[/", False),
    ],
)
def test_a_redirect_keeps_to_the_internet_and_to_tls(
    source: str, target: str, allowed: bool
) -> None:
    assert (redirect_problem(source, target) == "") is allowed


def test_a_library_in_the_current_folder_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requests.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    with web_hook() as hook:
        send("systems", f"json://127.0.0.1:{hook.port}", TITLE, TEXT)

    assert len(hook.bodies) == 1
