"""The fixed texts of Alma: documented error messages and labels of codes.

Source: Ex Libris' OpenAPI document for the configuration area; labels as observed.
"""

from __future__ import annotations

# "occured", "overlapps", "quer." and "Job in consisted" are the vendor's spelling.
ERROR_TEXTS = {
    "UNAUTHORIZED": "API-key not defined or not configured to allow this API.",
    "INVALID_REQUEST": "Invalid API Key",
    "NOT_FOUND": "The requested resource was not found.",
    "ROUTING_ERROR": "Routing Error - the request could not be completed in time.",
    "PER_SECOND_THRESHOLD": "HTTP requests are more than allowed per second",
    "DAILY_THRESHOLD": "HTTP requests are more than allowed per day",
    "INTERNAL_SERVER_ERROR": "The web server encountered an unexpected condition that prevented "
    "it from fulfilling the request.",
    "402119": "General Error - An error has occurred while processing the request.",
    "402123": "Invalid parameter value.",
    "401871": "Failed to find the Profile ID.",
    "40166404": "Invalid type.",
    "40166408": "Failed updating set.",
    "40166410": "Parameter value invalid.",
    "40166411": "Param value is invalid.",
    "402215": "Invalid job id format.",
    "402216": "Invalid job id.",
    "402217": "Invalid date format.",
    "402218": "Invalid job instance id.",
    "402219": "Failed to retrieve jobs list.",
    "402220": "Operation was not provided.",
    "402221": "Operation is not supported.",
    "402222": "Execution threshold reached.",
    "402223": "Execution threshold reached.",
    "402224": "An internal error occured.",
    "402225": "An internal error occured.",
    "402226": "An internal error occured.",
    "402228": "Mandatory parameter is missing from input.",
    "402229": "Mandatory parameter value is empty.",
    "402231": "Job in consisted of more than one task - executing such job is currently not "
    "supported via the API.",
    "402248": "Cannot submit scheduled job.",
    "402249": "Invalid scheduled job category.",
    "402261": "Invalid Set object.",
    "402262": "Set type is invalid. Only 'ITEMIZED' and 'LOGICAL' sets are supported.",
    "402263": "The set name already exists. Please choose a different name.",
    "402264": "Set ID is invalid.",
    "402265": "Failed to create a set.",
    "402266": "Population value is invalid.",
    "402267": "Job instance type for the provided job_instance_id is not MD_IMPORT - the "
    "operation is not supported.",
    "402269": "Invalid query content type in query string.",
    "402270": "Failed parsing quer.",
    "402282": "Delete of Set Failed.",
    "500127": "'job_instance_id' and 'population' must be provided together.",
    "60106": "Invalid query format.",
    "60107": "Invalid set ID.",
    "60111": "Invalid operation.",
    "60112": "Invalid set type.",
    "60113": "Input set with no members.",
    "60114": "Input set with no member ID.",
    "60115": "A member ID is already in the set.",
    "60116": "A member ID is not valid for the content.",
    "60117": "Input set member ID is not in set.",
    "60118": "Input set member list exceeds limit.",
    "60119": "Input set with duplicate member.",
    "60120": "A member ID is not valid for the content and identifier.",
    "60176": "A member ID which is represented by an id_type identifier is already in the set.",
    "60204": "Set combine operator not valid.",
    "60205": "Combining sets are not the same type.",
    "60206": "Sets combine operation failed.",
    "60209": "Set private value not valid.",
    "60210": "Set status not valid.",
    "60304": "Invalid profile ID.",
    "60311": "Combining sets are not the same origin.",
    "60332": "This service will only work for the job category and type of USERS/SIS.",
    "60333": "Error retrieving events.",
    "60335": "The From Institution Zone is not allowed for institution not in Network.",
    "60177": "Reminder ID is not valid.",
    "60178": "Reminder Type is not valid.",
    "60183": "Reminder Entity Type is not valid.",
    "60184": "Reminder Entity Id is required.",
    "60344": "Problem retrieving letter data.",
    "90109": "Given path is invalid.",
    "401664": "Parameter value invalid.",
    "403400": "License with code not found.",
    "500021": "Mandatory field is missing.",
    "40166413": "Parameter value is mandatory.",
    "60347": "Job overlapps with running job - cannot execute.",
}


