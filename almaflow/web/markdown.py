"""Markdown of the documentation as HTML: links lead to pages, HTML in it stays text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

PAGES = "/documentation/pages"


def html_of(text: str) -> Markup:
    """Return *text*, which is almaflow's own Markdown, as HTML; markup in it is escaped."""
    return Markup(_reader().render(text))


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("fence", _code)
    reader.add_render_rule("link_open", _link)
    return reader


def _code(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """Return a block of code that the keyboard can scroll."""
    return f'<pre class="scroll" tabindex="0"><code>{escape(tokens[index].content)}</code></pre>\n'


def _link(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """Let a link to a file of the documentation lead to its page."""
    token = tokens[index]
    address = str(token.attrs.get("href", ""))
    if address.endswith((".md", ".yaml")) and ":" not in address:
        token.attrs["href"] = f"{PAGES}/{PurePosixPath(address).stem}"
    rendered: Any = self.renderToken(tokens, index, options, env)
    return str(rendered)
