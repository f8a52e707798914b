"""The house stands as it is drawn: imports go down only, each foreign system has one home.

What is wrong is read from the source text, so that imports inside functions count as well. Every
message says which line breaks which rule, and what to do.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from almaflow.problem_pages import code_pages

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "almaflow"

# From the ground up. A module imports from floors below its own; rooms of one floor may import
# each other as long as they do not go round in a circle.
FLOORS: Sequence[Sequence[str]] = (
    (
        *("late_dataclasses", "late_names", "late_patterns", "json_data"),
        *("errors", "clock", "task_groups", "outcome", "problems", "text_files", "thread_pool"),
        "git_reading",
        "whole_files",
        "problem_pages",
        "virtual_time",
        *(
            "redaction",
            "alma_keys",
            "foreign_keys",
            "foreign_words",
            "rounded_numbers",
            "lookalikes",
            "loopback",
            "durations",
            "visible",
            "waiting",
            "ownership",
        ),
    ),
    (
        *(
            "field_types",
            "model_fields",
            "patterns",
            "workflow_names",
            "document",
            "misplaced_keys",
            "unknown_keys",
            "yaml_in_line",
            "one_cause",
            "wrong_shapes",
            "model_problems",
            "model_validation",
            "settings",
            "expressions",
            "timetable",
            "checked_before",
        ),
        *("alma", "store", "connectors"),
    ),
    ("steps",),
    ("schedule_entry", "job_trigger", "snapshot"),
    ("workflow",),
    (
        "recorded_steps",
        "workflow_folder",
        "scenario_files",
        "workflow_loader",
        "check",
        *("docs", "explain"),
        "inputs",
        "plan",
        "timetable_entries",
        "json_schema",
    ),
    ("runs",),
    ("engine",),
    ("scheduler", "rehearsal", "fleet", "operations", "authoring"),
    ("cli", "web", "__main__"),
)

SIMULATOR = "alma.simulator"
SIMULATOR_GUESTS = ("cli", "rehearsal", "authoring")

# (from, to): imports up the house that exist for the type checker only, each with its reason.
NAMED_FOR_THE_TYPE_CHECKER: Mapping[tuple[str, str], str] = {
    ("steps", "workflow"): "a kind that holds steps names the union of all kinds",
}

ANYWHERE = ("",)

# Where each library, and what the standard library has of its kind, may be imported.
HOMES: Mapping[str, Sequence[str]] = {
    "aiobotocore": ("connectors.s3",),
    "aiolimiter": ("alma",),
    "anyio": (
        "clock",
        "virtual_time",
        "task_groups",
        "thread_pool",
        "alma",
        "steps",
        "engine",
        "scheduler",
        "rehearsal",
        "fleet",
        "operations",
        "authoring",
        "cli",
        "web",
    ),
    "apprise": ("connectors",),  # what the engine and the service send, one room sends
    "apscheduler.schedulers": ("scheduler",),
    "apscheduler.triggers": ("timetable",),
    "argon2": ("web.security",),
    "cronsim": ("timetable",),
    "dateutil": ("timetable",),
    "defusedxml": ("alma",),
    "fastapi": ("web",),
    "filelock": ("store", "connectors"),
    "fsspec": ("connectors",),
    "dotenv": ("settings",),
    "ftplib": ("connectors",),
    "h11": ("alma.responses",),
    "holidays": ("timetable",),
    "http": ("alma", "web", "operations.server_connection"),
    "icalendar": ("timetable",),
    "itsdangerous": ("web.security",),
    "jinja2": ("expressions", "web.rendering"),
    "lsprotocol": ("authoring.language_server",),
    "markdown_it": ("web.markdown",),
    "markupsafe": ("web",),
    "jmespath": ("steps",),
    "keyring": ("settings",),
    "paramiko": ("connectors",),
    "procrastinate": ("fleet",),
    "prometheus_client": ("scheduler",),
    "psycopg": ("store", "fleet"),
    "pyperclip": ("cli",),
    "pygls": ("authoring.language_server",),
    "pydantic": (
        *(
            "field_types",
            "model_fields",
            "misplaced_keys",
            "unknown_keys",
            "yaml_in_line",
            "one_cause",
            "wrong_shapes",
            "model_problems",
            "model_validation",
            "settings",
            "alma",
            "steps",
            "schedule_entry",
            "job_trigger",
            "workflow",
            "workflow_loader",
            "check",
        ),
        *("docs", "explain", "plan", "json_schema", "operations", "authoring", "cli", "web"),
    ),
    "pydantic_core": (
        *(
            "field_types",
            "model_fields",
            "patterns",
            "model_problems",
            "settings",
            "alma",
            "steps",
            "schedule_entry",
            "job_trigger",
            "workflow",
            "check",
            "authoring",
        ),
    ),
    "requests": (
        *("alma.http", "connectors.apprise_process", "connectors.healthchecks"),
        "operations.server_connection",
    ),
    "rich": ("cli",),
    "ruamel": ("document",),
    "s3fs": ("connectors",),
    "socket": (
        *("alma", "connectors", "loopback", "scheduler.local_server", "web.server"),
        "engine.engine",  # for the name of the machine
    ),
    "sqlite3": ("store",),
    "ssl": ("alma", "connectors"),
    "starlette": ("web",),
    "trustme": ("alma.simulator.certificates",),
    # Git is started with what a repository's settings could run switched off.
    "subprocess": ("git_reading", "connectors.apprise_channel", "checked_before"),
    "typer": ("cli",),
    "tzlocal": ("timetable",),
    "urllib.request": (),
    "urllib3": (
        *("alma.http", "connectors.apprise_process", "connectors.healthchecks"),
        "operations.server_connection",
    ),
    "uvicorn": ("web",),
    "xml": ("alma", "authoring.workflow_tests.junit"),
    "yaml": ("document",),
}

# Libraries that are declared and not imported by name, each with its reason.
NOT_IMPORTED = {
    "cryptography": "paramiko and others bring it, and set no bound that leaves out known holes",
    "python_multipart": "fastapi reads forms with it",
    "tzdata": "zoneinfo and timetable/zones.py read its files",
}

# Libraries that are imported and not declared, because the library named here, which is declared,
# demands exactly one version of them, and a bound of ours could only contradict it.
COMES_WITH = {"pydantic_core": "pydantic"}

# Libraries whose distribution has another name than what is imported of it.
DISTRIBUTIONS = {
    "argon2": "argon2_cffi",
    "dateutil": "python_dateutil",
    "dotenv": "python_dotenv",
    "markdown_it": "markdown_it_py",
    "yaml": "pyyaml",
}

# Calls that read the time of day, wait, or throw dice, and the modules that may make them.
CLOCK_CALLS = re.compile(
    r"(datetime\.)?(datetime\.(now|utcnow|today)|date\.today)"
    r"|time\.(time|time_ns|sleep|localtime|gmtime)"
)
CHANCE_CALLS = re.compile(r"random\.(?!Random$)\w+|secrets\.\w+|uuid\.uuid[14]|os\.urandom")
CLOCK_ROOMS = ("clock", SIMULATOR)
CHANCE_ROOMS: Mapping[str, str] = {
    "clock": "chance is handed out beside the time",
    "cli": "the parts are put together there, so what is handed out is made there",
    "connectors.target_folder": "a name that nobody can have put a link under",
    "store.processes": "a process's name is the one thing that no other process may guess again",
}

LONGEST = 400
# Modules over the limit, each with its reason.
LONG: Mapping[str, str] = {}


@dataclass(frozen=True)
class Import:
    """One imported name: *module* is where, *target* the dotted module that is imported.

    *module* and our own targets are without the leading `almaflow.`; *ours* tells them apart.
    """

    module: str
    target: str
    ours: bool
    line: int
    typing_only: bool

    @property
    def place(self) -> str:
        return f"{path_of(self.module)}:{self.line}"


@cache
def path_of(module: str) -> str:
    plain = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    path = plain if plain.exists() else PACKAGE.joinpath(*module.split("."), "__init__.py")
    return path.relative_to(ROOT).as_posix()


@cache
def modules() -> Mapping[str, ast.Module]:
    """Return the syntax tree of every module, by its name without the leading `almaflow.`."""
    trees = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(path.read_text("utf-8"), str(path))
    return trees


@cache
def imports() -> Sequence[Import]:
    return [found for module, tree in modules().items() for found in imports_of(module, tree)]


def imports_of(module: str, tree: ast.Module) -> Iterator[Import]:
    for node, typing_only in nodes_of(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, (
                f"{path_of(module)}:{node.lineno}: a relative import hides which floor it goes to; "
                "write it from `almaflow` on."
            )
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and called(node) == "importlib.import_module":
            targets = [str(it.value) for it in node.args if isinstance(it, ast.Constant)]
        else:
            continue
        for target in targets:
            root, _, rest = target.partition(".")
            ours = root == "almaflow"
            name = rest if ours else target
            while ours and name and name not in modules():
                name = name.rpartition(".")[0]
            yield Import(module, name, ours, node.lineno, typing_only)


WANTED = (ast.Import, ast.ImportFrom, ast.Call, ast.Compare, ast.Constant)


@cache
def nodes_of(tree: ast.AST) -> Sequence[tuple[ast.AST, bool]]:
    """Return the nodes that tests ask for, and whether each is under `if TYPE_CHECKING:`."""
    found: list[tuple[ast.AST, bool]] = []
    waiting = [(tree, False)]
    while waiting:
        node, typing_only = waiting.pop()
        if isinstance(node, WANTED):
            found.append((node, typing_only))
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting.extend((child, typing_only) for child in reversed(node.orelse))
            waiting.extend((child, True) for child in reversed(node.body))
        else:
            children = list(ast.iter_child_nodes(node))
            waiting.extend((child, typing_only) for child in reversed(children))
    return found


@cache
def called(call: ast.Call) -> str:
    """Return what is called, as it is written, such as `time.sleep`."""
    return ast.unparse(call.func)


@pytest.fixture(scope="module", autouse=True)
def trees_are_let_go() -> Iterator[None]:
    """Let no later test search millions of nodes for garbage."""
    yield
    for kept in (modules, imports, nodes_of, called):
        kept.cache_clear()


def lies_in(module: str, room: str) -> bool:
    return room == "" or module == room or module.startswith(f"{room}.")


def room_of(module: str) -> str:
    return SIMULATOR if lies_in(module, SIMULATOR) else module.partition(".")[0]


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def check(faults: Sequence[str]) -> None:
    assert not faults, "\n" + "\n".join(faults)


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(module) for module in modules()} - {"", SIMULATOR}

    check(
        [
            f"almaflow/{room} stands on no floor; add it to FLOORS in tests/test_house.py, and to "
            "the drawing of the house."
            for room in sorted(rooms - {room for floor in FLOORS for room in floor})
        ]
    )


def test_imports_go_down_only() -> None:
    faults = []
    for it in imports():
        here, there = room_of(it.module), room_of(it.target)
        if not it.ours or here in ("", SIMULATOR) or there in ("", SIMULATOR, here):
            continue
        if it.typing_only and (here, there) in NAMED_FOR_THE_TYPE_CHECKER:
            continue
        if floor_of(there) > floor_of(here):
            faults.append(
                f"{it.place}: `{here}` imports from `{there}`, which stands above it; move what "
                f"both need down, or let `{there}` hand it in."
            )
    check(faults)


def test_rooms_of_one_floor_do_not_import_each_other_in_a_circle() -> None:
    below: dict[str, set[str]] = {}
    for it in imports():
        here, there = room_of(it.module), room_of(it.target)
        if it.ours and there not in ("", here) and not it.typing_only:
            below.setdefault(here, set()).add(there)

    in_no_circle: set[str] = set()

    def circle(room: str, path: tuple[str, ...]) -> tuple[str, ...] | None:
        if room in path:
            return (*path[path.index(room) :], room)
        for other in sorted(below.get(room, set()) - in_no_circle):
            if found := circle(other, (*path, room)):
                return found
        in_no_circle.add(room)
        return None

    found = next(filter(None, (circle(room, ()) for room in sorted(below))), None)
    assert found is None, (
        f"{' → '.join(found or ())}: these rooms import each other in a circle; move what the "
        "first takes from the second to a room below both."
    )


# Modules that name each other, each group with its reason. No other may come to be.
CIRCLES: Mapping[frozenset[str], str] = {
    frozenset({"steps.base", "steps.context"}): (
        "the grammar at run time: a kind performs with a context, which runs the steps inside it"
    ),
}


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    """Imports for the type checker and inside functions count as well."""
    named: dict[str, set[str]] = {}
    for it in imports():
        if it.ours and it.target not in ("", it.module):
            named.setdefault(it.module, set()).add(it.target)
    reached: dict[str, set[str]] = {}
    for module in named:
        waiting, found = [module], reached.setdefault(module, set())
        while waiting:
            new = named.get(waiting.pop(), set()) - found
            found |= new
            waiting.extend(new)
    circles = {
        frozenset(other for other in reached[module] if module in reached.get(other, ()))
        for module in named
        if module in reached[module]
    }

    check(
        [
            f"{', '.join(sorted(circle))}: these modules import each other in a circle; move what "
            "both need to a module below, or hand it in."
            for circle in circles - CIRCLES.keys()
        ]
        + [
            f"{', '.join(sorted(circle))}: this circle is gone; take it out of CIRCLES."
            for circle in CIRCLES.keys() - circles
        ]
    )


def test_the_simulator_stands_beside_the_house() -> None:
    faults = []
    for it in imports():
        inside, wanted = lies_in(it.module, SIMULATOR), lies_in(it.target, SIMULATOR)
        if inside and it.ours and not wanted:
            faults.append(
                f"{it.place}: the simulator imports `almaflow.{it.target}`; it takes nothing of "
                "ours, so that it can contradict us. Write what it needs again, from Alma's side."
            )
        if wanted and it.ours and not inside and room_of(it.module) not in SIMULATOR_GUESTS:
            faults.append(
                f"{it.place}: only {' and '.join(SIMULATOR_GUESTS)} (and tests) speak with the "
                "simulator; take a transport instead and let the command line hand it in."
            )
    check(faults)


def test_each_library_is_imported_in_its_home_only() -> None:
    faults = []
    for it in imports():
        homes = next((HOMES[name] for name in HOMES if lies_in(it.target, name)), None)
        if it.ours or (homes is None and it.target.partition(".")[0] in sys.stdlib_module_names):
            continue
        if homes is None:
            faults.append(
                f"{it.place}: `{it.target}` has no home yet; name one in HOMES in "
                "tests/test_house.py and declare the library in pyproject.toml."
            )
        elif not any(lies_in(it.module, home) for home in homes):
            faults.append(
                f"{it.place}: `{it.target}` is at home in {', '.join(homes) or 'no room'}; let "
                "that room do it and pass on a value of ours."
            )
    check(faults)


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    declared = {name_of(it) for it in requirements()}
    roots = {it.target.partition(".")[0] for it in imports() if not it.ours}
    imported = {DISTRIBUTIONS.get(root, root) for root in roots - sys.stdlib_module_names}

    check(
        [
            f"`{name}` is imported; declare it in pyproject.toml."
            for name in imported - declared - set(COMES_WITH)
        ]
        + [
            f"`{name}` is declared in pyproject.toml and nothing imports it; take it out."
            for name in declared - imported - set(NOT_IMPORTED)
        ]
        + [
            f"`{name}` needs no exception any more; take it out of tests/test_house.py."
            for name in (set(COMES_WITH) - imported) | (set(NOT_IMPORTED) & imported)
        ]
    )


def test_a_library_that_comes_with_another_one_comes_in_exactly_one_version() -> None:
    pinned = {
        name: [it for it in metadata.requires(owner) or () if name_of(it) == name]
        for name, owner in COMES_WITH.items()
    }

    check(
        [
            f"`{COMES_WITH[name]}` asks for {found}; declare `{name}` in pyproject.toml."
            for name, found in pinned.items()
            if not found or not all(re.fullmatch(r"[\w-]+==[\w.]+", it) for it in found)
        ]
    )


def test_every_requirement_has_a_lower_bound() -> None:
    """Else an old version with known holes, or without what is used, would be taken."""
    check(
        [
            f"`{it}` in pyproject.toml admits every old version; give it a bound (`>=`)."
            for it in requirements()
            if ">=" not in it
        ]
    )


def requirements() -> Sequence[str]:
    """Return what pyproject.toml asks for, with all extras that are for users."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [
        *project["dependencies"],
        *(it for name in extras if name != "dev" for it in extras[name]),
    ]


