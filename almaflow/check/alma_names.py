"""Names of things in Alma that cannot be meant: of a set nobody could find, of a profile its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from almaflow.check.collector import ProblemCollector
from almaflow.check.traversal import data_at
from almaflow.check.value_shapes import without_templates
from almaflow.document import PathTo
from almaflow.problems import Severity
from almaflow.steps.base import Kind
from almaflow.steps.which_kind import is_create_set, names_profile
from almaflow.visible import invisible_characters

if TYPE_CHECKING:
    from almaflow.steps.run_profile import (
        ImportProfileRef,
        IntegrationProfileRef,
        PublishingProfileRef,
    )

# Alma's ids have 16 digits or more; a code or a name of digits is shorter, such as a year.
_DIGITS_OF_AN_ID = 10


def check_names(notes: ProblemCollector, path: PathTo, kind: Kind) -> None:
    """Note the names in the step of this *kind* at *path*."""
    inside = (*path, kind.key)
    if is_create_set(kind):
        _check_set_name(notes, (*inside, "name"), kind.name.text)
    elif names_profile(kind):
        named = {"import": kind.import_, "integration": kind.integration}
        for key, profile in {**named, "publishing": getattr(kind, "publishing", None)}.items():
            if profile is not None:
                _check_profile(notes, (*inside, key), profile)


def _check_set_name(notes: ProblemCollector, path: PathTo, name: str) -> None:
    if invisible := invisible_characters(without_templates(name)):
        notes.at(
            path,
            "invisible-character",
            f"The name of the set has the invisible character {invisible[0]}, so nobody could type "
            "or find it. Remove the character.",
        )
    elif name != name.strip():
        notes.at(
            path,
            "space-at-end",
            "The name of the set begins or ends with a space; almaflow creates the set without it. "
            "Remove the space.",
            Severity.WARNING,
        )


def _check_profile(
    notes: ProblemCollector,
    path: PathTo,
    profile: ImportProfileRef | IntegrationProfileRef | PublishingProfileRef,
) -> None:
    """Note an id where the name or code of a *profile* is expected."""
    from almaflow.steps.run_profile import IntegrationProfileRef

    code = profile.code if isinstance(profile, IntegrationProfileRef) else None
    given = (code or profile.name or "").strip()
    is_short = not isinstance(data_at(notes.document.data, path), dict)
    is_name = not isinstance(profile, IntegrationProfileRef)
    if not given.isdecimal() or not ((is_short and is_name) or len(given) >= _DIGITS_OF_AN_ID):
        return
    what = "code" if code is not None else "name"
    key = path[-1]
    notes.at(
        path if is_short else (*path, what),
        "not-a-name",
        f"`{given}` is read as the {what} of the profile, but it looks like its id. Write "
        f"`{key}: {{id: {given}}}`"
        + (f', or `{key}: {{{what}: "{given}"}}` if it is the {what}.' if is_short else "."),
        Severity.ERROR if is_short else Severity.WARNING,
    )
