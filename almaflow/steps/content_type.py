"""What a set contains, as Alma's codes; the labels of its user interface are recognised.

Source: `alma-api.md`, 7.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from almaflow.field_types import as_text, refused

# Labels of Alma's user interface in English (table SetContentType), and what people call the rest.
_LABELS: Mapping[str, str] = {
    "all titles": "BIB_MMS",
    "inventory titles": "IE",
    "collections": "IEC",
    "research assets": "IER",
    "authorities": "AUTHORITY_MMS",
    "digital files": "FILE",
    "digital representations": "REPRESENTATION",
    "digital titles": "IED",
    "electronic collections": "IEPA",
    "electronic portfolios": "PORTFOLIO",
    "electronic titles": "IEE",
    "physical holdings": "HOLDING",
    "physical items": "ITEM",
    "physical titles": "IEP",
    "portfolios": "PORTFOLIO",
    "users": "USER",
}


# Plurals, short forms, and the words of the user interface in other languages.
_OTHER_WORDS: Mapping[str, str] = {
    word: code
    for code, words in {
        "BIB_MMS": "titles/title/bib/bibs/bib records/bibliographic records/bibliographic titles"
        "/alle titel/titel/titelsätze/tous les titres/titres/notices/títulos/todos los títulos"
        "/כותרים/所有题名/书目",
        "ITEM": "item/items/physical item/exemplar/exemplare/physische exemplare/exemplaires"
        "/exemplaires physiques/ejemplares físicos"
        "/ejemplares/פריטים/פריטים פיזיים/单册/实体单册",
        "HOLDING": "holdings/holding records/bestand/bestände/holdingsätze/מלאי",
        "USER": "user/patron/patrons/benutzer/benutzende/nutzer/utilisateurs/usuarios/משתמשים"
        "/用户/读者",
        "PORTFOLIO": "portfolios/electronic portfolio/e-portfolios/elektronische portfolios",
        "IEPA": "electronic collection/e-collection/e-collections/elektronische sammlungen",
        "IEC": "collection/sammlung/sammlungen",
        "AUTHORITY_MMS": "authority/authority records/normdaten/normdatensätze/规范",
        "PO_LINE": "po lines/po line/po_lines/pol/pols/pol lines/bestellposten/bestellzeilen",
        "VENDOR": "vendors/lieferant/lieferanten",
        "COURSE": "courses/kurse",
        "READING_LIST": "reading lists/leselisten",
        "READING_LIST_CITATION": "citations/reading list citations",
        "IED": "digital title",
        "IEE": "electronic title/e-titles",
        "IEP": "physical title",
        "REPRESENTATION": "representations",
    }.items()
    for word in words.split("/")
}


def _not_a_label(data: Any) -> Any:
    text = as_text(data)
    plain = " ".join(text.split()).casefold() if isinstance(text, str) else ""
    if plain and plain in _OTHER_WORDS and plain not in map(str.casefold, get_args(_Code)):
        raise PydanticCustomError(
            "content_label",
            "`{text}` is not the code of what a set contains. Write `{code}`.",
            {"text": text, "code": _OTHER_WORDS[plain]},
        )
    if code := _LABELS.get(plain):
        raise refused(
            "content_label",
            f"`{text}` is the label in Alma's user interface. Write its code, `{code}`.",
        )
    return data


_Code = Literal[
    "AUTHORITY_MMS", "BIB_MMS", "BIB_MMS_DISCOVERY", "COURSE", "FILE", "HOLDING",
    "IE", "IEC", "IED", "IEE", "IEP", "IEPA", "IER", "ITEM", "PO_LINE", "PORTFOLIO",
    "READING_LIST", "READING_LIST_CITATION", "REMOTE_REPRESENTATION", "REPRESENTATION",
    "RESEARCHERS", "USER", "VENDOR",
]  # fmt: skip

ContentType = Annotated[_Code, BeforeValidator(_not_a_label)]
"""The code of what a set contains; a label is refused with the code to write."""

CONTENT_CODES = frozenset(get_args(_Code))
"""The codes that a set can have."""


def code_of_label(label: str) -> str:
    """Return the code with a *label* of Alma's, in the singular or plural; empty: not known."""
    wanted = " ".join(label.split()).casefold().removesuffix("s")
    if code := _OTHER_WORDS.get(" ".join(label.split()).casefold()):
        return code
    if wanted == "bibliographic title":
        return "BIB_MMS"
    return next((code for one, code in _LABELS.items() if one.removesuffix("s") == wanted), "")


def words_of(code: str) -> str:
    """Return what a set of this *code* contains, in words; empty: not known."""
    return next((label for label, one in _LABELS.items() if one == code), "")
