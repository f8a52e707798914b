from __future__ import annotations

import base64
import html
import json
import os
import random
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow.redaction import (
    Mask,
    Redaction,
    SecretDamaged,
    placeholder,
    reveal,
    show_placeholders,
)

SECRET = 'pa/ss "wörd" & <more>+=?'


def test_a_placeholder_is_revealed_wherever_it_stands() -> None:
    data = {
        "user": "alma",
        f"k-{placeholder('ftp')}": [f"ftp://u:{placeholder('ftp')}@h", 3, None, True],
        "two": (placeholder("ftp") + placeholder("mail"),),
    }

    revealed = reveal(data, {"ftp": "F", "mail": "M"}.__getitem__)

    assert revealed == {
        "user": "alma",
        "k-F": ["ftp://u:F@h", 3, None, True],
        "two": ["FM"],
    }


def test_a_secret_that_looks_like_a_placeholder_is_not_revealed_again() -> None:
    assert reveal(placeholder("a"), lambda name: placeholder("b")) == placeholder("b")


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text[:4],
        lambda text: text[3:],
        lambda text: text.replace("ftp", "mail"),
        lambda text: quote(text),
        lambda text: json.dumps(text),
        lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
        lambda text: text + text[-1],
    ],
)
def test_a_placeholder_that_a_filter_has_changed_is_never_sent(change: Any) -> None:
    damaged = change(f"x {placeholder('ftp')}")

    with pytest.raises(SecretDamaged, match="Insert a secret unchanged"):
        reveal(damaged, lambda name: "value")


def test_people_see_the_name_of_a_secret() -> None:
    data = {"a": [f"x {placeholder('ftp')}", 1], "b": placeholder("ftp")[:3]}

    shown = show_placeholders(data)

    assert shown == {"a": ["x ***secrets.ftp***", 1], "b": "***ft"}
    assert reveal(shown, lambda name: "value") == shown


def test_ordinary_text_holds_no_placeholder() -> None:
    assert reveal("secrets.ftp ***", lambda name: "value") == "secrets.ftp ***"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(SECRET).replace("/", "\\/"),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").replace("%2F", "%2f"),
        quote(SECRET).replace("%C3%B6", "%c3%b6"),
        quote_plus(SECRET),
        html.escape(SECRET),
        html.escape(SECRET, quote=False),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        SECRET.upper(),
        SECRET.title(),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        quote(SECRET).lower(),
        "".join(f"%{byte:02X}" for byte in SECRET.encode()),
    ],
)
def test_every_form_of_a_secret_is_starred(form: str) -> None:
    masked = Mask([SECRET]).text(f"before {form} after")

    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert "wö" not in masked.lower()
    assert masked.replace('"', "").replace("before *** after", "") == ""


@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=12, max_size=40),
    st.text(max_size=6),
    st.text(max_size=6),
)
def test_a_secret_inside_something_longer_is_starred_in_base64(
    secret: str, before: str, after: str
) -> None:
    whole = base64.b64encode((before + secret + after).encode()).decode()

    masked = Mask([secret]).text(whole)

    assert "***" in masked
    # At most the bytes at the ends, which share a base64 character with what stands beside them.
    assert len(masked) - len("***") <= len(base64.b64encode((before + after).encode())) + 8


def test_a_secret_with_bytes_that_are_not_utf_8_is_starred() -> None:
    secret = os.fsdecode(b"l7xx\xff\xfeabcdefgh")

    assert Mask([secret]).text(f"before {secret} after") == "before *** after"


def test_each_longer_line_of_a_secret_is_starred() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nab\n-----END KEY-----\n"

    assert Mask([key]).text("line MIIEvQIBADANBgkq, about") == "line ***, about"


def test_a_secret_within_a_longer_one_does_not_leave_the_rest() -> None:
    assert Mask(["abc", "abcdef"]).text("abcdef abc") == "*** ***"


def test_without_secrets_a_text_stays_as_it_is() -> None:
    assert Mask([]).text("text") == "text"
    assert Mask(["", " "]).text("text") == "text"


