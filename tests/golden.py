"""Golden files: a document beside the text that people see about it."""

from __future__ import annotations

from pathlib import Path

DOCUMENTS = Path(__file__).parent / "documents"


def documents(folder: str) -> list[Path]:
    """Return the documents in a folder of `tests/documents`, by name."""
    return sorted((DOCUMENTS / folder).glob("*.yaml"))


def expected(document: Path) -> str:
    """Return what `<document>.out` holds, without its last line break."""
    return document.with_suffix(".out").read_text("utf-8").removesuffix("\n")


def screen(name: str) -> str:
    """Return what people see on the screen *name*, as `tests/screens` has it."""
    return (Path(__file__).parent / "screens" / f"{name}.out").read_text("utf-8")
