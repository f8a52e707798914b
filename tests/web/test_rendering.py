"""How texts, instants and durations appear on a page."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.redaction import REDACTION
from almaflow.web.rendering import LONGEST_TEXT, clock_time, duration, environment, look_of

ZURICH = ZoneInfo("Europe/Zurich")


def rendered(text: str) -> str:
    return environment().from_string("{{ text }}").render(text=text)


def test_markup_in_a_text_is_text() -> None:
    assert (
        rendered("<script>alert('1')</script>") == "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"
    )


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\x1b", "\u200b", "\x00"])
def test_what_cannot_be_seen_is_made_visible(hidden: str) -> None:
    assert hidden not in rendered(f"a{hidden}b")
    assert "\\" in rendered(f"a{hidden}b")


def test_a_secret_is_starred_before_it_is_escaped() -> None:
    REDACTION.know(["se<cr>et-8271"])
    try:
        assert "cr" not in rendered("the key is se<cr>et-8271")
    finally:
        REDACTION.forget()


def test_a_text_of_any_length_is_cut() -> None:
    assert len(rendered("x" * 1_000_000)) <= LONGEST_TEXT + 1


def test_every_state_has_a_sign_and_a_word() -> None:
    looks = [look_of(state) for state in (*Status, *Outcome) if state is not Status.FINISHED]

    assert all(look.sign and look.word for look in looks)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59, "59 s"), (61, "1 min"), (3900, "1 h 05 min"), (190_000, "2 d 4 h")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_instant_is_shown_in_the_zone_and_names_its_offset() -> None:
    now = datetime(2026, 11, 3, 7, 30, tzinfo=UTC)

    today = clock_time(datetime(2026, 11, 3, 1, 41, tzinfo=UTC), ZURICH, now)
    earlier = clock_time(datetime(2026, 11, 1, 21, 0, tzinfo=UTC), ZURICH, now)

    assert 'datetime="2026-11-03T02:41:00+01:00"' in today
    assert ">02:41<" in today
    assert ">Sun 22:00<" in earlier
