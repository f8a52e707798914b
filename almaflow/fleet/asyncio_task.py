"""Coroutines of libraries that know asyncio's way of being cancelled, inside scopes of anyio."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import anyio


async def cancelled_once(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run *coroutine* to its end; when this is cancelled, cancel it once and let it clean up.

    A scope of anyio cancels again at each `await` that follows, such as that which closes a
    connection.
    """
    task = asyncio.create_task(coroutine)
    try:
        await asyncio.wait([task])
    finally:
        task.cancel()
        with anyio.CancelScope(shield=True), suppress(asyncio.CancelledError):
            await task