def name_of(requirement: str) -> str:
    """Return the name of a library as it is imported: `ruamel` for `ruamel.yaml>=0.18`."""
    return re.split(r"[^\w-]", requirement)[0].lower().replace("-", "_")


def test_the_time_of_day_and_chance_are_handed_in() -> None:
    faults = []
    for module, tree in modules().items():
        for call in (node for node, _ in nodes_of(tree) if isinstance(node, ast.Call)):
            name = called(call)
            place = f"{path_of(module)}:{call.lineno}"
            if CLOCK_CALLS.fullmatch(name) and not in_rooms(module, CLOCK_ROOMS):
                faults.append(f"{place}: `{name}` is the clock's; take a `Clock` and ask that.")
            unseeded = name == "random.Random" and not call.args
            chance = unseeded or CHANCE_CALLS.fullmatch(name)
            if chance and not in_rooms(module, tuple(CHANCE_ROOMS)):
                faults.append(
                    f"{place}: `{name}` makes runs unlike each other; take a `random.Random` that "
                    "the caller made."
                )
    check(faults)


def in_rooms(module: str, rooms: Sequence[str]) -> bool:
    return any(lies_in(module, room) for room in rooms)


def test_functions_of_time_and_chance_are_called_by_their_modules_names() -> None:
    """Else the rule above would not see them."""
    hidden = re.compile(r"(time\.(time|sleep)\w*|random\.(?!Random$)\w+|secrets\.\w+)")

    check(
        [
            f"{it.place}: import the module and write `{it.target}`, so that it is seen."
            for it in imports()
            if not it.ours and hidden.fullmatch(it.target)
        ]
    )


