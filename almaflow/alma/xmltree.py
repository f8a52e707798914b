"""Parses XML from outside and refuses everything dangerous: DOCTYPE, entities, depth.

The home of defusedxml (the simulator, which is outside the house).
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

DEEPEST = 100
"""Levels of elements in each other; Alma's answers and payloads have five."""

MOST_ELEMENTS = 500_000
"""Elements and attributes, counted by `<` and `=`: each takes some 200 bytes of memory. Alma's
largest answers, pages of 1,000 report rows, have some 100,000."""


class XmlInvalid(ValueError):
    """A text is not XML that we read; *line* and *column* count from 1.

    *is_malformed* is true when the text breaks the rules of XML, false when we refuse it.
    """

    def __init__(self, message: str, line: int, column: int, *, is_malformed: bool = False) -> None:
        super().__init__(message)
        self.is_malformed = is_malformed
        self.line = line
        self.column = column


class Places(dict[Element, tuple[int, int]]):
    """Line and column (from 1) at which each element begins."""


def parse_xml(source: bytes | str, places: Places | None = None) -> Element:
    """Return the root element; *places*, when given, is filled with every element's place.

    Raises:
        XmlInvalid: not well-formed, in an unknown encoding, with a DOCTYPE, too deep or too much.
    """
    if _marks(source) > MOST_ELEMENTS:
        raise XmlInvalid(f"it has more than {MOST_ELEMENTS:,} elements and attributes", 1, 1)
    builder = _Builder(places)
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    builder.parser = parser
    try:
        parser.feed(source)
        root = parser.close()
    except ParseError as error:
        line, column = error.position
        # The library's message ends with the position, which is reported separately.
        message = str(error).partition(": line")[0]
        raise XmlInvalid(message, line, column + 1, is_malformed=True) from error
    except DefusedXmlException as error:
        message = "it has a DOCTYPE, which is refused for safety"
        raise XmlInvalid(message, *builder.here()) from error
    except (LookupError, ValueError) as error:
        raise XmlInvalid(str(error), *builder.here()) from error
    assert isinstance(root, Element)
    return root


def _marks(source: bytes | str) -> int:
    if isinstance(source, str):
        return source.count("<") + source.count("=")
    return source.count(b"<") + source.count(b"=")


def local_name(tag: str) -> str:
    """Return an element's or attribute's name without its namespace."""
    return tag.rpartition("}")[2]


class _Builder(TreeBuilder):
    """Builds elements, records where they begin, and refuses unreasonable depth."""

    parser: DefusedXMLParser

    def __init__(self, places: Places | None) -> None:
        super().__init__()
        self._places = places
        self._depth = 0

    def here(self) -> tuple[int, int]:
        """Return line and column of what is being parsed."""
        # The expat parser inside; defusedxml uses the pure Python XMLParser, which shows it.
        expat = self.parser.parser
        return expat.CurrentLineNumber, expat.CurrentColumnNumber + 1

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        element: Element = super().start(tag, attrs)
        if self._places is not None:
            self._places[element] = self.here()
        return element

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)
