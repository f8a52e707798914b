"""Runs are executed here: one coroutine for each run, which records every effect in a journal.

Resuming is running again: what the journal has is returned, what it lacks is done. How a run
travels, from its record to its notices:

    engine.add            the plan is recorded under its run key, which is unique
        |
    engine.work_on        one run (`run`, `resume RUN`)
    engine.keep_working   every run that may be taken (`serve`, `resume --all`)
        |
        |  store.claim_run      owner and epoch; each later write checks them (`lease` renews them)
        v
    claimed_runs          one coroutine for each run that this process has
        |
    journal.load          what earlier processes recorded
        |
    runner.run
        |
      1 |  body ------- workflow_phases.body ---> interpreter.run_list     the steps, in order
        |                                             |
        |      for each step, for each attempt:       v
        |        history            it has ended: its recorded end is returned
        |        interpreter        begin: `now`, deadline, `if`, institution, recorded
        |        step_context       what the step may use, made of
        |           attempt             values, waits, reads from Alma
        |           names, scope        the names that expressions can use
        |           external_access     files, messages
        |           alma_writes         writes to Alma: see there
        |           approvals           questions to people
        |        step.kind.perform  the work; see `almaflow/steps`
        |           parallel            steps that run next to each other
        |        deadlines          timeouts of step, attempt and run
        |        interpreter        end: outcome, outputs, error, recorded
        |        history            `retry`: is there another attempt, and when
        |
      2 |  termination              after cancel or timeout: open steps end, lost submissions
        |                           are searched for
      3 |  finally ---- workflow_phases.finally_
      4 |  outputs ---- workflow_phases.outputs
      5 |  notifications            who is notified, and what the text says
        v
    journal.finish        outcome, outputs and notices, in one transaction
        |
    outbox                brings notices to their channels, with retries for a day; what this
                          process cannot deliver, the next one does

A crash or Ctrl-C ends none of this: the run waits in the store for the next process. `retry` holds
the back-off that everything here shares; `resources` holds what all runs of a process share.
"""
