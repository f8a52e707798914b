"""`almaflow explain`: what a step, a key or the code of a problem means."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from almaflow.cli.options import JsonOption
from almaflow.cli.render.terminal import emit_json, emit_lines


def explain(
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND[.FIELD]|CODE",
            help="A kind of step, a key of a workflow file or of almaflow.yaml, a path to a "
            "field such as `submit_job.expect`, `expressions`, `scenario`, `tests` or `simulator`, "
            "the code of a problem such as `unknown-key`, or `codes` for all of them. Without a "
            "topic: the list of topics.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Explain a kind of step, one of its keys, or the code of a problem, with an example."""
    from almaflow import explain as explanations
    from almaflow.alma.simulator import Scenario
    from almaflow.authoring.workflow_tests.models import WorkflowTests
    from almaflow.cli.simulator_page import SUMMARY, page

    pages = {"simulator": explanations.Page(SUMMARY, page())}
    text = explanations.explain(
        topic, {"scenario": Scenario, "tests": WorkflowTests}, pages
    ).rstrip("\n")
    if as_json:
        emit_json({"topic": topic, "text": text, **_page_of(topic)})
    else:
        emit_lines(text.split("\n"))


def _page_of(topic: str | None) -> dict[str, Any]:
    """Return the page of the code *topic*; nothing when it is not a code."""
    from almaflow.problem_pages import code_pages
    from almaflow.problem_pages.texts import page_data

    page = code_pages().get(topic or "")
    return {"code": page_data(page)} if page else {}
