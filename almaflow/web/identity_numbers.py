"""National identity numbers, recognised by their form and, where they have one, their check digit.

Ids of Alma have 15 digits and more, counters have few: a number without a check digit only counts
with the separators that people write in it. Sources: the authorities that assign the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from almaflow.late_patterns import late_pattern

NUMBERS = late_pattern(
    r"(?<![\w.-])(?:"
    r"756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}"  # Switzerland: AHV
    r"|[0-9]{6}[-+A][0-9]{3}[0-9A-Z]"  # Sweden, Denmark, Finland, Latvia
    r"|[0-9]{6} ?[0-9]{5}"  # Norway, Poland, Estonia, Lithuania
    r"|[0-9]{3}-[0-9]{2}-[0-9]{4}"  # United States
    r"|[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}"  # Belgium
    r"|[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"  # United Kingdom
    r"|[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]"  # Italy
    r"|[0-9XYZ][0-9]{7}-?[A-Z]"  # Spain
    r"|[12] ?[0-9]{2} ?[01][0-9] ?[0-9AB]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}"  # France
    r"|[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?"  # IBAN
    r")(?![\w-])"
)
"""What may be one; `is_identity_number` decides."""

_SPANISH = "TRWAGMYFPDXBNJZSQVHLCKE"
_FORMS = late_pattern(
    r"(?P<swiss>756[0-9]{10})|(?P<french>[12][0-9]{2}[01][0-9][0-9AB]{2}[0-9]{8})"
    r"|(?P<eleven>[0-9]{11})|(?P<spanish>[0-9XYZ][0-9]{7}[A-Z])"
    r"|(?P<iban>[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30})"
)


def is_identity_number(text: str) -> bool:
    """Whether a text that `NUMBERS` matches is such a number."""
    if "." in text or "-" in text or "+" in text:
        plain = text.replace(".", "").replace("-", "")
    else:
        plain = text.replace(" ", "")
    match = _FORMS.fullmatch(plain)
    if match is None or match.lastgroup is None:
        return True
    return _CHECKS[match.lastgroup](plain)


def _swiss(digits: str) -> bool:
    weighted = sum(int(one) * (3 if at % 2 else 1) for at, one in enumerate(digits[:-1]))
    return (10 - weighted % 10) % 10 == int(digits[-1])


def _french(text: str) -> bool:
    # Departments of Corsica count as 19 and 18.
    digits = text[:-2].replace("2A", "19").replace("2B", "18")
    return digits.isdecimal() and 97 - int(digits) % 97 == int(text[-2:])


def _eleven(digits: str) -> bool:
    return _norwegian(digits) or _polish(digits) or _baltic(digits) or _belgian(digits)


def _norwegian(digits: str) -> bool:
    first = _check(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2))
    second = _check(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
    return first == int(digits[9]) and second == int(digits[10])


def _check(digits: str, weights: tuple[int, ...]) -> int:
    return -sum(int(one) * weight for one, weight in zip(digits, weights, strict=False)) % 11


def _polish(digits: str) -> bool:
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
    total = sum(int(one) * weight for one, weight in zip(digits, weights, strict=False))
    return -total % 10 == int(digits[10]) and int(digits[4:6]) <= 31 and digits[4:6] != "00"


def _baltic(digits: str) -> bool:
    for weights in ((1, 2, 3, 4, 5, 6, 7, 8, 9, 1), (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)):
        total = sum(int(one) * weight for one, weight in zip(digits, weights, strict=False)) % 11
        if total < 10:
            return total == int(digits[10]) and digits[3:5] <= "12" and digits[0] in "3456"
    return digits[10] == "0" and digits[3:5] <= "12" and digits[0] in "3456"


def _belgian(digits: str) -> bool:
    return any(97 - int(front + digits[:9]) % 97 == int(digits[9:]) for front in ("", "2"))


def _spanish(text: str) -> bool:
    number = int(text[:-1].translate(str.maketrans("XYZ", "012")))
    return _SPANISH[number % 23] == text[-1]


def _iban(text: str) -> bool:
    moved = text[4:] + text[:4]
    return int("".join(str(int(one, 36)) for one in moved)) % 97 == 1


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "swiss": _swiss,
    "french": _french,
    "eleven": _eleven,
    "spanish": _spanish,
    "iban": _iban,
}
