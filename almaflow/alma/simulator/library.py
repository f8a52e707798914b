"""The jobs that every simulated library has, and what kind of thing each of them does.

Ids and names of the first two groups are observed ones (alma-api.md 11.2, 11.4); the others carry
names from Alma's *Run a Job* list under ids that belong to the simulator alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Sets of these contents hold titles; a job on titles takes any of them.
TITLES = ("BIB_MMS", "BIB_MMS_DISCOVERY", "IE", "IEP", "IEE", "IED")


class Effect(StrEnum):
    """What a run does to the library and reports about it (effects.py)."""

    CHANGE = "change"
    EXPORT = "export"
    DELETE_BIBS = "delete_bibs"
    DELETE_RECORDS = "delete_records"
    WITHDRAW = "withdraw"
    IDENTIFY_UNUSED = "identify_unused"
    IMPORT_FILES = "import_files"
    IMPORT_RECORDS = "import_records"
    FILL_SET = "fill_set"
    PUBLISH = "publish"
    USERS = "users"
    ERP = "erp"
    BURSAR = "bursar"
    INVENTORY = "inventory"
    SILENT = "silent"
    """Does its work without usable counters."""


@dataclass(frozen=True)
class Job:
    """Alma's definition of a process.

    A run takes *seconds* plus *per_member* seconds for each member of its set. *works_on* are
    the set contents that it takes, empty for a job that takes any set or none. *category* and
    *content* are empty where no source names them.
    """

    id: str
    name: str
    category: str
    description: str = ""
    content: str = ""
    works_on: tuple[str, ...] = ()
    effect: Effect = Effect.CHANGE
    seconds: float = 60.0
    per_member: float = 0.05
    tasks: int = 1
    mandatory: tuple[str, ...] = ()
    profile_id: str = ""
    profile_path: str = ""
    schedule: str = "NOT_SCHEDULED"
    records: int = 0

    @property
    def type(self) -> str:
        """MANUAL, SCHEDULED or OTHER, as the id's first letter says."""
        return {"M": "MANUAL", "S": "SCHEDULED"}.get(self.id[0], "OTHER")


def _manual(
    job_id: str,
    name: str,
    category: str,
    content: str,
    effect: Effect = Effect.CHANGE,
    *,
    seconds: float = 60.0,
    per_member: float = 0.1,
    works_on: tuple[str, ...] = (),
    mandatory: tuple[str, ...] = (),
    tasks: int = 1,
    description: str = "",
) -> Job:
    return Job(
        id=job_id,
        name=name,
        category=category,
        description=description or name,
        content=content,
        works_on=works_on or sets_of(content),
        effect=effect,
        seconds=seconds,
        per_member=per_member,
        tasks=tasks,
        mandatory=("set_id", *mandatory),
    )


def sets_of(content: str) -> tuple[str, ...]:
    """Return the contents of the sets that a job on *content* takes; empty: any."""
    if content == "BIB_MMS":
        return TITLES
    return (content,) if content else ()


_INFO, _WITHDRAW, _EXPORT = "INFORMATION_UPDATE", "ITEM_WITHDRAW", "EXPORT"
_BIB_NORMALIZATION, _CATALOGUING = "MARC21BIB_NORMALIZATION", "METADATA_MANAGEMENT"