def test_only_the_command_line_prints() -> None:
    check(
        [
            f"{path_of(module)}:{node.lineno}: `print` belongs to almaflow/cli; return the text, "
            "or raise an error of ours."
            for module, tree in modules().items()
            if not in_rooms(module, ("cli",))
            for node, _ in nodes_of(tree)
            if isinstance(node, ast.Call) and called(node) == "print"
        ]
    )


# Texts for people, and what would make data of them.
PROSE = ("reason", "error", "summary", "shown", "line", "message", "advice", "sentence")
READ_AS_DATA = re.compile(
    rf"(.*\.({'|'.join(PROSE)})|message|advice|sentence)"
    r"\.(startswith|endswith|removeprefix|removesuffix|r?partition|r?split|find)"
)
COMPARED = re.compile(r"(.*\.)?(message|advice|sentence)")
TEXTS_OF_OTHERS: Mapping[str, str] = {
    "alma.response_errors": "Analytics says what is wrong in words only",
    "authoring.revisions.sides": "the name of a folder is taken out of texts",
    "cli.error_handler": "typer's errors have no codes",
    "document": "the errors of the YAML parser have no codes",
    "expressions.parser": "the errors of Jinja2 have no codes",
    "model_problems": "the beginning of a message of pydantic is made ours",
}


