"""Data classes that are built when the first instance is made.

`dataclasses.dataclass` writes and compiles six functions for each class, which takes half a
millisecond or more, and a short command makes instances of few of the classes that it imports. So
a class here is built when it is used, from what `dataclasses` knows of its fields, and only its
`__init__` is compiled: what compares, hashes, prints and protects instances is the same for all.
From then on there is no difference, but that `__dataclass_params__` does not show it. There is no
`InitVar`.

Use it for the classes of almaflow in place of `dataclasses.dataclass`, with the same options.
`dataclasses.fields` of a class that may have no instance yet needs `built(class)`; for the names
alone there is `names_of`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from functools import partial
from operator import attrgetter, ge, gt, le, lt
from operator import eq as is_equal
from reprlib import recursive_repr
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

C = TypeVar("C", bound=type)

_LOCK = RLock()
_OPTIONS: dict[type, dict[str, Any]] = {}
"""The options of the classes that are not built yet."""

_UNDERSTOOD = frozenset({"frozen", "eq", "order", "kw_only"})
"""The options that are known here; a class with others is built by `dataclasses` immediately."""


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
                _build(one, **options)
    return cls


def _build(
    cls: type, *, frozen: bool = False, eq: bool = True, order: bool = False, kw_only: bool = False
) -> None:
    """Make a data class of *cls*, in place, as `dataclasses` does it."""
    # `dataclasses` would work out the signature of a class without a docstring for it.
    cls.__doc__ = cls.__doc__ or cls.__name__
    own = dict(vars(cls))
    dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(cls)
    methods: dict[str, Any] = {"__init__": _init_of(cls, frozen), "__repr__": _text}
    compared = _values_of(one.name for one in fields(cls) if one.compare)
    if order:
        methods |= {f"__{one.__name__}__": _compared_by(one, compared) for one in (lt, le, gt, ge)}
    if eq:
        methods["__eq__"] = _compared_by(is_equal, compared)
        methods["__hash__"] = _hash_of(_values_of(_hashed(cls))) if frozen else None
    if frozen:
        methods |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
    if "__eq__" in own and own.get("__hash__") is None:
        # Python's own mark on a class that compares; nobody wrote it.
        own.pop("__hash__", None)
    for name, method in methods.items():
        if name not in own:
            setattr(cls, name, method)


def _init_of(cls: type, frozen: bool) -> Any:
    """Return the function that `dataclasses` would write; it is compiled for its speed."""
    names: dict[str, Any] = {"_set": object.__setattr__, "_MISSING": MISSING}
    parameters: dict[bool, list[str]] = {False: ["self"], True: []}
    lines = []
    for one in fields(cls):
        value = _value_in(one, names)
        if one.init:
            default = "" if _is_required(one) else f"=_default_{one.name}"
            parameters[bool(one.kw_only)].append(f"{one.name}{default}")
        if value:
            lines.append(
                f"_set(self, '{one.name}', {value})" if frozen else f"self.{one.name} = {value}"
            )
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    if parameters[True]:
        parameters[True].insert(0, "*")
    head = ", ".join([*parameters[False], *parameters[True]])
    exec(f"def __init__({head}):\n  " + "\n  ".join(lines or ["pass"]), names)
    init = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _value_in(one: Field[Any], names: dict[str, Any]) -> str:
    """Return the expression of a field's value, or nothing; add what it needs to *names*."""
    made, default = f"_make_{one.name}", f"_default_{one.name}"
    names[made], names[default] = one.default_factory, one.default
    if one.default_factory is MISSING:
        return one.name if one.init else ""
    return f"{made}() if {one.name} is _MISSING else {one.name}" if one.init else f"{made}()"


def _is_required(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _hashed(cls: type) -> Iterable[str]:
    return (one.name for one in fields(cls) if (one.compare if one.hash is None else one.hash))


def _values_of(names: Iterable[str]) -> Callable[[Any], Any]:
    """Return a function that gives these attributes of an object as a tuple."""
    listed = list(names)
    if len(listed) > 1:
        return attrgetter(*listed)
    return lambda one: tuple(getattr(one, name) for name in listed)


def _compared_by(compare: Callable[[Any, Any], bool], values: Callable[[Any], Any]) -> Any:
    def method(self: Any, other: Any) -> Any:
        if other.__class__ is self.__class__:
            return compare(values(self), values(other))
        return NotImplemented

    return method


def _hash_of(values: Callable[[Any], Any]) -> Any:
    return lambda self: hash(values(self))


@recursive_repr()
def _text(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_to_set(self: Any, name: str, value: Any) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


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
        if options.keys() - _UNDERSTOOD or "__init__" in vars(cls):
            return dataclasses.dataclass(**options)(built(cls))
        later = _with_base(cls)
        _OPTIONS[later] = options
        return later


def _with_base(cls: type) -> Any:
    """Return *cls* with the base `_Later` in front, recreated as `slots=True` does it too.

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
