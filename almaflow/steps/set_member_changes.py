"""Changes to the members of an itemized set, a batch at a time.

One id that Alma minds fails its whole call. What is minded without need (adding what is in the set
already, removing what is not) is found by reading the members, else by halving, and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from almaflow.alma import calls
from almaflow.alma.calls import MemberChange
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import AlmaRefused
from almaflow.alma.evidence import MembersTrace
from almaflow.alma.wire import Member
from almaflow.field_types import Text
from almaflow.waiting import Waiting, WaitingKind

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

IdType = Annotated[
    Text | None,
    Field(
        description="The type of the ids, if they are not Alma's own: BARCODE for items; "
        "SYSTEM_NUMBER, OCLC_NUMBER, ISBN or ISSN for titles."
    ),
]

OnInvalid = Literal["fail", "skip"]
"""What a member that Alma does not know does."""

# Alma's codes for one id of a call (alma-api: T7): it is in the set already, by its own id or by
# another identifier; it is not in it; two of the ids are one record's.
_THERE = frozenset({"60115", "60176"})
_NOT_THERE = frozenset({"60117"})
_TWICE = frozenset({"60119"})
# Alma does not know it, by its own id or by another identifier.
_UNKNOWN = frozenset({"60116", "60120"})

_MOST_SUSPECTS = 5

_NEEDLESS: Mapping[MemberChange, frozenset[str]] = {
    "add_members": _THERE | _TWICE,
    "delete_members": _NOT_THERE | _TWICE,
    "replace_members": _TWICE,
}
_WORDS: Mapping[MemberChange, tuple[str, str]] = {
    "add_members": ("add", "adding"),
    "delete_members": ("remove", "removing"),
    "replace_members": ("replace", "replacing"),
}

# Alma may count a change later than it makes it (alma-api.md, 7.4). The pause between two reads of
# the number grows. A number that stays the same for so long is final: longer when it has not
# changed at all since before.
_LOOK, _LONGEST_LOOK = timedelta(seconds=1), timedelta(seconds=10)
_STILL, _STILL_AFTER_CHANGE = timedelta(minutes=2), timedelta(seconds=20)

_TITLES = ("BIB_MMS", "BIB_MMS_DISCOVERY", "IE", "IED", "IEE", "IEP", "IER")
_TITLE_IDS = ("SYSTEM_NUMBER", "OCLC_NUMBER", "ISBN", "ISSN")


def id_type_problem(content: str, id_type: str) -> str:
    """Return why members of *content* are not named by *id_type*; empty when they may be."""
    known = {"ITEM": ("BARCODE",), **dict.fromkeys(_TITLES, _TITLE_IDS)}.get(content, ())
    # What users are named by is a code table of the institution.
    if content == "USER" or id_type in known:
        return ""
    *others, last = (f"`{one}`" for one in known) if known else ("",)
    named = f"{', '.join(others)} or {last}" if others else last
    rather = (
        (f". Use {named}, or omit `id_type` for Alma's own ids.") if known else ". Omit `id_type`."
    )
    return f"Sets of {content} do not support `id_type: {id_type}`{rather}"


class MemberChanges:
    """What one step changes in the members of a set.

    *id_type* None means Alma's own ids. *count* is the number of members as Alma last told it,
    at first that before the changes, *rejected* how many of the ids Alma does not know; both are
    kept in the step's outputs.
    """

    def __init__(
        self,
        context: StepContext,
        set_id: str,
        content: str,
        *,
        id_type: str | None = None,
        on_invalid: OnInvalid = "fail",
        count: int = 0,
    ) -> None:
        self.context = context
        self.set_id = set_id
        self.content = content
        self.id_type = id_type
        self.skips = on_invalid == "skip"
        self.count = count
        self.rejected = 0
        self.certain = 0
        """The least number of members by Alma's list, if its count arrives late."""
        self._must_replace = False

    async def add(self, ids: Sequence[str]) -> None:
        """Add *ids*, of which some may be members already."""
        await self._in_batches("add_members", ids)

    async def remove(self, ids: Sequence[str]) -> None:
        """Remove *ids*, of which some may not be members."""
        await self._in_batches("delete_members", ids)

    async def replace(self, ids: Sequence[str]) -> None:
        """Let *ids* be the members: the first batch replaces those that are there."""
        self._must_replace = True
        await self._in_batches("add_members", ids)
        if self._must_replace:
            # Alma takes no replacement by nothing.
            await self._clear()

    async def _clear(self) -> None:
        async def read() -> list[str]:
            return [member.id for member in await self._read_members()]

        members = await self.context.once("members-to-remove", read)
        own = MemberChanges(self.context, self.set_id, self.content)
        await own.remove(members)
        self.count = own.count

    async def _in_batches(self, change: MemberChange, ids: Sequence[str]) -> None:
        size = calls.MEMBERS_IN_ONE_CALL
        for number, start in enumerate(range(0, len(ids), size), start=1):
            batch = ids[start : start + size]
            doing = _WORDS[self._really(change)][1]
            self.context.progress(
                f"{doing} members {start + 1} to {start + len(batch)} of {len(ids)}"
            )
            await self._send(change, str(number), batch)

    def _really(self, change: MemberChange) -> MemberChange:
        """Return what is sent for *change*: the first of a replacement's batches replaces."""
        return "replace_members" if self._must_replace else change

    async def _send(
        self, wanted: MemberChange, name: str, ids: Sequence[str], *, looked: bool = False
    ) -> None:
        """Change the members *ids*, without those that are minded needlessly.

        *name* makes the effects; *looked* says that the members have been checked already.
        """
        change = self._really(wanted)
        effect = f"{_WORDS[change][0]}-{name}"
        minded = _NEEDLESS[change] | (_UNKNOWN if self.skips else frozenset())
        try:
            missing = len(ids) - await self._write(change, effect, ids)
        except AlmaRefused as error:
            if not error.codes & minded:
                if error.codes & _UNKNOWN:
                    error.add_advice(
                        _suspects(ids, self.id_type is None and self.content != "USER")
                    )
                raise
            await self._send_rest(wanted, name, ids, error, looked=looked)
            return
        self._must_replace = False
        if self.skips and change != "delete_members":
            self._take_note(rejected=max(0, missing))
        elif missing > 0 and not looked and change != "replace_members":
            # Alma was content with less, or the change was found by a number of members that
            # another person changed too.
            rest = await self._rest(change, effect, ids)
            if rest:
                await self._send(wanted, f"{name}-rest", rest, looked=True)
            elif change == "add_members":
                # All are in the list, so Alma has only not counted them yet.
                self.count += missing
                self.certain = self.count
                self._take_note()

    async def _send_rest(
        self,
        wanted: MemberChange,
        name: str,
        ids: Sequence[str],
        error: AlmaRefused,
        *,
        looked: bool,
    ) -> None:
        """Send again what was refused for the sake of some of *ids*, without these."""
        if len(ids) == 1:
            self._take_note(rejected=int(bool(error.codes & _UNKNOWN)))
            return
        if not looked and error.codes & (_THERE | _NOT_THERE):
            rest = await self._rest(wanted, f"{_WORDS[wanted][0]}-{name}", ids)
            if len(rest) < len(ids):
                if rest:
                    await self._send(wanted, f"{name}-rest", rest, looked=True)
                return
        middle = len(ids) // 2
        await self._send(wanted, f"{name}-1", ids[:middle], looked=True)
        await self._send(wanted, f"{name}-2", ids[middle:], looked=True)

    async def _write(self, change: MemberChange, effect: str, ids: Sequence[str]) -> int:
        """Send one batch and return how many members were added, removed, or are there now."""
        call = calls.change_members(
            self.set_id, change, ids, id_type=self.id_type, fail_on_invalid_id=not self.skips
        ).then(MembersTrace.result)
        if change == "replace_members":
            # The number of members does not tell whether it was done; doing it twice is harmless.
            before, wanted = self.count, len(ids)
            changed = await self.context.write(effect, call, repeatable=True)
        else:
            before = await self.context.once(f"before-{effect}", self._count_before)
            wanted = before + (-len(ids) if change == "delete_members" else len(ids))
            trace = MembersTrace(self.set_id, change, len(ids), before)
            changed = await self.context.write(effect, call, trace=trace)
        self.count = changed["member_count"]
        if not _is_counted(change, self.count, wanted):
            counting = partial(self._until_counted, change, before, wanted)
            self.count = await self.context.once(f"count-{effect}", counting)
        self._take_note()
        if change == "replace_members":
            return self.count
        return before - self.count if change == "delete_members" else self.count - before

    async def _until_counted(self, change: MemberChange, before: int, wanted: int) -> int:
        """Return the number of members when Alma counts *wanted*, or has stopped to change it.

        *before* is the number before the change.
        """
        clock, count, pause = self.context.clock, self.count, _LOOK
        since = clock.elapsed()
        while not _is_counted(change, count, wanted):
            still = _STILL if count == before else _STILL_AFTER_CHANGE
            if clock.elapsed() - since >= still.total_seconds():
                break
            text = "Alma has not counted all changed members of the set yet"
            detail = f"{count} members, {wanted} expected"
            await self.context.sleep(pause, Waiting(WaitingKind.ALMA, text, detail=detail))
            found = await self._count_members()
            if found != count:
                count, since, pause = found, clock.elapsed(), _LOOK
            pause = min(_LONGEST_LOOK, pause * 2)
        return count

    def _take_note(self, rejected: int = 0) -> None:
        self.rejected += rejected
        self.context.outputs.update(member_count=self.count, rejected=self.rejected)

    async def _count_members(self) -> int:
        return (await self.context.read(calls.alma_set(self.set_id))).member_count or 0

    async def _count_before(self) -> int:
        """Return the number of members before a change: a count that is late would be too low."""
        return max(self.certain, await self._count_members())

    async def _rest(self, change: MemberChange, effect: str, ids: Sequence[str]) -> list[str]:
        """Return those of *ids* that *change* still has to be made for, as far as can be told."""

        async def read() -> list[str]:
            name_of = self._name_of()
            if name_of is None:
                return list(ids)
            there = {name_of(member) for member in await self._read_members()}
            return [one for one in ids if (one in there) is (change == "delete_members")]

        return await self.context.once(f"rest-of-{effect}", read)

    def _name_of(self) -> Callable[[Member], str] | None:
        """Return how a member is called in the workflow; None when Alma does not show that."""
        if self.id_type is None:
            return lambda member: member.id
        if (self.content, self.id_type) == ("ITEM", "BARCODE"):
            return lambda member: member.description
        return None

    async def _read_members(self) -> list[Member]:
        return await read_pages(
            self.context.read, lambda offset: calls.set_members(self.set_id, offset=offset)
        )