def prose_read_by(node: ast.AST) -> str:
    """Return the text for people that *node* takes apart or compares; empty: none."""
    if isinstance(node, ast.Call) and (match := READ_AS_DATA.fullmatch(called(node))):
        return match[1]
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn | ast.Eq):
        sides = map(ast.unparse, (node.left, *node.comparators))
        return next((side for side in sides if COMPARED.fullmatch(side)), "")
    return ""


def test_texts_for_people_are_not_read_as_data() -> None:
    check(
        [
            f"{path_of(module)}:{node.lineno}: `{text}` is a text for people, and this reads it "
            "as data; keep what is needed as a value with a kind (see almaflow/one_cause.py)."
            for module, tree in modules().items()
            if not in_rooms(module, tuple(TEXTS_OF_OTHERS))
            for node, _ in nodes_of(tree)
            if isinstance(node, ast.Call | ast.Compare) and (text := prose_read_by(node))
        ]
    )


@pytest.mark.parametrize(
    "code",
    [
        "advice = problem.message.partition(' is not a key ')[2]",
        "if WITHOUT_HYPHENS in advice: pass",
        "is_alone = '. ' not in advice or 'It belongs' in advice",
        "any(form in self.message for form in forms)",
        "if error.reason.startswith('Alma'): pass",
        "if problem.message == 'x': pass",
    ],
)
def test_a_text_for_people_that_is_read_as_data_is_seen(code: str) -> None:
    assert any(prose_read_by(node) for node, _ in nodes_of(ast.parse(code)))


