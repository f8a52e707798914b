"""Which parameters of a payload a reviewer has to see, and the payload of the others as a file.

The rule: a parameter is in the workflow when its name occurs once and its value was chosen, that
is, when it is not empty, `false`, `0`, `-1`, `null` or `none`, which is what the wizard writes for
what a person left alone; at most `MOST_SHOWN` of them, in their order. When these are not all
parameters, all of them are in a payload file too, in Alma's order, and those in the workflow
replace their values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from almaflow.alma.wire import JobParameter
from almaflow.late_dataclasses import dataclass

MOST_SHOWN = 12
"""Parameters in the workflow file; more are not read by anyone."""

_LEFT_ALONE = frozenset({"", "false", "0", "-1", "null", "none"})
_OWN_KEYS = ("set_id", "job_name")


@dataclass(frozen=True)
class DividedParameters:
    """*shown* are in the workflow; *filed*, of all parameters, are in a payload file when there
    are any. *hidden* of them were chosen, too, but are too many or repeat their names.
    """

    shown: tuple[JobParameter, ...]
    filed: tuple[JobParameter, ...]
    hidden: int


def divide(parameters: Sequence[JobParameter]) -> DividedParameters:
    """Divide the parameters of a payload between workflow and file."""
    rest = [one for one in parameters if one.name not in _OWN_KEYS]
    times = Counter(one.name for one in rest)
    chosen = [one for one in rest if one.value.strip().casefold() not in _LEFT_ALONE]
    single = [one for one in chosen if times[one.name] == 1]
    shown = tuple(single[:MOST_SHOWN])
    if _is_whole(parameters, rest, times):
        return DividedParameters(tuple(rest), (), 0)
    filed = tuple(
        JobParameter(one.name, "") if one.name in _OWN_KEYS else one for one in _kept(parameters)
    )
    return DividedParameters(shown, filed, len(chosen) - len(shown))


def _is_whole(
    parameters: Sequence[JobParameter], rest: Sequence[JobParameter], times: Counter[str]
) -> bool:
    """Whether a mapping in the workflow holds everything, in Alma's order."""
    is_last = list(parameters[: len(rest)]) == list(rest)
    return len(rest) <= MOST_SHOWN and is_last and all(number == 1 for number in times.values())


def _kept(parameters: Sequence[JobParameter]) -> Iterator[JobParameter]:
    """Yield what belongs into the file: at its end, almaflow adds set and name on its own."""
    last = len(parameters)
    while last and parameters[last - 1].name in _OWN_KEYS:
        last -= 1
    yield from (one for one in parameters[:last] if one.name != "job_name")
