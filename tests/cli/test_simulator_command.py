"""`almaflow simulator`: an Alma on a port, for as long as somebody wants it."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from almaflow.alma.simulator import SimulatedAlma
from almaflow.cli import simulator_screen
from almaflow.cli.commands import simulator
from almaflow.cli.simulator_institutions import ServedInstitution, read_institutions
from almaflow.cli.simulator_tls import SimulatorTls, simulator_tls
from almaflow.cli.simulator_webhooks import read_webhooks
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.settings.models import REGIONS
from tests.cli.conftest import Almaflow, Write, environment


@contextmanager
def served(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `almaflow simulator` on a free port, as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "almaflow", "simulator", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(PYTHONUNBUFFERED="1"),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_document(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what `--json` prints, while the simulator serves."""
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n") or text.count("{") != text.count("}"):
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        text += line
    document: dict[str, Any] = json.loads(text)
    return document


def ask(url: str, key: str) -> str:
    request = urllib.request.Request(
        f"{url}/almaws/v1/conf/test", headers={"Authorization": f"apikey {key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_until_it_is_ended_and_then_ends_well(number: signal.Signals) -> None:
    with served() as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(11)]
        url = lines[0].split()[-1]
        key = lines[10].split("=")[-1].strip()

        answer = ask(url, key)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)

    assert "GET - OK" in answer
    assert lines[2:7] == [
        "In almaflow.yaml:\n",
        "  institutions:\n",
        "    main:\n",
        f"      base_url: {url}\n",
        "      environment: production\n",
    ]
    assert lines[10].startswith("  export ALMA_API_KEY_MAIN=l8xx")
    assert (process.returncode, err) == (0, "")
    assert out.endswith("The simulator has stopped; its library is discarded.\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")
def test_json_tells_address_and_keys_of_every_institution(write: Write) -> None:
    scenario = write("s.yaml", "starts_at: 2026-11-01T02:00:00+01:00\n")
    arguments = (
        "--json",
        "--institution",
        "a",
        "--institution",
        "b-c",
        "--scenario",
        str(scenario),
    )
    with served(*arguments) as process:
        told = read_document(process)

        answer = ask(told["url"], told["institutions"][1]["key"])
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)

    assert [one["name"] for one in told["institutions"]] == ["a", "b-c"]
    assert "GET - OK" in answer
    assert (process.returncode, out) == (0, "")


def test_a_port_that_is_taken_is_told(almaflow: Almaflow) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        typed = almaflow("simulator", "--port", taken.getsockname()[1])

    assert typed.code == 2
    assert "Choose another port with `--port`; 0 chooses a free one." in typed.err


def test_a_scenario_with_mistakes_is_shown_with_their_place(
    almaflow: Almaflow, write: Write
) -> None:
    write("s.yaml", "jbos: []\n")

    typed = almaflow("simulator", "--scenario", "s.yaml")

    assert typed.code == 2
    assert typed.err.startswith("s.yaml:1:1: error[unknown-key]: ")


def test_time_passes_as_fast_as_wanted() -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)

    now = simulator._clock(start, 1_000_000)

    first = now()
    assert start <= first < start + timedelta(days=30)
    assert now() > first


def test_the_variable_of_a_key_has_a_name_that_shells_take() -> None:
    assert simulator_screen.variable_of("zürich-law 2") == "ALMA_API_KEY_Z_RICH_LAW_2"


def test_windows_sets_a_variable_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("almaflow.cli.simulator_screen.os.name", "nt")

    greeting = simulator_screen.greeting("http://x", institutions(keys=["my-own-key"]))

    assert "  $env:ALMA_API_KEY_MAIN = 'my-own-key'" in greeting


def institutions(
    names: Sequence[str] = (),
    *,
    keys: Sequence[str] = (),
    limited: Sequence[str] = (),
    environments: Sequence[str] = (),
    codes: Sequence[str] = (),
) -> list[ServedInstitution]:
    return read_institutions(names, keys, limited, environments, codes)


