"""Classes of `lazy_dataclass` behave as those of the standard library, in any order of use."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, fields, is_dataclass, replace
from threading import Barrier
from typing import Any, ClassVar

import pytest

from almaflow.lazy_dataclass import dataclass

Decorator = Any
BOTH = pytest.mark.parametrize("decorator", [dataclass, dataclasses.dataclass], ids=["ours", "std"])


def classes(decorator: Decorator) -> tuple[Any, Any]:
    """Return a class with every kind of field, and a class derived from it."""

    @decorator(frozen=True)
    class Base:
        """With defaults, a factory, and fields that do not count."""

        kind: ClassVar[str] = "base"
        name: str
        size: int = 3
        tags: list[str] = field(default_factory=list, hash=False)
        cache: dict[str, int] = field(default_factory=dict, init=False, compare=False, repr=False)
        note: str = field(default="", compare=False)

    @decorator(frozen=True, kw_only=True)
    class Derived(Base):
        """With one more field, by keyword."""

        limit: int
        label: str = "x"

    return Base, Derived


@dataclass(frozen=True)
class Sent:
    """At the top of a module, where pickle finds it."""

    name: str


@BOTH
def test_objects_are_made_compared_hashed_and_shown(decorator: Decorator) -> None:
    base, derived = classes(decorator)

    one, same, other = base("a", note="n"), base("a"), base("a", 4, ["t"])
    child = derived("a", limit=2)

    assert one == same != other != child
    assert hash(one) == hash(same) != hash(other)
    assert repr(other).endswith("Base(name='a', size=4, tags=['t'], note='')")
    assert repr(child).endswith("Derived(name='a', size=3, tags=[], note='', limit=2, label='x')")
    assert one.tags is not same.tags
    assert (child.limit, child.cache, derived.kind) == (2, {}, "base")
    assert base("a") != "a"


@BOTH
def test_a_frozen_object_refuses_changes(decorator: Decorator) -> None:
    one = classes(decorator)[0]("a")

    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.name


@BOTH
def test_wrong_arguments_are_a_type_error(decorator: Decorator) -> None:
    base, derived = classes(decorator)

    for cls, arguments in ((base, ()), (base, ("a", 1, [], "n", "more")), (derived, ("a",))):
        with pytest.raises(TypeError):
            cls(*arguments)
    with pytest.raises(TypeError):
        base("a", cache={})


@BOTH
def test_the_functions_of_the_standard_library_know_the_class(decorator: Decorator) -> None:
    base, derived = classes(decorator)

    assert is_dataclass(type(derived("a", limit=1)))
    assert [one.name for one in fields(derived)][-2:] == ["limit", "label"]
    assert replace(base("a"), size=5) == base("a", 5)
    assert dataclasses.asdict(base("a"))["tags"] == []
    assert copy.deepcopy(derived("a", limit=1)) == derived("a", limit=1)


@BOTH
def test_an_object_that_may_change_has_no_hash(decorator: Decorator) -> None:
    @decorator
    class Mutable:
        """A counter, checked after it is made."""

        count: int = 0

        def __post_init__(self) -> None:
            if self.count < 0:
                raise ValueError(self.count)

    make: Any = Mutable
    one = make()
    one.count += 1
    assert one == make(1)
    with pytest.raises(TypeError):
        hash(one)
    with pytest.raises(ValueError, match="-1"):
        make(-1)


@BOTH
def test_without_eq_objects_are_equal_by_identity(decorator: Decorator) -> None:
    @decorator(frozen=True, eq=False)
    class Place:
        """One of its kind."""

        name: str

    make: Any = Place
    one, other = make("a"), make("a")
    assert one == one != other
    assert len({one, other}) == 2


@BOTH
def test_positions_match_patterns(decorator: Decorator) -> None:
    base, _ = classes(decorator)

    match base("a", 7):
        case base(name, size):
            assert (name, size) == ("a", 7)
        case _:
            pytest.fail("no match")


def test_methods_that_are_written_are_kept() -> None:
    @dataclass(frozen=True)
    class Shown:
        """With a text of its own."""

        name: str

        def __repr__(self) -> str:
            return "shown"

    assert repr(Shown("a")) == "shown"
    assert Shown("a") == Shown("a")


def test_an_object_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Sent("a"))) == Sent("a")


def test_nothing_is_compiled_before_the_first_object() -> None:
    base, derived = classes(dataclass)

    before = inspect.signature(derived.__init__)
    derived("a", limit=1)

    assert list(before.parameters) == ["self", "args", "kwargs"]
    assert list(inspect.signature(derived.__init__).parameters)[-2:] == ["limit", "label"]
    assert list(inspect.signature(base.__init__).parameters) == ["self", "args", "kwargs"]


def test_threads_that_make_the_first_object_together_all_get_whole_objects() -> None:
    threads = 8
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(50):
            _, derived = classes(dataclass)
            together = Barrier(threads)

            def make(cls: Any = derived, together: Barrier = together) -> Any:
                together.wait()
                return cls("a", limit=1)

            made = [one.result() for one in [pool.submit(make) for _ in range(threads)]]
            assert len({hash(one) for one in made}) == 1
            assert all(one == made[0] for one in made)
