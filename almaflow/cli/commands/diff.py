"""`almaflow diff`: what changes in meaning between two revisions of the project."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from almaflow.authoring.revisions.changes import ProjectDiff
from almaflow.authoring.revisions.comparison import Comparison
from almaflow.authoring.revisions.extraction import laid_out
from almaflow.authoring.revisions.repository import Repository, Revision
from almaflow.authoring.revisions.sides import WORKING_TREE, Side, check_inside, load_side
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted
from almaflow.cli.options import InputsFileOption, InputsOption, read_inputs
from almaflow.cli.render.problem_formats import problem_lines
from almaflow.cli.render.revision_text import as_data, markdown, text_lines
from almaflow.cli.render.terminal import emit, emit_document, emit_json, emit_lines, has_colours
from almaflow.cli.settings_above import find_project_anyway
from almaflow.cli.simulated_play import SimulatedPlayer
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.settings import FILE_NAME, Project

_HEAD = "HEAD"
_MOST_REVISIONS = 2


class DiffFormat(StrEnum):
    """The formats of a comparison."""

    TEXT = "text"
    """For people, on a terminal in colours."""
    MARKDOWN = "markdown"
    """For a comment of a pull request."""
    JSON = "json"
    """One JSON document."""


def diff(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REV|PATH",
            help="Revisions (a branch, a tag, `HEAD~2`, a hash, `main...HEAD`), then files and "
            "folders. Without a revision: HEAD and the working tree; with one: this one and the "
            "working tree.",
            show_default=False,
        ),
    ] = None,
    style: Annotated[
        DiffFormat,
        typer.Option(
            "--format", help="The format of the output.", case_sensitive=False, show_default=True
        ),
    ] = DiffFormat.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as `--format json`.")] = False,
    inputs: InputsOption = None,
    inputs_file: InputsFileOption = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if anything differs in meaning.")
    ] = False,
) -> None:
    """Show what changes in meaning between two revisions of the project. Nothing is sent.

    Compares steps, parameters, payloads, limits, notifications and almaflow.yaml, the requests of
    a simulated run, and the ticks of the next 30 days. The layout of files, comments, scenarios
    and tests do not count. Exits with 0 whether or not there are differences.
    """
    style = DiffFormat.JSON if as_json else style
    # One whose almaflow.yaml has problems is compared too.
    project, _ = find_project_anyway()
    repository = Repository(project.folder)
    revisions, paths = _meant(repository, words or [], project)
    values = read_inputs(inputs or [], inputs_file)
    now = SystemClock().now().replace(microsecond=0)
    with_settings = not paths or FILE_NAME in paths
    comparison = Comparison(SimulatedPlayer, values, now, with_settings)
    try:
        with _sides(project, repository, revisions, paths) as (old, new):
            found = comparison.of(old, new)
    except Interrupted:
        emit("Interrupted; nothing was compared.", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    _print(found, style)
    raise typer.Exit(1 if exit_code and found.differs else 0)


def _meant(
    repository: Repository, words: Sequence[str], project: Project
) -> tuple[list[Revision], list[str]]:
    """Return the revisions and the paths that *words* name; Raises: RequestWrong."""
    revisions: list[Revision] = []
    rest = list(words)
    while rest and len(revisions) < _MOST_REVISIONS:
        found = _revisions(repository, rest[0])
        if found and os.path.lexists(rest[0]):
            raise RequestWrong(
                f"`{rest[0]}` is a revision and a file. Write `./{rest[0]}` for the file, or "
                f"`{rest[0]}^0` for the revision."
            )
        if not found or len(revisions) + len(found) > _MOST_REVISIONS:
            break
        revisions += found
        rest.pop(0)
    for word in rest:
        if not os.path.lexists(word) and not _looks_like_path(word):
            raise RequestWrong(repository.missing(word))
    paths = [check_inside(project, Path(word)) for word in rest]
    return revisions, [] if "." in paths else paths


def _looks_like_path(word: str) -> bool:
    """Whether *word* is a path, perhaps of a file that only a revision has."""
    return word.casefold().endswith((".yaml", ".yml", "/")) or word.startswith(("./", "../", "/"))


def _revisions(repository: Repository, word: str) -> list[Revision]:
    """Return what a word means: one revision, two for `A..B` and `A...B`; nothing: a path."""
    for dots in ("...", ".."):
        first, found, second = word.partition(dots)
        if found and word != dots and not word.startswith(("./", "../", "/")) and "/." not in word:
            one = repository.named(first or _HEAD)
            other = repository.named(second or _HEAD)
            return [repository.merge_base(one, other) if dots == "..." else one, other]
    revision = repository.find(word)
    return [] if revision is None else [revision]


@contextmanager
def _sides(
    project: Project, repository: Repository, revisions: Sequence[Revision], paths: Sequence[str]
) -> Iterator[tuple[Side, Side]]:
    """Load both sides for as long as the block runs; Raises: RequestWrong."""
    with ExitStack() as stack:
        sides: list[Side] = []
        submodules: set[str] = set()
        for revision in revisions or [repository.named(_HEAD)]:
            there = stack.enter_context(laid_out(repository, revision))
            submodules |= set(there.submodules)
            side = load_side(revision.name, there.folder, paths, is_revision=True)
            sides.append(replace(side, remarks=there.remarks))
        if len(sides) < _MOST_REVISIONS:
            folder = Path(os.path.realpath(project.folder))
            sides.append(load_side(WORKING_TREE, folder, paths, is_revision=False))
        old, new = sides
        _check_paths(old, new, paths, submodules)
        yield old, new


def _check_paths(old: Side, new: Side, paths: Sequence[str], submodules: set[str]) -> None:
    """Raise `RequestWrong` for a path that neither side has, or that is in a submodule."""
    for path in paths:
        inside = [one for one in submodules if path == one or path.startswith(f"{one}/")]
        if inside:
            raise RequestWrong(
                f"`{inside[0]}` is a submodule, another repository in this one. Run `almaflow "
                "diff` in its folder."
            )
        if not any(os.path.lexists(side.folder / path) for side in (old, new)):
            raise RequestWrong(
                f"There is no file or folder `{path}` in {old.label} or {new.label}."
            )


def _print(found: ProjectDiff, style: DiffFormat) -> None:
    if style is DiffFormat.JSON:
        emit_json(as_data(found))
        return
    if style is DiffFormat.MARKDOWN:
        emit_document(markdown(found))
        return
    emit_lines(text_lines(found), wrap=True)
    if found.problems:
        colours = has_colours(sys.stdout)
        emit_lines(["", *problem_lines(found.problems, colours=colours)])
