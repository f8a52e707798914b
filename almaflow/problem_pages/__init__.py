"""The pages about the codes of problems: what each means, with a wrong and a right example.

They are Markdown files in this folder. A page is

    ## unknown-key
    **Error.** A key is not known here.

    Why it matters, in any number of paragraphs; may be missing.

    ```yaml
    the wrong example
    ```

    Write instead:

    ```yaml
    the right example
    ```

`Warning`, `Note` and `Error or warning` are the other levels. An example is a workflow or a part of
one: a list of steps, or keys without `steps`. After `# file: NAME`, a further file begins. What is
fenced as `text` describes an example that cannot be written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.problems import Severity

_PAGE = late_pattern(
    r"## (?P<code>[a-z0-9-]+)\n"
    r"\*\*(?P<levels>[A-Za-z ]+)\.\*\* (?P<title>[^\n]+)\n\n"
    r"(?P<why>(?:(?!```|## )[^\n]*\n)*)"
    r"```(?P<fence>yaml|text)\n(?P<wrong>(?:(?!```)[^\n]*\n)*)```\n\n"
    r"Write instead:\n\n"
    r"```(?:yaml|text)\n(?P<right>(?:(?!```)[^\n]*\n)*)```\n"
)


@dataclass(frozen=True)
class CodePage:
    """What a code of problems means.

    *levels* are the severities that its problems have by default; *title* is a sentence; *why* are
    paragraphs, perhaps none. *wrong* and *right* are examples, in words unless *literal*.
    """

    code: str
    levels: tuple[Severity, ...]
    title: str
    why: str
    wrong: str
    right: str
    literal: bool

    @property
    def can_be_ignored(self) -> bool:
        """Whether a comment in the file can hide its problems."""
        return self.levels != (Severity.ERROR,)

    @property
    def how_to_ignore(self) -> str:
        """What to write where such a problem is meant, as sentences."""
        if not self.can_be_ignored:
            return "An error cannot be ignored, because the workflow could not run."
        comment = f"# almaflow: ignore[{self.code}]"
        limit = "A warning" if len(self.levels) > 1 else "It"
        return (
            f"{limit} can be ignored where it is meant: write `{comment}` at the end of the line "
            "or in the line above, or above the first key for the whole file."
        )


@cache
def code_pages() -> Mapping[str, CodePage]:
    """Return every page by its code, in the order of the files."""
    folder = Path(__file__).parent
    return {
        page.code: page
        for file in sorted(folder.glob("*.md"))
        for page in _read(file.read_text("utf-8"))
    }


def _read(text: str) -> list[CodePage]:
    return [
        CodePage(
            match["code"],
            tuple(Severity(level) for level in match["levels"].casefold().split(" or ")),
            match["title"],
            match["why"].strip(),
            match["wrong"],
            match["right"],
            match["fence"] == "yaml",
        )
        for match in _PAGE.finditer(text)
    ]


_FILE_LINE = late_pattern(r"^# file: (.+)\n", 8)  # re.MULTILINE
_FIRST_FILE = "workflow.yaml"


def files_of(example: str) -> Mapping[str, str]:
    """Return the files of an example, by name, each whole: a workflow gets the steps it lacks."""
    first, *others = _FILE_LINE.split(example)
    files = {_FIRST_FILE: _whole_workflow(first)} if first.strip() else {}
    return files | dict(zip(others[::2], others[1::2], strict=True))


_STEPS = late_pattern(r"^steps:|^%|^---|^# a comment", 8)
_KEY = late_pattern(r"^\w+:", 8)


def _whole_workflow(text: str) -> str:
    if _STEPS.search(text):
        return text
    if _KEY.search(text):
        return f"{text}steps:\n  - wait: 10m\n"
    return "steps:\n" + "".join(f"  {line}\n" for line in text.splitlines())
