"""`almaflow lsp`: the language server, which an editor starts."""

from __future__ import annotations

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
    make_server().start_io()
