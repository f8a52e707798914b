"""A key that is not known where it is, with what is known there, and the answer about it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from almaflow.document import Document, PathTo
from almaflow.late_dataclasses import dataclass
from almaflow.model_fields import later_models_of, place_of
from almaflow.one_cause import Cause, Mistake
from almaflow.yaml_in_line import shown_of


@dataclass(frozen=True)
class WrongKey:
    """What is wrong about a key that is not known where it is.

    *message* is for people. *fix* is the key that certainly belongs in its place; empty: none.
    """

    message: str
    cause: Cause
    fix: str = ""


@dataclass(frozen=True)
class UnknownKey:
    """The unknown key *name* of the mapping at *around*, and what is known there."""

    document: Document
    model: type[BaseModel]
    around: PathTo
    name: str

    @cached_property
    def known(self) -> Mapping[str, FieldInfo]:
        """The fields that the mapping has, by key."""
        return place_of(self.model, self.around).keys

    @cached_property
    def data(self) -> Mapping[str, Any]:
        """The mapping."""
        data = self.document.value(self.around)
        return data if isinstance(data, dict) else {}

    @property
    def value(self) -> str:
        """What the key has, as a message shows it."""
        return self.shown(self.data.get(self.name))

    @cached_property
    def kinds(self) -> Mapping[str, FieldInfo]:
        """Those of the fields that are kinds of steps."""
        # The model of a kind knows its key; those of other fields do not have one.
        return {
            one: field
            for one, field in self.known.items()
            if any(getattr(model, "key", "") == one for model in later_models_of(field))
        }

    def shown(self, value: Any) -> str:
        """Return *value* as a message shows it."""
        return shown_of(self.model, value)

    def wrong(
        self,
        advice: str,
        mistake: Mistake,
        *meant: str,
        place: PathTo | None = None,
        about: str | None = None,
        fix: str = "",
    ) -> WrongKey:
        """Return what is wrong; *advice* continues the sentence with its `.` or `;`.

        *meant* are keys that the mapping at *place* may lack because of it, by default this one;
        *about* is what the cause has, by default the key.
        """
        message = f"`{self.name}` is not a key {_where(self.around)}{advice}"
        place = self.around if place is None else place
        missing = frozenset((*place, one) for one in meant if one)
        cause = Cause(mistake, place, self.name if about is None else about, missing)
        return WrongKey(message, cause, "" if fix in self.data else fix)


def _where(around: PathTo) -> str:
    owner = around[-1] if around else None
    if not isinstance(owner, int):
        return "here" if owner is None else f"of {owner}"
    lists = [element for element in around if isinstance(element, str)]
    return f"of an entry of {lists[-1]}" if lists else "of an entry"
