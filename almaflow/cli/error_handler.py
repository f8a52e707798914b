"""Turns every exception into a message and an exit code.

    AlmaflowError           its own exit code: 2 when the request was wrong, else 1
    usage                   2
    the disk refused        1
    Ctrl-C                  130
    anything else           3: a defect; a report is written, no traceback is shown

Messages go to stderr. With `--json` the error is also the one JSON document on stdout.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import typer
from typer.main import get_command

from almaflow import __version__
from almaflow.cli.app import app
from almaflow.cli.arguments import check_arguments
from almaflow.cli.command_list import COMMANDS
from almaflow.cli.render.terminal import (
    emit,
    emit_json,
    emit_lines,
    has_colours,
    painted,
    prepare_streams,
)
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.streams import failure_of
from almaflow.errors import AlmaflowError, DocumentsInvalid, LinesWanted
from almaflow.problems import did_you_mean
from almaflow.redaction import REDACTION
from almaflow.visible import visible

EXIT_REFUSED, EXIT_USAGE, EXIT_DEFECT, EXIT_INTERRUPTED = 1, 2, 3, 130

_INTERRUPTED = "Interrupted."

# What typer raises for a wrong command line; its bases have no public names.
_ShownByTyper = typer.BadParameter.__mro__[2]


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every error becomes a message."""
    prepare_streams()
    REDACTION.forget()
    try:
        code = _run(arguments)
    except BaseException as error:
        code = _print_error(error, arguments)
    sys.stdout.flush()
    _report_lost_output()
    return code


def _report_lost_output() -> None:
    """Report that the output is incomplete, except to a pipe whose reader has gone."""
    failure = failure_of(sys.stdout)
    if failure is not None and not isinstance(failure, BrokenPipeError):
        emit(
            f"The output could not be written: {failure.strerror}. Redirect it to another place.",
            err=True,
        )


def _run(arguments: Sequence[str]) -> int:
    check_arguments(arguments)
    code = get_command(app).main(list(arguments), prog_name="almaflow", standalone_mode=False)
    if code == EXIT_INTERRUPTED and wants_json(arguments):
        _emit_interrupted()
    return code if isinstance(code, int) else 0


def _emit_interrupted() -> None:
    details = {"kind": "Interrupted", "message": _INTERRUPTED, "exit_code": EXIT_INTERRUPTED}
    emit_json({"error": details})


def _print_error(error: BaseException, arguments: Sequence[str]) -> int:
    """Print the message for an exception and return the exit code."""
    error = _single(error)
    match error:
        case SystemExit():
            return error.code if isinstance(error.code, int) else EXIT_REFUSED
        case KeyboardInterrupt() | typer.Abort():
            emit(_INTERRUPTED, err=True)
            if wants_json(arguments):
                _emit_interrupted()
            return EXIT_INTERRUPTED
    _know_secrets()
    message, code, details = _describe(error, arguments)
    _print(error, message)
    if wants_json(arguments):
        kind = type(error).__name__
        emit_json({"error": {"kind": kind, "message": message, "exit_code": code, **details}})
    return code


_TAKE_A_FILE = (" run", " plan", " graph")


def _print(error: BaseException, message: str) -> None:
    colours = has_colours(sys.stderr)
    if isinstance(error, DocumentsInvalid):
        from almaflow.cli.render.problem_formats import problem_lines  # late: for mistakes only

        emit_lines(problem_lines(error.problems, colours=colours), err=True)
        return
    head = painted("Error:", "red", bold=True) if colours else "Error:"
    lines = message.split("\n") if isinstance(error, LinesWanted) else [on_one_line(message)]
    emit_lines([f"{head} {lines[0]}", *lines[1:]], err=True, wrap=True)


