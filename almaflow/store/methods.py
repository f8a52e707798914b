"""How functions that take a `Transaction` become methods of the store, which open it.

A writing function names its locks (see `locks`) by how they follow from its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial, wraps
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from almaflow.store import leader as leader_row
from almaflow.store.errors import StoreConflict
from almaflow.store.locks import (
    ANSWERS,
    ITS_ACCOUNT,
    LEDGER,
    NO_LOCK,
    NOTICES,
    RECORDS,
    Lock,
    Locks,
    lock_of_account,
    lock_of_run,
)
from almaflow.store.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class Transactions(Protocol):
    """What opens transactions: the store."""

    @property
    def is_writing(self) -> bool:
        """Whether a writing transaction is open."""
        ...

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that reads."""
        ...

    def write(self, locks: Locks) -> AbstractContextManager[Transaction]:
        """Open a writing transaction, or a part of the open one."""
        ...


LockOf = Callable[[Mapping[str, Any]], Iterable[Lock]]
"""Returns locks, given the arguments of a call by name."""


def always(*locks: Lock) -> LockOf:
    """Name locks that do not depend on the arguments."""
    return lambda arguments: locks


of_ledger = always(LEDGER)
of_records = always(RECORDS)
of_answers = always(ANSWERS)
of_notices = always(NOTICES)


def of_claim(arguments: Mapping[str, Any]) -> Iterable[Lock]:
    """Name the lock of the claimed run."""
    return (lock_of_run(arguments["claim"].run_id),)


def of_run(arguments: Mapping[str, Any]) -> Iterable[Lock]:
    """Name the lock of the run `run_id`."""
    return (lock_of_run(arguments["run_id"]),)


def of_runs(arguments: Mapping[str, Any]) -> Iterable[Lock]:
    """Name the locks of the runs `run_ids`."""
    return map(lock_of_run, arguments["run_ids"])


def of_account(arguments: Mapping[str, Any]) -> Iterable[Lock]:
    """Name the lock of `account`."""
    return (lock_of_account(arguments["account"]),)


def of_slot(arguments: Mapping[str, Any]) -> Iterable[Lock]:
    """Name the locks of the claimed run and of its slot's account, which the arguments lack."""
    return (*of_claim(arguments), ITS_ACCOUNT)


def locks_of_call(function: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Locks:
    """Return the locks of a call of a method of the store; none for anything else."""
    if isinstance(function, partial):
        arguments, keywords = function.args + arguments, {**function.keywords, **keywords}
        return locks_of_call(function.func, arguments, keywords)
    needs: Callable[..., Locks] | None = getattr(function, "needs", None)
    return NO_LOCK if needs is None else needs(arguments, keywords)


def reading(
    function: Callable[Concatenate[Transaction, P], T],
) -> Callable[Concatenate[Transactions, P], T]:
    """Return *function* as a method of the store that reads one state of it."""

    @wraps(function)
    def method(store: Transactions, /, *arguments: P.args, **keywords: P.kwargs) -> T:
        with store.read() as tx:
            return function(tx, *arguments, **keywords)

    return method


def writing(
    function: Callable[Concatenate[Transaction, P], T], *locks: LockOf
) -> Callable[Concatenate[Transactions, P], T]:
    """Return *function* as a method of the store whose changes are durable on return."""
    needs = _needs(function, locks)

    @wraps(function)
    def method(store: Transactions, /, *arguments: P.args, **keywords: P.kwargs) -> T:
        def once() -> T:
            with store.write(needs(arguments, keywords)) as tx:
                return function(tx, *arguments, **keywords)

        return once() if store.is_writing else again_after_conflict(once)

    method.needs = needs  # type: ignore[attr-defined]
    return method


def leading(
    function: Callable[Concatenate[Transaction, P], T], *locks: LockOf
) -> Callable[Concatenate[Transactions, str, P], T]:
    """Return *function* as a writing method for the leader, whose process id comes first.

    It raises `NotLeader`, and records nothing, when that process does not lead (any more).
    """

    @wraps(function)
    def check_first(
        tx: Transaction, process_id: str, /, *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        leader_row.check(tx, process_id)
        return function(tx, *arguments, **keywords)

    return writing(check_first, of_ledger, *locks)


def _needs(
    function: Any, locks: tuple[LockOf, ...]
) -> Callable[[tuple[Any, ...], Mapping[str, Any]], Locks]:
    code = function.__code__
    names: Final = code.co_varnames[1 : code.co_argcount]

    def needs(arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Locks:
        named = {**dict(zip(names, arguments, strict=False)), **keywords}
        return frozenset(lock for lock_of in locks for lock in lock_of(named))

    return needs


# How often a transaction is made at most.
_TIMES: Final = 4


def again_after_conflict(transaction: Callable[[], T]) -> T:
    """Make a whole transaction, once more for each conflict, and return its result.

    The order of `locks` leaves no two transactions waiting for each other. Should it happen all the
    same, as with a tool that locks rows, the database keeps nothing of one of them.
    """
    for _ in range(_TIMES - 1):
        try:
            return transaction()
        except StoreConflict:
            continue
    return transaction()
