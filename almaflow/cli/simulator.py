"""`almaflow simulator`: a simulated Alma that any client can talk to over HTTP."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from almaflow.cli.output import emit_document, say
from almaflow.cli.signals import interrupt_on_signals
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.visible import json_text, unbroken


def simulator(
    port: Annotated[
        int,
        typer.Option("--port", "-p", metavar="N", min=0, max=65535, help="0 takes a free one."),
    ] = 8080,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="Where it answers.")
    ] = "127.0.0.1",
    scenario: Annotated[
        Path | None,
        typer.Option(
            "--scenario", metavar="FILE", help="How the library is furnished and what goes wrong."
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(
            "--speed", metavar="N", min=0.001, max=1e6, help="How much faster its time passes."
        ),
    ] = 1.0,
    institutions: Annotated[
        list[str] | None,
        typer.Option("--institution", metavar="NAME", help="One that exists; may be repeated."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print address and keys as one JSON document.")
    ] = False,
) -> None:
    """Serve a simulated Alma until Ctrl-C; everything in it is made up and in memory.

    It prints its address, an API key for each institution, and the lines for almaflow.yaml. A
    job of an hour takes an hour there; with `--speed 60`, a minute.
    """
    from almaflow.alma.simulator import Scenario, SimulatedAlma
    from almaflow.alma.simulator.http import SimulatorServer
    from almaflow.document import read_document
    from almaflow.validation import validate

    made = Scenario()
    if scenario is not None:
        made = validate(read_document(scenario, str(scenario), is_data=True), Scenario)
    alma = SimulatedAlma(_clock(made.starts_at, speed), made)
    keys = {name: alma.add_institution(name) for name in institutions or ["main"]}
    try:
        server = SimulatorServer(alma, host, port)
    except OSError as error:
        raise RequestWrong(
            f"The simulator cannot listen on {host}, port {port}: {error.strerror}. Choose another "
            "port with `--port`; 0 takes a free one."
        ) from error
    if as_json:
        told = {"url": server.url, "institutions": [{"name": n, "key": k} for n, k in keys.items()]}
        # Its keys open nothing but this simulator, and are shown to be used.
        emit_document(json_text(told, indent=2))
    else:
        emit_document(_greeting(server.url, keys))
    # It goes on for long, so what is thrown away is collected again (see `__main__`).
    gc.enable()
    # Asked to end by the system is the same as by Ctrl-C.
    interrupt_on_signals()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        if not as_json:
            say("\nThe simulator has ended; its library is gone.")
    finally:
        server.stop()


def _clock(starts_at: datetime | None, speed: float) -> Callable[[], datetime]:
    """Return a clock that begins at *starts_at*, else now, and passes *speed* times as fast."""
    clock = SystemClock()
    began = clock.now()
    start = starts_at or began
    return lambda: start + (clock.now() - began) * speed


def _greeting(url: str, keys: dict[str, str]) -> str:
    lines = [f"A simulated Alma answers at {url}", "", "In almaflow.yaml:", "  institutions:"]
    for name in keys:
        lines += [f"    {name}:", f"      base_url: {url}", f"      api_key: env:{_variable(name)}"]
    lines += ["", "In the terminal from which almaflow is started:"]
    set_it = '$env:{} = "{}"' if os.name == "nt" else "export {}={}"
    lines += [f"  {set_it.format(_variable(name), key)}" for name, key in keys.items()]
    return "\n".join(map(unbroken, [*lines, "", "Ctrl-C ends it."]))


def _variable(name: str) -> str:
    letters = "".join(one if one.isascii() and one.isalnum() else "_" for one in name)
    return f"ALMA_API_KEY_{letters.upper()}"
