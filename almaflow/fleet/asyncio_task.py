"""Coroutines of libraries that know asyncio's way of being cancelled, inside scopes of anyio."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import anyio

# Python before 3.12 can lose a cancellation that comes together with a result
# (`asyncio.wait_for`), so who does not end in this time (seconds) is cancelled again.
_AGAIN: Final = 3.0


async def cancelled_gently(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run *coroutine* to its end; when this is cancelled, cancel it and let it clean up.

    A scope of anyio would cancel again at each `await` that follows, such as that which closes a
    connection.
    """
    task = asyncio.create_task(coroutine)
    try:
        await asyncio.wait([task])
    finally:
        with anyio.CancelScope(shield=True):
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=_AGAIN)
            # An error while it was cancelled is of no use any more; asyncio would report it.
            error = None if task.cancelled() else task.exception()
    if error is not None:
        raise error
