"""What people write as a key of a test, and what to write instead.

The sentences are as in `almaflow.foreign_keys`: `{value}` is what the file has under that key.
"""

from __future__ import annotations

from almaflow.foreign_words import Advice, advise, table, use_key

STEP: Advice = table(
    advise(
        "Outputs of a step are written under `outputs`: `outputs: {{{key}: {value}}}`.",
        "status counters member_count set_id name rejected deleted rows count files value body "
        "link job_id instance_id progress alerts results by comment seconds members",
        meant="outputs",
    ),
    use_key("outcome", "How a step ends is written", "result state ending ends"),
    use_key("error", "A part of the error is written", "message error_contains fails_with"),
)
REQUEST: Advice = table(
    use_key("contains", "A part of the body is written", "body text json content payload"),
    use_key("times", "How often a request is sent is written", "count calls number"),
    use_key("path", "The path of a request is written", "url uri endpoint route"),
    advise("The parameters of a job are written under `parameters`.", "params parameter args"),
    advise(
        "The job of a request is a part of its path: `path: /conf/jobs/{value}?op=run`.",
        "job job_id",
        meant="path",
    ),
)
NOTIFICATION: Advice = table(
    use_key("contains", "A part of the message is written", "text message body with says"),
    use_key("to", "The channel is written", "channel recipient who"),
    use_key("times", "How often a message is sent is written", "count number"),
)
EXPECT: Advice = table(
    advise(
        "Messages to people are expected under `notifications`: `notifications: {value}`.",
        "notify notices messages mail emails notification notified",
        meant="notifications",
    ),
    advise(
        "Requests that are not sent are expected as `requests: {{none: {value}}}`.",
        "not_sent no_requests never",
        meant="requests",
    ),
    use_key("outcome", "How the run ends is written", "result status state ends ending"),
    advise("Requests are expected under `requests`.", "calls sent submissions api"),
    advise(
        "The bounds of the duration are `duration: {{at_most: {value}}}`.",
        "max_duration",
        meant="duration",
    ),
)
TEST: Advice = table(
    advise("What is expected of the run is written under `expect`.", "then assert asserts should"),
    advise("The situation of a test is written under `scenario`.", "given when mock mocks setup"),
    advise(
        "How long jobs run is written `scenario: {{jobs: [{{job: M44, duration: 1h}}]}}`.",
        "durations duration",
    ),
    advise(
        "How jobs end is written `scenario: {{jobs: [{{job: M44, outcomes: COMPLETED_FAILED}}]}}`.",
        "outcomes endings statuses status",
    ),
    use_key("at", "When the run begins is written", "time now date clock starts_at"),
    advise("Values of inputs are written under `inputs`.", "with vars params parameters args"),
)