_OBSERVED = (
    _manual("M44", "Export Bibliographic records", _EXPORT, "BIB_MMS", Effect.EXPORT,
            seconds=90, per_member=0.06),
    _manual("M47", "Export Electronic portfolios", _EXPORT, "PORTFOLIO", Effect.EXPORT,
            seconds=90, per_member=0.05),
    _manual("M48", "Export Physical items", _EXPORT, "ITEM", Effect.EXPORT,
            seconds=75, per_member=0.08),
    _manual("M18", "Change Physical items information", _INFO, "ITEM", per_member=0.25),
    _manual("M28", "Delete Bibliographic records", _WITHDRAW, "BIB_MMS", Effect.DELETE_BIBS,
            seconds=120, per_member=0.8),
    _manual("M157", "Withdraw items", _WITHDRAW, "ITEM", Effect.WITHDRAW,
            seconds=90, per_member=0.6),
    _manual("M58", "Identify records not used in the Network", "NETWORK", "BIB_MMS",
            Effect.IDENTIFY_UNUSED, seconds=600, per_member=0.4,
            mandatory=("output_Set_Name",)),
    _manual("M85", "Link a set of records to the Network Zone", "NETWORK", "BIB_MMS",
            seconds=120, per_member=0.5),
    # M12889770000231 in another institution; a second one would make its name ambiguous.
    _manual("M12889770000541", "Synchronize Bib records with external catalog",
            _BIB_NORMALIZATION, "BIB_MMS", seconds=45, per_member=0.04,
            description="Set management tags for the export to an external catalog"),
    _manual("M7407373650006421", "MARC 21 Bib normalization: local fields", _BIB_NORMALIZATION,
            "BIB_MMS", seconds=60, per_member=0.12,
            description="Normalization process of this institution"),
    _manual("M50215", "Add Titles to Collection", _INFO, "ASSIGN_TITLES_TO_COLLECTION_JOB",
            works_on=TITLES, mandatory=("COLLECTION_ID",),
            description="Add titles in a set to a chosen collection"),
    _manual("M50216", "Remove Titles from Collection", _INFO,
            "UNASSIGN_TITLES_FROM_COLLECTION_JOB", works_on=TITLES,
            mandatory=("COLLECTION_ID",),
            description="Remove titles in a set from a chosen collection"),
    _manual("M50173", "Import Research Assets Files", "RESEARCH_ASSETS",
            "IMPORT_RESEARCH_ASSETS_FILES", Effect.IMPORT_FILES, works_on=("IER", "BIB_MMS"),
            seconds=4, per_member=1.5),
)  # fmt: skip

# Ids, labels and categories as the API of one institution gives them (alma-api.md 11.4); what
# their sets hold follows from the labels, how long they take is made up. Where no source names a
# category, it is empty; where a label does not say what the sets hold, the job takes any set.
_LABELLED = (
    _manual("M43", "Export Authority records", _EXPORT, "AUTHORITY_MMS", Effect.EXPORT),
    _manual("M45", "Export Context Object To BX", _EXPORT, "", Effect.EXPORT),
    _manual("M46", "Export Digital titles", _EXPORT, "IED", Effect.EXPORT),
    _manual("M49", "Export Physical items labels", _EXPORT, "ITEM", Effect.EXPORT),
    _manual("M50129", "Export Handles", _EXPORT, "", Effect.EXPORT),
    _manual("M50638", "Download Digital Titles Inventory", _EXPORT, "IED", Effect.EXPORT),
    _manual("M50813", "Download Files", _EXPORT, "FILE", Effect.EXPORT),
    _manual("M12", "Change Holdings Information", _INFO, "HOLDING", per_member=0.25),
    _manual("M16", "Change Electronic portfolio information", _INFO, "PORTFOLIO"),
    _manual("M26", "Create Physical item move requests", _INFO, "ITEM", per_member=0.4),
    _manual("M56", "Change Representation information", _INFO, "REPRESENTATION"),
    _manual("M9312216120000000", "Change Representation information", _INFO, "REPRESENTATION"),
    _manual("M50645", "Correct Digital file size", _INFO, ""),
    _manual("M50670", "Change Electronic Collection information", _INFO, "IEPA"),
    _manual("M32", "Delete Holdings records with no Physical items", _WITHDRAW, "HOLDING",
            Effect.DELETE_RECORDS, per_member=0.6),
    _manual("M33", "Delete local Authority records", _WITHDRAW, "AUTHORITY_MMS",
            Effect.DELETE_RECORDS),
    _manual("M34", "Delete Electronic portfolios", _WITHDRAW, "PORTFOLIO",
            Effect.DELETE_RECORDS),
    _manual("M9312216090000000", "Delete Titles", _WITHDRAW, "BIB_MMS", Effect.DELETE_BIBS,
            per_member=0.8),
    _manual("M10", "Cancel physical items requests", "REQUEST", "ITEM", per_member=0.2),
    _manual("M11", "Cancel physical titles requests", "REQUEST", "BIB_MMS", per_member=0.2),
    _manual("M27", "Create physical item work orders", "REQUEST", "ITEM", per_member=0.4),
    _manual("M17", "Change loan to claimed returned", "LOAN", "ITEM"),
    _manual("M20", "Close lost loans", "LOAN", "ITEM"),
    _manual("M14", "Change PO Lines Status", "UPDATE_PO_LINES", "PO_LINE", per_member=0.3),
    _manual("M3", "Add reminders", _CATALOGUING, "BIB_MMS"),
    _manual("M500", "Enrich Bibliographic Records", _CATALOGUING, "BIB_MMS"),
    _manual("M50148", "Change Record DC Application Profile", _CATALOGUING, "BIB_MMS"),
    _manual("M51001", "Add MARC21 Fields", _CATALOGUING, "BIB_MMS"),
    _manual("M50561", "Set Management Tags", "MARC21MANAGEMENT_TAGS", "BIB_MMS",
            per_member=0.04),
    _manual("M135", "Set Bib Records Cataloging Level", _BIB_NORMALIZATION, "BIB_MMS"),
    _manual("M138", "Synchronize MMS with national catalog", _BIB_NORMALIZATION, "BIB_MMS"),
    _manual("M12889750000541", "Suppress Bib records from discovery", _BIB_NORMALIZATION,
            "BIB_MMS"),
    _manual("M4", "Associate standalone portfolios", "", "PORTFOLIO"),
    _manual("M52", "Export URLs", "", "", Effect.EXPORT),
    _manual("M53", "Filter set by indication", "", ""),
    _manual("M100", "Network zone linking task", "", ""),
    _manual("M121", "Rebuild Physical item description", "", "ITEM"),
    _manual("M126", "Restore MMS record", "", ""),
    _manual("M130", "Rollback record", "", ""),
    _manual("M50083", "Move Electronic portfolio information", "", "PORTFOLIO"),
    _manual("M50147", "Move Portfolios to another Electronic collection", "", "PORTFOLIO"),
    # Its id and name are those of public scripts.
    _manual("M148", "Update/Notify Users", "USERS", "USER", per_member=0.3),
)  # fmt: skip