# Where the codes of problems are written, and what looks like a code there and is none.
CODE_ROOMS = ("check", "document", "expressions", "settings", "model_problems", "problems")
CODE_MODULES = (
    *(*CODE_ROOMS, "workflow_folder", "workflow_loader", "cli.online_checks"),
    "authoring.workflow_tests.checking",
)
CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
NOT_CODES = frozenset({"utf-8", "utf-16-le", "id-empty"})
CUSTOM_ERRORS = ("PydanticCustomError", "refused", "literal", "checked")


def codes_of(module: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the codes of problems that *module* makes, each with its line."""
    for node, _ in nodes_of(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if in_rooms(module, CODE_MODULES) and CODE.fullmatch(node.value):
                yield node.value, node.lineno
        elif isinstance(node, ast.Call) and called(node) in CUSTOM_ERRORS:
            for it in node.args:
                if isinstance(it, ast.Constant) and re.fullmatch("[a-z]+(_[a-z]+)+", str(it.value)):
                    yield str(it.value).replace("_", "-"), it.lineno


def test_every_code_of_a_problem_has_a_page() -> None:
    pages = code_pages()

    check(
        [
            f"{path_of(module)}:{line}: the code `{code}` has no page; write one in a file of "
            "almaflow/problem_pages, with a wrong and a right example."
            for module, tree in modules().items()
            if not lies_in(module, SIMULATOR)
            for code, line in codes_of(module, tree)
            if code not in pages and code not in NOT_CODES
        ]
    )


def test_modules_stay_short_enough_to_be_read() -> None:
    faults = []
    for module in modules():
        path = path_of(module)
        lines = len((ROOT / path).read_text("utf-8").splitlines())
        if lines > LONGEST and module not in LONG:
            faults.append(
                f"{path} has {lines} lines, {LONGEST} are the limit; split it by concern, or name "
                "it in LONG in tests/test_house.py with the reason."
            )
        if lines <= LONGEST and module in LONG:
            faults.append(f"{path} is short again; take it out of LONG in tests/test_house.py.")
    check(faults)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import requests.auth", [("requests.auth", False, False)]),
        ("from almaflow.clock import Clock", [("clock", True, False)]),
        ("from almaflow.alma import errors", [("alma.errors", True, False)]),
        ("importlib.import_module('keyring')", [("keyring", False, False)]),
        ("def f():\n    import jinja2", [("jinja2", False, False)]),
        ("if TYPE_CHECKING:\n    import jinja2", [("jinja2", False, True)]),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import jinja2", [("jinja2", False, False)]),
    ],
)
def test_imports_are_seen_wherever_they_stand(
    source: str, expected: list[tuple[str, bool, bool]]
) -> None:
    found = list(imports_of("steps.wait", ast.parse(source)))

    assert [(it.target, it.ours, it.typing_only) for it in found] == expected