def _describe(error: BaseException, arguments: Sequence[str]) -> tuple[str, int, dict[str, Any]]:
    """Return the message, the exit code and, for programs, further details."""
    match error:
        case AlmaflowError():
            return str(error), error.exit_code, _details(error)
        case OSError():
            return refusal_text(error), EXIT_REFUSED, {}
    if isinstance(error, _ShownByTyper):
        return usage_message(error, arguments), EXIT_USAGE, {}
    message, report = _defect(error, arguments)
    return message, EXIT_DEFECT, {"report": report}


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a command line requests one JSON document."""
    options = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    return (
        "--json" in options
        or "--format=json" in options
        or ("--format", "json") in pairwise(options)
    )


def _single(error: BaseException) -> BaseException:
    """Unwrap an exception group: return its only error, or the worst of several."""
    while isinstance(error, BaseExceptionGroup):
        error = max(error.exceptions, key=_gravity)
    return error


def _gravity(error: BaseException) -> int:
    if isinstance(error, BaseExceptionGroup):
        return max(map(_gravity, error.exceptions))
    return 0 if isinstance(error, AlmaflowError) else 1


def _know_secrets() -> None:
    """Load the project's secrets for redaction, because an error may quote them."""
    settings = sys.modules.get("almaflow.settings")
    if settings is None:
        return
    with contextlib.suppress(AlmaflowError, OSError):
        # Without settings, no command has read a secret.
        REDACTION.know(settings.find_project(Path.cwd()).known_secrets(strict=False))


def _details(error: AlmaflowError) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if isinstance(error, DocumentsInvalid):
        from almaflow.cli.render.problem_formats import problem_as_data

        details["problems"] = [problem_as_data(problem) for problem in error.problems]
    if hasattr(error, "http_status"):
        details["http_status"] = error.http_status
        details["alma"] = [
            {"code": one.code, "message": one.message, "tracking_id": one.tracking_id}
            for one in getattr(error, "messages", ())
        ]
    return details


def usage_message(error: Any, arguments: Sequence[str]) -> str:
    """Return our message for typer's *error* about a command line."""
    context = getattr(error, "ctx", None)
    if context is not None:
        command = context.command_path
    else:
        command = " ".join(["almaflow", *(name for name in arguments[:1] if name in COMMANDS)])
    wrong = getattr(error, "option_name", None)
    param = getattr(error, "param", None)
    if wrong and hasattr(error, "possibilities"):
        hint = did_you_mean(wrong, _names(context, "option")) if wrong.startswith("--") else ""
        word = wrong.removeprefix("--")
        if word in _names(context, "argument"):
            places = " ".join(name.upper() for name in _names(context, "argument"))
            hint = f"; it is written without one: `{command} {places}`."
        elif word in COMMANDS:
            hint = hint or f"; a command has no dashes: `almaflow {word}`."
        text = f"`{command}` has no option `{wrong}`{hint or '.'}"
    elif type(error).__name__ == "MissingParameter" and param is not None:
        text = f"`{command}` needs {_named(param)}" + (f": {param.help}" if param.help else ".")
    elif _range_of(param):
        text = f"{_named(param)} of `{command}` takes {_range_of(param)}."
    elif param is not None:
        text = f"{_named(param)} of `{command}`: {_sentence(error.message)}"
    elif error.message.startswith("Missing command") and context is not None:
        names = " or ".join(f"`{name}`" for name in context.command.list_commands(context))
        text = f"`{command}` needs a command: {names}."
    elif "unexpected extra argument" in error.message and len(_files_in(arguments)) > 1:
        return _too_many_files(command, _files_in(arguments))
    elif "unexpected extra argument" in error.message:
        text = f"{_sentence(error.message)} A name or a value with spaces needs quotes."
    else:
        text = _sentence(error.message)
    return f"{text} See `{command} --help`."


def _files_in(arguments: Sequence[str]) -> list[str]:
    return [one for one in arguments if one.casefold().endswith((".yaml", ".yml"))]


