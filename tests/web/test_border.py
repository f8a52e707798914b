"""Who is let in: hosts, origins, logins, tokens, a proxy, and what each role may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError
from fastapi import APIRouter, Request
from starlette.testclient import TestClient

from almaflow.errors import RequestWrong
from almaflow.settings.serving import PageAddress
from almaflow.web.context import Who
from almaflow.web.security import attempts, bodies, passwords
from almaflow.web.security.access import access_to
from almaflow.web.security.border import inside
from almaflow.web.security.passwords import hash_password
from almaflow.web.security.people import person_here
from tests.web.pages import SETTINGS, Site, site_in

PASSWORD = "correct horse battery"
# As `hash_password` makes it, but with less work: an argon2 hash says how it was made.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
TOKEN, WRITING_TOKEN = "t0ken-of-a-dashboard-1", "t0ken-of-a-program-22"
FORM = {"name": "anna", "password": PASSWORD, "next": "/"}

Guarded = Callable[..., Site]


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    """Make a page with users anna (operate) and rolf (read), and tokens; *serve* adds to it."""
    monkeypatch.setenv("HASH", HASH)
    monkeypatch.setenv("TOKEN", TOKEN)
    monkeypatch.setenv("WRITING_TOKEN", WRITING_TOKEN)
    made: list[Site] = []

    def make(**serve: Any) -> Site:
        users = {
            "anna": {"password": "env:HASH"},
            "rolf": {"password": "env:HASH", "role": "read"},
        }
        tokens = {
            "dashboard": {"token": "env:TOKEN"},
            "program": {"token": "env:WRITING_TOKEN", "role": "operate"},
        }
        settings = SETTINGS | {"serve": {"users": users, "tokens": tokens} | serve}
        made.append(_with_action(site_in(tmp_path, settings=settings)))
        return made[-1]

    yield make
    for site in made:
        site.store.close()


def _with_action(site: Site) -> Site:
    """Add a page that changes something, and says who asked."""
    router = APIRouter()

    @router.api_route("/act", methods=["GET", "POST"])
    @router.api_route("/api/act", methods=["GET", "POST"])
    def act(who: Who) -> str:
        return who.by

    site.app.include_router(router)
    return site


def log_in(site: Site, name: str = "anna", **more: str) -> TestClient:
    browser = site.browser()
    answer = browser.post("/login", data=FORM | {"name": name} | more)
    assert answer.status_code == 303, answer.text
    return browser


# --- where requests come from ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8480", 200),
        ("localhost:8480", 200),
        ("[::1]:8480", 200),
        ("127.1", 200),
        ("almaflow.evil.example", 421),
        ("localhost.evil.example:8480", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.0.2.7:8480", 421),
        ("a b", 400),
        ("", 400),
    ],
)
def test_a_page_of_this_machine_answers_to_its_own_names_only(
    site: Site, host: str, status: int
) -> None:
    for path in ("/", "/static/almaflow.css", "/api/openapi.json"):
        assert site.client.get(path, headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # not a browser
        ({"origin": "http://127.0.0.1:8480", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"origin": "http://127.0.0.1:8480", "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_a_form_of_another_website_changes_nothing(
    site: Site, headers: dict[str, str], status: int
) -> None:
    _with_action(site)

    assert site.client.post("/act", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),  # a link in a mail
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),  # an image
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}, 403),  # a script
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),  # htmx
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, 200),  # typed
    ],
)
def test_another_website_can_link_here_and_load_nothing(
    site: Site, headers: dict[str, str], status: int
) -> None:
    assert site.client.get("/", headers=headers).status_code == status


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_a_page_without_a_login_does_not_answer_through_a_proxy(site: Site, header: str) -> None:
    assert site.client.get("/", headers={header: "192.0.2.7"}).status_code == 403


def test_a_public_address_counts_when_almaflow_yaml_names_it(guarded: Guarded) -> None:
    site = guarded(url="https://almaflow.example.edu")
    ours = {"host": "almaflow.example.edu", "origin": "https://almaflow.example.edu"}

    right = site.browser().post("/login", data=FORM, headers=ours)
    other = site.browser().get("/login", headers={"host": "evil.example"})

    assert (right.status_code, other.status_code) == (303, 421)
    cookie = right.headers["set-cookie"]
    assert cookie.startswith("__Host-almaflow=")
    for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


# --- who has to log in ----------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "library.example.edu"])
def test_a_page_that_others_reach_needs_a_login(site: Site, host: str) -> None:
    with pytest.raises(RequestWrong, match="login") as caught:
        access_to(site.project, PageAddress(host, 8480), person_here("anna"))

    assert "hash-password" in str(caught.value)


@pytest.mark.parametrize(
    "value", ["a plain password", "$argon2id$broken", "5f4dcc3b5aa765d61d8327"]
)
def test_a_password_that_is_not_a_hash_is_refused_and_not_shown(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HASH", value)

    with pytest.raises(RequestWrong, match="hash-password") as caught:
        guarded()

    assert value not in str(caught.value)


def test_a_stranger_is_led_to_the_login_and_back(guarded: Guarded) -> None:
    site = guarded()
    browser = site.browser()

    page = browser.get("/act?x=1")
    live = browser.get("/act", headers={"hx-request": "true"})
    data = browser.get("/api/act")

    assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2Fact%3Fx%3D1")
    assert (live.status_code, live.headers["hx-redirect"]) == (401, "/login")
    assert (data.status_code, "token" in data.json()["error"]) == (401, True)
    assert browser.post("/act").status_code == 303
    answer = browser.post("/login", data=FORM | {"next": "/act?x=1"})
    assert answer.headers["location"] == "/act?x=1"
    assert browser.get("/act").json() == "anna via the page"


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "evil", ""],
)
def test_a_login_leads_to_no_other_website(guarded: Guarded, address: str) -> None:
    assert inside(address) == "/"
    answer = guarded().browser().post("/login", data=FORM | {"next": address})
    assert answer.headers["location"] == "/"


def test_a_link_from_elsewhere_is_asked_once_more_with_the_cookie(guarded: Guarded) -> None:
    foreign = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}

    page = guarded().browser().get("/act?x=%22%3E", headers=foreign)

    assert page.status_code == 200
    assert 'content="0; url=/act?x=%22%3E"' in page.text


@pytest.mark.parametrize("name", ["anna", "nobody", "ANNA"])
def test_a_wrong_password_and_a_wrong_name_look_alike(guarded: Guarded, name: str) -> None:
    page = guarded().browser().post("/login", data={"name": name, "password": "not the password"})

    assert page.status_code == 401
    assert "The name or the password is wrong." in page.text
    assert "set-cookie" not in page.headers


def test_a_wrong_name_is_compared_with_a_hash_that_takes_as_long_as_any_other() -> None:
    made, of_nobody = hash_password(PASSWORD), passwords._NOBODY

    assert extract_parameters(of_nobody) == extract_parameters(made)
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(of_nobody, PASSWORD)


def test_guessing_is_bounded_and_begins_again_later(guarded: Guarded) -> None:
    site = guarded()
    browser = site.browser()
    wrong = FORM | {"password": "not the password"}

    statuses = [browser.post("/login", data=wrong).status_code for _ in range(12)]
    right = browser.post("/login", data=FORM)
    site.clock.advance(attempts.WINDOW + timedelta(seconds=1))
    later = browser.post("/login", data=FORM)

    assert statuses == [401] * attempts.BY_ADDRESS + [429] * 2
    assert (right.status_code, later.status_code) == (429, 303)
    assert int(right.headers["retry-after"]) > 0
    assert any("failed" in line for line in site.logged)


def test_guesses_at_the_same_time_are_bounded_too(guarded: Guarded) -> None:
    counted = guarded().app.state.gate.attempts

    # All of them are checked before the first one has failed.
    waits = [counted.begin("192.0.2.1", "anna") for _ in range(40)]

    assert [wait == 0 for wait in waits] == [True] * attempts.BY_ADDRESS + [False] * 30


def test_strangers_who_guess_lock_out_nobody_where_they_have_logged_in(guarded: Guarded) -> None:
    site = guarded()
    log_in(site)
    counted = site.app.state.gate.attempts
    for number in range(attempts.BY_NAME):
        counted.begin(f"192.0.2.{number}", "anna")

    assert counted.wait("198.51.100.1", "anna") > 0
    log_in(site)


def test_a_login_forgets_the_failures_of_that_person_only(guarded: Guarded) -> None:
    counted = guarded().app.state.gate.attempts
    for name in ["anna"] * 9 + ["rolf"]:
        assert counted.begin("192.0.2.1", name) == 0
    counted.succeeded("192.0.2.1", "rolf")

    assert counted.begin("192.0.2.1", "anna") == 0
    assert counted.begin("192.0.2.1", "anna") > 0


def test_guessed_tokens_lock_out_one_address_only(guarded: Guarded) -> None:
    site = guarded()
    for number in range(2 * attempts.BY_NAME):
        site.app.state.gate.attempts.begin(f"192.0.2.{number}")

    assert site.browser([("authorization", f"Bearer {TOKEN}")]).get("/api/act").status_code == 200


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ([], "192.0.2.7"),
        (["198.51.100.1"], "198.51.100.1"),
        (["10.0.0.1, 198.51.100.1"], "198.51.100.1"),
        (["10.0.0.1", "198.51.100.1"], "198.51.100.1"),
        (["10.0.0.1,10.0.0.2", "x, 198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1:5000"], "198.51.100.1"),
        (["[2001:db8::1]:5000"], "2001:db8::1"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["unknown"], "192.0.2.7"),
        (["10.0.0.1\x1b[31m"], "192.0.2.7"),
        ([""], "192.0.2.7"),
    ],
)
def test_a_client_behind_the_proxy_is_known_by_what_the_proxy_added(
    guarded: Guarded, forwarded: list[str], address: str
) -> None:
    proxy = {"addresses": ["192.0.2.0/28"], "header": "X-Remote-User"}
    site = guarded(proxy=proxy, url="https://almaflow.example.edu")
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    request = Request({"type": "http", "client": ("192.0.2.7", 5000), "headers": headers})

    assert site.app.state.gate.peer(request) == address


def test_a_clock_that_was_set_back_makes_no_session_longer(guarded: Guarded) -> None:
    site = guarded()
    browser = log_in(site)

    site.clock.advance(timedelta(minutes=-2))
    corrected = browser.get("/act").status_code
    site.clock.advance(timedelta(days=-365))
    set_back = browser.get("/act").status_code

    assert (corrected, set_back) == (200, 303)


def test_a_session_ends_by_itself_and_by_logging_out(guarded: Guarded) -> None:
    site = guarded()
    leaving, staying = log_in(site), log_in(site)
    assert 'action="/logout"' in staying.get("/").text
    assert "<nav" not in site.browser().get("/login").text

    answer = leaving.post("/logout")
    site.clock.advance(timedelta(hours=13))

    assert answer.status_code == 303
    assert "almaflow" not in leaving.cookies
    assert staying.get("/").status_code == 303


def test_a_session_ends_when_the_password_changes(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = log_in(guarded()).cookies["almaflow"]
    monkeypatch.setenv("HASH", hash_password("another good password"))

    after = guarded().browser([("cookie", f"almaflow={cookie}")])

    assert after.get("/").status_code == 303


def test_a_cookie_that_was_changed_is_worth_nothing(guarded: Guarded) -> None:
    site = guarded()
    cookie = log_in(site, "rolf").cookies["almaflow"]

    for forged in (cookie[:-1], cookie.replace(cookie[3], "x", 1), "x", f"{cookie}.{cookie}"):
        assert site.browser([("cookie", f"almaflow={forged}")]).get("/").status_code == 303


# --- what a role may do ---------------------------------------------------------------------------


def test_a_reader_sees_everything_and_changes_nothing(guarded: Guarded) -> None:
    site = guarded()
    reader, operator = log_in(site, "rolf"), log_in(site)

    assert (reader.get("/act").status_code, reader.post("/act").status_code) == (200, 403)
    assert operator.post("/act").json() == "anna via the page"
    for method in ("PUT", "PATCH", "DELETE", "FROBNICATE"):
        assert reader.request(method, "/act").status_code == 403
    assert reader.post("/logout").status_code == 303


@pytest.mark.parametrize(
    ("token", "reads", "writes"),
    [(TOKEN, 200, 403), (WRITING_TOKEN, 200, 200), ("wrong", 401, 401), ("", 401, 401)],
)
def test_a_token_opens_what_its_role_allows(
    guarded: Guarded, token: str, reads: int, writes: int
) -> None:
    program = guarded().browser([("authorization", f"Bearer {token}")])

    assert program.get("/api/act").status_code == reads
    assert program.post("/api/act").status_code == writes


def test_guessing_tokens_is_bounded(guarded: Guarded) -> None:
    program = guarded().browser([("authorization", "Bearer wrong")])

    statuses = {program.get("/api/act").status_code for _ in range(attempts.BY_ADDRESS + 1)}

    assert statuses == {401, 429}


def test_a_proxy_is_believed_from_its_address_only(guarded: Guarded) -> None:
    proxy = {"addresses": ["192.0.2.0/28"], "header": "X-Remote-User", "operators": ["anna"]}
    site = guarded(users={}, tokens={}, proxy=proxy, url="https://almaflow.example.edu")
    headers = {"host": "almaflow.example.edu", "x-remote-user": "anna"}

    def through(peer: str, **more: str) -> int:
        client = TestClient(site.app, client=(peer, 5000), follow_redirects=False)
        return client.post("/act", headers=headers | more).status_code

    assert through("192.0.2.7") == 200
    assert through("198.51.100.9") == 403
    assert through("192.0.2.7", **{"x-remote-user": "rolf"}) == 403
    assert through("192.0.2.7", **{"x-remote-user": ""}) == 403


# --- bounds ---------------------------------------------------------------------------------------


def test_a_body_that_is_too_large_is_refused(site: Site) -> None:
    _with_action(site)

    assert site.client.post("/act", content=b"x" * bodies.MOST).status_code == 200
    assert site.client.post("/act", content=b"x" * (bodies.MOST + 1)).status_code == 413


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"approved": false, "approved": true}', 400),
        (b'{"inputs": {"n": 1, "n": 2}}', 400),
        (b'[{"a": 1}, {"b": [{"a": 1, "\\u0061": 2}]}]', 400),
        (b'{"a": {"b": 1}, "b": {"a": 1}}', 200),
        (b'{"a": 1', 400),
        (b"[" * 100_000, 400),
        (b"9" * 5_000, 400),
        (b"\xff", 400),
        (b"", 200),
    ],
)
def test_a_body_that_programs_read_in_different_ways_or_not_at_all_is_refused(
    site: Site, body: bytes, status: int
) -> None:
    _with_action(site)

    assert site.client.post("/api/act", content=body).status_code == status


def test_a_body_with_two_lengths_is_refused_and_the_connection_closed(site: Site) -> None:
    _with_action(site)

    answer = site.client.post(
        "/act", content=b"a=b", headers={"Transfer-Encoding": "chunked", "Content-Length": "3"}
    )

    assert (answer.status_code, answer.headers["connection"]) == (400, "close")
