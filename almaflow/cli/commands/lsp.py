"""`almaflow lsp`: the language server, which an editor starts."""

from __future__ import annotations

import os

from almaflow.errors import RequestWrong


def lsp() -> None:
    """Serve an editor over standard input and output (Language Server Protocol).

    Problems while typing, completion of keys, steps, outputs, inputs and jobs of the snapshot,
    explanations under the pointer, and the way to a step. Editors start it themselves: see
    `almaflow docs editor`.
    """
    try:
        from almaflow.authoring.language_server.server import make_server
    except ImportError as error:
        raise RequestWrong(
            f"The language server needs pygls, which is not installed ({error}). Run `pip install "
            "'almaflow[lsp]'`."
        ) from error
    try:
        # The server closes its streams when it ends, so it has copies: almaflow still uses its own.
        with os.fdopen(os.dup(0), "rb") as source, os.fdopen(os.dup(1), "wb") as target:
            make_server().start_io(source, target)
    except (MemoryError, OverflowError, ValueError) as error:
        # What handles a message reports its own errors; this one is about the frame of one.
        raise RequestWrong(
            "The input is not that of an editor: the length of a message (Content-Length) is too "
            "large or not a number. Let an editor start `almaflow lsp`."
        ) from error
