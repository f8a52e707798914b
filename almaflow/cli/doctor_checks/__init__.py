"""What `almaflow doctor` looks at, one module for each part of what almaflow lives in.

A checkup yields what it finds as `Finding`s, the good ones too, and raises nothing of ours: what
it cannot look at is a finding.
"""
