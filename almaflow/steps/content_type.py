"""What a set contains, as Alma's codes; the labels of its user interface are recognised.

Source: `alma-api.md`, 7.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from almaflow.field_types import as_text

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


def _not_a_label(data: Any) -> Any:
    text = as_text(data)
    if isinstance(text, str) and (code := _LABELS.get(" ".join(text.split()).casefold())):
        raise PydanticCustomError(
            "content_label",
            "`{text}` is the label in Alma's user interface. Write its code, `{code}`.",
            {"text": text, "code": code},
        )
    return data


_Code = Literal[
    "AUTHORITY_MMS",
    "BIB_MMS",
    "BIB_MMS_DISCOVERY",
    "COURSE",
    "FILE",
    "HOLDING",
    "IE",
    "IEC",
    "IED",
    "IEE",
    "IEP",
    "IEPA",
    "IER",
    "ITEM",
    "PO_LINE",
    "PORTFOLIO",
    "READING_LIST",
    "READING_LIST_CITATION",
    "REMOTE_REPRESENTATION",
    "REPRESENTATION",
    "RESEARCHERS",
    "USER",
    "VENDOR",
]

ContentType = Annotated[_Code, BeforeValidator(_not_a_label)]
"""The code of what a set contains; a label is refused with the code to write."""

CONTENT_CODES = frozenset(get_args(_Code))
"""The codes that a set can have."""


def code_of_label(label: str) -> str:
    """Return the code with a *label* of Alma's, in the singular or plural; empty: not known."""
    wanted = " ".join(label.split()).casefold().removesuffix("s")
    if wanted == "bibliographic title":
        return "BIB_MMS"
    return next((code for one, code in _LABELS.items() if one.removesuffix("s") == wanted), "")


def words_of(code: str) -> str:
    """Return what a set of this *code* contains, in words; empty: not known."""
    return next((label for label, one in _LABELS.items() if one == code), "")