def _suspects(ids: Sequence[str], of_digits: bool) -> str:
    """Return sentences about which of *ids* Alma may have refused: it does not say which one.

    *of_digits*: whether they are Alma's own ids, which are digits.
    """
    if len(ids) == 1:
        return f"The refused member is '{ids[0]}'."
    odd = [one for one in ids if _is_odd(one, of_digits)]
    if odd:
        listed = ", ".join(f"'{one}'" for one in odd[:_MOST_SUSPECTS])
        more = f" and {len(odd) - _MOST_SUSPECTS:,} more" if len(odd) > _MOST_SUSPECTS else ""
        return f"Of the {len(ids):,} members of this request, check first: {listed}{more}."
    return (
        f"The refused member is one of the {len(ids):,} from '{ids[0]}' to '{ids[-1]}'; Alma does "
        "not say which one. With `on_invalid: skip`, the step leaves unknown members out and "
        "counts them as `rejected`."
    )


def _is_odd(one: str, of_digits: bool) -> bool:
    """Whether an id does not have the form of its kind, or has characters that nobody sees."""
    unseen = not one.isprintable() or one != one.strip()
    return unseen or (of_digits and not (one.isascii() and one.isdecimal()))


def _is_counted(change: MemberChange, count: int, wanted: int) -> bool:
    """Whether the number of members shows all of a change; others may change the set too."""
    match change:
        case "add_members":
            return count >= wanted
        case "delete_members":
            return count <= wanted
    return count == wanted
