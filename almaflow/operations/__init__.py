"""What a person can ask for, shared by the command line, the page and the API.

Each operation is a function with typed arguments. It knows nothing of terminals and pages: it
returns what happened, and raises `RequestWrong` with the next move when it cannot be done. What
changes something takes *by*, the person who asks, and records the name.
"""
