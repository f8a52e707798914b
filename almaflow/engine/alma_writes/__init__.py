"""Writes to Alma: each is recorded before it leaves, and is never sent twice by mistake.

How the submission of a job travels; a submission that was recorded continues where it was:

    steps.submit_job.perform ---> steps.job_step.start_and_judge ---> step_context.submit
        |
    submission.submit             for `submit`, then `resubmit`, `resubmit-2` ...:
        |    marker_of            ` [af-...]` from run, path, attempt and effect
        |    make(marker)         the step renders its parameters, the marker in `job_name`
        v
    journaled_request.restore     what the journal has of it: nothing, DONE, REFUSED, LOST ...;
        |                         an INTENT without a result, from a crash, is LOST
        |  nothing yet
        v
    journal.ask_slot              QUEUED for a slot: Alma's limits, shared by all processes
        |
        |<----------------------------------------------------------+
    journal.slot_blocker          whose turn is it?                 |
        |   not ours -----------> admission.waiting                 |
        |                           polls the jobs that hold slots -+
        v                                                           |
    attempt.ready                 the rate of calls, the reserve    |
        v                                                           |
    journaled_request.intend      slot TAKEN and INTENT recorded,   |
        |                         in one transaction; no slot ------+
        v                                                           |
    journaled_request.transmit    alma.client.send; shielded, the   |
        |                         lease checked right before        |
        |                                                           |
        +-- accepted -> DONE      the instance's id                 |
        +-- refused --> REFUSED   the step fails                    |
        +-- "later" --> UNTAKEN   certainly not accepted -----------+
        +-- no complete answer -> LOST
                |
                v
    reconciliation.find           searches Alma's list of instances until `settle`:
        |      adoption           which of them may be ours: marker, start, habits
        |      own_submissions    which are already another step's; a person's word
        |
        +-- found ----> DONE      adopted
        +-- absent ---> UNTAKEN   once more, under the next effect; never a third time
        +-- unclear --> (LOST)    outcome unknown: the run waits for `almaflow resolve`

    own_submissions.seen          at each poll: Alma shows that the instance has ended, so its
                                  slot is free, and admission wakes who waits

`submission.write` does the same for other writes, without slots: what leaves a trace (a set by its
unique name) is searched for, what may be repeated is repeated. `institutions` opens the client of
each institution and checks before the first write that it is the one that is meant.
"""
