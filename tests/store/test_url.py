"""The URL of a store: its parts, and what is shown of it."""

from __future__ import annotations

import pytest

from almaflow.store.url import StoreUrl


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("sqlite:///almaflow.db", StoreUrl("sqlite", database="almaflow.db")),
        ("sqlite:////var/a%20b.db", StoreUrl("sqlite", database="/var/a b.db")),
        ("sqlite:///C:/data/a.db", StoreUrl("sqlite", database="C:/data/a.db")),
        ("sqlite:///a#1.db", StoreUrl("sqlite", database="a#1.db")),
        ("sqlite://", StoreUrl("sqlite")),
        ("postgresql://db", StoreUrl("postgresql", host="db")),
        (
            "postgresql://eva%40x:a%2Fb:50%25@db.example.edu:5433/alma?sslmode=require&x=1",
            StoreUrl(
                "postgresql",
                user="eva@x",
                password="a/b:50%",
                host="db.example.edu",
                port=5433,
                database="alma",
                query={"sslmode": "require", "x": "1"},
            ),
        ),
        (
            "postgresql://[2001:db8::1]:5433/alma",
            StoreUrl("postgresql", host="2001:db8::1", port=5433, database="alma"),
        ),
        (
            "postgresql:///alma?host=/run/pg&host=db",
            StoreUrl("postgresql", database="alma", query={"host": "/run/pg,db"}),
        ),
    ],
)
def test_a_url_is_taken_apart_and_decoded(text: str, url: StoreUrl) -> None:
    assert StoreUrl.parse(text) == url


@pytest.mark.parametrize(
    "text",
    ["almaflow.db", "", "://x", "postgresql://db:port/alma", "sqlite:///a\0b", "sqlite:///a%0Ab"],
)
def test_what_is_not_a_url_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a URL|invalid literal"):
        StoreUrl.parse(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "postgresql://eva%40x:secret@[2001:db8::1]:5433/a%20b",
            "eva%40x:***@[2001:db8::1]:5433/a b",
        ),
        ("postgresql://:secret@db/alma", ":***@db/alma"),
        ("postgresql://eva@db/alma?b=2&a=/x", "eva@db/alma?a=%2Fx&b=2"),
    ],
)
def test_a_password_is_never_shown(text: str, shown: str) -> None:
    url = StoreUrl.parse(text)

    assert str(url) == f"postgresql://{shown}"
    assert "secret" not in repr(url)
    assert "***" not in str(url.without_password())
