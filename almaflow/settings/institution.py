"""An entry of `institutions` in almaflow.yaml, ready to be used."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.settings.limits import InstitutionLimits
from almaflow.settings.models import Environment
from almaflow.settings.references import SecretRef


@dataclass(frozen=True)
class InstitutionConfig:
    """An entry of `institutions`, ready to be used.

    *base_url* is scheme and host; *settle* is None for `never`. *account* names the institution
    in Alma whose limits count: entries with the same one share them.
    """

    name: str
    base_url: str
    code: str | None
    environment: Environment
    limits: InstitutionLimits
    settle: timedelta | None
    account: str
    api_key: SecretRef
    webhook_secret: SecretRef | None
    folder: Path

    def key(self) -> str:
        """Return the API key.

        Raises:
            RequestWrong: it is not there, or could not be sent.
        """
        key = self.api_key.read_value(self.folder).strip()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise RequestWrong(
                f"The API key of institution `{self.name}` (`{self.api_key}`) contains spaces "
                "or characters that a key cannot have. Copy it again from the Developer "
                "Network."
            )
        return self.api_key.hidden(key, f"institutions.{self.name}.api_key")

    def webhook_key(self) -> str | None:
        """Return the secret with which Alma signs its reports; None: there is no webhook.

        Raises:
            RequestWrong: it is not there.
        """
        if self.webhook_secret is None:
            return None
        return self.webhook_secret.resolve(self.folder, f"institutions.{self.name}.webhook_secret")
