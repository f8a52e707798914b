"""The systemd unit of `almaflow serve` or `worker`, from what the project and the machine are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass

WRITTEN_BY = "# Written by `almaflow install-service`, which may overwrite it."
"""The first line of every unit of ours."""

_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")


@dataclass(frozen=True)
class SystemdUnit:
    """The values of a unit; paths are absolute."""

    name: str
    """Without `.service`."""
    user: str
    folder: Path
    """The project's folder."""
    command: Sequence[str]
    """What starts almaflow, without its command."""
    store: Path | None
    """The store's file; None when the store is a server's."""
    variables: Sequence[str]
    """The environment variables that almaflow.yaml names."""
    runs: str = "serve"
    """The command that the service runs: `serve` or `worker`."""

    @property
    def environment_file(self) -> Path:
        """The file with the values of *variables*."""
        return Path("/etc/almaflow", f"{self.name}.env")

    def text(self) -> str:
        """Return the unit; Raises: RequestWrong when a path cannot be written in one."""
        writable = [self.folder]
        if self.store is not None and not self.store.is_relative_to(self.folder):
            writable.append(self.store.parent)
        used = [*writable, Path(self.command[0])]
        return _UNIT.format(
            written_by=WRITTEN_BY,
            folder=_plain(str(self.folder)),
            server="" if self.store else " postgresql.service",
            user=self.user,
            command=" ".join(map(_argument, (*self.command, self.runs))),
            variables=_VARIABLES.format(", ".join(self.variables)) if self.variables else "",
            environment_file=self.environment_file,
            temporary=self._temporary(),
            writable=" ".join(map(_word, map(str, writable))),
            home="read-only" if _lies_in(_HOMES, used) else "yes",
            private_tmp="" if _lies_in(_TEMPORARY, used) else "PrivateTmp=yes\n",
        )

    def _temporary(self) -> str:
        """Name the temporary folder whose files must outlive the process or be seen by others."""
        if self.store is not None:
            folder = _word(f"TMPDIR={self.store.parent}")
            return f"# Keeps the report of a defect.\nEnvironment={folder}"
        state = _word(f"XDG_STATE_HOME=/var/lib/{self.name}")
        return (
            "# For lock files, which show other processes on this machine that this one is alive.\n"
            f"StateDirectory={self.name}\nEnvironment={state}"
        )


_VARIABLES = "# {}: one NAME=value a line, readable by root only.\n"

_UNIT = """\
{written_by}
[Unit]
Description=almaflow: the workflows of {folder}
Wants=network-online.target
After=network-online.target{server}
# Restart it however often it fails.
StartLimitIntervalSec=0

[Service]
Type=exec
User={user}
WorkingDirectory={folder}
ExecStart={command}
{variables}EnvironmentFile=-{environment_file}
{temporary}
Restart=always
RestartSec=10s
# The exit code after a stop; unfinished runs continue at the next start.
SuccessExitStatus=130
KillMode=mixed
# Time for a request that is being sent, half a minute at most.
TimeoutStopSec=90s
UMask=0027
# It may write to the project and next to the store, and nowhere else.
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome={home}
{private_tmp}PrivateDevices=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
"""


def _lies_in(folders: Sequence[str], paths: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for path in paths for folder in folders)


def _plain(text: str) -> str:
    """Return *text* as the whole value of a setting; Raises: RequestWrong."""
    if not text.isprintable() or text != text.strip() or text.endswith("\\"):
        raise RequestWrong(
            f"{text!r} cannot appear in a systemd unit. Rename the folder, without invisible "
            "characters."
        )
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """Return *text* as one word of a command, quoted where necessary."""
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if any(character in text for character in " '\";") else escaped


def _argument(text: str) -> str:
    """Return a word of a command."""
    return _word(text).replace("$", "$$")
