"""What every response has, and what becomes of errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import APIRouter

from almaflow.errors import RequestWrong
from almaflow.store import RunEnded, RunNotFound, StoreTrouble
from almaflow.web.rendering import HERE, STATIC
from tests.web.pages import Site

TEMPLATES = sorted((HERE / "templates").rglob("*.html"))


def test_a_page_has_the_headers_that_forbid_everything_from_elsewhere(site: Site) -> None:
    page = site.client.get("/")

    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert "server" not in page.headers


def test_the_navigation_says_which_page_this_is(site: Site) -> None:
    assert '<a href="/" aria-current="page">Today</a>' in site.client.get("/").text


def test_a_wrong_address_is_a_page_with_a_sentence(site: Site) -> None:
    page = site.client.get("/no-such-page")
    data = site.client.get("/api/no-such-page")

    assert (page.status_code, data.status_code) == (404, 404)
    assert "<h1>Not Found</h1>" in page.text
    assert list(data.json()) == ["error", "code"]


def test_static_files_are_kept_for_good_by_an_address_with_their_hash(site: Site) -> None:
    page = site.client.get("/").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)

    answers = [site.client.get(address) for address in addresses]

    assert len(addresses) >= 4
    assert {answer.status_code for answer in answers} == {200}
    assert all("immutable" in answer.headers["cache-control"] for answer in answers)


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"]
)
def test_only_static_files_are_served(site: Site, path: str) -> None:
    assert site.client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestWrong("Write <b>more</b>."), 400),
        (RunNotFound("There is no run x."), 404),
        (RunEnded("x", "succeeded"), 409),
        (StoreTrouble("The disk is full."), 503),
    ],
)
def test_our_errors_become_their_sentence_and_a_status(
    site: Site, error: Exception, status: int
) -> None:
    router = APIRouter()

    @router.get("/broken")
    @router.get("/api/broken")
    def broken() -> None:
        raise error

    site.app.include_router(router)

    page, data = site.client.get("/broken"), site.client.get("/api/broken")

    assert (page.status_code, data.status_code) == (status, 422 if status == 400 else status)
    assert data.json()["error"] == str(error)
    assert "<b>" not in page.text


def test_a_defect_is_logged_and_not_shown(site: Site) -> None:
    router = APIRouter()

    @router.get("/broken")
    def broken() -> None:
        raise KeyError("an inner thing")

    site.app.include_router(router)

    page = site.client.get("/broken")

    assert page.status_code == 500
    assert "inner thing" not in page.text
    assert "content-security-policy" in page.headers
    assert "inner thing" in site.logged[0]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_needs_what_the_policy_forbids(template: Path) -> None:
    text = template.read_text("utf-8")

    assert not re.search(r"\sstyle=|\son\w+=|hx-on|<style|javascript:|\|\s*safe\b", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"""(?:href|src|action)=["'](?:https?:)?//""", text)


def test_what_is_bundled_has_its_license() -> None:
    vendored = {path.name for path in (STATIC / "vendor").iterdir() if path.suffix != ".md"}
    listed = (STATIC / "vendor" / "README.md").read_text("utf-8")

    assert all(f"`{name}`" in listed for name in vendored - {"licenses"})
    for license_ in re.findall(r"`licenses/([\w.-]+)`", listed):
        assert (STATIC / "vendor" / "licenses" / license_).stat().st_size > 300
