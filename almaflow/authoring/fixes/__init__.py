"""`validate --fix`: the smallest edits of a file that certainly do not change what is meant.

edits      the edits that problems ask for, and a text with them
rounds     edits that are tried and kept, until none is left
files      the file on the disk, replaced whole
"""
