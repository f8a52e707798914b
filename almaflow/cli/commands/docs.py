"""`almaflow docs`: the documentation in the terminal, without a network."""

from __future__ import annotations

import io
import os
import pydoc
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from almaflow import docs as documentation
from almaflow.cli.render.terminal import (
    columns_of,
    emit_document,
    emit_json,
    emit_lines,
    has_colours,
    say,
)
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.whole_files import write_whole

_WIDEST = 100


def docs(
    page: Annotated[
        str | None,
        typer.Argument(
            metavar="PAGE",
            help="A page, or a recipe of the cookbook. Without a page: the list of pages.",
            show_default=False,
        ),
    ] = None,
    search: Annotated[
        str | None,
        typer.Option("--search", metavar="WORDS", help="List the sections with these words."),
    ] = None,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="Print only the workflow file of a recipe, to copy it.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Write all pages and recipes into this folder; it is created if necessary.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the list, the page or the search as JSON.")
    ] = False,
) -> None:
    """Read the documentation: a tutorial, a cookbook, the language, promises, and a handbook.

    On a terminal, pages are formatted and open in the pager; otherwise they are Markdown.
    """
    _check_options(page, search, output, yaml=yaml)
    if output is not None:
        _write_all(output, as_json=as_json)
    elif search is not None:
        _print_hits(search, as_json=as_json)
    elif page is None:
        _print_list(as_json=as_json)
    elif yaml:
        emit_document(documentation.recipe_text(page).rstrip("\n"))
    else:
        _print_page(documentation.find_page(page), as_json=as_json)


def _check_options(
    page: str | None, search: str | None, output: Path | None, *, yaml: bool
) -> None:
    given = [page is not None, search is not None, output is not None]
    if sum(given) > 1:
        raise RequestWrong("Use one of PAGE, --search and --output.")
    if yaml and page is None:
        raise RequestWrong("Name the recipe to copy, such as `almaflow docs recycle-bin --yaml`.")


def _print_list(*, as_json: bool) -> None:
    if as_json:
        rows = {"pages": documentation.pages(), "recipes": documentation.recipes()}
        emit_json(
            {
                kind: [{"name": one.name, "title": one.title, "summary": one.summary} for one in of]
                for kind, of in rows.items()
            }
        )
        return
    lines = ["Pages:"]
    lines += [f"  {page.name:<24}  {page.title}" for page in documentation.pages()]
    lines += ["", "Recipes of the cookbook:"]
    lines += [f"  {recipe.name:<24}  {recipe.title}" for recipe in documentation.recipes()]
    emit_lines([*lines, ""])
    say(
        "`almaflow docs tutorial` shows a page, `almaflow docs --search WORDS` searches all of "
        "them, and `almaflow explain` describes steps and keys."
    )


def _print_page(page: documentation.DocPage, *, as_json: bool) -> None:
    if as_json:
        emit_json({"name": page.name, "title": page.title, "text": page.text})
    elif not sys.stdout.isatty():
        emit_document(page.text.rstrip("\n"))
    else:
        _show(_formatted(page.text))


def _show(text: str) -> None:
    """Print a formatted page, in the pager when it is longer than the terminal."""
    if text.count("\n") < shutil.get_terminal_size().lines - 1:
        emit_document(text)
        return
    # As git does: colours pass through `less`, and the text stays on the screen afterwards.
    os.environ.setdefault("LESS", "FRX")
    pydoc.pager(text)


def _formatted(text: str) -> str:
    """Return Markdown as a terminal shows it; the text is almaflow's own."""
    from rich.console import Console
    from rich.markdown import Markdown

    columns = min(columns_of(sys.stdout) or _WIDEST, _WIDEST)
    buffer = io.StringIO()
    colours = has_colours(sys.stdout)
    console = Console(
        file=buffer,
        width=columns,
        force_terminal=colours,
        color_system="standard" if colours else None,
        legacy_windows=False,
    )
    console.print(Markdown(text, hyperlinks=False, code_theme="ansi_dark"))
    return "\n".join(line.rstrip() for line in buffer.getvalue().split("\n"))


def _print_hits(words: str, *, as_json: bool) -> None:
    hits = documentation.search([words])
    if as_json:
        emit_json([{"page": hit.page, "heading": hit.heading, "line": hit.line} for hit in hits])
        return
    if not hits:
        say(f"No section contains `{words}`. `almaflow docs` lists the pages.")
        return
    for hit in hits:
        emit_lines([f"{hit.page}: {hit.heading}", *([f"    {hit.line}"] if hit.line else [])])


def _write_all(folder: Path, *, as_json: bool) -> None:
    """Write pages and recipes as files, in the two folders that their links expect.

    Raises:
        RequestWrong: *folder* is a file.
        AlmaflowError: the folder cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise RequestWrong(f"{folder} is a file. Specify a folder.")
    written = []
    try:
        for source in documentation.files():
            target = folder / source.relative_to(documentation.HERE)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, source.read_bytes())
            written.append(str(target))
    except OSError as error:
        raise AlmaflowError(
            f"The documentation cannot be written to {folder}: {error.strerror or error}. Specify "
            "a folder that is writable and has space."
        ) from error
    if as_json:
        emit_json(written)
    else:
        emit_lines([f"Wrote {len(written)} files into {folder}."])