def test_keys_are_drawn_unless_they_are_given() -> None:
    drawn = {institutions()[0].key for _ in range(3)}

    assert len(drawn) == 3
    assert institutions(["a", "b"], keys=["my-own-key"])[0].key == "my-own-key"


@pytest.mark.parametrize(
    ("text", "name", "rights", "key"),
    [
        ("conf:r", "a", {"conf": False}, None),
        ("conf:rw,users:r", "a", {"conf": True, "users": False}, None),
        ("b=conf:r", "b", {"conf": False}, None),
        ("conf:r=my-own-key", "a", {"conf": False}, "my-own-key"),
        ("c=d=task-lists:rw=my-own-key", "c=d", {"task-lists": True}, "my-own-key"),
        ("c=d=analytics:r", "c=d", {"analytics": False}, None),
    ],
)
def test_a_limited_key_has_areas_perhaps_an_institution_and_a_text(
    text: str, name: str, rights: dict[str, bool], key: str | None
) -> None:
    (limited,) = [
        one for it in institutions(["a", "b", "c=d"], limited=[text]) for one in it.limited_keys
    ]

    assert (limited.institution, limited.rights) == (name, rights)
    assert limited.key == key if key else limited.key.startswith("l8xx")


def test_environments_are_for_all_or_in_order_and_codes_in_order() -> None:
    names = ["a", "b", "c"]

    alone = institutions(names, environments=["Sandbox"])
    several = institutions(names, environments=["sandbox", "production"], codes=["01A_INST"])

    assert [one.environment for one in alone] == ["sandbox"] * 3
    assert [one.environment for one in several] == ["sandbox", "production", "production"]
    assert [one.code for one in several] == ["01A_INST", None, None]


def test_rights_environment_and_code_are_what_alma_reports() -> None:
    alma = SimulatedAlma(lambda: datetime(2026, 11, 1, tzinfo=UTC))
    (served_one,) = institutions(
        limited=["conf:r", "users:rw"], environments=["sandbox"], codes=["01ABC_INST"]
    )
    served_one.add_to(alma)
    reading, users = (limited.key for limited in served_one.limited_keys)

    def call(method: str, path: str, key: str) -> tuple[int, str]:
        headers = {"Authorization": f"apikey {key}", "Accept": "application/json"}
        reply = alma.handle(method, f"/almaws/v1/{path}", headers, b"")
        return reply.status, reply.body.decode()

    assert call("GET", "conf/test", reading) == (
        200,
        "<test>GET - OK - institutionCode: 01ABC_INST</test>",
    )
    assert '"environment_type": "sandbox"' in call("GET", "conf/general", reading)[1]
    for method, path, key in (
        ("POST", "conf/test", reading),
        ("GET", "users/operation/test", reading),
        ("GET", "conf/test", users),
        ("GET", "analytics/reports?path=x", users),
    ):
        status, text = call(method, path, key)
        assert status == 400
        assert "UNAUTHORIZED" in text
    assert call("POST", "users/operation/test", users)[0] == 200


@pytest.mark.parametrize(
    "arguments",
    [
        ("--host", "0.0.0.0"),
        ("--host", "::"),
        ("--host", ""),
        ("--host", "0"),
        ("--host", "somewhere.localhost"),
        ("--host", "10.0.0.5"),
        ("--key", "short"),
        ("--key", "with a space in it"),
        ("--key", "key-number-1", "--key", "key-number-2"),
        ("--institution", "a", "--institution", "b", *("--key", "the-same-key") * 2),
        ("--institution", "a", "--institution", "a", *("--key", "the-same-key") * 2),
        ("--key", "the-same-key") * 2,
        ("--limited-key", "conf"),
        ("--limited-key", "conf:w"),
        ("--limited-key", "library:r"),
        ("--limited-key", "elsewhere=conf:r"),
        ("--limited-key", "conf:r=short"),
        ("--limited-key", ""),
        ("--limited-key", "conf:r=the-same-key") * 2,
        ("--key", "the-same-key", "--limited-key", "conf:r=the-same-key"),
        ("--environment", "test"),
        ("--environment", "sandbox") * 2,
        ("--code", "01 ABC"),
        ("--code", "01A_INST") * 2,
        ("--institution", "a", "--institution", "b", *("--code", "01A_INST") * 2),
        tuple(word for i in range(1001) for word in ("--institution", f"library-{i}")),
    ],
)
def test_what_would_be_unsafe_is_refused(almaflow: Almaflow, arguments: tuple[str, ...]) -> None:
    assert almaflow("simulator", "--port", "0", *arguments).code == 2


