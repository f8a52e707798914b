"""A new project (`almaflow init`): a folder with settings, an example and everything around them.

The texts are in `templates/`. The command line asks the questions, writes the schemas and runs the
example, because it alone knows terminals, models and the simulator.
"""
