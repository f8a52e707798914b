"""What people write as a key of almaflow.yaml who know other tools, and what to write instead.

The forms are those of `foreign_keys`.
"""

from __future__ import annotations

from almaflow.foreign_keys import Advice


def said_of(*pairs: tuple[str, str]) -> Advice:
    """Return the sentence of each pair under all its keys, which spaces divide."""
    return {key: sentence for sentence, keys in pairs for key in keys.split()}


INSTITUTION: Advice = said_of(
    (
        "Where Alma is hosted is written `region: eu` (or na, ap, aps, ca, cn).",
        "host url server hostname api_url endpoint base location alma_url",
    ),
    ("The key is written `api_key: env:NAME`.", "key token secret"),
    ("Alma's code of the institution is written `code: 01ABC_INST`.", "institution inst"),
    (
        "The network zone is an institution of its own, with its own name and key under "
        "`institutions`.",
        "zone nz network network_zone is_nz",
    ),
)

SETTINGS: Advice = said_of(
    (
        "An institution has it, below a name of your choice: `institutions: {{main: "
        "{{region: eu, api_key: env:ALMA_API_KEY}}}}`.",
        "region api_key base_url environment code key apikey url host settle limits",
    ),
    ("The zone is written `timezone: Europe/Zurich`.", "tz zone time_zone"),
    ("Channels are written `channels: {{systems: env:NAME}}`.", "notify email mail slack"),
)

CONNECTION: Advice = said_of(
    (
        "Server, user and folder are one address: `url: sftp://user@files.example.edu/folder`.",
        "host hostname server address sftp ftp ftps s3 type protocol user username login port "
        "folder path bucket",
    ),
    ("The password is written `password: env:NAME`.", "pass passwd secret key private_key"),
)
