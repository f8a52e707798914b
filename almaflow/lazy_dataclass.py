"""`dataclass` of the standard library, except that its methods are made when they are needed.

The standard library compiles up to six methods for each class while the module is imported, about
0.9 ms a class. A command imports some two hundred classes and uses a part of them. Here the fields
are read and `__init__` is compiled when the first object is made, and the other methods are shared.

`fields`, `replace`, `asdict` and `is_dataclass` of the standard library work as before. `InitVar`
is not supported. The type checker sees the decorator of the standard library.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter
from reprlib import recursive_repr
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, **options):
        """Decorate a class as `dataclasses.dataclass` does."""
        if cls is None:
            return lambda decorated: dataclass(decorated, **options)
        written = _METHODS.intersection(vars(cls))
        if written or not options.keys() <= {"frozen", "eq", "kw_only"}:
            return dataclasses.dataclass(**options)(cls)
        _decorate(cls, **options)
        return cls


_METHODS = {"__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__"}

# One lock for all classes: reading the fields of a class reads those of its bases.
_lock = RLock()


def _decorate(cls: type, *, frozen: bool = False, eq: bool = True, kw_only: bool = False) -> None:
    """Give *cls* the shared methods, and an `__init__` that replaces itself at its first call."""
    methods: dict[str, Any] = {"__repr__": _repr}
    if eq:
        methods |= {"__eq__": _eq, "__hash__": _hash if frozen else None}
    if frozen:
        methods |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}

    def first_init(self: Any, *args: Any, **kwargs: Any) -> None:
        with _lock:
            if cls.__dict__["__init__"] is first_init:
                # The last step: a thread that comes earlier finds `first_init`, and waits.
                type.__setattr__(cls, "__init__", _make_init(cls, frozen))
        cls.__dict__["__init__"](self, *args, **kwargs)

    for name, method in methods.items():
        setattr(cls, name, method)
    type.__setattr__(cls, "__init__", first_init)
    type.__setattr__(cls, "__dataclass_fields__", _Fields(cls, kw_only))


class _Fields:
    """Takes the place of `__dataclass_fields__` until something asks for it."""

    def __init__(self, cls: type, kw_only: bool) -> None:
        self.cls = cls
        self.kw_only = kw_only

    def __get__(self, instance: object, owner: type) -> Any:
        with _lock:
            if self.cls.__dict__["__dataclass_fields__"] is self:
                collect = dataclasses.dataclass(
                    init=False, repr=False, eq=False, kw_only=self.kw_only
                )
                collect(self.cls)
        return self.cls.__dict__["__dataclass_fields__"]


def _make_init(cls: type, frozen: bool) -> Callable[..., None]:
    """Compile the `__init__` of a class from its fields."""
    names: dict[str, Any] = {"_set": object.__setattr__, "_MISSING": MISSING}
    positional: list[str] = []
    keyword: list[str] = []
    body: list[str] = []
    for field in dataclasses.fields(cls):
        if field.init:
            (keyword if field.kw_only else positional).append(_parameter(field, names))
        elif field.default_factory is MISSING:
            # The default, if there is one, is an attribute of the class.
            continue
        body.append(_assignment(field, frozen, names))
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    star = ["*", *keyword] if keyword else []
    head = f"def __init__({', '.join(['self', *positional, *star])}):\n "
    exec(head + "\n ".join(body or ["pass"]), names)
    made: Callable[..., None] = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _parameter(field: Field[Any], names: dict[str, Any]) -> str:
    """Return a field as a parameter; its default goes to *names*."""
    if field.default is not MISSING:
        names[f"_default_{field.name}"] = field.default
        return f"{field.name}=_default_{field.name}"
    if field.default_factory is not MISSING:
        return f"{field.name}=_MISSING"
    return field.name


def _assignment(field: Field[Any], frozen: bool, names: dict[str, Any]) -> str:
    value = field.name
    if field.default_factory is not MISSING:
        names[f"_make_{field.name}"] = field.default_factory
        value = f"_make_{field.name}()"
        if field.init:
            value += f" if {field.name} is _MISSING else {field.name}"
    if frozen:
        return f"_set(self, {field.name!r}, {value})"
    return f"self.{field.name} = {value}"


# The values that count, for each class: a function from an object to a value or a tuple of values.
_compared: dict[type, Callable[[Any], Any]] = {}
_hashed: dict[type, Callable[[Any], Any]] = {}


def _eq(self: Any, other: object) -> bool:
    cls = type(self)
    if type(other) is not cls:
        return NotImplemented  # type: ignore[no-any-return]
    get = _compared.get(cls) or _remember(_compared, cls, _names_compared(cls))
    return bool(get(self) == get(other))


def _hash(self: Any) -> int:
    cls = type(self)
    get = _hashed.get(cls) or _remember(_hashed, cls, _names_hashed(cls))
    return hash(get(self))


def _names_compared(cls: type) -> list[str]:
    return [field.name for field in dataclasses.fields(cls) if field.compare]


def _names_hashed(cls: type) -> list[str]:
    return [
        field.name
        for field in dataclasses.fields(cls)
        if (field.compare if field.hash is None else field.hash)
    ]


def _remember(
    getters: dict[type, Callable[[Any], Any]], cls: type, names: list[str]
) -> Callable[[Any], Any]:
    # A class without such fields has one value: all its objects are equal.
    getters[cls] = attrgetter(*names) if names else lambda _: ()
    return getters[cls]


@recursive_repr()
def _repr(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(_values_shown(self))})"


def _values_shown(self: Any) -> Iterator[str]:
    for field in dataclasses.fields(self):
        if field.repr:
            yield f"{field.name}={getattr(self, field.name)!r}"


def _refuse_to_set(self: object, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
