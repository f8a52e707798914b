"""`almaflow simulator`: a simulated Alma that any client can talk to over HTTP."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from collections.abc import Callable
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
from almaflow.visible import json_text, unbroken

if TYPE_CHECKING:
    from almaflow.cli.simulator_tls import SimulatorTls

# A little after the last year that a scenario may begin in.
_CLOCK_SLOWS_AT = datetime(2300, 1, 1, tzinfo=UTC)
# Each has a separate library in memory.
_MOST_INSTITUTIONS = 1000


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
            help=(
                "The API key of an institution, in the order of `--institution`; default: "
                "random keys."
            ),
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
            help=(
                "Serve https too, on the same port, and as a proxy for clients whose https hosts "
                "are fixed."
            ),
        ),
    ] = False,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            "--ca-file",
            metavar="FILE",
            help=(
                "Where `--tls` writes the certificate that clients must trust; default: a "
                "temporary file."
            ),
        ),
    ] = None,
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Allow a `--host` that other machines can reach."),
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
            "--control",
            help="Let programs on this machine change faults and clock while it runs.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print address and keys as one JSON document.")
    ] = False,
) -> None:
    """Serve a simulated Alma until Ctrl-C; its content is invented and kept in memory.

    It prints its address, an API key for each institution, and the lines for almaflow.yaml. A job
    that takes an hour in Alma takes an hour here, or a minute with `--speed 60`.

    With `--log`, a line has time, method, path without the API key, status and milliseconds. With
    `--control`, programs on this machine read and change it as JSON below /almaflow/simulator/:
    GET state; GET and POST clock; GET, POST and PUT faults; POST reset.

    With `--tls`, it also serves https, with a certificate for this machine and for Alma's hosts,
    and `CONNECT` to those hosts leads to the simulator. No request leaves it.
    """
    from almaflow.alma.simulator import Scenario, SimulatedAlma
    from almaflow.alma.simulator.control import ControlDoor, MovableClock
    from almaflow.alma.simulator.furnish import add_past_runs
    from almaflow.alma.simulator.http import SimulatorServer
    from almaflow.cli.simulator_log import RequestLog
    from almaflow.document import read_document
    from almaflow.model_problems import validate

    remote = _is_remote(host)
    if remote and not allow_remote:
        raise RequestWrong(
            f"`--host {host}` lets other machines reach the simulator. Use 127.0.0.1, or add "
            "`--allow-remote` to let everyone use it who reaches the port and has one of its keys."
        )
    _check_address(public_url)
    if ca_file is not None and not tls:
        raise RequestWrong("`--ca-file` is for `--tls`. Add `--tls`, or leave out `--ca-file`.")
    made = Scenario()
    if scenario is not None:
        made = validate(read_document(scenario, str(scenario), is_data=True), Scenario)
    names = list(dict.fromkeys(institutions or ["main"]))
    if len(names) > _MOST_INSTITUTIONS:
        raise RequestWrong(
            f"The simulator serves at most {_MOST_INSTITUTIONS:,} institutions, but "
            f"`--institution` names {len(names):,}."
        )
    drawn = _keys(keys or [], len(names))
    of_names = dict(zip(names, drawn, strict=True))

    def make() -> tuple[SimulatedAlma, MovableClock]:
        clock = MovableClock(_clock(made.starts_at, speed))
        alma = SimulatedAlma(clock, made)
        for name, key in of_names.items():
            alma.add_institution(name, key=key)
            add_past_runs(alma.institution(name))
        return alma, clock

    door = ControlDoor(make)
    with ExitStack() as stack:
        secure = _tls(stack, ca_file, host, public_url) if tls else None
        request_log = (
            None
            if log is None
            else stack.enter_context(closing(RequestLog(log, of_names.values())))
        )
        try:
            server = SimulatorServer(
                door.alma,
                host,
                port,
                public_url=public_url,
                log=request_log,
                control=door if control else None,
                tls=secure.server if secure else None,
            )
        except OSError as error:
            raise RequestWrong(
                f"The simulator cannot listen on {host}, port {port}: {error.strerror}. Choose "
                "another port with `--port`; 0 chooses a free one."
            ) from error
        stack.callback(server.stop)
        if remote:
            say(_remote_warning(host, names, encrypted=tls), err=True)
        show = _document if as_json else _greeting
        emit_document(show(server.url, of_names, secure))
        resume_collection()
        # Asked to end by the system is the same as by Ctrl-C.
        interrupt_on_signals()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            if not as_json:
                say("\nThe simulator has stopped; its library is discarded.")


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
    """Whether to listen on *host* lets other machines in; a name may lead anywhere."""
    from almaflow.alma.simulator.hosts import is_loopback

    return not is_loopback(host) or host.lower().endswith(".localhost")


def _keys(keys: list[str], count: int) -> list[str]:
    """Return an API key for each of *count* institutions, drawn where none is given."""
    for key in keys:
        if not re.fullmatch(r"[A-Za-z0-9_-]{8,100}", key):
            raise RequestWrong(
                "`--key` takes 8 to 100 letters, digits, `_` and `-`; without it, keys are drawn."
            )
    if len(set(keys)) < len(keys):
        raise RequestWrong(
            "`--key` gives the same key twice. Give each institution a key that differs."
        )
    if len(keys) > count:
        raise RequestWrong(
            f"`--key` gives {len(keys)} keys, but the simulator has only {count} "
            f"{'institution' if count == 1 else 'institutions'}. Add `--institution NAME` for each "
            "further key."
        )
    return [*keys, *(f"l8xx{secrets.token_hex(16)}" for _ in range(count - len(keys)))]


def _clock(starts_at: datetime | None, speed: float) -> Callable[[], datetime]:
    """Return a clock that begins at *starts_at*, else now, and runs *speed* times as fast.

    From the year 2300 on it runs as fast as other clocks, so that it never leaves the calendar.
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


