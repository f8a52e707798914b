"""The documentation on the page: every page and recipe, with links that lead somewhere."""

from __future__ import annotations

import re

from almaflow import docs
from almaflow.web.markdown import html_of
from tests.web.pages import Site, page


def test_every_page_and_recipe_is_listed_and_shown(site: Site) -> None:
    index = page(site, "/documentation")

    for one in (*docs.pages(), *docs.recipes()):
        assert f'href="/documentation/pages/{one.name}"' in index
        assert "<h1>" in page(site, f"/documentation/pages/{one.name}")
    page(site, "/documentation/pages/<b>nothing</b>", 404)


def test_nothing_is_hidden_in_what_almaflow_says_itself(site: Site) -> None:
    index = page(site, "/documentation")

    assert "Read all members of a set" in index
    assert "(hidden)" not in index
    assert "(hidden)" not in page(site, "/documentation/language/set_members")
    assert "(hidden)" not in page(site, "/documentation/pages/handbook")


def test_links_between_pages_lead_to_pages(site: Site) -> None:
    text = page(site, "/documentation/pages/cookbook")

    addresses = re.findall(r'<a href="(/documentation/pages/[^"]+)"', text)
    assert "/documentation/pages/recycle-bin" in addresses
    for address in addresses:
        page(site, address)


def test_html_in_markdown_stays_text() -> None:
    html = html_of("<script>alert(1)</script>\n\n```\n<b>\n```\n\n[x](javascript:alert(1))")

    assert "<script>" not in html
    assert "<b>" not in html
    assert 'href="javascript' not in html
