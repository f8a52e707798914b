"""What a run has done to the library when it ends, and what its report says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from almaflow.alma.simulator.institution import Institution
from almaflow.alma.simulator.library import Effect, Job
from almaflow.alma.simulator.records import Members, digest
from almaflow.alma.simulator.runs import Instance
from almaflow.alma.simulator.scenario import CounterLine
from almaflow.alma.simulator.scenario_fields import count_in
from almaflow.alma.simulator.texts import IMPORT_POPULATIONS, plain
from almaflow.alma.simulator.wanted import MEMBERS, Wanted, fitted

# Endings after which a run has done something.
_WORKED = ("COMPLETED_SUCCESS", "COMPLETED_WARNING", "COMPLETED_FAILED")
# Of how many members one fails, when the run does not end as a success.
_FAILURES = {"COMPLETED_WARNING": 50, "COMPLETED_FAILED": 20}
# Of how many records one is not used in the network (M58) ...
_UNUSED = 6
# How many records a run has looked at that others started: its set is not known here.
_OF_OTHERS = 240
# ... and of how many one is kept for its inventory, order line, related records (M28).
_KEPT = (8, 33, 50)

# Counters of a report that are made up because a caller reads them by position.
_MOST_LINES = 200

Lines = list[tuple[str, str, int | str]]
Reporter = Callable[[Institution, Instance], Lines]


def report(institution: Institution, instance: Instance) -> None:
    """Let the finished work show: in the library, and in the run's counters."""
    instance.reported = True
    lines: Lines = []
    if instance.outcome in _WORKED:
        lines = _REPORTERS[instance.job.effect](institution, instance)
        if institution.wanted is not None:
            lines = _with_wanted(lines, instance, institution.wanted)
    if instance.told_counters is None:
        instance.counters = tuple(
            CounterLine(type=key, desc=desc, value=str(value)) for key, desc, value in lines
        )
    else:
        instance.counters = tuple(
            line.model_copy(
                update={"value": line.value.replace("{members}", str(instance.members))}
            )
            for line in instance.told_counters
        )


def _is_called(job: Job, name: str) -> bool:
    """Whether *name* is the id or the label of *job*, or `*` for every job."""
    return name in ("*", job.id) or plain(name) == plain(job.name)


def _with_wanted(lines: Lines, instance: Instance, wanted: Wanted) -> Lines:
    """Return the report's *lines* with the counters that a caller reads, as they should be."""
    for counter in wanted.counters:
        if not _is_called(instance.job, counter.job):
            continue
        if isinstance(counter.key, str):
            place = next((n for n, line in enumerate(lines) if line[0] == counter.key), len(lines))
        else:
            place = min(counter.key, _MOST_LINES)
        while len(lines) <= place:
            key = counter.key if isinstance(counter.key, str) else f"c.jobs.simulated.{len(lines)}"
            lines.append((key, key, instance.members or 1))
        key, label, value = lines[place]
        bounds = (
            replace(bound, value=instance.members) if bound.value == MEMBERS else bound
            for bound in counter.bounds
        )
        lines[place] = (key, label, fitted(str(value), bounds))
    return lines


