"""The command line on one page: every command, where it lives and how it is used.

A command's module is imported when the command is named: `validate` does not pay for the engine,
nor `--help` for anything.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from almaflow import __version__
from almaflow.late_dataclasses import dataclass
from almaflow.problems import did_you_mean


@dataclass(frozen=True)
class Command:
    """One command: *target* is `module:name` of its function, or of a `typer.Typer`."""

    name: str
    target: str
    summary: str
    examples: tuple[str, ...] = ()


SECTIONS: dict[str, tuple[Command, ...]] = {
    "Write and check workflows": (
        Command(
            "validate",
            "almaflow.cli.commands.validate:validate",
            "Check workflow files and almaflow.yaml.",
            (
                "almaflow validate",
                "almaflow validate workflows/withdraw-items.yaml",
                "almaflow validate --online --strict",
                "almaflow validate --format sarif > problems.sarif",
            ),
        ),
        Command(
            "plan",
            "almaflow.cli.commands.plan:plan",
            "Show every request that a run would send.",
            ("almaflow plan workflows/withdraw-items.yaml -i month=2026-10",),
        ),
        Command(
            "explain",
            "almaflow.cli.commands.explain:explain",
            "Explain a step or a key, with an example.",
            (
                "almaflow explain",
                "almaflow explain submit_job",
                "almaflow explain create_set.members",
                "almaflow explain expressions",
            ),
        ),
        Command(
            "schema",
            "almaflow.cli.commands.schema:schema",
            "Write the JSON Schemas for editors.",
            ("almaflow schema --output schemas", "almaflow schema --project"),
        ),
        Command(
            "import-payload",
            "almaflow.cli.commands.import_payload:import_payload",
            "Turn a payload of Alma's job wizard into a step.",
            (
                "almaflow import-payload export.xml --job M44",
                "almaflow import-payload - < pasted.json",
            ),
        ),
    ),
    "Run workflows": (
        Command(
            "run",
            "almaflow.cli.commands.run:run",
            "Run a workflow in Alma or in a simulation.",
            (
                "almaflow run workflows/export-bibs.yaml --simulate",
                "almaflow run withdraw-items -i month=2026-10 -i limit=200",
            ),
        ),
        Command(
            "resume",
            "almaflow.cli.commands.resume:resume",
            "Continue a run that was interrupted.",
            (
                "almaflow resume last",
                "almaflow resume k7x2q",
                "almaflow resume --all",
                "almaflow resume --all --watch",
            ),
        ),
        Command(
            "retry",
            "almaflow.cli.commands.retry:retry",
            "Retry the steps of a run that failed.",
            ("almaflow retry last", "almaflow retry k7x2q --from export"),
        ),
        Command(
            "cancel",
            "almaflow.cli.commands.cancel:cancel",
            "Cancel a run; its `finally` steps and notifications still follow.",
            ("almaflow cancel last",),
        ),
        Command(
            "approve",
            "almaflow.cli.commands.approve:approve",
            "Approve or reject a step that waits for a person.",
            (
                "almaflow approve last",
                "almaflow approve k7x2q sign --comment 'as agreed'",
                "almaflow approve k7x2q sign --reject",
            ),
        ),
        Command(
            "resolve",
            "almaflow.cli.commands.resolve:resolve",
            "Record whether Alma accepted a submission whose response was lost.",
            (
                "almaflow resolve last withdraw --instance 3896530520009276",
                "almaflow resolve last withdraw --not-submitted",
            ),
        ),
    ),
    "Inspect runs": (
        Command(
            "runs",
            "almaflow.cli.commands.runs:runs",
            "List runs, newest first.",
            ("almaflow runs", "almaflow runs --workflow withdraw-items --status failed --json"),
        ),
        Command(
            "show",
            "almaflow.cli.commands.show:show",
            "Show one run: its steps, their outputs, and what was sent.",
            ("almaflow show last", "almaflow show k7x2q --json"),
        ),
        Command(
            "why",
            "almaflow.cli.commands.why:why",
            "Explain why a run is waiting or how it ended.",
            ("almaflow why last", "almaflow why withdraw-items"),
        ),
        Command(
            "logs",
            "almaflow.cli.commands.logs:logs",
            "Show the log of a run, or follow it.",
            ("almaflow logs last", "almaflow logs -f k7x2q"),
        ),
    ),
    "Run unattended": (
        Command(
            "serve",
            "almaflow.cli.commands.serve:serve",
            "Run workflows on their timetables until stopped.",
            ("almaflow serve", "almaflow serve --log-format json --metrics 9464"),
        ),
        Command(
            "worker",
            "almaflow.cli.commands.worker:worker",
            "Work on the runs of a store that several machines share.",
            ("almaflow worker", "almaflow worker --queues main --concurrency 500"),
        ),
        Command(
            "workers",
            "almaflow.cli.commands.workers:workers",
            "List the processes that share the store, and what they run.",
            ("almaflow workers", "almaflow workers --json"),
        ),
        Command(
            "next",
            "almaflow.cli.commands.next:next_",
            "Show when workflows are due.",
            (
                "almaflow next",
                "almaflow next withdraw-items --count 3",
                "almaflow next --from 2026-10-24 --until 2026-10-26 --count 100",
            ),
        ),
        Command(
            "ticks",
            "almaflow.cli.commands.ticks:ticks",
            "List ticks (scheduled times) and what happened at each.",
            (
                "almaflow ticks",
                "almaflow ticks withdraw-items --since 2026-10-01 --ending missed",
                "almaflow ticks --verify",
            ),
        ),
        Command(
            "pause",
            "almaflow.cli.commands.pause:pause",
            "Pause the timetable of a workflow.",
            (
                "almaflow pause withdraw-items --note 'stocktaking'",
                "almaflow pause withdraw-items --until 2026-11-09",
            ),
        ),
        Command(
            "unpause",
            "almaflow.cli.commands.pause:unpause",
            "Let the timetable of a paused workflow run again.",
            ("almaflow unpause withdraw-items",),
        ),
        Command(
            "skip-next",
            "almaflow.cli.commands.skip_next:skip_next",
            "Skip the next scheduled time of a workflow.",
            ("almaflow skip-next withdraw-items --note 'done by hand'",),
        ),
        Command(
            "doctor",
            "almaflow.cli.commands.doctor:doctor",
            "Check whether everything that almaflow needs works.",
            ("almaflow doctor", "almaflow doctor --send", "almaflow doctor --json"),
        ),
        Command(
            "hash-password",
            "almaflow.cli.commands.hash_password:hash_password",
            "Make the hash of a password for the page of `serve`.",
            ("almaflow hash-password > anna.hash",),
        ),
        Command(
            "install-service",
            "almaflow.cli.commands.install_service:install_service",
            "Print or write a systemd unit that keeps `serve` running.",
            (
                "almaflow install-service --user almaflow",
                "sudo almaflow install-service --user almaflow --write",
            ),
        ),
        Command(
            "prune",
            "almaflow.cli.commands.prune:prune",
            "Delete old runs and ticks from the store.",
            ("almaflow prune --older-than 400d --dry-run", "almaflow prune --older-than 400d"),
        ),
        Command(
            "backup",
            "almaflow.cli.commands.backup:backup",
            "Copy the store, even while it is in use.",
            ("almaflow backup /backup/almaflow-2026-11-01.db",),
        ),
        Command(
            "store",
            "almaflow.cli.commands.store:app",
            "Check the store, or move it into PostgreSQL.",
            (
                "almaflow store check",
                "almaflow store migrate postgresql://almaflow@db.example/almaflow --dry-run",
            ),
        ),
    ),
    "Inspect Alma": (
        Command(
            "jobs",
            "almaflow.cli.commands.jobs:app",
            "List and show the jobs that can be started.",
            ("almaflow jobs list --name export --simulate", "almaflow jobs show M44"),
        ),
        Command(
            "profiles",
            "almaflow.cli.commands.profiles:app",
            "List and show integration and import profiles.",
            ("almaflow profiles list", "almaflow profiles show SIS_SYNC"),
        ),
        Command(
            "sets",
            "almaflow.cli.commands.sets:app",
            "List and show sets.",
            ("almaflow sets list --name weeding", "almaflow sets show 'Weeding candidates'"),
        ),
        Command(
            "simulator",
            "almaflow.cli.commands.simulator:simulator",
            "Serve a simulated Alma over HTTP.",
            (
                "almaflow simulator",
                "almaflow simulator --port 9000 --scenario workflows/unused-records.scenario.yaml",
                "almaflow simulator --speed 600",
                "almaflow simulator --control --log -",
                "curl http://127.0.0.1:8080/almaflow/simulator/state",
            ),
        ),
    ),
}

COMMANDS = {command.name: command for group in SECTIONS.values() for command in group}


class CommandLine(TyperGroup):
    """The commands of `SECTIONS`, each loaded when it is named."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = COMMANDS.get(cmd_name)
        return None if command is None else loaded(command)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            hint = did_you_mean(name, COMMANDS) or "."
            ctx.fail(f"There is no command named `{name}`{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # typer would exit here without a message.
            raise typer.Abort from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(command.name, command.summary) for command in commands])

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        # The base class would load every command for the first line of its help.
        for name in COMMANDS:
            if name.startswith(incomplete):
                self.commands[name] = loaded(COMMANDS[name])
        return super().shell_complete(ctx, incomplete)


