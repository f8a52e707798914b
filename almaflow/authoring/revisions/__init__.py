"""What changes in meaning between two revisions of a project.

`repository` asks git which revision is meant, `extraction` lays its files out in a temporary
folder, and `sides` loads the workflows of both sides. `step_changes`, `request_changes` and
`tick_changes` compare one workflow, `comparison` the whole project. What a file looks like, its
comments and the order of its keys, is not its meaning.
"""