def _remote_warning(host: str, names: list[str], *, encrypted: bool) -> str:
    listed = ", ".join(f"`{name}`" for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    keys = "key of" if len(names) == 1 else "keys of"
    way = "With http, keys" if encrypted else "Keys"
    return (
        f"warning: other machines can reach the simulator on {host}. Everyone who reaches its port "
        f"can use it with the API {keys} {listed}{more}, printed on standard output. {way} and "
        "data are not encrypted on the way."
    )


def _document(url: str, keys: dict[str, str], secure: SimulatorTls | None) -> str:
    listed = [{"name": name, "key": key} for name, key in keys.items()]
    data: dict[str, Any] = {"url": url, "institutions": listed}
    if secure is not None:
        data["tls"] = {
            "url": _https(url),
            "ca_file": str(secure.ca_file),
            "environment": secure.environment(url),
        }
    # Its keys open nothing but this simulator, and are shown to be used.
    return json_text(data, indent=2)


def _greeting(url: str, keys: dict[str, str], secure: SimulatorTls | None = None) -> str:
    lines = [f"The simulated Alma listens on {url}", "", "In almaflow.yaml:", "  institutions:"]
    for name in keys:
        lines += [f"    {name}:", f"      base_url: {url}", f"      api_key: env:{_variable(name)}"]
    lines += ["", "In the terminal in which you start almaflow:"]
    lines += [_set(_variable(name), key) for name, key in keys.items()]
    if secure is not None:
        lines += _tls_lines(url, secure)
    return "\n".join(map(unbroken, [*lines, "", "Press Ctrl-C to stop."]))


def _tls_lines(url: str, secure: SimulatorTls) -> list[str]:
    proxy, *trust = [_set(name, value) for name, value in secure.environment(url).items()]
    return [
        "",
        f"With https it listens on {_https(url)}",
        "In the terminal in which you start a client, so that it trusts the simulator:",
        *trust,
        "And for a client whose https hosts are fixed in its code:",
        proxy,
    ]


def _https(url: str) -> str:
    return f"https{url.removeprefix('http')}"


def _set(variable: str, value: str) -> str:
    """Return the line that sets *variable* in this system's usual shell."""
    if os.name == "nt":
        quoted = value.replace("'", "''")
        return f"  $env:{variable} = '{quoted}'"
    return f"  export {variable}={shlex.quote(value)}"


def _variable(name: str) -> str:
    letters = "".join(one if one.isascii() and one.isalnum() else "_" for one in name)
    return f"ALMA_API_KEY_{letters.upper()}"
