"""`almaflow simulator`: a simulated Alma that any client can talk to over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from almaflow.cli.interrupt import resume_collection
from almaflow.cli.render.terminal import emit_document, say
from almaflow.cli.signals import interrupt_on_signals
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass

if TYPE_CHECKING:
    from almaflow.alma.simulator import Scenario, SimulatedAlma
    from almaflow.alma.simulator.control import ControlDoor
    from almaflow.alma.simulator.http import SimulatorServer
    from almaflow.alma.simulator.scenario_webhooks import Webhook
    from almaflow.cli.simulator_institutions import ServedInstitution
    from almaflow.cli.simulator_log import RequestLog
    from almaflow.cli.simulator_tls import SimulatorTls

# A time shortly after the last year in which a scenario may begin.
_CLOCK_SLOWS_AT = datetime(2300, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _Clocks:
    """How fast the simulated time passes, and whether quotas keep to the real one."""

    speed: float
    real_time_quotas: bool


def simulator(
    port: Annotated[
        int,
        typer.Option(
            "--port", "-p", metavar="N", min=0, max=65535, help="The port; 0 chooses a free one."
        ),
    ] = 8080,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="The address to listen on.")
    ] = "127.0.0.1",
    scenario: Annotated[
        Path | None,
        typer.Option(
            "--scenario",
            metavar="FILE",
            help="A scenario: what the library contains and which faults occur.",
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(
            "--speed",
            metavar="N",
            min=0.001,
            max=1e6,
            help="How many times faster its time passes.",
        ),
    ] = 1.0,
    real_time_quotas: Annotated[
        bool,
        typer.Option(
            "--real-time-quotas",
            help="Keep the limits of API calls in real time, whatever `--speed` is.",
        ),
    ] = False,
    institutions: Annotated[
        list[str] | None,
        typer.Option(
            "--institution", metavar="NAME", help="The name of an institution; may be repeated."
        ),
    ] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="The API key of an institution, in the order of `--institution`; default: "
            "random keys.",
        ),
    ] = None,
    limited_keys: Annotated[
        list[str] | None,
        typer.Option(
            "--limited-key",
            metavar="[NAME=]AREA:r|rw,...[=KEY]",
            help="One more key of an institution, for some of Alma's areas only, to read (r) or to "
            "change (rw), such as `conf:r` or `main=conf:rw,analytics:r`; may be repeated.",
        ),
    ] = None,
    environments: Annotated[
        list[str] | None,
        typer.Option(
            "--environment",
            metavar="NAME",
            help="`production` or `sandbox`: what Alma reports, and its limits; for all "
            "institutions, or in the order of `--institution`.",
        ),
    ] = None,
    codes: Annotated[
        list[str] | None,
        typer.Option(
            "--code",
            metavar="CODE",
            help="The code of an institution, such as 01ABC_INST, in the order of `--institution`.",
        ),
    ] = None,
    public_url: Annotated[
        str,
        typer.Option(
            "--public-url",
            metavar="URL",
            help="What links in responses begin with; default: the address that a client uses.",
        ),
    ] = "",
    tls: Annotated[
        bool,
        typer.Option(
            "--tls",
            help="Serve https too, on the same port, and as a proxy for clients whose https hosts "
            "are fixed.",
        ),
    ] = False,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            "--ca-file",
            metavar="FILE",
            help="Where `--tls` writes the certificate that clients must trust; default: a "
            "temporary file.",
        ),
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow a `--host` that other machines can reach.")
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log",
            metavar="FILE",
            help="Append one line for each request to this file; `-` is standard error.",
        ),
    ] = None,
    control: Annotated[
        bool,
        typer.Option(
            "--control", help="Let programs on this machine change faults and clock while it runs."
        ),
    ] = False,
    webhooks: Annotated[
        list[str] | None,
        typer.Option(
            "--webhook",
            metavar="URL",
            help="A listener on this machine that is informed when jobs end (JOB_END); may be "
            "repeated.",
        ),
    ] = None,
    webhook_secret: Annotated[
        str | None,
        typer.Option(
            "--webhook-secret",
            metavar="env:NAME",
            help="Where the secret of the webhooks' signatures is stored; also `file:PATH`.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print address and keys as one JSON document.")
    ] = False,
) -> None:
    """Serve a simulated Alma until Ctrl-C; its content is invented and kept in memory.

    It prints its address, an API key for each institution, and the lines for almaflow.yaml. A job
    that takes an hour in Alma takes an hour here, or a minute with `--speed 60`.

    With `--log`, a line has time, method, path without the API key, status and milliseconds. With
    `--control`, programs on this machine read and change it as JSON below /almaflow/simulator/:
    GET state; GET and POST clock; GET, POST and PUT faults and webhooks; POST reset.

    With `--tls`, it also serves https, with a certificate for this machine and for Alma's hosts,
    and `CONNECT` to those hosts leads to the simulator. `almaflow explain simulator` says more.
    """
    from almaflow.cli.simulator_institutions import read_institutions
    from almaflow.cli.simulator_screen import document, greeting, remote_warning
    from almaflow.cli.simulator_webhooks import read_webhooks

    remote = _is_remote(host)
    if remote and not allow_remote:
        raise RequestWrong(
            f"`--host {host}` lets other machines reach the simulator. Use 127.0.0.1, or add "
            "`--allow-remote` to let everyone use it who reaches the port and has one of its keys."
        )
    _check_address(public_url)
    if ca_file is not None and not tls:
        raise RequestWrong("`--ca-file` is for `--tls`. Add `--tls`, or leave out `--ca-file`.")
    served = read_institutions(
        institutions or [], keys or [], limited_keys or [], environments or [], codes or []
    )
    listeners = read_webhooks(webhooks or [], webhook_secret)
    with ExitStack() as stack:
        secure = _tls(stack, ca_file, host, public_url) if tls else None
        request_log = _log(stack, log, served)
        clocks = _Clocks(speed, real_time_quotas)
        door = _door(served, _scenario(scenario), clocks, listeners, request_log)
        server = _listen(
            door.alma,
            host,
            port,
            public_url=public_url,
            log=request_log,
            control=door if control else None,
            tls=secure.server if secure else None,
            webhooks=door.webhooks,
        )
        stack.callback(server.stop)
        if remote:
            names = [one.name for one in served]
            say(remote_warning(host, names, encrypted=tls), err=True)
        show = document if as_json else greeting
        emit_document(show(server.url, served, secure, door.webhooks.urls))
        _serve(server, quiet=as_json)


def _serve(server: SimulatorServer, *, quiet: bool) -> None:
    resume_collection()
    # A signal to end has the same effect as Ctrl-C.
    interrupt_on_signals()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        if not quiet:
            say("\nThe simulator has stopped; its library is discarded.")


def _listen(alma: SimulatedAlma, host: str, port: int, **more: Any) -> SimulatorServer:
    from almaflow.alma.simulator.http import SimulatorServer

    try:
        return SimulatorServer(alma, host, port, **more)
    except OSError as error:
        raise RequestWrong(
            f"The simulator cannot listen on {host}, port {port}: {error.strerror}. Choose "
            "another port with `--port`; 0 chooses a free one."
        ) from error


def _scenario(file: Path | None) -> Scenario:
    from almaflow.alma.simulator import Scenario
    from almaflow.document import read_document
    from almaflow.model_validation import validate

    if file is None:
        return Scenario()
    return validate(read_document(file, str(file), is_data=True), Scenario)


def _door(
    served: Sequence[ServedInstitution],
    scenario: Scenario,
    clocks: _Clocks,
    listeners: Sequence[Webhook],
    log: RequestLog | None,
) -> ControlDoor:
    from almaflow.alma.simulator import SimulatedAlma
    from almaflow.alma.simulator.control import ControlDoor, MovableClock
    from almaflow.alma.simulator.scenario_webhooks import WebhookRefused

    def make() -> tuple[SimulatedAlma, MovableClock]:
        clock = MovableClock(_clock(scenario.starts_at, clocks.speed))
        alma = SimulatedAlma(clock, scenario)
        alma.quota_clock = SystemClock().now if clocks.real_time_quotas else None
        for one in served:
            one.add_to(alma)
        return alma, clock

    try:
        return ControlDoor(make, listeners, log)
    except WebhookRefused as error:
        raise RequestWrong(str(error)) from error


def _log(
    stack: ExitStack, file: Path | None, served: Sequence[ServedInstitution]
) -> RequestLog | None:
    from almaflow.cli.simulator_log import RequestLog

    if file is None:
        return None
    log = RequestLog(file, [key for one in served for key in one.every_key])
    return stack.enter_context(closing(log))


def _tls(stack: ExitStack, ca_file: Path | None, host: str, public_url: str) -> SimulatorTls:
    from almaflow.cli.simulator_tls import simulator_tls

    return stack.enter_context(simulator_tls(ca_file, host, public_url))


def _check_address(url: str) -> None:
    from almaflow.alma.simulator.switches import ADDRESS

    if url and not re.fullmatch(ADDRESS, url):
        raise RequestWrong(
            "`--public-url` takes an address such as https://alma.example.edu:8443, without a "
            "query."
        )


def _is_remote(host: str) -> bool:
    """Whether other machines can connect when the simulator listens on *host*."""
    from almaflow.alma.simulator.hosts import is_loopback

    return not is_loopback(host) or host.lower().endswith(".localhost")


def _clock(starts_at: datetime | None, speed: float) -> Callable[[], datetime]:
    """Return a clock that begins at *starts_at*, else now, and runs *speed* times as fast.

    From the year 2300 it runs at normal speed, so that it never leaves the calendar.
    """
    clock = SystemClock()
    began = clock.now()
    start = starts_at or began
    fast_for = (_CLOCK_SLOWS_AT - start).total_seconds() / speed

    def now() -> datetime:
        elapsed = (clock.now() - began).total_seconds()
        if elapsed < fast_for:
            return start + timedelta(seconds=elapsed * speed)
        return _CLOCK_SLOWS_AT + timedelta(seconds=elapsed - fast_for)

    return now
