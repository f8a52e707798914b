"""A project in a temporary folder, with the workflows that are measured."""

from __future__ import annotations

import compileall
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Command

ROOT = Path(__file__).parent.parent.parent

SET_ID = "9800000000000001"

# The limits of calls are the highest that can be set: the engine is measured, not its manners.
SETTINGS = """\
default_institution: bench
timezone: UTC
institutions:
  bench:
    base_url: http://127.0.0.1:{port}
    api_key: env:ALMAFLOW_BENCH_KEY
    environment: sandbox
    limits: {{calls_per_second: 1000, calls_per_minute: 60000}}
"""

FOUR_LINES = """\
  - id: find_{number}
    find_set: {{id: "{{{{ inputs.set_id }}}}"}}
  - if: steps.find_{number}.member_count > inputs.limit
    notify: {{to: log, message: "{{{{ steps.find_{number}.name }}}}: too many members"}}
"""


@dataclass(frozen=True)
class Project:
    """A folder with an `almaflow.yaml`, and how commands are run in it."""

    folder: Path

    def almaflow(self, *arguments: str) -> Command:
        """Return the command, with the interpreter and the source of this program."""
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "ALMAFLOW_BENCH_KEY": "l8xx0123456789abcdef0123456789abcdef",
        }
        return Command((sys.executable, "-m", "almaflow", *arguments), self.folder, environment)

    def python(self, code: str) -> Command:
        return Command((sys.executable, "-c", code), self.folder, os.environ)

    def write(self, name: str, text: str) -> str:
        """Write a file below the folder and return its name."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return name


def make_project(folder: Path, port: int = 9) -> Project:
    """Return a project whose Alma listens on *port* of this machine; nobody does on port 9."""
    # As installed packages are: compiled once, not at each start.
    compileall.compile_dir(ROOT / "almaflow", quiet=1)
    project = Project(folder)
    project.write("almaflow.yaml", SETTINGS.format(port=port))
    return project


def hundred_lines(name: str) -> str:
    """Return a valid workflow of 100 lines, half of them with expressions."""
    head = f"""\
name: {name}
description: A workflow as long as workflows get.
inputs:
  set_id: {{type: string, default: "{SET_ID}"}}
  limit: {{type: integer, default: 500, minimum: 1}}
schedule:
  - cron: "30 2 1 * *"
steps:
"""
    body = "".join(FOUR_LINES.format(number=number) for number in range(1, 24))
    text = head + body
    assert text.count("\n") == 100, text.count("\n")
    return text


READ = f"/almaws/v1/conf/sets/{SET_ID}"


def reads(count: int) -> str:
    """Return a workflow of *count* reads, one after another, with a timetable."""
    steps = f"  - get: {{path: /conf/sets/{SET_ID}}}\n" * count
    return f'name: reads-{count}\nschedule: [{{cron: "30 2 1 * *"}}]\nsteps:\n{steps}'


def checks(count: int) -> str:
    """Return a workflow of *count* steps that only work something out."""
    return f"name: checks-{count}\nsteps:\n" + "  - check: run.attempt == 1\n" * count