def error_text(code: str) -> str:
    """Return the documented text of *code*, a general one for a code that has none."""
    return ERROR_TEXTS.get(code, "An error has occurred while processing the request.")


TERMINAL_STATUSES = {
    "COMPLETED_SUCCESS": "Completed Successfully",
    "COMPLETED_WARNING": "Completed with Warnings",
    "COMPLETED_FAILED": "Completed with Errors",
    "COMPLETED_NO_BULKS": "Completed with no bulks",
    "FAILED": "Failed",
    "SKIPPED": "Skipped",
    "SYSTEM_ABORTED": "Aborted by System",
    "USER_ABORTED": "Aborted by User",
    "MANUAL_HANDLING_REQUIRED": "Manual handling required",
}
STATUSES = {
    "PENDING": "Pending",
    "QUEUED": "Queued",
    "INITIALIZING": "Initializing",
    "RUNNING": "Running",
    "FINALIZING": "Finalizing",
    **TERMINAL_STATUSES,
}

JOB_TYPES = {"MANUAL": "Manual", "SCHEDULED": "Scheduled", "OTHER": "Other"}

# The codes of manual jobs (table HPaTaskChain.type) ...
MANUAL_CATEGORIES = {
    "EXPORT": "Export",
    "INFORMATION_UPDATE": "Information Update",
    "ITEM_WITHDRAW": "Withdraw",
    "ITEM_MOVE": "Move Items",
    "REQUEST": "Request",
    "LOAN": "Loan",
    "UPDATE_PO_LINES": "Update PO Lines",
    "METADATA_MANAGEMENT": "Metadata Management",
    "MARC21MANAGEMENT_TAGS": "Management Tags",
    "RESEARCHERS": "Researchers",
    "UPDATE_COURSE": "Courses",
    "INVENTORY_MAINTENANCE": "Inventory maintenance",
    "FULLTEXT": "Full text",
    "NORMALIZATION": "Normalization",
    "MARC21BIB_NORMALIZATION": "Marc 21 Bib normalization",
    "MARC21HOLDING_NORMALIZATION": "Marc 21 Holding normalization",
    "MARC21AUTHORITY_NORMALIZATION": "Marc 21 Authority normalization",
    "QUALIFIED_DC_NORMALIZATION": "Qualified DC normalization",
    "DCAP01_NORMALIZATION": "DCAP01 normalization",
    "DCAP02_NORMALIZATION": "DCAP02 normalization",
    "MODS_NORMALIZATION": "MODS normalization",
    "ETD_NORMALIZATION": "ETD normalization",
    "KORMARCBIB_NORMALIZATION": "KORMARC Bib normalization",
    "CNMARCBIB_NORMALIZATION": "CNMARC Bib normalization",
    "CNMARCAUTHORITY_NORMALIZATION": "CNMARC Authority normalization",
    "UNIMARCBIB_NORMALIZATION": "UNIMARC Bib normalization",
    "DISCOVERY_DC_NORMALIZATION": "Discovery DC normalization",
    "DISCOVERY_GENERIC_XML_NORMALIZATION": "Discovery generic XML normalization",
    "ESPLORO_NORMALIZATION": "Esploro normalization",
    # Internal jobs have a separate code, without a label.
    "ANONYMIZATION_JOB": "",
    "PUBLISHING": "Publishing",
    "NETWORK": "Network",
    "USERS": "Users",
    "RESEARCH_ASSETS": "Research Assets",
}
# ... and of scheduled and other ones (table systemJobsGroups).
SYSTEM_CATEGORIES = {
    "PUBLISHING": "Publishing",
    "IMPORT": "Import",
    "USERS": "Users",
    "SIS": "Student Information System",
    "ERP": "ERP",
    "BURSAR": "Bursar",
    "REMOTE_STORAGE": "Remote Storage",
    "FINANCE": "Finance",
    "COURSES": "Courses",
    "FULFILLMENT": "Fulfillment",
    "AUTHORITIES": "Authorities",
    "ANALYTICS": "Analytics",
    "REPOSITORY": "Repository",
}