def _failed(instance: Instance, of: int | None = None) -> int:
    share, records = _FAILURES.get(instance.outcome), instance.members if of is None else of
    return 0 if share is None else min(records, max(1, records // share))


def _made_up(instance: Instance, key: str, low: int, high: int) -> int:
    return low + digest(f"{instance.id} {key}") % (high - low)


def _change(institution: Institution, instance: Instance) -> Lines:
    failed = _failed(instance)
    return [
        ("c.jobs.bulk.processed", "Number of records processed", instance.members),
        ("c.jobs.bulk.updated", "Records updated", instance.members - failed),
        ("c.jobs.bulk.failed", "Records with errors", failed),
    ]


def _export(institution: Institution, instance: Instance) -> Lines:
    failed = _failed(instance)
    return [
        ("c.jobs.export.total", "Total records in the set", instance.members),
        ("c.jobs.export.exported", "Records exported", instance.members - failed),
        ("c.jobs.export.failed", "Records not exported", failed),
    ]


def _take(institution: Institution, instance: Instance, kept: int) -> None:
    """Delete the records of the run's set, except the last *kept*."""
    alma_set = institution.sets.get(instance.set_id or "")
    if alma_set is None:
        return
    ids = list(alma_set.members)[: max(0, len(alma_set.members) - kept)]
    institution.delete_records(ids)


def _delete_bibs(institution: Institution, instance: Instance) -> Lines:
    chosen = dict(instance.parameters)
    inventory, orders, related = (instance.members // share for share in _KEPT)
    if chosen.get("HANDLE_INVENTORY_BIBS_isSelected") == "true":
        inventory = 0
    if chosen.get("HANDLE_RELATED_BIBS_isSelected") == "true":
        related = 0
    kept = inventory + orders + related
    _take(institution, instance, kept)
    return [
        ("c.jobs.deleteBibs.deleted", "Records deleted", instance.members - kept),
        ("c.jobs.deleteBibs.inventory", "Records not deleted: inventory", inventory),
        ("c.jobs.deleteBibs.poLine", "Records not deleted: PO line", orders),
        ("c.jobs.deleteBibs.related", "Records not deleted: related records", related),
    ]


def _delete_records(institution: Institution, instance: Instance) -> Lines:
    failed = _failed(instance)
    _take(institution, instance, failed)
    return [
        ("c.jobs.delete.deleted", "Records deleted", instance.members - failed),
        ("c.jobs.delete.failed", "Records not deleted", failed),
    ]


def _withdraw(institution: Institution, instance: Instance) -> Lines:
    chosen = dict(instance.parameters)
    careful = any(
        value == "true" for name, value in chosen.items() if name.startswith("do_not_delete_items")
    )
    skipped = instance.members // 50 if careful else 0
    failed = _failed(instance)
    _take(institution, instance, skipped + failed)
    return [
        ("c.jobs.withdraw.succeeded", "Items withdrawn", instance.members - skipped - failed),
        ("c.jobs.withdraw.skipped", "Items skipped", skipped),
        ("c.jobs.withdraw.failed", "Items not withdrawn", failed),
    ]


def _identify_unused(institution: Institution, instance: Instance) -> Lines:
    """Make the set that the job's first counter names, with the number of the second."""
    # A run that others start has no parameters; its set has some name all the same.
    name = dict(instance.parameters).get("output_Set_Name") or instance.name
    of = instance.members if instance.set_id else _OF_OTHERS
    count = institution.members_count(name, None, (of + _UNUSED - 1) // _UNUSED)
    counters = [line.value for line in instance.told_counters or ()]
    if counters and counters[0]:
        name = counters[0]
    if len(counters) > 1 and (number := count_in(counters[1])) is not None:
        count = number
    source = institution.sets.get(instance.set_id or "")
    if source is not None and len(source.members) >= count:
        members = Members(source.members.page(0, count))
    else:
        members = Members.computed(institution.records, "BIB_MMS", name, count)
    name = institution.free_set_name(name, instance.timeline.ended_at)
    institution.add_set(
        name, "BIB_MMS", members, created_at=instance.timeline.ended_at, private=False
    )
    return [
        ("c.jobs.identifyRecords.outputSet", "Output set", name),
        ("c.jobs.identifyRecords.records", "Number of records", count),
    ]


def _import_files(institution: Institution, instance: Instance) -> Lines:
    failed, key = _failed(instance), "import_research_assets_files."
    done = instance.members - failed
    return [
        (f"{key}asset_succeeded", "Assets succeeded", done),
        (f"{key}asset_partial_succeeded", "Assets partially succeeded", 0),
        (f"{key}asset_failed", "Assets failed", failed),
        (f"{key}file_uploaded", "Files uploaded", done),
        (f"{key}file_failed_to_upload", "Files failed to upload", failed),
        (f"{key}file_skipped_upload", "Files skipped", 0),
    ]


def _import_records(institution: Institution, instance: Instance) -> Lines:
    total, failed = instance.members, _failed(instance)
    single, multi = total // 4, total // 40
    sizes = (single, multi, total - single - multi - failed, 0, failed)
    instance.actions = tuple(zip(IMPORT_POPULATIONS, sizes, strict=True))
    return [
        ("TOTAL_RECORDS_IMPORTED", "Total records in file", total),
        ("c.jobs.mdImport.loaded", "Total records imported", total - failed),
        ("c.jobs.mdImport.matched", "Records matched", single + multi),
        ("c.jobs.mdImport.notLoaded", "Total records not imported", failed),
    ]


def _publish(institution: Institution, instance: Instance) -> Lines:
    new = _made_up(instance, "new", 40, 400)
    updated = _made_up(instance, "updated", 900, 6000)
    deleted, skipped = new // 5, _made_up(instance, "skipped", 0, 300)
    failed = _failed(instance, updated)
    key = "c.jobs.publishing."
    return [
        ("label.new.records", "New Records", new),
        ("label.updated.records", "Updated Records", updated),
        ("label.deleted.records", "Deleted Records", deleted),
        (f"{key}failed.publishing", "Records that failed publishing", failed),
        (f"{key}skipped", "Skipped records (update date changed but no data change)", skipped),
        (f"{key}filtered_out", "Records filtered out from the published set", 0),
        (f"{key}totalRecordsWrittenToFile", "Records written to file", new + updated - failed),
    ]


def _users(institution: Institution, instance: Instance) -> Lines:
    updated = _made_up(instance, "updated", 300, 2500)
    failed = _failed(instance, updated)
    return [
        ("c.jobs.sis.created", "Users created", updated // 20),
        ("c.jobs.sis.updated", "Users updated", updated - failed),
        ("c.jobs.sis.deleted", "Users deleted", 0),
        ("c.jobs.sis.rejected", "Users rejected", failed),
    ]


def _erp(institution: Institution, instance: Instance) -> Lines:
    invoices = _made_up(instance, "invoices", 3, 60)
    failed = _failed(instance, invoices)
    return [
        ("c.jobs.erp.processed", "Invoices processed", invoices - failed),
        ("c.jobs.erp.failed", "Invoices not processed", failed),
    ]


def _bursar(institution: Institution, instance: Instance) -> Lines:
    key = "com.exlibris.external.bursar.report.fines_fees_count"
    return [(key, "Fines and fees", _made_up(instance, "fees", 5, 250))]


def _inventory(institution: Institution, instance: Instance) -> Lines:
    items = _made_up(instance, "items", 2000, 40000)
    failed = _failed(instance, items)
    return [
        ("c.jobs.remoteStorage.updated", "Items updated", items - failed),
        ("c.jobs.remoteStorage.failed", "Items not found", failed),
    ]


def _silent(institution: Institution, instance: Instance) -> Lines:
    return []


_REPORTERS: dict[Effect, Reporter] = {
    Effect.CHANGE: _change,
    Effect.EXPORT: _export,
    Effect.DELETE_BIBS: _delete_bibs,
    Effect.DELETE_RECORDS: _delete_records,
    Effect.WITHDRAW: _withdraw,
    Effect.IDENTIFY_UNUSED: _identify_unused,
    Effect.IMPORT_FILES: _import_files,
    Effect.IMPORT_RECORDS: _import_records,
    Effect.FILL_SET: _silent,
    Effect.PUBLISH: _publish,
    Effect.USERS: _users,
    Effect.ERP: _erp,
    Effect.BURSAR: _bursar,
    Effect.INVENTORY: _inventory,
    Effect.SILENT: _silent,
}
