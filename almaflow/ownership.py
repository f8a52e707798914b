"""Whether a file or folder can be trusted: it is ours or root's, and nobody else can write it.

A folder that several people share can hold files that another person put there for us to find: an
almaflow.yaml whose `base_url` would be sent our API key, a store that another person can change.
The rule is like git's `safe.directory` and OpenSSH's for its keys.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

TRUSTED = "ALMAFLOW_TRUSTED_FOLDERS"
"""The environment variable with folders that are trusted, whatever their permissions, divided as
PATH is; what is below them is trusted too."""

Look = Callable[[Path], os.stat_result]
"""Returns the system's facts about a path, links not followed; raises OSError."""


def distrust(path: Path, look: Look = os.lstat, *, alone: bool = False) -> str:
    """Return why *path*, which exists, is not believed; an empty text when it is.

    Its folder counts too, as who can write that can put another file in its place, and when it is
    a link, what it leads to; *alone*, only *path* itself counts. The text continues "… is not used,
    because ". *look* is for tests.

    Raises:
        OSError: the system does not answer.
    """
    if not hasattr(os, "geteuid") or _is_trusted(path):
        return ""
    path = Path(os.path.abspath(path))
    all_of_it = (path,) if alone else (path, path.parent, *_behind(path))
    for candidate in dict.fromkeys(all_of_it):
        why = _distrust_one(candidate, look(candidate))
        if why:
            return why
    return ""


def advice(path: Path) -> str:
    """Return what a person can do about a *path* that is not believed."""
    folder = path if os.path.isdir(path) else path.parent
    return (
        "If you trust everyone who can write there, allow it: "
        f"`export {TRUSTED}={os.path.realpath(folder)}`"
    )


def _behind(path: Path) -> tuple[Path, ...]:
    """Return what a link leads to, and the folder of that."""
    if not os.path.islink(path):
        return ()
    target = Path(os.path.realpath(path))
    return (target, target.parent)


def _is_trusted(path: Path) -> bool:
    named = os.environ.get(TRUSTED, "").split(os.pathsep)
    return any(_is_below(path, folder) for folder in named if os.path.isabs(folder))


def _is_below(path: Path, folder: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _distrust_one(path: Path, status: os.stat_result) -> str:
    if status.st_uid not in _trusted_users():
        return f"{path} belongs to another user, {_user_name(status.st_uid)}"
    if stat.S_ISLNK(status.st_mode):
        # A link's own mode means nothing.
        return ""
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        # Everybody may add files there, as in /tmp, but change only their own.
        return ""
    if status.st_mode & stat.S_IWOTH:
        return f"every user of this machine can write to {path} (`chmod o-w {path}`)"
    if status.st_mode & stat.S_IWGRP and not _is_private_group(status.st_uid, status.st_gid):
        group = _group_name(status.st_gid)
        return f"the group {group} can write to {path} (`chmod g-w {path}`)"
    return ""


def _trusted_users() -> set[int]:
    """Return the ids of root and of who runs this process, also by `sudo`."""
    users = {0, os.geteuid()}
    sudo = os.environ.get("SUDO_UID", "")
    if os.geteuid() == 0 and sudo.isascii() and sudo.isdecimal():
        users.add(int(sudo))
    return users


def _is_private_group(user_id: int, group_id: int) -> bool:
    """Whether the group has nobody in it but its user, as many systems make one for each user."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(user_id), grp.getgrgid(group_id)
    except KeyError:
        return False
    return user.pw_name == group.gr_name and set(group.gr_mem) <= {user.pw_name, "root"}


def _user_name(user_id: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)


def _group_name(group_id: int) -> str:
    import grp

    try:
        return grp.getgrgid(group_id).gr_name
    except KeyError:
        return str(group_id)
