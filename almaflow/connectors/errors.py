"""What can happen when other systems are reached, shaped by what the caller does next.

ConnectorError
├── TemporaryFailure   the other side is in trouble, or a connection broke: repeating is safe
│   └── Unreachable    no connection came about: perhaps it is the wrong host
├── FileChanged        a file is not what was listed: look again
└── ConnectorRefused   repeating meets the same: password, host key, folder, missing package
"""

from __future__ import annotations

from almaflow.errors import AlmaflowError


class ConnectorError(AlmaflowError):
    """Something outside did not do what was asked."""


class TemporaryFailure(ConnectorError):
    """The other side is in trouble, or a connection broke; repeating is safe."""


class Unreachable(TemporaryFailure):
    """No connection came about."""


class FileChanged(ConnectorError):
    """A file that was listed is gone, or has another size by now."""


class ConnectorRefused(ConnectorError):
    """The other side, or what is at hand here, says no; repeating meets the same."""


def missing_package(what: str, package: str, extra: str) -> ConnectorRefused:
    """Return the refusal of something whose library is not installed."""
    return ConnectorRefused(
        f"{what} needs the package {package}, which is not installed. Install it with `pip "
        f"install 'almaflow[{extra}]'`."
    )
