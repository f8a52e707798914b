"""What people who know other tools write as a key of a step that makes, finds or changes a set.

The forms are those of `almaflow.foreign_keys`.
"""

from __future__ import annotations

from almaflow.foreign_words import Advice, advise, table, use_key

CREATE_SET: Advice = table(
    advise(
        "A file with members is written `members: {{file: {value}, column: …}}`.",
        "file csv path",
        meant="members",
    ),
    use_key("members", "The members are written", "ids items barcodes records list mms_ids"),
    advise("What the set contains is written `content: ITEM`.", "record_type entity entity_type"),
    advise(
        "An itemized set has `members`, a logical one has `query`. Remove `{key}`; what the set "
        "contains is written `content: ITEM`.",
        "type set_type kind",
        meant="content",
    ),
    use_key("query", "The search is written", "search filter where cql"),
    use_key("id_type", "The type of the ids is written", "identifier key_type"),
)

MEMBERS: Advice = table(
    use_key("file", "The file is written", "csv path filename from source"),
    use_key("column", "The heading of the column is written", "field heading header col key"),
    advise(
        "The ids are written `items: {value}`, or alone.", "ids list values members", meant="items"
    ),
)

_BY_ID = (
    "A set is known by its id: write a step `find_set: {{name: {value}}}` with `id: found` before "
    'this one, and here `id: "{{{{ steps.found.set_id }}}}"`.'
)
_NAME_OR_ID = "A set is found by its name or its id: write `name: {value}` or `id: {value}`."

FIND_SET: Advice = table(
    use_key("id", "The id is written", "set_id number"),
    use_key("name", "The name is written", "set_name"),
    advise(_NAME_OR_ID, "set title set_title label", meant="name"),
    advise(
        "`find_set` finds a set that exists. A search is made into a set by `create_set: {{name: "
        "…, query: {value}}}`.",
        "query search filter where q cql",
    ),
    advise(
        "A set is found whatever it contains. Remove `{key}`.",
        "type set_type content content_type kind record_type status private",
    ),
)

DELETE_SET: Advice = table(
    use_key("id", "The set is written", "set sets set_ids"),
    advise(_BY_ID, "name title set_name", meant="id"),
    use_key("prefix", "The beginning of the names is written", "starts_with begins_with pattern"),
    use_key("older_than", "The age is written", "age min_age older before"),
    advise("The age is written `older_than: {value}d`.", "days", meant="older_than"),
)

UPDATE_SET: Advice = table(
    use_key("id", "The set is written", "set"),
    advise(_BY_ID, "name title set_name", meant="id"),
    use_key("add", "Members are added by", "add_members append insert"),
    use_key("remove", "Members are removed by", "remove_members delete delete_members drop"),
    use_key("replace", "All members are replaced by", "replace_members overwrite"),
    advise(
        "Members are added by `add: {value}`, removed by `remove: {value}`, and all of them are "
        "replaced by `replace: {value}`.",
        "members items barcodes mms_ids records list file",
    ),
    advise(
        "What happens to members is itself the key: `add: […]`, `remove: […]` or `replace: […]`.",
        "op operation action mode",
    ),
)

SET_MEMBERS: Advice = table(
    advise(_NAME_OR_ID, "set title", meant="id"),
    advise("All members are read. Remove `{key}`.", "limit offset max all page_size"),
)
