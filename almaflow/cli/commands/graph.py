"""`almaflow graph`: a picture of a workflow, without other programs."""

from __future__ import annotations

from almaflow.cli import bootstrap
from almaflow.cli.options import FileArgument, JsonOption
from almaflow.cli.picture_file import SvgOption, write_picture
from almaflow.cli.render.terminal import emit_document, emit_json
from almaflow.workflow_loader import find_workflow, load_workflow


def graph(file: FileArgument, svg: SvgOption = None, as_json: JsonOption = False) -> None:
    """Draw the steps of a workflow: as Mermaid, which GitHub and GitLab show, or as SVG.

    In Markdown, put the output between lines with three backticks, the first with `mermaid`. Steps
    that change something in Alma, read, decide and ask people have different colours.
    """
    project = bootstrap.open_project()
    loaded = load_workflow(find_workflow(file, project), project, simulated=True)

    from almaflow.authoring.pictures.outline import outline_of

    outline = outline_of(loaded.workflow, loaded.name, str(project.settings.timezone))
    if svg is not None:
        from almaflow.authoring.pictures.flow_svg import flow_svg

        write_picture(svg, flow_svg(outline))
        return
    from almaflow.authoring.pictures.mermaid import mermaid

    text = mermaid(outline)
    if as_json:
        emit_json({"workflow": loaded.name, "mermaid": text})
    else:
        emit_document(text.rstrip("\n"))
