"""Where a secret is stored: in the environment, in a file or in the system's keyring.

A settings file only ever names the place; the secret itself is read when it is needed.
"""

from __future__ import annotations

import importlib
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.problems import certainly_meant
from almaflow.redaction import REDACTION
from almaflow.settings.env_file import env_values
from almaflow.settings.strength import weakness
from almaflow.text_files import FileUnreadable, read_bytes

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

_REFERENCE = r"(env|file|keyring):\s*(\S.*)"
_ENV_NAME = late_pattern(r"[A-Za-z_][A-Za-z0-9_]*")
# More than any key, password or certificate has (bytes).
_LARGEST_FILE = 64 * 1024


class SecretWeak(RequestWrong):
    """A secret is too short or too common; its text never shows it."""

    def __init__(self, used_as: str, reference: SecretRef, fault: str) -> None:
        what = f"`{used_as}` ({reference})" if used_as else f"`{reference}`"
        super().__init__(
            f"The value of {what} {fault}. almaflow hides secrets wherever they appear, and would "
            "hide this one inside other words too. Choose a longer, random value and set it there."
        )


class SecretSource(StrEnum):
    """The kinds of places where a secret can be stored."""

    ENV = "env"
    FILE = "file"
    KEYRING = "keyring"


# How shells name a variable: `$NAME`, `${NAME}`, `%NAME%`.
_SHELL = late_pattern(
    r"\$([A-Z][A-Z0-9_]*)|\$\{([A-Z][A-Z0-9_]*)\}|%([A-Z][A-Z0-9_]*)%|\$env:([A-Z][A-Z0-9_]*)"
    r"|\$?\{\{\s*(?:env|secrets|ENV)\.([A-Z][A-Z0-9_]*)\s*\}\}"
    r"|(?:ENV:|env[ =]\s*|env:\s+)([A-Z][A-Z0-9_]*)"
    r"|([A-Z][A-Z0-9_]*_[A-Z0-9_]*)"
)


def is_reference(text: str) -> bool:
    """Whether *text* names a place, and is not a secret itself."""
    return re.fullmatch(_REFERENCE, text) is not None


