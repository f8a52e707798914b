"""Pictures of workflows and runs, drawn without other programs.

`outline` turns a workflow into boxes; `mermaid` writes them as a flowchart that many sites draw,
and `flow_svg` draws them itself. `timeline_svg` draws what a run did when.
"""
