"""Taking a snapshot of Alma, and comparing one with Alma (`almaflow snapshot`).

used_steps   what the workflows of a project name in Alma     reading   requests → a section
entries      jobs and profiles of Alma → entries              sightings counters and statuses seen
renewal      a new section and the one before it              drift     what has changed in Alma
"""
