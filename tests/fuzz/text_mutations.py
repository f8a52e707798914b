"""Changes to the text of a YAML file: of its bytes, lines, tokens and structure."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

# Whatever YAML, the language, expressions or a terminal treats in a way of its own.
TOKENS: Sequence[str] = [
    *("", " ", "\t", "\n", "\r", "\r\n", "\\", '"', "'", "`", "|", ">", "|2-", ">+", "#", " #"),
    *(
        ":",
        ": ",
        "- ",
        "? ",
        ",",
        "[",
        "]",
        "{",
        "}",
        "[]",
        "{}",
        "[{",
        "&a ",
        "*a",
        "!x ",
        "!!str",
    ),
    *("<<: *a", "<<", "---\n", "...\n", "%YAML 1.0\n", "%TAG ! x\n", "@daily", "~", "null", "true"),
    *("0", "-1", "1.5", "3.9E+13", "1e999", "-.inf", ".nan", "0x1F", "0o7", "2026-03-01", "12:30"),
    *("9" * 30, "9" * 5000, "x" * 70_000, "2026-02-30", "24:60", "1h", "0s", "99999d", "1h1h"),
    *(
        "{{",
        "}}",
        "{{ }}",
        "{{ x }}",
        "{% if %}",
        "{{ 9 ** 9 }}",
        "{{ steps.x.y }}",
        "{{ run.id }}",
    ),
    *("steps.a.outcome", "inputs.x", "vars.x", "secrets.x", "counters.number(0)", "x if y else z"),
    *("(" * 300, "[" * 120, "{a: " * 120, "- " * 120, "a.b" * 500, "not " * 200, "1 + " * 400),
    *("(a+)+b", "^(.*)*$", "[", "\\d{99999}", "*" * 40, "* * * * *", "0 0 31 2 *", "CRON_TZ=UTC"),
    *("\u202e", "\u200b", "\ufeff", "\u2028", "\x85", "\x07", "\x1b[31m", "\ud7ff", "é", "😀"),
    *(r'"\ud800"', r'"\U00110000"', r'"\x00"', "l8xx" + "0" * 32, "../x", "/etc/passwd", "a/b"),
    *("steps", "id", "if", "check", "wait", "fail", "branch", "cases", "for_each", "parallel"),
    *("call", "finally", "outputs", "inputs", "default", "retry", "timeout", "set", "members"),
]

Change = Callable[[str, random.Random], str]


def mutated_text(text: str, chance: random.Random) -> bytes:
    """Return *text* with one to four changes, as the bytes of a file."""
    if chance.random() < 0.4:
        return _gentle(text, chance).encode("utf-8")
    for _ in range(chance.choice([1, 1, 2, 4])):
        text = chance.choice(_CHANGES)(text, chance)
    content = text.encode("utf-8", "surrogatepass")
    return _changed_bytes(content, chance) if chance.random() < 0.1 else content


def _gentle(text: str, chance: random.Random) -> str:
    """Change numbers, durations, texts and steps so that the file may well stay valid."""
    for _ in range(chance.choice([1, 2, 5])):
        pattern, others = chance.choice(_KINDS_OF_WORDS)
        words = list(re.finditer(pattern, text))
        if words:
            word = chance.choice(words)
            text = text[: word.start()] + chance.choice(others) + text[word.end() :]
        if chance.random() < 0.2:
            text = text.replace("\nsteps:\n", f"\nsteps:\n{chance.choice(_STEPS)}\n", 1)
    return text


_KINDS_OF_WORDS: Sequence[tuple[str, Sequence[str]]] = [
    (r"\b\d{1,4}\b", ["0", "1", "7", "99", "100", "1000", "99999"]),
    (r"\b\d+[smhd]\b", ["1s", "90s", "10m", "4h", "2d", "100d", "1h30m"]),
    (r"(?<= )[A-Za-z]+(?= )", ["and", "or", "not", "a", "B", "été", "日本"]),
    (r"COMPLETED_\w+|succeeded|failed", ["COMPLETED_FAILED", "COMPLETED_NO_BULKS", "skipped"]),
    (r"\bstop\b|\bcontinue\b|\bfail\b|\bskip\b", ["stop", "continue", "fail", "skip"]),
    (r" [<>=]=? ", [" == ", " != ", " < ", " >= ", " in "]),
    (r"(?m)^ +- .*\n(?:^ {3,}[^-\s].*\n)*", [""]),
]
_STEPS: Sequence[str] = [
    "  - wait: 300d",
    "  - for_each: {items: [1, 2, 3], max_parallel: 2, steps: [{wait: 1h}, {check: item < 3}]}",
    "  - parallel: {a: [{wait: 1h}, {stop: }], b: [{fail: no}]}",
    "  - find_set: {name: x}",
    "  - create_set: {name: x, content: ITEM, members: ['1', '2']}",
    "  - get: /conf/libraries",
    "  - approve: {message: ok}",
    "  - notify: {message: 'hi {{ run.id }}'}",
    "  - check: {that: 1 > 2, otherwise: skip}",
    "  - {wait: 1h, timeout: 1m, on_failure: continue}",
    "  - {submit_job: {job: M44, set: '1'}, retry: {attempts: 3, on: [failed]}}",
    "  - {read_report: /shared/x, on_failure: continue}",
]


def _changed_bytes(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    match chance.randrange(4):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + chance.randbytes(chance.choice([1, 4, 40])) + content[at:]
        case 2:
            return chance.choice([b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\0"]) + content
    return content[:at] + bytes(byte ^ 1 for byte in content[at : at + 3]) + content[at + 3 :]


def _insert(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(TOKENS) + text[at:]


def _delete(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + text[at + chance.choice([1, 2, 20, 200]) :]


def _replace_word(text: str, chance: random.Random) -> str:
    """Put a token, or another word of the file, in the place of a word."""
    words = list(re.finditer(r"[\w.-]+|[^\w\s]", text))
    if not words:
        return text
    word = chance.choice(words)
    other = chance.choice([chance.choice(TOKENS), chance.choice(words)[0]])
    return text[: word.start()] + other + text[word.end() :]


def _replace_value(text: str, chance: random.Random) -> str:
    """Put a token in the place of a value, or behind its key."""
    values = list(re.finditer(r"(?<=: )[^\n]+|(?<=- )[^\n]+", text))
    if not values:
        return text
    value = chance.choice(values)
    return text[: value.start()] + chance.choice(TOKENS) + text[value.end() :]


def _lines(text: str, chance: random.Random) -> str:
    """Move, repeat, drop, indent or join lines."""
    lines = text.splitlines(keepends=True) or [""]
    at, until = sorted(chance.choices(range(len(lines) + 1), k=2))
    until = min(until, at + chance.choice([1, 2, 5]))
    piece, rest = lines[at:until], lines[:at] + lines[until:]
    match chance.randrange(5):
        case 0:
            return "".join(rest)
        case 1:
            to = chance.randrange(len(rest) + 1)
            return "".join(rest[:to] + piece + rest[to:])
        case 2:
            return "".join(lines[:at] + piece * chance.choice([2, 3, 40]) + lines[until:])
        case 3:
            indent = " " * chance.choice([1, 2, 4])
            moved = [indent + one if chance.random() < 0.5 else one.lstrip(" ") for one in piece]
            return "".join(lines[:at] + moved + lines[until:])
    return "".join(lines[:at]) + "".join(one.rstrip("\n") for one in piece) + "".join(lines[until:])


def _nest(text: str, chance: random.Random) -> str:
    """Wrap the whole, or steps of it, into further levels."""
    depth = chance.choice([1, 3, 30, 110])
    if chance.random() < 0.5:
        inner = "".join("  " * depth + line for line in text.splitlines(keepends=True))
        return "".join("  " * level + "a:\n" for level in range(depth)) + inner
    step = "{wait: 1s}"
    for _ in range(min(depth, 40)):
        step = chance.choice(
            [
                f"{{parallel: {{a: [{step}], b: [{step}]}}}}"
                if len(step) < 2000
                else f"{{parallel: {{a: [{step}]}}}}",
                f"{{for_each: {{items: [1, 2], steps: [{step}]}}}}",
                f"{{branch: {{on: run.name, cases: {{x: [{step}]}}, default: [{step[:0]}]}}}}",
            ]
        )
    return re.sub(r"(?m)^steps:.*$", lambda found: f"{found[0]}\n  - {step}", text, count=1)


def _aliases(text: str, chance: random.Random) -> str:
    """Add anchors and aliases: of a value, of a circle, of very many values."""
    match chance.randrange(3):
        case 0:
            return re.sub(r": (?=\S)", ": &z ", text, count=1) + "\nvars: {z: *z}\n"
        case 1:
            return f"{text}\nvars: &v {{a: [*v]}}\n"
    bomb = "\n".join(f"  v{n}: &v{n} [{', '.join([f'*v{n - 1}'] * 9)}]" for n in range(1, 9))
    return f"{text}\nvars:\n  v0: &v0 [x, x]\n{bomb}\n"


def _many(text: str, chance: random.Random) -> str:
    """Add very many keys, steps, problems or characters."""
    count = chance.choice([300, 2000])
    more = [
        "".join(f"k{number}: 1\n" for number in range(count)),
        "vars:\n"
        + "".join(f"  v{number}: '{{{{ vars.v{number} }}}}'\n" for number in range(count)),
        "x: " + "y" * count * 20 + "\n",
        "# \u202e\n" * count,
        "description: " + "{{ x }}" * count + "\n",
        "outputs:\n  o: '{{ " + " + ".join(["1"] * count) + " }}'\n",
    ]
    return f"{text}\n{chance.choice(more)}"


_CHANGES: Sequence[Change] = [
    *(_insert, _insert, _delete, _replace_word, _replace_word, _replace_word),
    *(_replace_value, _replace_value, _replace_value, _lines, _lines, _lines),
    *(_aliases, _nest, _many),
]
