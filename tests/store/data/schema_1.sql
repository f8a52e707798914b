CREATE TABLE definitions (
    hash VARCHAR(64) NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (hash)
);
CREATE TABLE durations (
    id INTEGER NOT NULL,
    account TEXT NOT NULL,
    job_id TEXT NOT NULL,
    seconds FLOAT NOT NULL,
    at VARCHAR(27) NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX durations_by_job ON durations (account, job_id, id);
CREATE TABLE job_ends (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    job_name TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    ended_at VARCHAR(27),
    received_at VARCHAR(27) NOT NULL,
    decided BOOLEAN NOT NULL,
    UNIQUE (account, instance_id)
);
CREATE INDEX job_ends_undecided ON job_ends (id) WHERE NOT decided;
CREATE TABLE job_end_starts (
    job_end_id INTEGER NOT NULL REFERENCES job_ends (id) ON DELETE CASCADE,
    workflow TEXT NOT NULL,
    run_id TEXT,
    reason TEXT NOT NULL,
    PRIMARY KEY (job_end_id, workflow)
);
CREATE INDEX job_end_starts_waiting ON job_end_starts (job_end_id)
    WHERE run_id IS NULL AND reason = '';
CREATE TABLE job_traits (
    account TEXT NOT NULL,
    job_id TEXT NOT NULL,
    seen_at VARCHAR(27) NOT NULL,
    kept_length INTEGER,
    cut_length INTEGER,
    PRIMARY KEY (account, job_id)
);
CREATE TABLE notices (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "key" TEXT NOT NULL,
    event TEXT NOT NULL,
    workflow TEXT NOT NULL,
    run_id TEXT,
    channel TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at VARCHAR(27) NOT NULL,
    tries INTEGER NOT NULL,
    next_at VARCHAR(27),
    sent_at VARCHAR(27),
    error TEXT NOT NULL,
    UNIQUE ("key", channel)
);
CREATE INDEX notices_by_workflow ON notices (workflow, id);
CREATE INDEX notices_due ON notices (next_at, id) WHERE next_at IS NOT NULL;
CREATE TABLE pauses (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow TEXT NOT NULL,
    since VARCHAR(27) NOT NULL,
    until VARCHAR(27),
    note TEXT NOT NULL,
    "by" TEXT NOT NULL,
    ended_by TEXT NOT NULL
);
CREATE INDEX pauses_by_workflow ON pauses (workflow, id);
CREATE TABLE processes (
    id VARCHAR(32) NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    version TEXT NOT NULL,
    entered_at VARCHAR(27) NOT NULL,
    left_at VARCHAR(27),
    beat INTEGER DEFAULT 0 NOT NULL,
    lock_file TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE pruned (
    what VARCHAR(20) NOT NULL,
    "before" VARCHAR(27) NOT NULL,
    PRIMARY KEY (what)
);
CREATE TABLE schedules (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    workflow TEXT NOT NULL,
    entry TEXT NOT NULL,
    timing TEXT NOT NULL,
    begins_at VARCHAR(27) NOT NULL,
    covered_to VARCHAR(27) NOT NULL,
    ended_at VARCHAR(27)
);
CREATE INDEX schedules_by_entry ON schedules (workflow, entry, id);
CREATE UNIQUE INDEX schedules_standing ON schedules (workflow, entry) WHERE ended_at IS NULL;
CREATE TABLE store_version (
    version INTEGER NOT NULL,
    applied_at VARCHAR(27) NOT NULL,
    PRIMARY KEY (version)
);
CREATE TABLE leader (
    id INTEGER NOT NULL,
    process_id VARCHAR(32) NOT NULL,
    since VARCHAR(27) NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(process_id) REFERENCES processes (id)
);
CREATE TABLE runs (
    number INTEGER NOT NULL,
    id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "trigger" TEXT NOT NULL,
    definition VARCHAR(64) NOT NULL,
    path TEXT NOT NULL,
    inputs TEXT NOT NULL,
    vars TEXT NOT NULL,
    institution TEXT NOT NULL,
    status VARCHAR(20) NOT NULL,
    waits TEXT NOT NULL,
    outcome VARCHAR(20),
    error TEXT NOT NULL,
    outputs TEXT,
    attempt INTEGER NOT NULL,
    requested_at VARCHAR(27) NOT NULL,
    scheduled_at VARCHAR(27) NOT NULL,
    started_at VARCHAR(27),
    ended_at VARCHAR(27),
    deadline_at VARCHAR(27),
    held BOOLEAN NOT NULL,
    cancel_requested_at VARCHAR(27),
    cancel_requested_by TEXT NOT NULL,
    owner VARCHAR(32),
    epoch INTEGER NOT NULL,
    format INTEGER NOT NULL,
    answers_seen BIGINT DEFAULT 0 NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (id),
    UNIQUE ("key"),
    FOREIGN KEY(definition) REFERENCES definitions (hash),
    FOREIGN KEY(owner) REFERENCES processes (id)
);
CREATE INDEX runs_by_cancel ON runs (cancel_requested_at) WHERE cancel_requested_at IS NOT NULL;
CREATE INDEX runs_by_definition ON runs (definition);
CREATE INDEX runs_by_owner ON runs (owner) WHERE owner IS NOT NULL;
CREATE INDEX runs_by_status ON runs (status, number);
CREATE INDEX runs_by_workflow ON runs (workflow, number);
CREATE INDEX runs_unowned ON runs (number) WHERE owner IS NULL AND status != 'finished';
CREATE TABLE sources (
    path TEXT NOT NULL,
    workflow TEXT NOT NULL,
    definition VARCHAR(64) NOT NULL,
    read_at VARCHAR(27) NOT NULL,
    problem TEXT NOT NULL,
    PRIMARY KEY (path),
    FOREIGN KEY(definition) REFERENCES definitions (hash)
);
CREATE TABLE ticks (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    schedule_id INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    entry TEXT NOT NULL,
    at VARCHAR(27) NOT NULL,
    starts_at VARCHAR(27) NOT NULL,
    found_at VARCHAR(27) NOT NULL,
    ready_at VARCHAR(27),
    caught_up BOOLEAN NOT NULL,
    ending VARCHAR(20),
    cause VARCHAR(20),
    reason TEXT NOT NULL,
    run_id TEXT,
    merged_into VARCHAR(27),
    ended_at VARCHAR(27),
    UNIQUE (workflow, entry, at),
    FOREIGN KEY(schedule_id) REFERENCES schedules (id)
);
CREATE INDEX ticks_by_run ON ticks (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX ticks_by_schedule ON ticks (schedule_id);
CREATE INDEX ticks_by_time ON ticks (at, id);
CREATE INDEX ticks_by_workflow ON ticks (workflow, at, id);
CREATE INDEX ticks_open ON ticks (starts_at, at, id) WHERE ending IS NULL;
CREATE TABLE answers (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    path TEXT NOT NULL,
    kind VARCHAR(20) NOT NULL,
    value TEXT NOT NULL,
    "by" TEXT NOT NULL,
    at VARCHAR(27) NOT NULL,
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX answers_by_run ON answers (run_id, id);
CREATE TABLE events (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    at VARCHAR(27) NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    text TEXT NOT NULL,
    data TEXT NOT NULL,
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX events_by_run ON events (run_id, id);
CREATE TABLE journal (
    id INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    path TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    effect TEXT NOT NULL,
    state VARCHAR(20) NOT NULL,
    value TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    sends INTEGER NOT NULL,
    created_at VARCHAR(27) NOT NULL,
    changed_at VARCHAR(27) NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (run_id, path, attempt, effect),
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE places (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    job_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    path TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    effect TEXT NOT NULL,
    set_id TEXT,
    marker TEXT NOT NULL,
    named BOOLEAN NOT NULL,
    state VARCHAR(20) NOT NULL,
    asked_at VARCHAR(27) NOT NULL,
    not_before VARCHAR(27),
    refusals INTEGER NOT NULL,
    taken_at VARCHAR(27),
    instance_id TEXT,
    candidates TEXT NOT NULL,
    freed_at VARCHAR(27),
    UNIQUE (run_id, path, attempt, effect),
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX places_by_instance ON places (account, instance_id);
CREATE INDEX places_by_job ON places (account, job_id, taken_at);
CREATE INDEX places_by_state ON places (account, state, id);
CREATE INDEX places_told_later ON places (account, job_id, not_before) WHERE not_before IS NOT NULL;
