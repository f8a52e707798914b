"""`almaflow lsp`: the language server that editors start, for workflow files.

    editor ── text ──▶ server ──▶ checked_text (problems, the last workflow that was whole)
                         │
                         └──▶ cursor (where in the YAML) ──▶ completions, hover, definitions

Everything but `server` is free of the protocol: it takes text and a position, and gives values.
"""
