"""Data classes that are built when the first instance is made.

`dataclasses.dataclass` writes and compiles six functions for each class, half a millisecond or
more, and a short command makes instances of few of the classes that it imports. So a class here
is built by `dataclasses.dataclass` when it is used; from then on there is no difference.

Use it for the classes of almaflow in place of `dataclasses.dataclass`, with the same options.
`dataclasses.fields` of a class that may have no instance yet needs `built(class)`; for the names
alone there is `names_of`.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

C = TypeVar("C", bound=type)

_LOCK = RLock()
_OPTIONS: dict[type, dict[str, Any]] = {}
"""The options of the classes that are not built yet."""


class _Later:
    """The base of classes that are not built yet: their first instance builds them.

    Building adds a class's own `__init__`, which hides this one: two threads may make the first
    instance at the same time.
    """

    __slots__ = ()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        built(type(self))
        type(self).__init__(self, *arguments, **named)


def built(cls: C) -> C:
    """Return *cls*, built together with its bases."""
    with _LOCK:
        for one in reversed(cls.__mro__):
            options = _OPTIONS.pop(one, None)
            if options is not None:
                dataclasses.dataclass(**options)(one)
    return cls


def names_of(cls: type) -> tuple[str, ...]:
    """Return the names of the fields of *cls*, in their order; it is not built for that."""
    inherited: list[str] = [
        name
        for one in reversed(cls.__mro__)
        for name, kind in vars(one).get("__annotations__", {}).items()
        if not kind.startswith("ClassVar")
    ]
    return tuple(dict.fromkeys(inherited))


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, **options):
        """Do what `dataclasses.dataclass` does, later."""
        if cls is None:
            return partial(dataclass, **options)
        if options.get("slots") or "__init__" in vars(cls):
            return dataclasses.dataclass(**options)(built(cls))
        later = _with_base(cls)
        _OPTIONS[later] = options
        return later


def _with_base(cls: type) -> Any:
    """Return *cls* with the base `_Later` in front, made anew as `slots=True` does it too.

    So its methods cannot use `super()` without arguments.
    """
    own = ("__dict__", "__weakref__")
    kept = {key: value for key, value in vars(cls).items() if key not in own}
    bases = tuple(base for base in cls.__bases__ if base is not object)
    first: type = _Later
    if issubclass(cls, _Later):
        # In front of the class that it inherits from, whose own `__init__` would be found first.
        first = type("_Later", (_Later,), {"__slots__": (), "__init__": _Later.__init__})
    later = type(cls)(cls.__name__, (first, *bases), kept)
    later.__qualname__ = cls.__qualname__
    return later
