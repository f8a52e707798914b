"""What people write as a key of almaflow.yaml who know other tools, and what to write instead.

The forms are those of `foreign_keys`.
"""

from __future__ import annotations

from almaflow.foreign_words import Advice, advise, table

INSTITUTION: Advice = table(
    advise(
        "Where Alma is hosted is written `region: eu` (or na, ap, aps, ca, cn).",
        "host url server hostname api_url endpoint base location alma_url",
        meant="region",
    ),
    advise("The key is written `api_key: env:NAME`.", "key token secret", meant="api_key"),
    advise(
        "Alma's code of the institution is written `code: 01ABC_INST`.",
        "institution inst",
        meant="code",
    ),
    advise(
        "The network zone is an institution of its own, with its own name and key under "
        "`institutions`.",
        "zone nz network network_zone is_nz",
    ),
)

SETTINGS: Advice = table(
    advise(
        "An institution has it, below a name of your choice: `institutions: {{main: "
        "{{region: eu, api_key: env:ALMA_API_KEY}}}}`.",
        "region api_key base_url environment code key apikey url host settle limits",
        meant="institutions",
    ),
    advise("The zone is written `timezone: Europe/Zurich`.", "tz zone time_zone", meant="timezone"),
    advise(
        "Channels are written `channels: {{systems: env:NAME}}`.",
        "notify email mail slack",
        meant="channels",
    ),
)

CONNECTION: Advice = table(
    advise(
        "Server, user and folder are one address: `url: sftp://user@files.example.edu/folder`.",
        "host hostname server address sftp ftp ftps s3 type protocol user username login port "
        "folder path bucket",
        meant="url",
    ),
    advise(
        "The password is written `password: env:NAME`.",
        "pass passwd secret key private_key",
        meant="password",
    ),
)
