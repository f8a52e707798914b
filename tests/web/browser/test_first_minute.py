"""`serve` and a simulated Alma: a run waits in the browser, and Alma reports its end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from almaflow.clock import SystemClock
from almaflow.outcome import Outcome
from almaflow.store import Store
from tests.cli.conftest import environment
from tests.cli.test_simulator_command import read_document
from tests.web.browser.keyboard import Keyboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SECRET = "a-secret-of-the-listener"
# Milliseconds: a busy machine starts the processes slowly.
PATIENCE = 60_000

# almaflow itself asks Alma again after an hour only: what the page shows before comes from the
# webhook.
WORKFLOW = """\
defaults: {poll: {first: 1h, max: 1h}}
steps:
  - {id: export, submit_job: {job: {id: M44, name: Export Bibliographic records}, set: "1"}}
"""
SCENARIO = """\
sets: [{id: "1", name: Records, content: BIB_MMS, members: 412}]
jobs: [{job: M44, duration: 12m}]
"""
SETTINGS = """\
timezone: UTC
store: sqlite:///almaflow.db
institutions:
  main: {{base_url: "{url}", api_key: env:KEY_OF_TESTS, webhook_secret: env:SECRET_OF_TESTS}}
serve: {{page: "127.0.0.1:{port}"}}
"""


def free_port() -> int:
    """Return a port that nothing uses now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def almaflow(
    folder: Path, arguments: Sequence[str], out: int | IO[bytes], **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a command as a separate process until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "almaflow", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(PYTHONUNBUFFERED="1", SECRET_OF_TESTS=SECRET, **variables),
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a project whose Alma is 60 times as fast; yields the address of the page."""
    port = free_port()
    (folder / "workflows").mkdir()
    (folder / "workflows" / "export.yaml").write_text(WORKFLOW, "utf-8")
    (folder / "scenario.yaml").write_text(SCENARIO, "utf-8")
    simulated = (
        *(
            "simulator",
            "--json",
            "--control",
            "--port",
            "0",
            "--speed",
            "60",
            "--scenario",
            "scenario.yaml",
        ),
        *("--webhook", f"http://127.0.0.1:{port}/webhook/main"),
        *("--webhook-secret", "env:SECRET_OF_TESTS"),
    )
    with (
        (folder / "serve.log").open("wb") as log,
        almaflow(folder, simulated, subprocess.PIPE) as simulator,
    ):
        alma = read_document(simulator)
        text = SETTINGS.format(url=alma["url"], port=port)
        (folder / "almaflow.yaml").write_text(text, "utf-8")
        key = alma["institutions"][0]["key"]
        with almaflow(folder, ("serve",), log, KEY_OF_TESTS=key):
            yield f"http://127.0.0.1:{port}"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
def test_a_run_that_waits_for_alma_is_shown_as_done_without_a_reload(
    chromium: Browser, tmp_path: Path
) -> None:
    with served(tmp_path) as address:
        page = chromium.new_page()
        wait_for(address)
        page.goto(f"{address}/workflows/export")
        keys = Keyboard(page)

        keys.press("Run")
        confirmation = keys.main()
        keys.press("Start the run")
        page.locator(".finding", has_text="job M44 is running in Alma").wait_for(timeout=PATIENCE)
        page.evaluate("document.documentElement.dataset.same = 'page'")
        page.locator("h1", has_text="succeeded").wait_for(timeout=PATIENCE)
        same = page.evaluate("document.documentElement.dataset.same")
        today = chromium.new_page()
        today.goto(address)
        headline = today.locator(".headline").inner_text()
        run = page.url.rsplit("/", 1)[1]
        page.close()
        today.close()

    assert "POST /conf/jobs/M44" in confirmation
    assert same == "page"
    assert "went well" in headline
    store = Store.open(f"sqlite:///{tmp_path}/almaflow.db", clock=SystemClock())
    record = store.run(run)
    store.close()
    assert record.outcome is Outcome.SUCCEEDED
    assert record.started_at is not None
    assert record.ended_at is not None
    # Twelve minutes of Alma are 12 seconds here, and almaflow would have asked an hour later.
    assert (record.ended_at - record.started_at).total_seconds() < 60


def wait_for(address: str) -> None:
    """Wait until the page answers."""
    import time

    for _ in range(PATIENCE // 200):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"Nothing answers at {address}")
