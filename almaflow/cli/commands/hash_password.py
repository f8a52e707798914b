"""`almaflow hash-password`: makes the hash by which the web page knows a person's password."""

from __future__ import annotations

import getpass
import sys

from almaflow.cli.render.terminal import emit, say
from almaflow.errors import RequestWrong


def hash_password() -> None:
    """Ask for a password twice and print its hash; from a pipe, read one line.

    Store the hash in a file that only almaflow can read, or in an environment variable, and name
    that place in almaflow.yaml: `serve: {users: {anna: {password: file:anna.hash}}}`. almaflow
    never stores the password itself.
    """
    # Imported here because argon2 takes a moment, and this command alone needs it.
    from almaflow.web.security.passwords import hash_password as hash_of

    password = _typed() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    emit(hash_of(password))
    say(
        "Store this line where `serve: {users: …}` in almaflow.yaml names it. It contains dollar "
        "signs: put it in single quotes in a shell.",
        err=True,
    )


def _typed() -> str:
    """Return what a person types twice; Raises: RequestWrong."""
    password = getpass.getpass("Password: ", stream=sys.stderr)
    if getpass.getpass("Once more: ", stream=sys.stderr) != password:
        raise RequestWrong("The two passwords differ. Start again.")
    return password
