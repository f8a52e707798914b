"""What `almaflow explain` says about the codes of problems."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from almaflow.problem_pages import CodePage, code_pages

WIDTH = 100
"""Of lines of pages and other explanations."""

CODES = "codes"
"""The topic that lists all codes."""

_ALSO = "`almaflow explain CODE` shows the page of a code, such as `almaflow explain unknown-key`."


def page_text(page: CodePage, width: int) -> str:
    """Return the *page* as text."""
    lines = [f"{page.code} ({_levels(page)})", "", *wrap_words(page.title, width)]
    for paragraph in filter(None, page.why.split("\n\n")):
        lines += ["", *wrap_words(paragraph, width)]
    lines += ["", "Wrong:", *_indented(page.wrong), "", "Right:", *_indented(page.right)]
    return "\n".join([*lines, "", *wrap_words(page.how_to_ignore, width), ""])


def page_markdown(page: CodePage) -> str:
    """Return the *page* as Markdown, as editors and code hosts show it."""
    why = [page.why] if page.why else []
    wrong, right = (f"```yaml\n{example}```" for example in (page.wrong, page.right))
    return "\n\n".join([page.title, *why, wrong, "Write instead:", right, page.how_to_ignore])


def page_data(page: CodePage) -> dict[str, Any]:
    """Return the *page* as JSON-able data."""
    return {
        "code": page.code,
        "levels": [str(level) for level in page.levels],
        "title": page.title,
        "why": page.why,
        "wrong": page.wrong,
        "right": page.right,
        "ignore": page.how_to_ignore,
    }


def codes_text() -> str:
    """Return a line for each code, under the heading of its level."""
    groups: dict[str, list[CodePage]] = {}
    for page in code_pages().values():
        groups.setdefault(_levels(page), []).append(page)
    width = max(map(len, code_pages())) + 2
    lines = []
    for level, pages in groups.items():
        lines += [f"{level.capitalize()}:"]
        lines += [
            f"  {page.code:<{width}}{page.title}"
            for page in sorted(pages, key=lambda page: page.code)
        ]
        lines += [""]
    return "\n".join([*lines, _ALSO, ""])


def pages_of(codes: Iterable[str]) -> Mapping[str, CodePage]:
    """Return the pages of *codes*, each once, in that order."""
    pages = code_pages()
    return {code: pages[code] for code in dict.fromkeys(codes) if code in pages}


def _levels(page: CodePage) -> str:
    return " or ".join(map(str, page.levels))


def wrap_words(text: str, width: int = WIDTH, first: str = "", rest: str = "") -> list[str]:
    """Return *text* as lines that begin with *first* and *rest*; long names stay whole."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indented(example: str) -> list[str]:
    return [f"  {line}".rstrip() for line in example.splitlines()]
