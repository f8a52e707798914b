"""`almaflow explain`: what a step or a key means."""

from __future__ import annotations

from typing import Annotated

import typer

from almaflow.cli.render.terminal import emit_json, emit_lines


def explain(
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND[.FIELD]",
            help="A kind of step, a key of a workflow file or of almaflow.yaml, a path to a "
            "field such as `submit_job.expect`, `expressions`, `scenario` or `simulator`. "
            "Without a topic: the list of topics.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the text as one JSON document.")
    ] = False,
) -> None:
    """Explain a kind of step or one of its keys, with an example."""
    from almaflow import explain as explanations
    from almaflow.alma.simulator import Scenario
    from almaflow.cli.simulator_page import SUMMARY, page

    pages = {"simulator": explanations.Page(SUMMARY, page())}
    text = explanations.explain(topic, {"scenario": Scenario}, pages).rstrip("\n")
    if as_json:
        emit_json({"topic": topic, "text": text})
    else:
        emit_lines(text.split("\n"))
