"""The option `--svg FILE`, and the file that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from almaflow.cli.render.terminal import emit_document, emit_lines
from almaflow.errors import AlmaflowError
from almaflow.whole_files import write_whole

SvgOption = Annotated[
    Path | None,
    typer.Option(
        "--svg", metavar="FILE", help="Write a picture as SVG into this file; `-`: print it."
    ),
]


class PictureNotWritten(AlmaflowError):
    """The disk refused the file."""


def write_picture(file: Path, svg: str) -> None:
    """Write a picture, or print it; an older file is replaced; Raises: PictureNotWritten."""
    if str(file) == "-":
        emit_document(svg.rstrip("\n"))
        return
    try:
        write_whole(file, svg.encode())
    except OSError as error:
        raise PictureNotWritten(
            f"The picture cannot be written to {file}: {error.strerror or error}. Specify a file "
            "in a folder that exists and is writable."
        ) from error
    emit_lines([f"Wrote {file}."])
