"""Notices, taken by a mail server and a web hook on this machine."""

from __future__ import annotations

import email
import json
import logging
from email import policy

import pytest

from almaflow.connectors.apprise_channel import send
from almaflow.connectors.errors import NotNow, Refused
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
        with pytest.raises(NotNow) as caught:
            send("systems", address, TITLE, TEXT)

    told = str(caught.value)
    assert told.startswith("The channel `systems` did not take it: ")
    assert "503" in told
    assert "t0ken-passw0rd" not in told
    assert "path-of-secret" not in told
    assert capfd.readouterr() == ("", "")


def test_a_service_that_is_not_there_is_told() -> None:
    with pytest.raises(NotNow, match="The channel `systems` did not take it: "):
        send("systems", f"json://127.0.0.1:{free_port()}", TITLE, TEXT)


@pytest.mark.parametrize("address", ["nonsense", "nothing://x", "mailto://", "l7xxsecretsecret"])
def test_an_address_that_apprise_does_not_know_is_refused(address: str) -> None:
    with pytest.raises(Refused) as caught:
        send("systems", address, TITLE, TEXT)

    assert str(caught.value) == (
        "What the channel `systems` is set to is no address that Apprise knows; its documentation "
        "lists them all (mailto://…, slack://…, jsons://…)."
    )


def test_what_others_say_to_apprise_s_log_is_not_kept() -> None:
    logging.getLogger("apprise").warning("Of somebody else")

    with pytest.raises(Refused) as caught:
        send("systems", "nonsense", TITLE, TEXT)

    assert "somebody else" not in str(caught.value)
