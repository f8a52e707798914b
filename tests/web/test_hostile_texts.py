"""Every page and every route of the API, with a hostile text in every field that people, Alma or
files fill. The addresses come from the routers: a new page is among them as soon as there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.waiting import Waiting, WaitingKind
from almaflow.web.app import API_ROUTERS, ROUTERS
from tests.web.acting import lead
from tests.web.night import at
from tests.web.pages import Site, site_in
from tests.web.recorded import record_run

ATTACK = (
    "</script></textarea></title><img src=x onerror=alert(1)><script>alert(1)</script>"
    "\" onfocus=alert(1) ' {{ 7 * 7 }} {% raw %} \x1b[31m\x07\u202e\u2066\u200b\ufeff\u2028\x85"
)
HOSTILE = ATTACK + "x" * 10_000
# What may be in a name of a file, a workflow or a step.
NAMED = "a<img src=x onerror=alert(1)> 7*7 '&"
FILED = re.sub(r"[{}%]", "", HOSTILE)
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff\u2028]")
MARKUP = re.compile(r"<img src=x|<script>|</script></|\" onfocus=|>49<| 49 ")

WORKFLOW = {
    "name": NAMED,
    "description": HOSTILE,
    "inputs": {"x": {"type": "string", "default": FILED, "description": FILED}},
    "schedule": [{"cron": "0 2 * * *", "inputs": {"x": FILED}}],
    "steps": [
        {"id": "sign", "name": FILED, "approve": {"message": FILED}},
        {"id": "say", "name": FILED, "notify": {"to": "log", "message": FILED}},
    ],
}


class Hostile:
    """A site in which every field is hostile."""

    def __init__(self, site: Site) -> None:
        self.site, folder = site, site.folder
        text = json.dumps(WORKFLOW, ensure_ascii=True)
        workflows = folder / "workflows"
        workflows.mkdir()
        workflows.joinpath("good.yaml").write_text(text, "utf-8")
        workflows.joinpath(f"{ATTACK.replace('/', '-')[:60]}.yaml").write_text("steps: 7", "utf-8")
        lead(site.store)
        self.waiting = _record(site, 1, text, status=Status.WAITING, waits=(_wait("PERSON"),))
        self.held = _record(site, 2, text, status=Status.WAITING, waits=(_wait("JOB"),), held=True)
        self.failed = _record(
            site, 3, text, status=Status.FINISHED, outcome=Outcome.FAILED, ended_at=at(5)
        )
        site.store.pause(NAMED, by=HOSTILE, note=HOSTILE)
        for run in (self.waiting, self.held, self.failed):
            site.store.add_event(run, "message", path=HOSTILE, text=HOSTILE, data={"by": HOSTILE})

    def addresses(self) -> Iterator[str]:
        """Yield an address of every page and route."""
        for prefix, routers in (("", ROUTERS), ("/api", API_ROUTERS)):
            for router in routers:
                for route in router.routes:
                    if "GET" in (getattr(route, "methods", None) or ()):
                        yield from self._filled(prefix + route.path)  # type: ignore[attr-defined]

    def _filled(self, path: str) -> Iterator[str]:
        values = {
            "name": (NAMED, self.waiting, "language", "x<b>"),
            "run": (self.waiting, self.held, self.failed, "x<b>"),
            "topic": ("workflow", "x<b>"),
            "job": ("M44", "x<b>"),
            "profile": ("1", "x<b>"),
            "alma_set": ("1", "x<b>"),
        }
        names = re.findall(r"\{(\w+)(?::\w+)?\}", path)
        assert set(names) <= set(values), f"Say in this test what {path} is to be filled with."
        if not names:
            yield path
            yield f"{path}?x=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E"
        for value in values[names[0]] if names else ():
            filled = path
            for name in names:
                one = value if name == names[0] else values[name][0]
                whole = re.compile(rf"\{{{name}(:\w+)?\}}").search(filled)
                assert whole is not None
                filled = filled.replace(whole[0], _quoted(one))
            yield filled
            yield f"{filled}?step=sign"


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _wait(kind: str) -> Waiting:
    return Waiting(WaitingKind[kind], HOSTILE, HOSTILE, status=HOSTILE, detail=HOSTILE)


def _record(site: Site, number: int, text: str, **fields: Any) -> str:
    return record_run(
        site,
        number,
        text=text,
        workflow=NAMED,
        institution=HOSTILE,
        inputs={"x": HOSTILE, HOSTILE: [HOSTILE]},
        outputs={"y": HOSTILE, HOSTILE: {HOSTILE: HOSTILE}},
        error=HOSTILE,
        requested_at=at(number),
        started_at=at(number),
        trigger=HOSTILE,
        **fields,
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    made = Hostile(site_in(tmp_path_factory.mktemp("hostile")))
    yield made
    made.site.store.close()


def test_hostile_texts_stay_texts_on_every_page_and_route(hostile: Hostile) -> None:
    faults: list[tuple[str, str]] = []
    pages, attacked = 0, 0
    for address in hostile.addresses():
        response = hostile.site.client.get(address)
        text = response.text
        pages += response.status_code == 200
        attacked += "&lt;img src=x onerror" in text
        if response.status_code >= 500 and response.status_code != 503:
            faults.append((address, str(response.status_code)))
        if "json" in response.headers.get("content-type", ""):
            json.loads(text)
        elif found := MARKUP.search(_without_ours(text)):
            faults.append((address, text[max(0, found.start() - 80) : found.end() + 40]))
        if found := UNSEEN.search(_without_fields(text)):
            faults.append((address, repr(text[max(0, found.start() - 80) : found.end() + 40])))

    assert faults == []
    assert pages > 30
    assert attacked > 20


def _without_ours(page: str) -> str:
    """Return a page without the scripts of ours, which are files."""
    return re.sub(r"<script src=\"/static/[^\"]*\" defer></script>", "", page)


def _without_fields(page: str) -> str:
    """Return a page without the values of fields, which browsers send back as they came."""
    page = re.sub(r"<textarea.*?</textarea>", "", page, flags=re.DOTALL)
    return re.sub(r"<(?:input|option|button)\b[^>]*>", "", page)