def started(*arguments: str) -> tuple[dict[str, Any], str]:
    """Start with `--json`, ask for the test call with each key; return both and what was said."""
    with served("--json", *arguments) as process:
        document = read_document(process)
        port = urlsplit(document["url"]).port
        for one in document["institutions"]:
            assert "GET - OK" in ask(f"http://127.0.0.1:{port}", one["key"])
        process.kill()
        _, err = process.communicate(timeout=20)
    return document, err


def test_keys_are_given_in_the_order_of_institutions() -> None:
    document, err = started(
        *("--institution", "a", "--institution", "b", "--institution", "c"),
        *("--key", "key-number-1", "--key", "key-number-2"),
    )

    first, second, third = (one["key"] for one in document["institutions"])
    assert (first, second, err) == ("key-number-1", "key-number-2", "")
    assert third.startswith("l8xx")


def test_other_machines_are_let_in_only_with_a_warning_that_names_the_institution() -> None:
    _, err = started("--host", "0.0.0.0", "--allow-remote", "--institution", "city")

    assert err.startswith("warning: ")
    assert "`city`" in err


@pytest.mark.parametrize("days", [0, 1, 100, 10_000, 1_000_000])
@pytest.mark.parametrize("speed", [0.001, 1, 600, 1e6])
@pytest.mark.parametrize("start", [None, datetime(1900, 1, 1, tzinfo=UTC)])
def test_the_clock_never_leaves_the_calendar(
    monkeypatch: pytest.MonkeyPatch, days: int, speed: float, start: datetime | None
) -> None:
    began = datetime(2026, 11, 1, tzinfo=UTC)
    instants = iter([began, *(began + timedelta(days=days, hours=i) for i in range(2))])
    monkeypatch.setattr(SystemClock, "now", lambda _: next(instants))

    now = simulator._clock(start, speed)

    first, second = now(), now()
    assert first < second
    assert second - first >= timedelta(hours=1) * min(1, speed)


# --- `--tls` --------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")
def test_tls_leaves_the_certificate_of_the_authority_only_for_as_long_as_it_serves() -> None:
    with served("--json", "--tls") as process:
        document = read_document(process)
        ca_file = Path(document["tls"]["ca_file"])
        folder = [file.read_text() for file in ca_file.parent.iterdir()]
        context = ssl.create_default_context(cafile=str(ca_file))
        request = urllib.request.Request(
            f"{document['tls']['url']}/almaws/v1/conf/test",
            headers={"Authorization": f"apikey {document['institutions'][0]['key']}"},
        )
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            text = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

    assert "GET - OK" in text
    assert [pem.count("PRIVATE KEY") for pem in folder] == [0]
    assert not ca_file.parent.exists()
    assert document["tls"]["environment"] == {
        "HTTPS_PROXY": document["url"],
        "SSL_CERT_FILE": str(ca_file),
        "REQUESTS_CA_BUNDLE": str(ca_file),
        "CURL_CA_BUNDLE": str(ca_file),
        "NODE_EXTRA_CA_CERTS": str(ca_file),
    }


@pytest.mark.parametrize("region", REGIONS.values())
def test_tls_serves_the_hosts_of_every_region(region: str) -> None:
    with simulator_tls(None, "127.0.0.1", "") as secure:
        host = urlsplit(region).hostname

        assert host in secure.server.hosts
        assert host in names_of(secure)


