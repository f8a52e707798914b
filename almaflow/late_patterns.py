"""Regular expressions that are compiled when they are used first.

Compiling one takes 0.1 to 2 ms, and a short command uses few of those in the modules that it
imports. Use `late_pattern` in place of `re.compile` for a constant of a module, and
`patterns_of_a_library_late` around the import of a library that has many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

# `patterns_of_a_library_late` replaces `re.compile` for a while.
_compile = re.compile

if TYPE_CHECKING:
    late_pattern = re.compile
else:

    class late_pattern:
        """A pattern that is compiled when an attribute of it is used."""

        def __init__(self, pattern, flags=0):
            self._arguments = (pattern, flags)

        def __getattr__(self, name: str) -> Any:
            value = getattr(_compile(*self._arguments), name)
            # From now on it is found without this function.
            setattr(self, name, value)
            return value


@contextmanager
def patterns_of_a_library_late() -> Iterator[None]:
    """Make each pattern late that this thread compiles inside, which is to import one library.

    Use it where the library asks its patterns for their methods only: to `re.sub` and the like, a
    late pattern is none.
    """
    thread = get_ident()

    def compile_late(pattern: Any, flags: int = 0) -> Any:
        make = late_pattern if get_ident() == thread else _compile
        return make(pattern, flags)

    re.__dict__["compile"] = compile_late
    try:
        yield
    finally:
        re.__dict__["compile"] = _compile
