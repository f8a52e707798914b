"""What of the settings a command needs that only reads the store: where it is, and the secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.redaction import REDACTION
from almaflow.settings.env_file import env_values
from almaflow.settings.references import SecretRef, SecretSource, SecretWeak
from almaflow.settings.secret_parts import secret_parts, store_address, store_parts

STORE = "store"
"""What the place of the store's address is used as: it may be short, and holds a password."""


@dataclass(frozen=True)
class StoreSettings:
    """A part of the settings that can be kept as data; it has names of secrets, never a secret."""

    folder: Path
    """The project's folder."""
    file: str | None
    """almaflow.yaml as messages show it; None: there is none."""
    timezone: str
    store: str
    """The address of the store, or the secret that it is in."""
    secrets: tuple[tuple[str, SecretRef], ...]
    """Where almaflow.yaml names a secret, such as `secrets.ftp`, and the place of it."""

    @property
    def url(self) -> str:
        """The store's address, a relative file counted from the project's folder.

        Raises:
            RequestWrong: the address is stored in a place that has none.
        """
        url = store_address(self.store, self.folder)
        scheme, slashes, path = url.partition(":///")
        if scheme.startswith("sqlite") and slashes and path and path != ":memory:":
            return f"{scheme}:///{self.folder / os.path.expanduser(path)}"
        return url

    def known_secrets(self, *, strict: bool = True) -> list[str]:
        """Return the values of all secrets that are there, for `masking.Mask`.

        Raises:
            SecretWeak: one of them is too short or too common to be hidden; if not *strict*, it
                is left out.
        """
        return list(self._secrets(strict=strict))

    def hide_secrets(self) -> None:
        """Let no output of this process show a secret of this project, also one it never reads.

        What lies in a keyring counts once it is read: the keyring may ask a person to open it.
        """
        REDACTION.know(list(self._secrets(strict=False, left_out=SecretSource.KEYRING)))

    def _secrets(self, *, strict: bool, left_out: SecretSource | None = None) -> Iterator[str]:
        for used_as, reference in self.secrets:
            if reference.origin is left_out:
                continue
            try:
                if used_as == STORE:
                    yield from store_parts(reference.read_value(self.folder).strip())
                else:
                    yield from secret_parts(reference.resolve(self.folder, used_as))
            except SecretWeak:
                if strict:
                    raise
            except RequestWrong:
                # A secret that does not exist cannot leak; code that needs it reports the error.
                continue
        yield from self._other_values()

    def _other_values(self) -> Iterator[str]:
        """Yield what `.env` holds, also what no setting names."""
        if self.file is None:
            return
        try:
            values = env_values(self.folder).values()
        except RequestWrong:
            # Whoever needs a value reports it.
            return
        for value in values:
            yield from secret_parts(value)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON data."""
        return {
            "folder": os.fspath(self.folder),
            "file": self.file,
            "timezone": self.timezone,
            "store": self.store,
            "secrets": [[used_as, one.origin.value, one.name] for used_as, one in self.secrets],
        }

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return what `to_json` made data of."""
        return cls(
            Path(data["folder"]),
            data["file"],
            data["timezone"],
            data["store"],
            tuple(
                (used_as, SecretRef(SecretSource(origin), name))
                for used_as, origin, name in data["secrets"]
            ),
        )
