"""The path of a read in a workflow file, as Alma's documentation writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from almaflow.late_patterns import late_pattern

API_BASE = "/almaws/v1"
"""The folder of all calls on Alma's hosts."""

Pairs = tuple[tuple[str, str], ...]


_HOST = late_pattern(r"(?:[a-z]+:)?//[^/]*|[a-z0-9-]+(?:\.[a-z0-9-]+)+(?=/)", re.IGNORECASE)


def _meant(path: str) -> str:
    """Return the path that a person meant who wrote *path*, as far as that can be seen."""
    written = re.split("[?#]", path.replace("\\", "/").strip(), maxsplit=1)[0]
    plain = _HOST.sub("", re.sub(r"^[A-Z]+\s+", "", written), count=1)
    plain = "/" + plain.strip("/").removeprefix(API_BASE.strip("/")).strip("/")
    return plain if re.fullmatch(r"(/[\w.~%-]+)+", plain) else "/conf/jobs"


def split_path(
    path: str, query: Mapping[str, str] | Sequence[tuple[str, str]] = ()
) -> tuple[str, Pairs]:
    """Return *path*, which may have a query, without `API_BASE`, and both queries as pairs.

    Raises:
        ValueError: *path* names a host, climbs with `..`, or the query carries a key.
    """
    plain, _, behind = path.partition("?")
    plain = plain.removeprefix(API_BASE)
    if not plain.startswith("/") or plain.startswith("//") or "\\" in plain or "#" in path:
        raise ValueError(
            f"`{path}` is not a valid path; write a path such as `{_meant(path)}`, without the host"
        )
    if (placeholder := re.search(r"(?<!\{)\{(\w+)\}(?!\})", plain)) is not None:
        raise ValueError(
            f"`{path}` has the placeholder `{placeholder[0]}` of Alma's documentation; write the "
            "id in its place, or a template such as `{{ steps.titles.set_id }}`"
        )
    if re.search(r"/(\.|%2e){1,2}(/|$)", plain, re.IGNORECASE):
        raise ValueError(f"`{path}` contains a segment `.` or `..`, which is not allowed")
    own_pairs = list(query.items()) if isinstance(query, Mapping) else list(query)
    pairs = (*parse_qsl(behind, keep_blank_values=True), *own_pairs)
    if any(name.casefold() == "apikey" for name, _ in pairs):
        raise ValueError(
            f"`{plain}` has an API key in its query; remove it, because almaflow sends the key "
            "in a header"
        )
    return plain, pairs
