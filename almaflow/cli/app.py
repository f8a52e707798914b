"""The command line: loads the command that is named, and shows help.

A command's module is imported when the command is named: `validate` does not pay for the engine,
nor `--help` for anything. `command_list` has every command.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from almaflow import __version__
from almaflow.cli.command_list import COMMANDS, SECTIONS, Command
from almaflow.cli.late_conversion import convert_late
from almaflow.errors import RequestWrong
from almaflow.problems import did_you_mean


class CommandLine(TyperGroup):
    """The commands of `SECTIONS`, each loaded when it is named."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = COMMANDS.get(cmd_name)
        return None if command is None else loaded(command, _COMPLETE in os.environ)

    def get_params(self, ctx: Any) -> Any:
        return convert_late(super().get_params(ctx))

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _aborted():
            return super().make_context(*args, **kwargs)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            hint = did_you_mean(name, COMMANDS) or "."
            ctx.fail(f"There is no command named `{name}`{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with _aborted():
            return super().invoke(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(command.name, command.summary) for command in commands])

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        # The base class would load every command for the first line of its help.
        from almaflow.cli.completion import Suggestion

        names = (name for name in COMMANDS if name.startswith(incomplete))
        return [Suggestion(name, COMMANDS[name].summary) for name in names]


def _params(listed: Callable[[Any], Sequence[Any]], context: Any) -> Sequence[Any]:
    return convert_late(listed(context))


@contextmanager
def _aborted() -> Iterator[None]:
    """Let Ctrl-C end the command with a message; typer would exit without one."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Abort from None


@cache
def loaded(command: Command, completing: bool = False) -> Any:
    """Import a command and return it as typer runs it; *completing*: it offers suggestions."""
    module, name = command.place
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
        refuse_repeated(one)
        one.get_params = partial(_params, one.get_params)
        for param in one.params:
            _name_plainly(param)
            if completing:
                _suggest(command.name, param)
    return made


# The variable with which shells ask for suggestions.
_COMPLETE = "_ALMAFLOW_COMPLETE"


def _suggest(command: str, param: Any) -> None:
    """Let a parameter of a command offer what the project has."""
    from almaflow.cli.completion import complete, completer_of

    completer = completer_of(command, param.name)
    if completer is not None:
        param.shell_complete = partial(complete, completer)


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
    epilog="\x08\nTo begin:\n  almaflow init\n  almaflow explain\n\n\x08\n"
    "For help on a command: almaflow COMMAND --help",
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


def refuse_repeated(command: Any) -> None:
    """Let *command*, which is typer's, accept each option once that takes one value."""
    command.make_parser = partial(_made_parser, command.make_parser)


def _made_parser(make: Any, context: Any) -> Any:
    parser = make(context)
    # While a shell asks for suggestions, the line is not finished.
    if not context.resilient_parsing:
        parser.parse_args = partial(_parsed, parser.parse_args)
    return parser


def _parsed(parse: Any, args: list[str]) -> Any:
    values, rest, order = parse(args=args)
    _check(order)
    return values, rest, order


def _check(parameters: Sequence[Any]) -> None:
    """Raise `RequestWrong` when one of *parameters*, in the order of the line, is there twice."""
    seen = set()
    for one in parameters:
        if one.param_type_name != "option" or one.is_flag or one.multiple or one.count:
            continue
        if one.name in seen:
            raise RequestWrong(
                f"`{max(one.opts, key=len)}` is given twice, and only one value can count. Remove "
                "one of them."
            )
        seen.add(one.name)
