"""The institutions of `almaflow simulator`: names, codes, environments and API keys."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence

from almaflow.alma.simulator import SimulatedAlma
from almaflow.alma.simulator.furnish import add_past_runs
from almaflow.alma.simulator.keys import AREAS
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.settings.models import Environment

# Each has a separate library in memory.
_MOST_INSTITUTIONS = 1000
_MOST_LIMITED_KEYS = 1000
_KEY = re.compile(r"[A-Za-z0-9_-]{8,100}")
_CODE = re.compile(r"[A-Za-z0-9_-]{1,50}")
_RIGHT = re.compile(r"([a-z-]+):(rw|r)")


@dataclass(frozen=True)
class LimitedKey:
    """A key for some areas only; *rights* are those of the simulator's `keys.Key`."""

    institution: str
    key: str
    rights: Mapping[str, bool]

    @property
    def shown(self) -> str:
        """The rights as `--limited-key` takes them."""
        return ",".join(f"{area}:{'rw' if writes else 'r'}" for area, writes in self.rights.items())


@dataclass(frozen=True)
class ServedInstitution:
    """An institution; *code* None: made from the name."""

    name: str
    key: str
    environment: Environment
    code: str | None
    limited_keys: Sequence[LimitedKey]

    @property
    def every_key(self) -> list[str]:
        return [self.key, *(limited.key for limited in self.limited_keys)]

    def add_to(self, alma: SimulatedAlma) -> None:
        """Let *alma* have this institution, with its keys and the runs of the last weeks."""
        alma.add_institution(self.name, code=self.code, environment=self.environment, key=self.key)
        for limited in self.limited_keys:
            alma.add_key(self.name, key=limited.key, rights=limited.rights)
        add_past_runs(alma.institution(self.name))


def read_institutions(
    names: Sequence[str],
    keys: Sequence[str],
    limited: Sequence[str],
    environments: Sequence[str],
    codes: Sequence[str],
) -> list[ServedInstitution]:
    """Return the institutions that the options name, keys drawn where none is given.

    Raises: RequestWrong.
    """
    unique = list(dict.fromkeys(names or ["main"]))
    _check_count("`--institution`", len(unique), _MOST_INSTITUTIONS)
    drawn = _keys(keys, len(unique))
    limited_keys = _limited_keys(limited, unique)
    every = [*drawn, *(key.key for key in limited_keys)]
    if len(set(every)) < len(every):
        raise RequestWrong("The same key is given twice. Give each key a text that differs.")
    of_environments = _environments(environments, len(unique))
    of_codes = _codes(codes, len(unique))
    return [
        ServedInstitution(
            name, key, environment, code, [it for it in limited_keys if it.institution == name]
        )
        for name, key, environment, code in zip(
            unique, drawn, of_environments, of_codes, strict=True
        )
    ]


def _check_count(option: str, count: int, most: int) -> None:
    if count > most:
        raise RequestWrong(
            f"{option} is given {count:,} times, but the simulator takes at most {most:,}."
        )


def _keys(keys: Sequence[str], count: int) -> list[str]:
    for key in keys:
        _check_key("--key", key)
    if len(keys) > count:
        raise _too_many("--key", len(keys), count)
    return [*keys, *(_drawn() for _ in range(count - len(keys)))]


def _drawn() -> str:
    return f"l8xx{secrets.token_hex(16)}"


def _check_key(option: str, key: str) -> None:
    if not _KEY.fullmatch(key):
        raise RequestWrong(
            f"`{option}` takes a key of 8 to 100 letters, digits, `_` and `-`; without it, keys "
            "are drawn."
        )


def _too_many(option: str, values: int, institutions: int) -> RequestWrong:
    what = "institution" if institutions == 1 else "institutions"
    return RequestWrong(
        f"`{option}` is given {values} times, but the simulator has only {institutions} {what}. "
        "Add `--institution NAME` for each further one."
    )


def _environments(values: Sequence[str], count: int) -> list[Environment]:
    if len(values) > count:
        raise _too_many("--environment", len(values), count)
    environments = [_environment(value) for value in values]
    # One is for all; else they are in the order of the institutions.
    rest = environments[0] if len(environments) == 1 else Environment.PRODUCTION
    return [*environments, *[rest] * (count - len(environments))]


def _environment(value: str) -> Environment:
    try:
        return Environment(value.lower())
    except ValueError:
        raise RequestWrong("`--environment` takes `production` or `sandbox`.") from None


def _codes(codes: Sequence[str], count: int) -> list[str | None]:
    for code in codes:
        if not _CODE.fullmatch(code):
            raise RequestWrong(
                "`--code` takes an institution code of letters, digits, `_` and `-`, such as "
                "01ABC_INST."
            )
    if len(set(codes)) < len(codes):
        raise RequestWrong("`--code` gives the same code twice. Give each institution its own.")
    if len(codes) > count:
        raise _too_many("--code", len(codes), count)
    return [*codes, *[None] * (count - len(codes))]


def _limited_keys(values: Sequence[str], names: Sequence[str]) -> list[LimitedKey]:
    _check_count("`--limited-key`", len(values), _MOST_LIMITED_KEYS)
    return [_limited_key(value, names) for value in values]


def _limited_key(value: str, names: Sequence[str]) -> LimitedKey:
    """Read `[INSTITUTION=]AREA:r,AREA:rw[=KEY]`."""
    # A key has no colon, so the last part with one is the rights.
    before, rights, after = "", value, ""
    head, equals, tail = value.rpartition("=")
    if equals and not _is_rights(tail):
        rights, after = head, tail
        _check_key("--limited-key", after)
    if not _is_rights(rights):
        before, _, rights = rights.rpartition("=")
    if not _is_rights(rights):
        raise RequestWrong(
            "`--limited-key` takes areas with `:r` (read) or `:rw` (read and change), such as "
            "`conf:r,users:rw`, perhaps with an institution before and a key behind them: "
            "`main=conf:r=my-own-key`."
        )
    if before and before not in names:
        raise RequestWrong(
            f"`--limited-key` names the institution `{before}`, which the simulator does not have. "
            f"Use one of {', '.join(names[:5])}, or add `--institution {before}`."
        )
    return LimitedKey(before or names[0], after or _drawn(), _rights(rights))


def _is_rights(text: str) -> bool:
    return all(_RIGHT.fullmatch(part) for part in text.split(","))


def _rights(text: str) -> dict[str, bool]:
    rights: dict[str, bool] = {}
    for area, right in (part.split(":") for part in text.split(",")):
        if area not in AREAS:
            raise RequestWrong(
                f"`--limited-key` names the area `{area}`, which Alma does not have. Use "
                f"{', '.join(AREAS)}."
            )
        rights[area] = right == "rw"
    return rights
