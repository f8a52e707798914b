"""The code tables that jobs and sets speak of, by Alma's names for them."""

from __future__ import annotations

from almaflow.alma.simulator import texts

CODE_TABLES: dict[str, dict[str, str]] = {
    "systemJobStatus": texts.STATUSES,
    "JobsApiJobTypes": texts.JOB_TYPES,
    "HPaTaskChain.type": texts.MANUAL_CATEGORIES,
    "systemJobsGroups": texts.SYSTEM_CATEGORIES,
    "HPaTaskChain.businessEntity": texts.SET_CONTENTS,
    "jobScheduleNames": {"NOT_SCHEDULED": "Not scheduled"},
    "SystemJobReportAlertMessage": texts.ALERTS,
    "SetContentType": texts.SET_CONTENTS,
    "SetType": texts.SET_TYPES,
    "SetPrivacy": texts.YES_NO,
    "SetStatus": texts.SET_STATUSES,
    "SetOrigin": texts.SET_ORIGINS,
    "IntegrationTypes": texts.INTEGRATION_TYPES,
    "UserIdentifierTypes": texts.USER_IDENTIFIER_TYPES,
    "WebhookEvents": {"JOB_END": "Job end"},
    "WebhooksActionType": {
        name: name.capitalize()
        for name in ("JOB_END", "NOTIFICATION", "USER", "LOAN", "REQUEST", "BIB", "ITEM")
    },
}
