"""The static files: stylesheet, scripts, and what is bundled."""

from __future__ import annotations

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from almaflow.web.rendering import STATIC

# An address with `?v=` changes with the content, so a browser need never ask again.
_FOR_GOOD = "public, max-age=31536000, immutable"
_A_WHILE = "public, max-age=300"


class Assets(StaticFiles):
    """Serves the folder `static`."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, with how long browsers may keep it."""
        response = await super().get_response(path, scope)
        versioned = scope["query_string"].startswith(b"v=")
        response.headers["cache-control"] = _FOR_GOOD if versioned else _A_WHILE
        return response