# Scheduled jobs that the API may start; any other answers 402248.
SUBMITTABLE_CATEGORIES = frozenset(
    {"PUBLISHING", "IMPORT", "SIS", "ERP", "BURSAR", "REMOTE_STORAGE", "FINANCE", "COURSES"}
)

SET_CONTENTS = {
    "AUTHORITY_MMS": "Authorities",
    "BIB_MMS": "All Titles",
    "BIB_MMS_DISCOVERY": "All Titles - Discovery",
    "COURSE": "Courses",
    "FILE": "Digital files",
    "HOLDING": "Physical holdings",
    "IE": "Inventory titles",
    "IEC": "Collections",
    "IED": "Digital titles",
    "IEE": "Electronic titles",
    "IEP": "Physical titles",
    "IEPA": "Electronic collections",
    "IER": "Research assets",
    "ITEM": "Physical items",
    "PO_LINE": "Order lines",
    "PORTFOLIO": "Electronic portfolios",
    "READING_LIST": "Reading lists",
    "READING_LIST_CITATION": "Reading list citations",
    "REMOTE_REPRESENTATION": "Remote representations",
    "REPRESENTATION": "Representations",
    "RESEARCHERS": "Researchers",
    "USER": "Users",
    "VENDOR": "Vendors",
}
SET_TYPES = {"ITEMIZED": "Itemized", "LOGICAL": "Logical"}
SET_STATUSES = {"ACTIVE": "Active", "INACTIVE": "Inactive"}
SET_ORIGINS = {"UI": "Institution only", "UI_CZ": "Community Zone"}
YES_NO = {"true": "Yes", "false": "No"}

INTEGRATION_TYPES = {
    "USER": "SIS",
    "PAYMENT": "ERP",
    "BURSAR": "Bursar",
    "REMOTE_STORAGE": "Remote Storage",
    "WEBHOOKS": "Webhooks",
    "AUTHENTICATION": "Authentication",
    "FINANCE": "Finance",
    "COURSES": "Courses",
}

USER_IDENTIFIER_TYPES = {
    "BARCODE": "Barcode",
    "INST_ID": "Institution ID",
    "OTHER_ID_1": "Additional ID 1",
    "OTHER_ID_2": "Additional ID 2",
    "UNIV_ID": "University ID",
}

IMPORT_POPULATIONS = {
    "SINGLE_MATCHES": "Single matches",
    "MULTI_MATCHES": "Multi matches",
    "IMPORTED_RECORDS_NO_MATCH": "Imported records with no match",
    "NOT_ADDED_LOCKED": "Records not added - locked",
    "NOT_ADDED_DUPLICATED": "Records not added - duplicated",
}

ALERTS = {
    "alert_general_success": "The job completed successfully. For more information view the "
    "report details.",
    "alert_general_error": "The job completed with errors. For more information view the report "
    "details (or contact Support using the process ID).",
}


def coded(value: str, table: dict[str, str] | None = None) -> dict[str, str]:
    """Return Alma's object for a code; without `desc` when the table does not know the code."""
    desc = (table or {}).get(value)
    return {"value": value} if desc is None else {"value": value, "desc": desc}


def plain(label: str) -> str:
    """Return the form in which labels are compared: case and runs of spaces do not count."""
    return " ".join(label.split()).casefold()
