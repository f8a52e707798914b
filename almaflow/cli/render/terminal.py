"""What commands print: text for people, or exactly one JSON document."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Any, TextIO

import typer

from almaflow.cli.render.text_layout import printable
from almaflow.redaction import REDACTION
from almaflow.visible import json_text, unbroken, without_commands

# Represents the beginning of an escape sequence until a line is printed, so that our sequences
# differ from those in a text. A private character that no text from outside can know of.
_BRUSH = chr(0xF0000 + int.from_bytes(os.urandom(2), "big") % 0xFFFE)
_PAINT = re.compile(f"({_BRUSH}[0-9;]*m)")


def prepare_streams() -> None:
    """Let the output take every character: redirected, it is UTF-8 on every system."""
    logging.lastResort = _Diagnostics(logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        if stream.isatty() or os.environ.get("PYTHONIOENCODING"):
            reconfigure(errors="replace")
        else:
            reconfigure(encoding="utf-8", errors="replace")


class _Diagnostics(logging.Handler):
    """Prints what libraries log as a warning or an error; they quote what servers say."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        cause = f" ({type(error).__name__}: {error})" if error is not None else ""
        emit_lines([f"{record.name}: {record.getMessage()}{cause}"], err=True)


def emit(text: str = "", *, err: bool = False) -> None:
    """Print one line; a line break in *text* is shown as `\\n`."""
    emit_lines([text], err=err)


def emit_lines(lines: Iterable[str], *, err: bool = False, wrap: bool = False) -> None:
    """Print lines, each of them on one line; with *wrap* a terminal's are broken between words.

    Here, and in `emit_json` and `emit_document`, is where every text leaves: secrets are starred,
    and characters that would act on a terminal or a CI are shown as escapes.
    """
    stream = sys.stderr if err else sys.stdout
    columns = columns_of(stream) if wrap else None
    fitted = (_fitted(line, columns, stream) for line in lines)
    _write("\n".join(fitted), err=err)


def say(text: str, *, err: bool = False) -> None:
    """Print sentences, on a terminal in lines that are broken between words.

    Line breaks in front of *text* stay, others become spaces.
    """
    sentences = text.lstrip("\n")
    above = [""] * (len(text) - len(sentences))
    line = sentences.replace("\r\n", " ").replace("\n", " ")
    emit_lines([*above, line], err=err, wrap=True)


def _fitted(line: str, columns: int | None, stream: TextIO) -> str:
    pieces = _PAINT.split(REDACTION.text(line))
    # Every second piece is paint of our own.
    pieces[::2] = map(unbroken, pieces[::2])
    bare = "".join(pieces if len(pieces) > 1 and has_colours(stream) else pieces[::2])
    lines = map(without_commands, wrapped(bare, columns).split("\n"))
    return _PAINT.sub(lambda match: match[0].replace(_BRUSH, "\x1b["), "\n".join(lines))


def _write(text: str, *, err: bool = False) -> None:
    """Write *text* and a line break; what cannot be written vanishes (`cli/streams.py`)."""
    # Unless it is told that colours are meant, it asks the system each time whether there is a
    # terminal, and every line of a log then waits for the other threads. Paint is gone already.
    typer.echo(text, err=err, color=True)


def wrapped(text: str, columns: int | None) -> str:
    """Return *text* with lines of at most *columns*, broken between words; None leaves it."""
    if columns is None:
        return text
    return "\n".join(_folded(line, columns) for line in text.split("\n"))


def _folded(line: str, columns: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    width = max(columns, 20)
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def emit_json(data: Any) -> None:
    """Print *data* as the one JSON document of a command."""
    _write(json_text(REDACTION.data(data), indent=2))


def emit_document(text: str) -> None:
    """Print a document in another language, such as YAML or the commands of GitHub's CI.

    Its author has already redacted and escaped outside text as that language requires.
    """
    _write(text)


def has_colours(stream: TextIO) -> bool:
    """Whether *stream* is a terminal whose owner wants colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def columns_of(stream: TextIO) -> int | None:
    """Return the width of the terminal behind *stream*; None when it is none."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def coloured(text: str, colour: str = "", *, bold: bool = False, dim: bool = False) -> str:
    """Return *text* for the terminal on stdout, plain when there is none."""
    if not has_colours(sys.stdout) or not text:
        return text
    return painted(text, colour, bold=bold, dim=dim)


def painted(text: str, colour: str = "", *, bold: bool = False, dim: bool = False) -> str:
    """Return *text* in a colour; only `emit_lines` makes escape sequences of it."""
    styled = typer.style(printable(text), fg=colour or None, bold=bold or None, dim=dim or None)
    return styled.replace("\x1b[", _BRUSH)
