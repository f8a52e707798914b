"""The crash sweep: workflows played on the simulated Alma, whose processes die everywhere.

A *schedule* says at which writes to the store and at which requests the processes of a workflow
die, what goes wrong with calls, when the machine's clock is set or the machine suspended. Whatever
it says, in the end the simulator, which knows the truth, must have seen every job once, every set
once with exactly its members, and the run must have ended as it does without all that.

`scenes.py` has the workflows, `machine.py` the processes and their deaths, `schedules.py` what can
happen to them, `truth.py` what must hold in the end, `sweeping.py` plays them. As a command:
`python -m tests.sweep --schedules 20000`.
"""
