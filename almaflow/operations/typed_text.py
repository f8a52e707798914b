"""Text that people type and that is kept in records."""

from __future__ import annotations

from almaflow.redaction import REDACTION


def as_recorded(typed: str) -> str:
    """Return typed text with secrets redacted, for records."""
    return REDACTION.text(typed.strip())
