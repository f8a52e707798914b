"""The kinds of steps, one file each: its model, its outputs, what it does, what may be repeated."""