_OTHERS = (
    _manual("M901", "Export Portfolio URLs", _EXPORT, "PORTFOLIO", Effect.EXPORT),
    _manual("M903", "Export Authority headings", _EXPORT, "AUTHORITY_MMS", Effect.EXPORT),
    _manual("M904", "Export Electronic Collections", _EXPORT, "IEPA", Effect.EXPORT),
    _manual("M909", "Create work orders of a process", "REQUEST", "ITEM", per_member=0.4),
    _manual("M902", "Export Users", _EXPORT, "USER", Effect.EXPORT),
    _manual("M906", "Delete Users", "USERS", "USER", Effect.DELETE_RECORDS, per_member=0.5),
    _manual("M911", "Move Physical Items", "ITEM_MOVE", "ITEM", per_member=0.4),
    _manual("M918", "Update PO Lines Information", "UPDATE_PO_LINES", "PO_LINE", per_member=0.3),
    _manual("M919", "Close PO Lines", "UPDATE_PO_LINES", "PO_LINE", per_member=0.3),
    _manual("M920", "Update PO Lines Transactions", "UPDATE_PO_LINES", "PO_LINE",
            per_member=0.3),
    _manual("M924", "Change Physical Items Item Policy and Location (process of two tasks)",
            _INFO, "ITEM", tasks=2),
    _manual("M925", "Generate Authority Headings Report", _EXPORT, "AUTHORITY_MMS",
            Effect.EXPORT),
    Job("O1", "Reindex Deleted Titles", "REPOSITORY", "Runs automatically", effect=Effect.SILENT),
)  # fmt: skip

MANUAL_JOBS = (*_OBSERVED, *_LABELLED, *_OTHERS)

# Scheduled jobs that belong to no profile: name, category. The API does not start them.
SYSTEM_JOBS = (
    ("Authorities - Link BIB Headings", "AUTHORITIES"),
    ("Authorities - Preferred Term Correction", "AUTHORITIES"),
    ("Users - Notifications", "USERS"),
    ("Fulfillment - Handle Historical Archiving", "FULFILLMENT"),
    ("Requests - Handle Expiration Step", "FULFILLMENT"),
    ("Loans - Due Date Correction after Calendar Change", "FULFILLMENT"),
)


@dataclass(frozen=True)
class JobKind:
    """A job that a profile brings along; `{code}` and `{name}` are the profile's."""

    name: str
    category: str
    effect: Effect
    seconds: float


