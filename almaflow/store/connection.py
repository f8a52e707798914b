"""A connection to the database: statements with named values, rows as dictionaries.

In a statement `:name` represents a value and `IN :name` a list of values. The values travel to the
database apart from the text of the statement. Instants become text on their way into the database
and instants again on their way back, as `tables` declares its columns.
"""

from __future__ import annotations

import re
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar

from almaflow.late_dataclasses import names_of
from almaflow.late_patterns import late_pattern
from almaflow.store.tables import BOOLEANS, INSTANTS


class Savepoints:
    """The parts of one transaction, from the outermost to the one under way; each may fail alone.

    Setting and releasing a savepoint each takes a request to the server, and most parts only read
    or are never taken back. So one is set before the first write of a part, and is released
    together with the setting of the next one.
    """

    def __init__(self, tell: Callable[[Sequence[str]], None]) -> None:
        self._tell = tell
        self._are_set: list[bool] = []
        self._left = 0
        """The savepoints of parts that have ended, all inside those of the open ones."""

    def begin(self) -> None:
        """Begin a part."""
        self._are_set.append(False)

    def before_write(self) -> None:
        """Set the savepoints of the open parts that have none yet."""
        missing = self._are_set.count(False)
        if missing:
            self._tell([*self._releases(), *["SAVEPOINT part"] * missing])
            self._are_set = [True] * len(self._are_set)

    def end(self) -> None:
        """End the innermost part; what it wrote is kept with the part around it."""
        self._left += self._are_set.pop()

    def take_back(self) -> None:
        """End the innermost part, and take back what it wrote."""
        if self._are_set.pop():
            self._tell([*self._releases(), "ROLLBACK TO part", "RELEASE part"])

    def _releases(self) -> list[str]:
        releases, self._left = ["RELEASE part"] * self._left, 0
        return releases


Row = dict[str, Any]
"""The columns of one row, by name."""

# Texts and casts are passed over: a colon in them names no value.
_TOKEN = late_pattern(r"'[^']*'|::|(?P<list>\bIN )?:(?P<name>\w+)|%")

_NAME = late_pattern(r":(\w+)")

# Values of these types are stored as they are.
_PLAIN = frozenset({str, int, float, bool, type(None)})


def instant_text(instant: datetime) -> str:
    """Return an aware *instant* as the text that is stored."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone and cannot be stored")
    return instant.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def bound(value: Any) -> Any:
    """Return *value* as the drivers accept it."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [bound(item) for item in value]
    return value


def columns_of(record: type, table: str = "") -> str:
    """Return the columns that the fields of a dataclass name, for a SELECT from *table*."""
    prefix = f"{table}." if table else ""
    return ", ".join(f'{prefix}"{name}"' for name in names_of(record))


def assignments(names: Iterable[str]) -> str:
    """Return what an UPDATE sets when each of the columns *names* gets the value of its name."""
    return ", ".join(f'"{name}" = :{name}' for name in names)


