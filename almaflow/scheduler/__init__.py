"""`almaflow serve`: timetables are kept, runs are started, people are notified.

A *tick* is one scheduled time of a schedule entry. It has one row in the ledger (the table `ticks`)
and ends once: as a run, merged, skipped or missed. How a tick travels:

    almaflow.yaml, workflows/*.yaml
        |
        |  scheduler      scans the files; an edit is read when it does not change any more
        v
    workflow_files ----------> tick_ledger.activate  which workflows are active, by which rules
                                    |
    timers   wake scheduler at the next tick (or after 15 s: nobody relies on being woken)
        |                           |
        v                           v
    scheduler --------------> tick_ledger.cycle
                                    |
      1  timetable.between          |  the instants from the last one covered up to now
         store.materialize          |  a row for each; on a day off or in a pause: SKIPPED
                                    v
      2  policies.apply_catch_up    |  pure: late, caught up, too old, removed
         store.accept_ticks         |  these may run ...
         store.end_ticks            |  ... and these end: MERGED, MISSED, SKIPPED
                                    v
      3  policies.apply_overlap     |  pure: what `overlap` says while a run is active
                                    v
      4  plan.make_plan             |  inputs evaluated; if that fails: MISSED
         store.start_tick           |  tick RUN and its run, in one transaction; the run key is
                                    |  unique, so no second scheduler can start it again
                                    v
    scheduler --- engine.wake ----> engine.keep_working claims the run: see `almaflow/engine`
        |
        |  what the cycle did, what was read, which run was let go
        v
    companions     observers next to the ledger, none of which can delay it:
        notifications.events ---> routing, messages --+
        monitoring (slow, stuck, waiting) ------------+--> engine.outbox ---> channels
        notifications.digest -------------------------+
        auto_pause (`pause_after`)    measures (metrics)     notifications.heartbeats (pings)

Each write to the ledger checks that this process still leads (`store.leader`). A *term* is the time
with one reading of almaflow.yaml; an edit of it ends the term, and the next one begins.
`ledger_audit` recalculates the ledger independently, for tests and `almaflow ticks --verify`.
"""