# The jobs of an integration profile, by its type.
PROFILE_JOBS = {
    "USER": (
        JobKind("SIS Import using profile {name}", "USERS", Effect.USERS, 1500),
        JobKind("SIS Synchronize using profile {name}", "USERS", Effect.USERS, 2700),
        JobKind("SIS Export using profile {name}", "USERS", Effect.USERS, 900),
    ),
    "PAYMENT": (
        JobKind("ERP export using profile {name}", "ERP", Effect.ERP, 420),
        JobKind("ERP import using profile {name}", "ERP", Effect.ERP, 300),
    ),
    "BURSAR": (
        JobKind("Export to Bursar using profile {name}", "BURSAR", Effect.BURSAR, 360),
        JobKind("Import from Bursar using profile {name}", "BURSAR", Effect.BURSAR, 240),
    ),
    "REMOTE_STORAGE": (
        JobKind("Send Requests to Remote Storage {name}", "FULFILLMENT", Effect.SILENT, 240),
        JobKind("Inventory Remote Storage Update {name}", "FULFILLMENT", Effect.INVENTORY, 3600),
    ),
    "FINANCE": (JobKind("Funds Allocation Loader {name}", "FINANCE", Effect.ERP, 180),),
    "COURSES": (JobKind("Activate/Deactivate Courses {name}", "COURSES", Effect.SILENT, 120),),
}

IMPORT_JOB = JobKind("Metadata Import using profile {name}", "IMPORT", Effect.IMPORT_RECORDS, 720)
PUBLISHING_JOB = JobKind("Publishing Platform Job {name}", "PUBLISHING", Effect.PUBLISH, 2700)
# The job behind a set that Alma fills from an import run; Alma's own id for it is not known.
FILLING_JOB = Job(
    "O2", "Create set from import run", "REPOSITORY", effect=Effect.FILL_SET, seconds=20
)

# Code, name, type and system of the integration profiles.
INTEGRATION_PROFILES = (
    ("SIS_LIVE", "Student Information System", "USER", "OTHER"),
    ("SIS_STAFF", "Staff directory", "USER", "OTHER"),
    ("REMOTE_STORAGE_NORTH", "North depot", "REMOTE_STORAGE", "DEMATIC"),
    ("REMOTE_STORAGE_SOUTH", "South depot", "REMOTE_STORAGE", "OTHER"),
    ("ERP_MAIN", "Finance office", "PAYMENT", "SAP"),
    ("BURSAR", "Bursar's office", "BURSAR", "OTHER"),
    ("FUNDS", "Fund allocations", "FINANCE", "OTHER"),
    ("COURSES", "Course loader", "COURSES", "OTHER"),
)

# Name and records of each import.
IMPORT_PROFILES = (
    ("Vendor MARC records weekly", 340),
    ("OCLC WorldShare updates", 1250),
    ("E-book MARC records", 96),
    ("Order records from the shelf-ready vendor", 41),
)

PUBLISHING_PROFILES = ("General Publishing", "Incremental Publishing", "Google Scholar holdings")


@dataclass(frozen=True)
class SetKind:
    """A set that people of the library have made; without *query* it is itemized."""

    name: str
    content: str
    members: int
    query: str = ""
    created_by: str = "exl_impl"
    private: bool = False


SETS = (
    SetKind("All print monographs", "IEP", 4210,
            'IEP where BIB_MMS ((material_type EQUAL "BOOK"))'),
    SetKind("New titles of the last month", "BIB_MMS", 312,
            'BIB_MMS where BIB_MMS ((creationDate AFTER "LAST_MONTH"))'),
    SetKind("Conservation items", "ITEM", 148,
            'ITEM where ITEM ((internal_note_1 CONTAIN "conservation"))'),
    SetKind("Open access portfolios", "PORTFOLIO", 2375,
            'PORTFOLIO where PORTFOLIO ((access_type EQUAL "open"))'),
    SetKind("Expired users", "USER", 522, 'USER where USER ((expiry_date BEFORE "TODAY"))'),
    SetKind("Weeding candidates 2025", "ITEM", 87, created_by="jdoe"),
    SetKind("Reserve collection", "BIB_MMS", 64, created_by="jdoe"),
    SetKind("My scratch set", "BIB_MMS", 3, created_by="jdoe", private=True),
)  # fmt: skip