def where(conditions: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return `WHERE` with the conditions whose value is given, and these values by name.

    A value of None is not given; one for several names in a condition is a tuple.
    """
    given = {text: value for text, value in conditions.items() if value is not None}
    values: dict[str, Any] = {}
    for text, value in given.items():
        names = _NAME.findall(text)
        values |= zip(names, value if len(names) > 1 else [value], strict=False)
    return f" WHERE {' AND '.join(given)}" if given else "", values


def at_most(limit: int | None) -> str:
    """Return what bounds a query to `:limit` rows; empty for None."""
    return "" if limit is None else " LIMIT :limit"


@cache
def _insert(table: str, names: tuple[str, ...]) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join(f':{name}' for name in names)})"


class Connection(ABC):
    """An open connection; a subclass knows what is different in its database.

    Methods that take a statement raise the error of the driver.
    """

    types: ClassVar[Mapping[str, str]]
    """How this database writes the types of `tables.SCHEMA` that it does not know."""
    table_names: ClassVar[str]
    """The statement that returns the names of the tables that this connection sees."""
    value_form: ClassVar[str]
    """How the driver writes a value whose name replaces `{}`."""
    list_form: ClassVar[str]
    """How the database compares with the items of a list whose name replaces `{}`."""
    percent_form: ClassVar[str] = "%"
    """How the driver writes a percent sign."""
    unless_locked: ClassVar[str] = ""
    """What ends a SELECT that locks rows, but passes over those that others have locked."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        # It is also closed when nothing refers to it any more, as after a simulated crash.
        self._close = weakref.finalize(self, driver.close)
        self._rendered: dict[str, str] = {}
        self.savepoints = Savepoints(self.tell_all)

    def rows(self, statement: str, /, **values: Any) -> list[Row]:
        """Return the rows that a query finds."""
        cursor = self.run(statement, values)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        for name in INSTANTS.intersection(names):
            for row in rows:
                if row[name] is not None:
                    row[name] = datetime.fromisoformat(row[name])
        for name in BOOLEANS.intersection(names):
            for row in rows:
                row[name] = bool(row[name])
        return rows

    def row(self, statement: str, /, **values: Any) -> Row | None:
        """Return the first row that a query finds, or None."""
        rows = self.rows(statement, **values)
        return rows[0] if rows else None

    def column(self, statement: str, /, **values: Any) -> list[Any]:
        """Return the first value of each row that a query finds."""
        return [next(iter(row.values())) for row in self.rows(statement, **values)]

    def value(self, statement: str, /, **values: Any) -> Any:
        """Return the first value of the first row that a query finds; None when it finds none."""
        row = self.row(statement, **values)
        return None if row is None else next(iter(row.values()))

    def execute(self, statement: str, /, **values: Any) -> int:
        """Execute a statement that returns no rows; return how many rows it changed."""
        self.savepoints.before_write()
        count: int = self.run(statement, values).rowcount
        return count

    def execute_all(self, statement: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute a statement once with the values of each of *rows*."""
        together = [{name: self.bound(value) for name, value in row.items()} for row in rows]
        if together:
            self.savepoints.before_write()
            cursor = self.driver.cursor()
            cursor.executemany(self.rendered(statement), together)
            cursor.close()

    def insert(self, table: str, /, **row: Any) -> None:
        """Add a row."""
        self.savepoints.before_write()
        self.run(_insert(table, tuple(row)), row)

    def insert_all(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, which all have the same columns."""
        if rows:
            self.execute_all(_insert(table, tuple(rows[0])), rows)

    def insert_numbered(self, table: str, /, **row: Any) -> int:
        """Add a row to a table that numbers its rows, and return its `id`."""
        self.savepoints.before_write()
        return self.insert_and_number(_insert(table, tuple(row)), row)

    def run(self, statement: str, values: Mapping[str, Any]) -> Any:
        """Execute a statement and return the driver's cursor."""
        bound_values = {name: self.bound(value) for name, value in values.items()}
        return self.driver.execute(self.rendered(statement), bound_values)

    def rendered(self, statement: str) -> str:
        """Return *statement* as the driver accepts it."""
        text = self._rendered.get(statement)
        if text is None:
            text = self._rendered[statement] = _TOKEN.sub(self._render, statement)
        return text

    def _render(self, token: re.Match[str]) -> str:
        if token["name"] is None:
            return token[0].replace("%", self.percent_form)
        form = self.value_form if token["list"] is None else self.list_form
        return form.format(token["name"])

    def bound(self, value: Any) -> Any:
        """Return *value* as the driver accepts it."""
        return bound(value)

    @abstractmethod
    def insert_and_number(self, statement: str, row: Mapping[str, Any]) -> int:
        """Execute an INSERT into a table with an `id` and return the new one."""

    @abstractmethod
    def tell(self, statement: str) -> None:
        """Give the driver a statement as it is, such as BEGIN; it has no values and no result."""

    def tell_all(self, statements: Sequence[str]) -> None:
        """Give the driver several statements, one after another."""
        for statement in statements:
            self.tell(statement)

    @property
    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether a transaction is open; the database may have ended it after an error."""

    @property
    def is_gone(self) -> bool:
        """Whether the connection is closed, or broke."""
        return not self._close.alive

    def close(self) -> None:
        """End the connection; the database rolls back what was not committed."""
        self._close()
