"""Commands of a shell that start jobs of Alma: curl in chains, with what surrounds it in crontabs.

What is read: `curl` or `wget` that posts a payload to `/conf/jobs/ID?op=run`, `sleep`, `cd`,
`flock`, `timeout`, `nice`, variables, redirections, `&&` and `;`, and scripts that consist of
these. All else raises `NotRead` with a reason. A key is never part of a result.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping

from almaflow.alma.pasted_payload import job_of_url
from almaflow.alma.payload import Payload, PayloadInvalid, read_payload
from almaflow.late_dataclasses import dataclass

MOST_SCRIPTS = 5
"""How deep scripts may call scripts."""

ReadFile = Callable[[str], str | None]
"""Returns the text of a file that a command names; None when it is not there."""


class NotRead(ValueError):
    """A command is not one that can become a step; the text is a sentence."""


@dataclass(frozen=True)
class StartedJob:
    """A job that a command starts; *has_key*: the command holds an API key as it is."""

    job: str
    payload: Payload
    has_key: bool


@dataclass(frozen=True)
class Pause:
    """A `sleep` of so many seconds."""

    seconds: int


Action = StartedJob | Pause

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_REFERENCE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_KEY_NAME = re.compile(r"key|token|secret", re.IGNORECASE)
_KEY = re.compile(r"apikey[=\s]+(?!\0)[A-Za-z0-9]{8,}", re.IGNORECASE)
# What replaces a variable that holds a key, so that the URL around it can be read.
_UNKNOWN_KEY = "\0key\0"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_CURL_WITH_VALUE = {
    *("-X", "--request", "-H", "--header", "-o", "--output", "-w", "--write-out", "-m"),
    *("--max-time", "--retry", "--retry-delay", "--connect-timeout", "-A", "--user-agent"),
    *("--cacert", "--url"),
}
_CURL_DATA = {"-d", "--data", "--data-binary", "--data-raw", "--data-ascii"}
_CURL_ALONE = re.compile(
    r"-[sSfLkivg]+|--(?:silent|show-error|fail|location|insecure|include|verbose|fail-with-body)"
)


# What wget calls options of curl; those without one here are curl's own or not read.
_WGET_WITH_VALUE: Mapping[str, str] = {
    "--post-data": "--data-raw",
    "--body-data": "--data-raw",
    "--method": "--request",
    **dict.fromkeys(("--post-file", "--body-file"), "--data-binary"),
    **dict.fromkeys(("-O", "-o", "--output-document", "--output-file"), "--output"),
    **dict.fromkeys(("-T", "--timeout"), "--max-time"),
    **dict.fromkeys(("-t", "--tries"), "--retry"),
}
_WGET_ALONE = re.compile(r"-(?:q|nv|v|qO-)|--(?:quiet|no-verbose|verbose|no-check-certificate)")


def _as_curl(words: list[str]) -> Iterator[str]:
    """Yield the words of a wget command as those of curl."""
    waiting = list(words)
    while waiting:
        option, equals, value = waiting.pop(0).partition("=")
        if _WGET_ALONE.fullmatch(option):
            continue
        if option not in _WGET_WITH_VALUE:
            yield f"{option}{equals}{value}"
            continue
        if not equals and waiting:
            value = waiting.pop(0)
        yield _WGET_WITH_VALUE[option]
        yield f"@{value}" if option.endswith("-file") and "output" not in option else value


class ShellReader:
    """Reads commands; *read_file* gives the files that they name."""

    def __init__(self, read_file: ReadFile, variables: Mapping[str, str]) -> None:
        self._read_file = read_file
        self._variables = dict(variables)

    def actions(self, command: str, depth: int = 0) -> Iterator[Action]:
        """Yield what a line of a shell does; Raises: NotRead."""
        for words in _commands(command):
            yield from self._of_words(words, depth)

    def _of_words(self, words: list[str], depth: int) -> Iterator[Action]:
        words = _without_wrappers(words)
        while words and (assigned := _ASSIGNMENT.fullmatch(words[0])):
            self._variables[assigned[1]] = self._filled(assigned[2])
            words = words[1:]
        if not words or words[0] in ("cd", "set", ":", "exit", "echo", "export"):
            if words[:1] == ["export"]:
                for word in words[1:]:
                    name, _, value = word.partition("=")
                    self._variables[name] = self._filled(value)
            return
        name = words[0].rpartition("/")[2]
        if name == "sleep":
            yield Pause(_seconds(self._filled(" ".join(words[1:]))))
        elif name == "curl":
            yield self._of_curl(words[1:])
        elif name == "wget":
            yield self._of_curl(list(_as_curl(words[1:])))
        elif words[0] in ("bash", "sh") and len(words) > 1 and not words[1].startswith("-"):
            yield from self._of_script(words[1], depth)
        elif name.endswith(".sh"):
            yield from self._of_script(words[0], depth)
        else:
            user = " In /etc/crontab that is the user; remove it." if name == "root" else ""
            raise NotRead(f"It runs `{name}`, and what that does is not known here.{user}")

    def _of_script(self, file: str, depth: int) -> Iterator[Action]:
        text = self._read_file(self._filled(file))
        if text is None:
            raise NotRead(f"The script `{file}` is not next to the crontab. Copy it there.")
        if depth >= MOST_SCRIPTS:
            raise NotRead("Its scripts call each other too deeply.")
        joined = re.sub(r"\\\r?\n", " ", text)
        for line in joined.splitlines():
            if line.strip() and not line.strip().startswith("#"):
                try:
                    yield from self.actions(line.strip(), depth + 1)
                except NotRead as error:
                    raise NotRead(f"In the script `{file}`: {error}") from error

    def _of_curl(self, words: list[str]) -> StartedJob:
        method, url, data, has_key = "", "", [], False
        waiting = list(words)
        while waiting:
            word = waiting.pop(0)
            option, equals, value = word.partition("=")
            if re.match(r"-[XHd].", word) and not word.startswith("--"):
                option, equals, value = word[:2], "=", word[2:]
            if not (equals and (option in _CURL_WITH_VALUE or option in _CURL_DATA)):
                option, value = word, ""
                if option in _CURL_WITH_VALUE or option in _CURL_DATA:
                    if not waiting:
                        raise NotRead(f"The value of curl's `{option}` is missing.")
                    value = waiting.pop(0)
            if option in _CURL_DATA:
                data.append((option, value))
            elif option in _CURL_WITH_VALUE:
                value = self._filled(value)
                has_key = has_key or bool(_KEY.search(value))
                method = value if option in ("-X", "--request") else method
                url = value if option == "--url" else url
            elif word.startswith("-"):
                if not _CURL_ALONE.fullmatch(word):
                    raise NotRead(f"curl's option `{option.partition('=')[0]}` is not known here.")
            else:
                url = self._filled(word)
        has_key = has_key or bool(_KEY.search(url))
        return self._started(method, url, data, has_key)

    def _started(
        self, method: str, url: str, data: list[tuple[str, str]], has_key: bool
    ) -> StartedJob:
        job = job_of_url(url)
        if job is None or "op=run" not in url:
            raise NotRead("Its request is not one that starts a job (`/conf/jobs/ID?op=run`).")
        if (method or ("POST" if data else "GET")) != "POST":
            raise NotRead("Its request starts a job only with the method POST.")
        if job.startswith("S"):
            raise NotRead(
                f"{job} is a scheduled job, which belongs to a profile. Write a workflow with "
                "`run_profile` (`almaflow explain run_profile`)."
            )
        if len(data) != 1:
            raise NotRead("Its request has no payload (`-d`), or more than one.")
        option, value = data[0]
        text: str | None = self._filled(value) if "<" not in value else value
        if value.startswith("@") and option != "--data-raw":
            text = self._read_file(self._filled(value[1:]))
            if text is None:
                raise NotRead(
                    f"Its payload `{value[1:]}` is not next to the crontab. Copy it there, and "
                    "import the crontab again."
                )
        try:
            payload = read_payload(text or "")
        except PayloadInvalid as error:
            raise NotRead(f"Its payload cannot be used: {error}") from error
        return StartedJob(job, payload, has_key)

    def _filled(self, text: str) -> str:
        """Return *text* with its variables; Raises: NotRead for one without a value."""

        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            if name in self._variables:
                return self._variables[name]
            if _KEY_NAME.search(name):
                return _UNKNOWN_KEY
            raise NotRead(f"The variable `{name}` has no value in the crontab or its scripts.")

        return _REFERENCE.sub(value, text)


_KEYWORDS = ("if", "for", "while", "until", "case", "function", "then", "do", "{")


def _commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a line, redirections left out; Raises: NotRead."""
    if "$(" in line or "`" in line:
        raise NotRead("It uses the output of another command (`$(…)`).")
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError as error:
        raise NotRead("A quotation mark is not closed.") from error
    words: list[str] = []
    while tokens:
        token = tokens.pop(0)
        if token in ("&&", ";"):
            yield words
            words = []
        elif token and set(token) <= set("<>&") and set(token) & set("<>"):
            if words and words[-1].isdecimal():
                words.pop()
            if "<" in token:
                raise NotRead("It reads from a file or a text with `<`.")
            if tokens:
                tokens.pop(0)
        elif (token and set(token) <= set("();<>|&")) or token in _KEYWORDS:
            raise NotRead(f"It uses `{token}` of the shell.")
        else:
            words.append(token)
    yield words


_WRAPPERS: Mapping[str, tuple[str, ...]] = {
    # The options that have a value.
    "flock": ("-w", "--timeout", "-E"),
    "timeout": ("-k", "-s"),
    "nice": ("-n",),
    "ionice": ("-c", "-n"),
    "env": (),
}


def _without_wrappers(words: list[str]) -> list[str]:
    """Return a command without what only bounds it: locks, time limits, priorities."""
    while words and (name := words[0].rpartition("/")[2]) in _WRAPPERS:
        words = words[1:]
        while words and words[0].startswith("-"):
            words = words[2:] if words[0] in _WRAPPERS[name] else words[1:]
        if name in ("flock", "timeout"):
            words = words[1:]
        if words[:1] == ["-c"]:
            raise NotRead("It passes a command as one text (`flock … -c`).")
    return words


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d{1,7})([smhd]?)", text.strip())
    if match is None:
        raise NotRead(f"`sleep {text}` is not a number of seconds, minutes, hours or days.")
    return int(match[1]) * _UNITS[match[2]]