def _is_text(value: str) -> bool:
    """Whether *value*, of the environment, was UTF-8: Python keeps other bytes as surrogates."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _of_shell(text: object) -> str:
    """Return the NAME of `$NAME`, `${NAME}` and `%NAME%`; else an empty text.

    Only a name with an underscore is one for sure: a password that looks like it is not shown.
    """
    match = _SHELL.fullmatch(text) if isinstance(text, str) else None
    name = match[match.lastindex or 0] if match is not None else ""
    return name if "_" in name else ""


@dataclass(frozen=True)
class SecretRef:
    """The place of a secret: `env:NAME`, `file:PATH` or `keyring:SERVICE/NAME`."""

    origin: SecretSource
    name: str

    def __str__(self) -> str:
        return f"{self.origin}:{self.name}"

    @classmethod
    def read(cls, data: Any) -> SecretRef:
        """Read the text of a settings file; never shows it, for it may be the secret itself."""
        # As in the functions for pydantic: who has the data of a reference needs no model.
        from almaflow.field_types import as_text, refused

        if isinstance(data, cls):
            return data
        text = as_text(data)
        match = re.fullmatch(_REFERENCE, text) if isinstance(text, str) else None
        if match is None and (shell := _of_shell(text)):
            raise refused(
                "shell_variable",
                f"Variables of a shell are not replaced in this file. Write `env:{shell}`.",
            )
        if match is None:
            raise refused(
                "literal_key",
                "A secret does not belong in this file. Put it into an environment variable "
                "and write `env:NAME` here (or `file:PATH`, `keyring:SERVICE/NAME`).",
            )
        reference = cls(SecretSource(match[1]), match[2].strip())
        if reference.origin is SecretSource.ENV and not _ENV_NAME.fullmatch(reference.name):
            raise refused("bad_value", "Write the name of an environment variable after `env:`.")
        if reference.origin is SecretSource.KEYRING and not all(reference.name.partition("/")):
            raise refused(
                "bad_value",
                "Write a service and a name after `keyring:`, as in `keyring:alma/main`.",
            )
        return reference

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls.read, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "pattern": f"^{_REFERENCE}$",
            "examples": ["env:ALMA_API_KEY", "file:/run/secrets/alma", "keyring:alma/main"],
        }

    def resolve(self, folder: Path, used_as: str = "") -> str:
        """Return the secret; a relative file counts from *folder*.

        *used_as* is where almaflow.yaml names it, such as `secrets.ftp`. From now on no output of
        this process shows it.

        Raises:
            RequestWrong: it is not there, or is empty; explains how to store it.
            SecretWeak: it is too short or too common to be kept out of what almaflow prints.
        """
        return self.hidden(self.read_value(folder), used_as)

    def hidden(self, value: str, used_as: str) -> str:
        """Return *value*, which is hidden from now on; Raises: SecretWeak."""
        fault = weakness(value)
        if fault:
            raise SecretWeak(used_as, self, fault)
        REDACTION.know([value])
        return value

    def read_value(self, folder: Path) -> str:
        """Return what is there, whatever it is; Raises: RequestWrong as `resolve` does."""
        match self.origin:
            case SecretSource.ENV:
                return self._from_environment(folder)
            case SecretSource.FILE:
                return self._from_file(folder)
            case SecretSource.KEYRING:
                return self._from_keyring()

    def _from_environment(self, folder: Path) -> str:
        if value := os.environ.get(self.name):
            if not _is_text(value):
                raise RequestWrong(
                    f"The environment variable `{self.name}`, which almaflow.yaml uses, has bytes "
                    "that are not UTF-8. Set it again to the secret, and run the command again."
                )
            return value
        in_file = env_values(folder)
        value = in_file.get(self.name, "")
        if not value:
            near = certainly_meant(self.name, [name for name in in_file if name != self.name])
            slip = f" The file `.env` has `{near}`, which may be a slip of it." if near else ""
            raise RequestWrong(
                f"The environment variable `{self.name}`, which almaflow.yaml uses, is not set "
                f"or empty.{slip} Set it, for example with `export {self.name}=…`, or write it "
                "into the file `.env` next to almaflow.yaml, and run the command again."
            )
        return value

    def _from_file(self, folder: Path) -> str:
        path = folder / os.path.expanduser(self.name)
        try:
            # Regular files only: a named pipe would be waited for without end.
            content = read_bytes(path, _LARGEST_FILE)
            value = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except FileUnreadable as error:
            raise RequestWrong(
                f"The file {path}, from which almaflow.yaml takes a secret, cannot be read: "
                f"{error.reason}. Store the secret there, and nothing else."
            ) from error
        except UnicodeDecodeError:
            # Its text quotes what it could not read, so it is not chained.
            value = ""
        if not value.strip():
            raise RequestWrong(
                f"The file {path}, from which almaflow.yaml takes a secret, is empty or not text. "
                "Store the secret there, and nothing else."
            )
        return value

    def _from_keyring(self) -> str:
        service, _, name = self.name.partition("/")
        try:
            keyring = importlib.import_module("keyring")
        except ImportError as error:
            raise RequestWrong(
                f"`{self}` needs the keyring package. Install it with `pip install "
                "'almaflow[keyring]'`, or use `env:NAME`."
            ) from error
        try:
            value = keyring.get_password(service, name)
        except keyring.errors.KeyringError as error:
            raise RequestWrong(
                f"The system's keyring cannot be read for `{self}`: {error}. Unlock it, or use "
                "`env:NAME`."
            ) from error
        if not value:
            raise RequestWrong(
                f"The system's keyring has no secret `{self.name}`. Store it with `keyring set "
                f"{service} {name}`."
            )
        return str(value)
