"""One read that is recorded, as a person would write it without a framework: requests and sqlite3.

Run as `python plain_peer.py URL DATABASE COUNT`.
"""

from __future__ import annotations

import sqlite3
import sys

import requests


def main(url: str, database: str, count: str) -> None:
    store = sqlite3.connect(database, isolation_level=None)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute("CREATE TABLE IF NOT EXISTS step (id INTEGER PRIMARY KEY, state TEXT, body TEXT)")
    with requests.Session() as session:
        for _ in range(int(count)):
            step = store.execute("INSERT INTO step (state) VALUES ('running')").lastrowid
            answer = session.get(url, timeout=10)
            answer.raise_for_status()
            done = (answer.text, step)
            store.execute("UPDATE step SET state = 'succeeded', body = ? WHERE id = ?", done)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
