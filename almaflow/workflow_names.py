"""What a workflow may be called: names are typed, printed, compared and looked up."""

from __future__ import annotations

import re

from almaflow.late_patterns import late_pattern

LONGEST_NAME = 100
"""Characters."""

NAME_PATTERN = rf"^[^\s\x00-\x1f!-/:-@\[-^`{{-~][^\x00-\x1f/\\]{{0,{LONGEST_NAME - 1}}}$"
"""A part of the rule, for the JSON Schema."""

NAME_RULE = (
    f"A name has at most {LONGEST_NAME} characters, begins with a letter, a digit or `_`, and "
    "has no `/`, no `\\` and no invisible characters. An example is `weekly-export`."
)

# What `show`, `logs` and the other commands take for a run: its id, or the newest.
_NEWEST_RUN = "last"
_RUN_ID = late_pattern(r"\d{8}-\d{6}-\w{5}", re.ASCII)
# Source: Microsoft Learn, "Naming Files, Paths, and Namespaces".
_DEVICE = late_pattern(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
# Letters and marks that are shown as nothing; `isprintable` knows the other invisible characters.
# Source: Unicode Standard, property Default_Ignorable_Code_Point.
_SHOWN_AS_NOTHING = late_pattern(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def name_problem(name: str) -> str:
    """Return why *name* cannot be the name of a workflow, in whole sentences; empty: it can."""
    if any("\ud800" <= one <= "\udfff" for one in name):
        return f"The name is not valid Unicode. {NAME_RULE}"
    bad = next((one for one in name if not one.isprintable()), None)
    ignored = None if name.isascii() else _SHOWN_AS_NOTHING.search(name)
    if bad is not None or ignored:
        character = bad if bad is not None else name[ignored.start()] if ignored else ""
        return f"The name has the invisible character U+{ord(character):04X}. {NAME_RULE}"
    if name != name.strip():
        return f"The name begins or ends with a space. {NAME_RULE}"
    if len(name) > LONGEST_NAME:
        return f"The name has {len(name)} characters. {NAME_RULE}"
    if not (name[:1].isalnum() or name[:1] == "_") or "/" in name or "\\" in name:
        return f"`{name}` is not a valid name. {NAME_RULE}"
    if name.endswith("."):
        return f"The name `{name}` ends with a full stop. Remove it. {NAME_RULE}"
    return _reserved(name)


def _reserved(name: str) -> str:
    if name.casefold() == _NEWEST_RUN:
        return f"`{name}` cannot be a name, because commands use it for the newest run."
    if _RUN_ID.fullmatch(name):
        return f"`{name}` cannot be a name, because it looks like the id of a run."
    if _DEVICE.fullmatch(name):
        return f"`{name}` cannot be a name, because Windows reserves it for a device."
    return ""