@pytest.mark.parametrize(
    ("host", "public_url", "more"),
    [
        ("0.0.0.0", "", set()),
        ("::", "", set()),
        ("0", "", set()),
        ("10.0.0.5", "", {"10.0.0.5"}),
        (
            "lib1.example.edu",
            "https://alma.example.edu:8443",
            {"lib1.example.edu", "alma.example.edu"},
        ),
    ],
)
def test_the_certificate_is_for_the_names_that_are_given(
    host: str, public_url: str, more: set[str]
) -> None:
    with (
        simulator_tls(None, "127.0.0.1", "") as usual,
        simulator_tls(None, host, public_url) as secure,
    ):
        assert names_of(secure) - names_of(usual) == more


def names_of(secure: SimulatorTls) -> set[str]:
    """Return the names of a certificate, as a client sees them."""
    client_context = ssl.create_default_context(cafile=str(secure.ca_file))
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(ours, theirs, server_hostname="localhost")
    server = secure.server.context.wrap_bio(theirs, ours, server_side=True)
    for side in (client, server, client):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    certificate: Any = client.getpeercert()
    return {name for _, name in certificate["subjectAltName"]}


def test_the_file_of_the_authority_is_replaced_and_no_other_file_is(
    almaflow: Almaflow, write: Write, tmp_path: Path
) -> None:
    ours, other = tmp_path / "ca.pem", write("other.pem", "-----BEGIN CERTIFICATE-----\n")
    for _ in range(2):
        with simulator_tls(ours, "127.0.0.1", ""):
            pass

    for file in (other, tmp_path, tmp_path / "missing" / "ca.pem"):
        with pytest.raises(RequestWrong), simulator_tls(file, "127.0.0.1", ""):
            pass

    assert ours.read_text().count("BEGIN CERTIFICATE") == 1
    assert other.read_text() == "-----BEGIN CERTIFICATE-----\n"


def test_a_file_of_the_authority_needs_tls(almaflow: Almaflow) -> None:
    assert almaflow("simulator", "--port", "0", "--ca-file", "ca.pem").code == 2


def test_tls_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)

    with (
        pytest.raises(RequestWrong, match=r"almaflow\[simulator\]"),
        simulator_tls(None, "127.0.0.1", ""),
    ):
        pass


# --- `--webhook` ----------------------------------------------------------------------------------


def test_the_secret_of_webhooks_is_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_TESTS", "a-secret-of-listeners")

    (webhook,) = read_webhooks(["http://127.0.0.1:9000/x"], "env:SECRET_OF_TESTS")

    assert webhook.secret_bytes() == b"a-secret-of-listeners"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--webhook", "http://example.org/"),
        ("--webhook", "nonsense"),
        ("--webhook-secret", "env:HOME"),
        ("--webhook", "http://127.0.0.1:9/", "--webhook-secret", "a-secret-of-listeners"),
        ("--webhook", "http://127.0.0.1:9/", "--webhook-secret", "env:NOT_SET_BY_TESTS"),
        ("--webhook", "http://127.0.0.1:9/") * 11,
    ],
)
def test_a_wrong_webhook_is_refused(almaflow: Almaflow, arguments: tuple[str, ...]) -> None:
    typed = almaflow("simulator", "--port", "0", *arguments)

    assert typed.code == 2
    assert "a-secret-of-listeners" not in typed.err


def test_a_scenario_whose_secret_is_missing_is_refused(almaflow: Almaflow, write: Write) -> None:
    write("s.yaml", "webhooks: [{url: 'http://127.0.0.1:9/', secret: 'env:NOT_SET_BY_TESTS'}]\n")

    typed = almaflow("simulator", "--port", "0", "--scenario", "s.yaml")

    assert typed.code == 2
    assert "NOT_SET_BY_TESTS" in typed.err


def test_webhooks_are_listed_at_the_start() -> None:
    document, _ = started("--webhook", "http://127.0.0.1:9/x", "--webhook", "http://localhost:9/")
    shown = simulator_screen.greeting("http://x", institutions(), None, ["http://127.0.0.1:9/x"])

    assert document["webhooks"] == ["http://127.0.0.1:9/x", "http://localhost:9/"]
    assert "  http://127.0.0.1:9/x" in shown.splitlines()
