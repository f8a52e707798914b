"""What people write as a key of almaflow.yaml who know other tools, and what to write instead.

The forms are those of `almaflow.foreign_keys`.
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
        "The institution of workflows that name none is written `default_institution: NAME` at the "
        "top of the file.",
        "default is_default main",
    ),
    advise(
        "The network zone is a separate institution, with its own name and key under "
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
    advise(
        "A mail server is a part of a channel's address, which is a secret: `channels: {{systems: "
        "env:MAIL_URL}}`, with `mailto://…` in that environment variable.",
        "smtp mailserver mail_server smtp_server email_server",
    ),
    advise(
        "The records are in a file next to almaflow.yaml, or in PostgreSQL: `store: "
        "env:DATABASE_URL`.",
        "database db sqlite postgres postgresql database_url",
        meant="store",
    ),
    advise(
        "Almaflow writes its log to standard error; where it goes is for who starts almaflow, such "
        "as systemd. Remove `{key}`.",
        "logging log logs log_level loglevel log_file",
    ),
    advise(
        "Days off are written `calendars: {{holidays: {{country: DE}}}}`.",
        "holidays calendar days_off holiday",
        meant="calendars",
    ),
    advise(
        "It has no meaning in almaflow.yaml. Remove it.",
        "version name services image volumes ports kind metadata description",
    ),
    advise("The zone is written `timezone: Europe/Zurich`.", "tz zone time_zone", meant="timezone"),
    advise(
        "Channels are written `channels: {{systems: env:NAME}}`.",
        "notify email mail slack",
        meant="channels",
    ),
)

CALENDAR: Advice = table(
    advise(
        "A part of a country is written `subdivision: BY`, with its code in ISO 3166-2.",
        "state region province bundesland canton land",
        meant="subdivision",
    ),
    advise(
        "A calendar in a file is written `ics: holidays.ics`.", "file path url ical", meant="ics"
    ),
    advise("Days off are written `dates: [2026-12-24]`.", "days holidays date list", meant="dates"),
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
