"""Data classes that are built when they are used: afterwards nothing shows it."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, field
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from almaflow.late_dataclasses import built, dataclass, names_of

T = TypeVar("T")


def is_built(cls: type) -> bool:
    return "__init__" in vars(cls)


def test_the_first_instance_builds_its_class() -> None:
    @dataclass(frozen=True)
    class Point:
        x: int
        y: int = 0
        tags: list[str] = field(default_factory=list)
        origin: ClassVar[str] = "here"

    assert not is_built(Point)
    point = Point(1, tags=["a"])

    assert is_built(Point)
    assert point == Point(1, 0, ["a"])
    assert dataclasses.replace(point, y=2) == Point(1, 2, ["a"])
    assert dataclasses.asdict(copy.copy(point)) == {"x": 1, "y": 0, "tags": ["a"]}
    assert repr(point).endswith("Point(x=1, y=0, tags=['a'])")
    assert (Point.__name__, Point.__module__) == ("Point", __name__)
    with pytest.raises(FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]


def test_options_count() -> None:
    @dataclass(order=True, kw_only=True)
    class Size:
        height: int

    assert Size(height=1) < Size(height=2)
    with pytest.raises(TypeError):
        Size(1)  # type: ignore[call-arg]


def test_fields_of_a_class_without_instances_are_known_once_it_is_built() -> None:
    @dataclass
    class Point:
        x: int

    assert [one.name for one in dataclasses.fields(built(Point))] == ["x"]
    assert [one.name for one in dataclasses.fields(built(Point))] == ["x"]


def test_the_names_of_fields_are_known_without_building() -> None:
    @dataclass
    class Shape:
        name: str
        sides: ClassVar[int] = 0

    @dataclass
    class Circle(Shape):
        radius: int = 1
        name: str = ""

    assert names_of(Circle) == ("name", "radius")
    assert not is_built(Circle)
    assert [one.name for one in dataclasses.fields(built(Circle))] == ["name", "radius"]


def test_a_class_inherits_the_fields_of_another() -> None:
    @dataclass(frozen=True)
    class Shape:
        name: str

    @dataclass(frozen=True)
    class Circle(Shape):
        radius: int

    class Ring(Circle):
        pass

    assert Shape("s") == Shape("s")
    assert not is_built(Circle)
    assert Circle("c", 1) == Circle("c", 1)
    assert Ring("r", 2).radius == 2
    assert Shape("s").name == "s"


def test_a_subclass_without_fields_of_its_own_builds_its_base() -> None:
    @dataclass
    class Text:
        characters: str

    class Template(Text):
        pass

    assert Template("x").characters == "x"
    assert Template("x") == Template("x")


def test_bases_that_are_no_data_classes_stay() -> None:
    class Read:
        @classmethod
        def read(cls, data: dict[str, int]) -> Read:
            return cls(**data)

    @dataclass
    class Page(Read, Generic[T]):
        number: int

        def __post_init__(self) -> None:
            self.number += 1

    assert Page[str](1).number == 2
    assert Page.read({"number": 3}) == Page(3)


def test_a_class_with_slots_is_built_where_it_is_written() -> None:
    @dataclass(slots=True)
    class Small:
        x: int

    assert is_built(Small)
    assert not hasattr(Small(1), "__dict__")


def test_several_threads_may_make_the_first_instance() -> None:
    def classes() -> Iterator[type]:
        for _ in range(50):

            @dataclass(frozen=True)
            class Point:
                x: int

            yield Point

    ready = threading.Barrier(4)

    def make(made: list[type]) -> list[object]:
        ready.wait()
        return [one(1) for one in made]

    points = list(classes())
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, [points] * 4))

    assert all(one == made[0] for one in made)


def test_built_classes_behave_as_those_of_dataclasses() -> None:
    def declare(decorate: Any) -> list[Any]:
        @decorate(frozen=True)
        class Frozen:
            x: int
            y: str = "y"
            tags: list[int] = field(default_factory=list, compare=False)
            hidden: int = field(default=1, repr=False, hash=False)
            made: dict[str, int] = field(default_factory=dict, init=False, compare=False)

        @decorate
        class Plain:
            x: object

            def __repr__(self) -> str:
                return "its own"

        @decorate(kw_only=True)
        class Named:
            x: int = 1
            y: int

        @decorate(eq=False)
        class Identity:
            x: int

        @decorate(frozen=True)
        class Compared:
            x: int

            def __eq__(self, other: object) -> bool:
                return True

        @decorate(frozen=True)
        class Empty:
            pass

        return [Frozen, Plain, Named, Identity, Compared, Empty]

    calls: list[Callable[[Any], object]] = [
        *(lambda cls, args=args: cls(*args) for args in [(), (1,), (1, "z"), (1, "z", [3], 4, 5)]),
        *(lambda cls, names=names: cls(**names) for names in [{"x": 1}, {"x": 1, "y": 2}]),
        lambda cls: cls(1, x=1),
        lambda cls: cls(1) == cls(1),
        lambda cls: cls(1) == cls(2),
        lambda cls: cls(1) == 1,
        lambda cls: cls(1, hidden=2) == cls(1, hidden=3),
        lambda cls: (hash(cls(1)) == hash(cls(1)), cls(1) in {cls(1)}),
        lambda cls: cls() == cls(),
        lambda cls: hash(cls()) == hash(cls()),
        lambda cls: setattr(cls(1), "x", 2),
        lambda cls: delattr(cls(1), "x"),
        lambda cls: dataclasses.asdict(cls(1)),
        lambda cls: dataclasses.replace(cls(1), x=3),
        lambda cls: pickle.loads(pickle.dumps(vars(cls(1)))),
        lambda cls: cls.__match_args__,
    ]

    def outcome(call: Callable[[Any], object], cls: Any) -> str:
        try:
            return repr(call(cls)).partition(" object at ")[0]
        except (TypeError, AttributeError) as error:
            return f"{type(error).__name__}: {error}"

    for ours, theirs in zip(declare(dataclass), declare(dataclasses.dataclass), strict=True):
        for call in calls:
            assert outcome(call, ours) == outcome(call, theirs)


def test_an_instance_that_holds_itself_can_be_printed() -> None:
    @dataclass
    class Ring:
        next: object = None

    ring = Ring()
    ring.next = ring

    assert repr(ring).endswith("Ring(next=...)")