def test_secrets_are_starred_deep_inside_data() -> None:
    assert Mask(["abc"]).data({"abc": ["xabcx", 1]}) == {"***": ["x***x", 1]}
    assert Mask([]).data(["abc"]) == ["abc"]


def test_keys_that_only_a_secret_told_apart_stay_two() -> None:
    assert Mask(["abc", "xyz"]).foreign({"abc": 1, "xyz": 2}) == {"***": 1, "***-1": 2}


def test_the_keys_of_a_record_are_never_changed() -> None:
    assert Mask(["outcome"]).stored({"outcome": "outcomes"}) == {"outcome": "***s"}


def test_what_looks_like_an_alma_key_is_starred_though_nobody_knows_it() -> None:
    key = "l8XX" + "0a" * 16

    assert Mask([]).text(f"apikey {key}, l8xx") == "apikey ***, l8xx"
    assert Mask([]).stored([key]) == ["***"]


def test_in_a_picture_of_a_line_every_character_keeps_its_place() -> None:
    line = "url: https://u:pass@h/?token=abc secret-1"

    covered = Mask(["secret-1"]).covered(line)

    assert covered == "url: https://u:****@h/?token=*** ********"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:pa%40ss@db/x refused", "postgresql://me:***@db/x refused"),
        ("smtp://:pw@h", "smtp://:***@h"),
        ("sftp://alma@files.example.edu/out", "sftp://alma@files.example.edu/out"),
        ("http://h:8080/a?apikey=AbC&x=1", "http://h:8080/a?apikey=***&x=1"),
        ("GET /a?x=1&access_token=a.b-c", "GET /a?x=1&access_token=***"),
        ("dsn password=abc host=h", "dsn password=*** host=h"),
        ("{'Authorization': 'apikey abc'}", "{'Authorization': 'apikey ***'}"),
        ("Authorization: Bearer a.b.c", "Authorization: Bearer ***"),
        ("/x?token=***secrets.ftp***", "/x?token=***secrets.ftp***"),
        ("/x?token=%2A%2A%2Asecrets.ftp%2A%2A%2A", "/x?token=%2A%2A%2Asecrets.ftp%2A%2A%2A"),
        ("a token of thanks: x=y", "a token of thanks: x=y"),
    ],
)
def test_credentials_in_addresses_and_headers_are_starred(text: str, shown: str) -> None:
    assert Mask([]).text(text) == shown
    assert Mask([]).stored(text) == text


def test_a_mask_takes_time_in_proportion_to_the_text() -> None:
    # One that is searched for anew from every character would take minutes for this.
    chance = random.Random(8)
    lines = [base64.b64encode(chance.randbytes(48)).decode() for _ in range(250)]
    mask = Mask(["\n".join(lines)])
    text = "!".join(line[:-1] for line in lines) * 20 + "://" * 20000 + ":a" * 50000 + "l7xx" * 9999

    assert mask.text(text) == text


@pytest.fixture
def redaction() -> Redaction:
    return Redaction()


def test_what_a_process_has_read_is_starred_from_then_on(redaction: Redaction) -> None:
    before = redaction.text("swordfish")
    redaction.know(["swordfish"])

    assert (before, redaction.text("swordfish")) == ("swordfish", "***")
    redaction.forget()
    assert redaction.data(["swordfish"]) == ["swordfish"]


@pytest.mark.parametrize(
    "form",
    [
        quote(quote("p@ss+w/o%rd=&1", safe=""), safe=""),
        "p@ss+w/o%rd=&1".encode("utf-16-le").decode("latin-1"),
        "p@ss+w/o%rd=&1".encode("utf-16-be").decode("latin-1"),
        "".join(f"\\u{ord(one):04X}" for one in "p@ss+w/o%rd=&1"),
        "".join(f"&#{ord(one)};" for one in "p@ss+w/o%rd=&1"),
        "".join(f"&#x{ord(one):x};" for one in "p@ss+w/o%rd=&1"),
    ],
)
def test_a_secret_that_was_encoded_twice_or_letter_by_letter_is_covered(form: str) -> None:
    covered = Mask(["p@ss+w/o%rd=&1"]).text(f"before {form} after")

    assert "***" in covered
    assert len(covered) <= len("before \0***\0 after")