def _too_many_files(command: str, files: Sequence[str]) -> str:
    """Return what to do when a shell wrote several files for `*`."""
    others = (".scenario.yaml", ".tests.yaml", ".tests.yml")
    workflow = next((one for one in files if not one.casefold().endswith(others)), files[0])
    shown = f'"{workflow}"' if " " in workflow else workflow
    name_one = f" Name one: `{command} {shown}`." if command.endswith(_TAKE_A_FILE) else ""
    return (
        f"This command line names {len(files)} files, more than `{command}` takes. A shell "
        f"replaces `*` by all names that fit.{name_one} `almaflow validate` and `almaflow test` "
        "take several files."
    )


def _names(context: Any, kind: str) -> list[str]:
    """Return what the options or the arguments of a command are called."""
    if context is None:
        return []
    params = [one for one in context.command.get_params(context) if one.param_type_name == kind]
    return [name for param in params for name in param.opts]


def _named(param: Any) -> str:
    if param.param_type_name == "option":
        return f"`{max(param.opts, key=len)}`"
    return str(param.metavar or param.name).upper()


def _range_of(param: Any) -> str:
    """Return which numbers *param* takes; empty: it is no number with bounds."""
    least, most = getattr(param, "min", None), getattr(param, "max", None)
    if least is None:
        return ""
    kind = "a whole number" if isinstance(least, int) else "a number"
    return (
        f"{kind} of {least:.10g} or more"
        if most is None
        else (f"{kind} from {least:.10g} to {most:.10g}")
    )


def _sentence(text: str) -> str:
    # The message comes from the library that reads the values.
    text = text.strip().removeprefix("Value error, ")
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _defect(error: BaseException, arguments: Sequence[str]) -> tuple[str, str]:
    """Write a report about a defect; return the message about it and the report's path."""
    import tempfile

    report = visible(REDACTION.text("".join(_report(error, arguments))))
    try:
        handle, path = tempfile.mkstemp(prefix="almaflow-report-", suffix=".txt", text=True)
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(report)
    except OSError as refused:
        what = f"{type(error).__name__}: {error}"
        return (
            f"This is a defect of almaflow ({what}), and no report about it could be written: "
            f"{refused.strerror}. Please report it.",
            "",
        )
    return (
        f"This is a defect of almaflow, not of your files. A report is in {path}; please send "
        "it to the project. Everything recorded so far is kept: `almaflow runs` shows it.",
        path,
    )


def _report(error: BaseException, arguments: Sequence[str]) -> Sequence[str]:
    import platform
    import traceback

    from almaflow.clock import SystemClock

    now = SystemClock().now()
    return [
        f"almaflow {__version__}, Python {platform.python_version()}, {platform.platform()}\n",
        f"{now:%Y-%m-%d %H:%M:%S} UTC\n",
        f"almaflow {' '.join(arguments)}\n\n",
        *traceback.format_exception(error),
    ]


_MOVES: Final = {
    errno.ENOSPC: "Free some space on that disk, then run the command again.",
    errno.EDQUOT: "Delete files there or ask for a larger quota, then run the command again.",
    errno.EROFS: "That disk is read-only. Use a place that can be written.",
    errno.EFBIG: "Raise the largest size of a file (`ulimit -f`), then run the command again.",
    errno.EMFILE: "Raise the number of open files (`ulimit -n`), then run the command again.",
    errno.ENFILE: "This machine has too many open files. Run the command again later.",
    errno.EACCES: "Check this user's permissions there.",
    errno.ENOMEM: "Free memory, then run the command again.",
}


def refusal_text(error: OSError) -> str:
    """Return a message: what the system refused, where, why, and what to do."""
    if not _has_working_folder():
        return (
            "The working folder no longer exists. Change to another folder (`cd`), then run the "
            "command again."
        )
    reason = error.strerror or str(error)
    place = f"{error.filename}: " if error.filename else ""
    move = _MOVES.get(error.errno or 0, "")
    return " ".join(filter(None, [f"The system refused: {place}{reason}.", move]))


def _has_working_folder() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True
