"""A new workflow (`almaflow new`): from what Alma's job wizard shows to files that run.

The way: `parameters` decides what of a payload belongs into the workflow, `schedule_words` reads a
timetable as people write it, `jobs` says what is known of the job, `texts` writes the files.
"""
