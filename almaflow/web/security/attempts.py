"""How often someone may guess: a bound on failed logins, by address and by name."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from ipaddress import ip_address, ip_network
from math import ceil
from threading import Lock

from almaflow.clock import Clock

WINDOW = timedelta(minutes=10)
"""How long a failure counts."""
BY_ADDRESS = 10
"""Failures from one address (of IPv6: one network) before it has to wait."""
BY_NAME = 50
"""Failures with one name, from wherever, before that name has to wait."""
# Addresses and names that are remembered; beyond them, the oldest are forgotten.
_REMEMBERED = 10_000


class Attempts:
    """Counts failed logins; safe to use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        # Failures as instants of the clock's `elapsed`.
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, address: str, name: str) -> int:
        """Return for how many seconds this one has to wait; 0: the next attempt may come."""
        with self._lock:
            waits = (self._wait(key, most) for key, most in _keys(address, name))
            return max(waits)

    def failed(self, address: str, name: str) -> None:
        """Note a failure."""
        with self._lock:
            for key, _ in _keys(address, name):
                self._failures.setdefault(key, []).append(self._clock.elapsed())
                self._failures.move_to_end(key)
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the failures from an address: a person has remembered the password."""
        with self._lock:
            self._failures.pop(_keys(address, "")[0][0], None)

    def _wait(self, key: str, most: int) -> int:
        window, now = WINDOW.total_seconds(), self._clock.elapsed()
        recent = [at for at in self._failures.get(key, ()) if now - at < window]
        if not recent:
            self._failures.pop(key, None)
            return 0
        self._failures[key] = recent
        if len(recent) < most:
            return 0
        return max(1, ceil(recent[-most] + window - now))


def _keys(address: str, name: str) -> tuple[tuple[str, int], tuple[str, int]]:
    return (f"address {_network(address)}", BY_ADDRESS), (f"name {name[:200]}", BY_NAME)


def _network(address: str) -> str:
    """Return an address, of IPv6 the network that one customer has."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:200]
    return str(ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
