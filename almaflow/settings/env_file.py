"""The file `.env` next to almaflow.yaml: values for `env:` where the environment has none."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from almaflow.errors import RequestWrong
from almaflow.late_patterns import late_pattern
from almaflow.ownership import distrust
from almaflow.text_files import FileUnreadable, UnreadableReason, printable, read_text

ENV_FILE = ".env"
"""Its name."""

# Bytes; more than keys and passwords need.
_LARGEST = 64 * 1024


def env_values(folder: Path) -> Mapping[str, str]:
    """Return the values of the file in *folder* by their names, as they are written; often none.

    The form is python-dotenv's. `$NAME` in a value is not replaced: a password may have it.

    Raises:
        RequestWrong: the file cannot be read, has a line that is not `NAME=value`, or other
            users can write it. The text shows no value.
    """
    file = folder / ENV_FILE
    if not os.path.lexists(file):
        return {}
    shown = printable(str(file))
    try:
        why, text = distrust(file), read_text(file, _LARGEST)
    except (FileUnreadable, OSError) as error:
        if isinstance(error, FileUnreadable) and error.kind is UnreadableReason.FOLDER:
            # What some programs call their environments.
            return {}
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise RequestWrong(f"{shown} cannot be read: {reason}.") from error
    if why:
        raise RequestWrong(
            f"almaflow does not use {shown}, because {why}. Use a file that only you can write."
        )
    return _parsed(text, shown)


# As other shells and YAML set a variable; what is behind the name is never shown.
_OTHER_FORM = late_pattern(r"setx?\s+([A-Za-z_]\w*)\s*=|([A-Za-z_]\w*):\s", 2)  # re.I


def _advice(line: str) -> str:
    if match := _OTHER_FORM.match(line):
        return f"Write `{match[1] or match[2]}=` and the value, with nothing in front of the name."
    return "Write one variable on a line, and quotes around a value with spaces or `#`."


def _parsed(text: str, shown: str) -> Mapping[str, str]:
    # Most projects have no such file, and the library takes time to import.
    from dotenv.parser import parse_stream

    values = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            # The parser begins a faulty statement at the empty lines in front of it.
            original = binding.original.string
            line = binding.original.line + len(original) - len(original.lstrip("\r\n"))
            raise RequestWrong(
                f"Line {line} of {shown} is not `NAME=value`. {_advice(original.strip())}"
            )
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    return values


def others_can_read(folder: Path) -> bool:
    """Whether other users of this machine can read the file; False when there is none."""
    if not hasattr(os, "geteuid"):
        # The permissions of Windows are others, and its folders of users are private.
        return False
    try:
        mode = os.stat(folder / ENV_FILE).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)
