"""The API as its description says it is: any request, and what comes back (schemathesis)."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from almaflow.store import NewLogEntry
from tests.bench.nights import make_nights
from tests.web.pages import ADDRESS, NOW, HandClock, Site
from tests.web.recorded import record_run

EXAMPLES = 60

HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m{{7*7}}\"'" + "x" * 10_000


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The description of the API of a store with some nights and hostile names."""
    schemathesis = pytest.importorskip("schemathesis")
    folder: Path = tmp_path_factory.mktemp("nights")
    nights = make_nights(folder, workflows=5, nights=20)
    site = Site(nights.store, HandClock(NOW), folder)
    hostile = record_run(site, workflow=HOSTILE, error=HOSTILE, trigger=HOSTILE)
    lines = [NewLogEntry(NOW, "said", text=HOSTILE, data={HOSTILE: HOSTILE})]
    site.store.add_events(hostile, lines)
    (folder / "workflows" / "<b>.yaml").write_text("steps: 1\n", encoding="utf-8")
    loaded = schemathesis.openapi.from_asgi(
        "/api/openapi.json", site.app, headers={"host": ADDRESS.removeprefix("http://")}
    )
    loaded.config.update(headers={"host": ADDRESS.removeprefix("http://")})
    yield loaded
    nights.store.close()


@pytest.mark.slow
@pytest.mark.longest
@pytest.mark.parametrize("name", ["POSITIVE", "NEGATIVE"])
def test_every_request_gets_an_answer_that_the_description_allows(
    description: Any, name: str
) -> None:
    checks = pytest.importorskip("schemathesis.specs.openapi.checks")
    mode = pytest.importorskip("schemathesis").GenerationMode[name]
    operations = [one.ok() for one in description.get_all_operations()]
    assert len(operations) >= 9

    for operation in operations:
        if name == "NEGATIVE" and not list(operation.iter_parameters()):
            # There is nothing to get wrong.
            continue

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            response = case.call()
            if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                # The border refused the body before any route saw it.
                return
            # An instant, a cursor and a name may have the right form and mean nothing.
            case.validate_response(response, excluded_checks=[checks.positive_data_acceptance])
            assert response.status_code < 500, response.text

        check()