def loaded(command: Command) -> Any:
    """Import a command and return it as typer runs it."""
    module, _, name = command.target.partition(":")
    target = getattr(importlib.import_module(module), name)
    if isinstance(target, typer.Typer):
        app = target
    else:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name=command.name)(target)
    made = get_command(app)
    made.name = command.name
    made.epilog = "\n".join(_examples(command.examples))
    for one in (made, *getattr(made, "commands", {}).values()):
        for param in one.params:
            _name_plainly(param)
    return made


def _name_plainly(param: Any) -> None:
    """Make the help show `FILE` and `--limit N` instead of names of Python types."""
    if param.param_type_name == "argument":
        param.metavar = param.metavar or param.name.upper()
        param.display_type_rich = lambda ctx: ""
    elif param.metavar:
        param.display_type_rich = lambda ctx: param.metavar


def _examples(examples: Sequence[str]) -> Iterator[str]:
    if examples:
        # `\b` keeps the lines as they are.
        yield "\b"
        yield "Examples:"
        yield from (f"  {example}" for example in examples)


app = typer.Typer(
    cls=CommandLine,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\x08\nTo begin:\n  almaflow run workflows/export-bibs.yaml --simulate\n  almaflow "
    "explain\n\n\x08\nFor help on a command: almaflow COMMAND --help",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"almaflow {__version__}")
        raise typer.Exit


@app.callback()
def almaflow(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Run library jobs in Ex Libris Alma from YAML files kept in git."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
