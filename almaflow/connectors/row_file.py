"""A CSV file that runs add rows to: the whole file is rewritten and put in its place.

The first columns of a row are its key. A row is there once however often it is put, so a process
that died while it put one does so again.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from almaflow.connectors.errors import ConnectorRefused, TemporaryFailure
from almaflow.connectors.target_folder import TargetFolder
from almaflow.late_patterns import late_pattern
from almaflow.text_files import MIB, FileUnreadable, UnreadableReason, printable, read_bytes

LARGEST_ROW_FILE = 16 * MIB
"""Bytes; a row is a few hundred, so this is a hundred years of nights."""

# What a spreadsheet takes for the beginning of a formula, also in full width.
_FORMULA = late_pattern(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
# A number, or a dash in place of a value.
_HARMLESS = late_pattern(r"[+-]?\d+([.,'\u2019]\d+)*([eE][+-]?\d+)?%?|-+", re.ASCII)

# Seconds in which another process puts a row.
_PATIENCE = 10


def put_row(
    source: Path, target: Path, key: Mapping[str, str], row: Mapping[str, str], delimiter: str
) -> None:
    """Have the file at *target* hold what *source* holds and one row with *key* and *row*.

    A row that begins with *key* is replaced. Both are the same file, except in a simulation.

    Raises:
        ConnectorRefused: the file has other columns, is not CSV in UTF-8, is too large, or the disk
            refuses it.
        TemporaryFailure: another process keeps the file locked.
    """
    try:
        with TargetFolder(target.parent) as folder, _alone(target):
            before = _content(source)
            content = _with_row(source, before, key, row, delimiter)
            if content != before:
                _replace(folder, target, content)
    except Timeout:
        raise TemporaryFailure(f"{target} is locked by another process") from None
    except OSError as error:
        raise ConnectorRefused(f"{target} cannot be written: {error.strerror or error}.") from error


def _alone(target: Path) -> FileLock:
    return FileLock(target.with_name(f".{target.name}.lock"), timeout=_PATIENCE, mode=0o600)


def _content(source: Path) -> bytes:
    try:
        return read_bytes(source, LARGEST_ROW_FILE)
    except FileUnreadable as error:
        if error.kind is UnreadableReason.MISSING:
            return b""
        raise ConnectorRefused(f"{source} cannot be read: {error.reason}.") from error


def _with_row(
    source: Path, before: bytes, key: Mapping[str, str], row: Mapping[str, str], delimiter: str
) -> bytes:
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    try:
        text = before[len(mark) :].decode()
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConnectorRefused(f"{source} is not a CSV file in UTF-8 ({error}).") from error
    ending = "\r\n" if text.endswith("\r\n") else "\n"
    columns = [*key, *row]
    own = [_inert(value) for value in key.values()]
    values = [*own, *map(_inert, row.values())]
    if not rows:
        return mark + _lines([columns, values], delimiter, ending).encode()
    if rows[0] != columns:
        raise ConnectorRefused(
            f"{source} has the columns {_listed(rows[0])}, but this step writes "
            f"{_listed(columns)}. Write these columns in `row`, or specify another file."
        )
    places = [place for place, old in enumerate(rows) if old[: len(key)] == own]
    if not places:
        # Only the end changes: what people wrote above stays as they wrote it.
        gap = "" if text.endswith(("\n", "\r")) else ending
        return mark + (text + gap + _lines([values], delimiter, ending)).encode()
    if rows[places[0]] == values:
        return before
    rows[places[0]] = values
    return mark + _lines(rows, delimiter, ending).encode()


def _inert(value: str) -> str:
    """Return *value* so that no spreadsheet calculates it: texts of Alma may begin like a formula.

    Source: OWASP, "CSV Injection".
    """
    return f"'{value}" if _FORMULA.match(value) and not _HARMLESS.fullmatch(value) else value


def _lines(rows: Sequence[Sequence[str]], delimiter: str, ending: str) -> str:
    return "".join(_line(row, delimiter) + ending for row in rows)


def _line(row: Sequence[str], delimiter: str) -> str:
    stream = io.StringIO(newline="")
    # The writer quotes a cell with a line break only when the end of its own lines has that break.
    csv.writer(stream, delimiter=delimiter, lineterminator="\r\n").writerow(row)
    return stream.getvalue().removesuffix("\r\n")


def _listed(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return ", ".join(f"`{printable(name[:80])}`" for name in columns[:20]) + more


def _replace(folder: TargetFolder, target: Path, content: bytes) -> None:
    if not folder.is_ordinary(target.name):
        raise ConnectorRefused(f"{target} is not an ordinary file, so almaflow does not write it.")
    status = folder.status(target.name)
    name, stream = folder.new(".almaflow-row")
    try:
        with stream:
            if status is not None and hasattr(os, "fchmod"):
                os.fchmod(stream.fileno(), status.st_mode & 0o777)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        folder.rename(name, target.name)
    finally:
        folder.remove(name)
