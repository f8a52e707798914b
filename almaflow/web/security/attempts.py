"""How often someone may guess: a bound on failed logins, by address and by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address, ip_network
from math import ceil
from threading import Lock
from typing import Any

from almaflow.clock import Clock

WINDOW = timedelta(minutes=10)
"""How long a failure counts."""
BY_ADDRESS = 10
"""Failures from one address (of IPv6: one network) before it has to wait."""
BY_NAME = 50
"""Failures with one name, from wherever, before that name has to wait. Where its person has logged
in before, it does not wait: a stranger who guesses shall lock nobody out."""
# Addresses and names that are remembered; beyond them, the oldest are forgotten.
_REMEMBERED = 10_000

_Key = tuple[str, str]


class Attempts:
    """Counts failed logins; safe to use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        # Failures, each as an instant of the clock's `elapsed` with the other key of the attempt.
        self._failures: OrderedDict[_Key, list[tuple[float, str]]] = OrderedDict()
        # Where a person has logged in.
        self._known: OrderedDict[_Key, None] = OrderedDict()

    def wait(self, address: str, name: str = "") -> int:
        """Return for how many seconds this one has to wait; 0: the next attempt may come.

        Without *name*, as for tokens, only the address is bounded.
        """
        with self._lock:
            return self._seconds(_network(address), name)

    def begin(self, address: str, name: str = "") -> int:
        """Return what `wait` returns, and if that is 0, note the attempt.

        It counts as failed until `succeeded`, so attempts at the same time are bounded too.
        """
        network = _network(address)
        with self._lock:
            seconds = self._seconds(network, name)
            if not seconds:
                for key, other, _ in self._counted(network, name):
                    self._note(key, other)
            return seconds

    def succeeded(self, address: str, name: str) -> None:
        """Forget the failures with this name from this address, which the person knows."""
        network = _network(address)
        with self._lock:
            # Its failures may be older than what is known.
            self._known.pop((network, name), None)
            for key, other, _ in self._counted(network, name):
                left = [one for one in self._failures.get(key, ()) if one[1] != other]
                self._failures[key] = left
            self._known[network, name] = None
            _shorten(self._known)

    def _seconds(self, network: str, name: str) -> int:
        return max(self._wait(key, most) for key, _, most in self._counted(network, name))

    def _counted(self, network: str, name: str) -> Iterator[tuple[_Key, str, int]]:
        """Yield what an attempt counts for: the key, the other key, and the bound."""
        yield ("address", network), name, BY_ADDRESS
        if name and (network, name) not in self._known:
            yield ("name", name[:200]), network, BY_NAME

    def _note(self, key: _Key, other: str) -> None:
        self._failures.setdefault(key, []).append((self._clock.elapsed(), other))
        self._failures.move_to_end(key)
        _shorten(self._failures)

    def _wait(self, key: _Key, most: int) -> int:
        window, now = WINDOW.total_seconds(), self._clock.elapsed()
        recent = [one for one in self._failures.get(key, ()) if now - one[0] < window]
        if not recent:
            self._failures.pop(key, None)
            return 0
        self._failures[key] = recent
        if len(recent) < most:
            return 0
        return max(1, ceil(recent[-most][0] + window - now))


def _shorten(remembered: OrderedDict[_Key, Any]) -> None:
    while len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)


def _network(address: str) -> str:
    """Return an address, of IPv6 the network that one customer has."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:200]
    return str(ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
