"""The documentation that ships with almaflow: pages, recipes, and the reference of the language.

Pages are Markdown in `pages/`, written by hand but for `language.md`, which `language` makes from
the models. Recipes are workflows in `cookbook/`; the comment at their head is their text. The same
files are read in the terminal, on the web page, and on the site of the repository.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.problems import did_you_mean

HERE = Path(__file__).parent
PAGES = (
    *("tutorial", "testing", "editor", "cookbook", "language"),
    *("promises", "handbook", "web-page", "many-machines"),
)
"""The pages in the order of reading."""

RECIPE_SETTINGS = "almaflow.yaml"
"""The file in `cookbook/` that is not a recipe, but what the recipes expect in almaflow.yaml."""

_SHORTEST_WORD = 2
_MOST_HITS = 50


@dataclass(frozen=True)
class DocPage:
    """A page, or a recipe as a page; *text* is Markdown and begins with the title."""

    name: str
    title: str
    summary: str
    """The first sentence of the text."""
    text: str


@dataclass(frozen=True)
class SearchHit:
    """A line of a page that has all the words searched for, or is in a section that has them."""

    page: str
    heading: str
    line: str


@cache
def pages() -> Sequence[DocPage]:
    """Return the pages, in the order of reading."""
    return [_page(name) for name in PAGES]


@cache
def recipes() -> Sequence[DocPage]:
    """Return the recipes of the cookbook, by name."""
    files = sorted((HERE / "cookbook").glob("*.yaml"))
    return [_recipe(file) for file in files if file.name != RECIPE_SETTINGS]


def find_page(name: str) -> DocPage:
    """Return the page or recipe called *name*.

    Raises:
        RequestWrong: there is none.
    """
    settings = _recipe(HERE / "cookbook" / RECIPE_SETTINGS)
    known = {page.name: page for page in (*pages(), *recipes(), settings)}
    wanted = name.strip().lower().removeprefix("cookbook/").removesuffix(".md")
    if page := known.get(wanted.removesuffix(".yaml")):
        return page
    hint = did_you_mean(wanted, known) or "."
    raise RequestWrong(
        f"There is no page `{name}`{hint} Run `almaflow docs` for a list of all pages, or "
        "`almaflow docs --search WORDS`."
    )


def recipe_text(name: str) -> str:
    """Return the workflow file of the recipe *name*; Raises: RequestWrong."""
    file = HERE / "cookbook" / f"{find_page(name).name}.yaml"
    if not file.exists():
        raise RequestWrong(
            f"`{name}` is a page, not a recipe. `almaflow docs cookbook` lists the recipes."
        )
    return file.read_text("utf-8")


def files() -> Sequence[Path]:
    """Return the files of all pages and recipes, with what recipes read."""
    kinds = ("pages/*.md", "cookbook/**/*.*")
    return sorted(file for kind in kinds for file in HERE.glob(kind) if file.is_file())


def search(words: Sequence[str]) -> Sequence[SearchHit]:
    """Return the sections that contain all *words*, with the first line that has one of them.

    Upper and lower case are the same. At most 50, pages before recipes.

    Raises:
        RequestWrong: the words are too short to find anything.
    """
    wanted = [word.casefold() for text in words for word in text.split()]
    if not wanted or any(len(word) < _SHORTEST_WORD for word in wanted):
        raise RequestWrong("Search for words of at least two letters.")
    hits = [hit for page in (*pages(), *recipes()) for hit in _hits(page, wanted)]
    return hits[:_MOST_HITS]


def _page(name: str) -> DocPage:
    text = (HERE / "pages" / f"{name}.md").read_text("utf-8")
    title, _, rest = text.partition("\n")
    return DocPage(name, title.removeprefix("# ").strip(), _first_sentence(rest), text)


def _recipe(file: Path) -> DocPage:
    """Return a recipe as a page: its head comment as text, then the file without it."""
    lines = file.read_text("utf-8").splitlines()
    end = next(place for place, line in enumerate(lines) if not line.startswith("#"))
    head = [line.removeprefix("#").strip() for line in lines[:end]]
    title, about = head[0], "\n".join(head[1:]).strip()
    code = "\n".join(lines[end:])
    text = f"# {title}\n\n{about}\n\n```yaml\n{code}\n```\n"
    return DocPage(file.stem, title, _first_sentence(about), text)


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return sentence + ("." if stop else "")


def _hits(page: DocPage, wanted: Sequence[str]) -> Iterator[SearchHit]:
    for heading, lines in _sections(page.text):
        whole = "\n".join((page.title, heading, *lines)).casefold()
        if not all(word in whole for word in wanted):
            continue
        line = next((one for one in lines if any(word in one.casefold() for word in wanted)), "")
        yield SearchHit(page.name, heading, line.strip())


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each heading with the lines below it; a `#` inside a code block is not a heading."""
    heading, lines, in_code = "", list[str](), False
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        if line.startswith("#") and not in_code:
            if heading:
                yield heading, lines
            heading, lines = line.lstrip("#").strip(), []
        elif not line.startswith("```"):
            lines.append(line)
    yield heading, lines
