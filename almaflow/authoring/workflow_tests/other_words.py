"""What people write as a key of a test, and what to write instead.

The sentences are as in `almaflow.foreign_keys`: `{value}` is what the file has under that key.
"""

from __future__ import annotations

from almaflow.foreign_keys import Advice


def _for(sentence: str, keys: str) -> dict[str, str]:
    return dict.fromkeys(keys.split(), sentence)


STEP: Advice = {
    **_for(
        "Outputs of a step are written under `outputs`: `outputs: {{{key}: {value}}}`.",
        "status counters member_count set_id name rejected deleted rows count files value body "
        "link job_id instance_id progress alerts results by comment seconds members",
    ),
    **_for("How a step ends is written `outcome: {value}`.", "result state ending ends"),
    **_for("A part of the error is written `error: {value}`.", "message error_contains fails_with"),
}
REQUEST: Advice = {
    **_for("A part of the body is written `contains: {value}`.", "body text json content payload"),
    **_for("How often a request is sent is written `times: {value}`.", "count calls number"),
    **_for("The path of a request is written `path: {value}`.", "url uri endpoint route"),
    **_for("The parameters of a job are written under `parameters`.", "params parameter args"),
    **_for(
        "The job of a request is a part of its path: `path: /conf/jobs/{value}?op=run`.",
        "job job_id",
    ),
}
NOTIFICATION: Advice = {
    **_for("A part of the message is written `contains: {value}`.", "text message body with says"),
    **_for("The channel is written `to: {value}`.", "channel recipient who"),
    **_for("How often a message is sent is written `times: {value}`.", "count number"),
}
EXPECT: Advice = {
    **_for(
        "Messages to people are expected under `notifications`: `notifications: {value}`.",
        "notify notices messages mail emails notification notified",
    ),
    **_for(
        "Requests that are not sent are expected as `requests: {{none: {value}}}`.",
        "not_sent no_requests never",
    ),
    **_for("How the run ends is written `outcome: {value}`.", "result status state ends ending"),
    **_for("Requests are expected under `requests`.", "calls sent submissions api"),
    **_for("The bounds of the duration are `duration: {{at_most: {value}}}`.", "max_duration"),
}
TEST: Advice = {
    **_for("What is expected of the run is written under `expect`.", "then assert asserts should"),
    **_for("The situation of a test is written under `scenario`.", "given when mock mocks setup"),
    **_for(
        "How long jobs run is written `scenario: {{jobs: [{{job: M44, duration: 1h}}]}}`.",
        "durations duration",
    ),
    **_for(
        "How jobs end is written `scenario: {{jobs: [{{job: M44, outcomes: COMPLETED_FAILED}}]}}`.",
        "outcomes endings statuses status",
    ),
    **_for("When the run begins is written `at: {value}`.", "time now date clock starts_at"),
    **_for("Values of inputs are written under `inputs`.", "with vars params parameters args"),
}
