"""The command line on one page: every command, where it lives and how it is used."""

from __future__ import annotations

from collections.abc import Iterator

from almaflow.late_dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command; *target* is `module:name` of its function, or of a `typer.Typer`.

    The module is in `almaflow.cli.commands`. Both are named as the command by default.
    """

    name: str
    summary: str
    examples: tuple[str, ...] = ()
    target: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """The whole name of the module, and the name in it."""
        module, _, name = (self.target or self.name.replace("-", "_")).partition(":")
        return f"almaflow.cli.commands.{module}", name or module


_TARGETS = {
    "test": "test:run_tests",
    "next": "next:next_",
    "unpause": "pause:unpause",
    "store": "store:app",
    "jobs": "jobs:app",
    "profiles": "profiles:app",
    "sets": "sets:app",
}

# By section, each command with its summary, and examples below it.
_PAGE = {
    "Write and check workflows": """
init: Write a new project: settings, an example, checks for git.
    almaflow init
    almaflow init alma --region eu --environment sandbox --timezone Europe/Zurich
new: Turn what Alma's job wizard shows into a workflow.
    almaflow new weekly-export panel.txt --set 'My titles' --max 5000
    almaflow new weekly-export --clipboard --schedule 'sunday 04:00'
    almaflow new tag-items - --members barcodes.csv --column barcode < panel.txt
import-cron: Turn a crontab of curl or wget commands into workflows.
    almaflow import-cron /etc/cron.d/alma
    crontab -l | almaflow import-cron
validate: Check workflow files and almaflow.yaml.
    almaflow validate
    almaflow validate workflows/withdraw-items.yaml
    almaflow validate --online --strict
    almaflow validate --format sarif > problems.sarif
plan: Show every request that a run would send.
    almaflow plan workflows/withdraw-items.yaml -i month=2026-10
test: Run the tests of workflows on the simulator.
    almaflow test
    almaflow test workflows/tests/withdraw-items.tests.yaml -k 'too many'
    almaflow test --coverage --junit results.xml
diff: Show what changes in meaning between two revisions.
    almaflow diff
    almaflow diff main workflows/withdraw-items.yaml
    almaflow diff origin/main...HEAD --format markdown
explain: Explain a step or a key, with an example.
    almaflow explain
    almaflow explain submit_job
    almaflow explain create_set.members
    almaflow explain expressions
lsp: Help in an editor: problems and completion while typing.
    almaflow lsp
graph: Draw the steps of a workflow, as Mermaid or SVG.
    almaflow graph workflows/withdraw-items.yaml
    almaflow graph withdraw-items --svg withdraw-items.svg
docs: Read the tutorial, the cookbook and the handbook.
    almaflow docs
    almaflow docs tutorial
    almaflow docs recycle-bin --yaml
    almaflow docs --search approve
schema: Write the JSON Schemas for editors.
    almaflow schema --output schemas
    almaflow schema --project
import-payload: Turn a payload of Alma's job wizard into a step.
    almaflow import-payload export.xml --job M44
    almaflow import-payload - < pasted.json
""",
    "Run workflows": """
run: Run a workflow in Alma or in a simulation.
    almaflow run workflows/export-bibs.yaml --simulate
    almaflow run withdraw-items -i month=2026-10 -i limit=200
resume: Continue a run that was interrupted.
    almaflow resume last
    almaflow resume k7x2q
    almaflow resume --all
    almaflow resume --all --watch
retry: Retry the steps of a run that failed.
    almaflow retry last
    almaflow retry k7x2q --from export
cancel: Cancel a run; its `finally` steps and notifications still follow.
    almaflow cancel last
approve: Approve or reject a step that waits for a person.
    almaflow approve last
    almaflow approve k7x2q sign --comment 'as agreed'
    almaflow approve k7x2q sign --reject
resolve: Record whether Alma accepted a submission whose response was lost.
    almaflow resolve last withdraw --instance 3896530520009276
    almaflow resolve last withdraw --not-submitted
""",
    "Inspect runs": """
runs: List runs, newest first.
    almaflow runs
    almaflow runs --workflow withdraw-items --status failed --json
show: Show one run: its steps, their outputs, and what was sent.
    almaflow show last
    almaflow show k7x2q --json
why: Explain why a run is waiting or how it ended.
    almaflow why last
    almaflow why withdraw-items
logs: Show the log of a run, or follow it.
    almaflow logs last
    almaflow logs -f k7x2q
""",
    "Run unattended": """
serve: Run workflows on their timetables until stopped.
    almaflow serve
    almaflow serve --log-format json --metrics 9464
worker: Work on the runs of a store that several machines share.
    almaflow worker
    almaflow worker --queues main --concurrency 500
workers: List the processes that share the store, and what they run.
    almaflow workers
    almaflow workers --json
next: Show when workflows are due.
    almaflow next
    almaflow next withdraw-items --count 3
    almaflow next --from 2026-10-24 --until 2026-10-26 --count 100
ticks: List ticks (scheduled times) and what happened at each.
    almaflow ticks
    almaflow ticks withdraw-items --since 2026-10-01 --ending missed
    almaflow ticks --verify
pause: Pause the timetable of a workflow.
    almaflow pause withdraw-items --note 'stocktaking'
    almaflow pause withdraw-items --until 2026-11-09
unpause: Let the timetable of a paused workflow run again.
    almaflow unpause withdraw-items
skip-next: Skip the next scheduled time of a workflow.
    almaflow skip-next withdraw-items --note 'done by hand'
doctor: Check whether everything that almaflow needs works.
    almaflow doctor
    almaflow doctor --send
    almaflow doctor --json
hash-password: Make the hash of a password for the page of `serve`.
    almaflow hash-password > anna.hash
install-service: Print or write a systemd unit that keeps `serve` running.
    almaflow install-service --user almaflow
    sudo almaflow install-service --user almaflow --write
prune: Delete old runs and ticks from the store.
    almaflow prune --older-than 400d --dry-run
    almaflow prune --older-than 400d
backup: Copy the store, even while it is in use.
    almaflow backup /backup/almaflow-2026-11-01.db
store: Check the store, or move it into PostgreSQL.
    almaflow store check
    almaflow store migrate postgresql://almaflow@db.example/almaflow --dry-run
""",
    "Inspect Alma": """
jobs: List and show the jobs that can be started.
    almaflow jobs list --name export --simulate
    almaflow jobs show M44
profiles: List and show integration and import profiles.
    almaflow profiles list
    almaflow profiles show SIS_SYNC
sets: List and show sets.
    almaflow sets list --name weeding
    almaflow sets show 'Weeding candidates'
snapshot: Write what Alma has into a file, so that checks know it.
    almaflow snapshot
    almaflow snapshot --check
    almaflow snapshot --simulate
simulator: Serve a simulated Alma over HTTP.
    almaflow simulator
    almaflow simulator --port 9000 --scenario workflows/unused-records.scenario.yaml
    almaflow simulator --speed 600
    almaflow simulator --control --log -
    curl http://127.0.0.1:8080/almaflow/simulator/state
""",
}


def _commands(page: str) -> Iterator[Command]:
    """Yield the commands of a section: lines that are indented are examples."""
    for block in page.replace("\n    ", "\t").split("\n"):
        head, *examples = block.split("\t")
        name, _, summary = head.partition(": ")
        if name:
            yield Command(name, summary, tuple(examples), _TARGETS.get(name, ""))


SECTIONS = {section: tuple(_commands(page)) for section, page in _PAGE.items()}

COMMANDS = {command.name: command for group in SECTIONS.values() for command in group}
