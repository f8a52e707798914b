"""What commands print: text for people, or exactly one JSON document."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from typing import Any, TextIO

import typer


def prepare_streams() -> None:
    """Let the output take every character: redirected, it is UTF-8 on every system."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        if stream.isatty() or os.environ.get("PYTHONIOENCODING"):
            reconfigure(errors="replace")
        else:
            reconfigure(encoding="utf-8", errors="replace")


def emit(text: str, *, err: bool = False) -> None:
    """Print *text* and a line break; what cannot be written vanishes (`cli/streams.py`)."""
    typer.echo(text, err=err)


def say(text: str, *, err: bool = False) -> None:
    """Print sentences, on a terminal in lines that are broken between words."""
    emit(wrapped(text, columns_of(sys.stderr if err else sys.stdout)), err=err)


def wrapped(text: str, columns: int | None) -> str:
    """Return *text* with lines of at most *columns*, broken between words; None leaves it."""
    if columns is None:
        return text
    return "\n".join(_folded(line, columns) for line in text.split("\n"))


def _folded(line: str, columns: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line,
        max(columns, 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def emit_json(data: Any) -> None:
    """Print *data* as the one JSON document of a command."""
    emit(json.dumps(data, indent=2, ensure_ascii=False))


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
    return typer.style(text, fg=colour or None, bold=bold or None, dim=dim or None)
