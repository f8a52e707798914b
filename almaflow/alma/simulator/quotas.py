"""Alma's quotas of calls: per second, per minute, per day (alma-api.md 10.2)."""

from __future__ import annotations

from collections import deque
from datetime import UTC, date, datetime, timedelta

from almaflow.alma.simulator.reply import ApiError, ErrorEnvelope
from almaflow.alma.simulator.switches import AlmaSwitches

_PER_SECOND = {"production": 50, "sandbox": 10}
_PER_MINUTE = {"production": 1500, "sandbox": 300}
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class Quota:
    """The calls that one institution may still make."""

    def __init__(self, switches: AlmaSwitches, environment: str) -> None:
        self._per_second = switches.calls_per_second or _PER_SECOND.get(environment, 50)
        self._per_minute = switches.calls_per_minute or _PER_MINUTE.get(environment, 1500)
        self._per_day = switches.calls_per_day
        self._status = switches.throttle_status
        self._recent: deque[datetime] = deque()
        self._day: date | None = None
        self._used = 0

    def remaining(self, now: datetime) -> int:
        """Return the calls left until midnight UTC."""
        self._turn_day(now)
        return max(0, self._per_day - self._used)

    def take(self, now: datetime) -> None:
        """Count one call.

        Raises:
            ApiError: a threshold is passed; the call is neither processed nor counted.
        """
        self._turn_day(now)
        while self._recent and now - self._recent[0] >= _MINUTE:
            self._recent.popleft()
        if self._used >= self._per_day:
            raise self._refusal("DAILY_THRESHOLD")
        # Alma's code for the minute is not known; the second's is the nearest.
        if len(self._recent) >= self._per_minute or self._in_last_second(now) >= self._per_second:
            raise self._refusal("PER_SECOND_THRESHOLD")
        self._recent.append(now)
        self._used += 1

    def _in_last_second(self, now: datetime) -> int:
        if len(self._recent) < self._per_second:
            return 0
        # Enough to look at the call that would have to be a second old.
        return self._per_second if now - self._recent[-self._per_second] < _SECOND else 0

    def _turn_day(self, now: datetime) -> None:
        today = now.astimezone(UTC).date()
        if today != self._day:
            self._day, self._used = today, 0

    def _refusal(self, code: str) -> ApiError:
        return ApiError(code, status=self._status, shape=ErrorEnvelope.GATEWAY)
