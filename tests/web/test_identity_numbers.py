"""A national identity number is recognised by its form and its check digit."""

from __future__ import annotations

import pytest

from almaflow.web.identity_numbers import NUMBERS, is_identity_number


@pytest.mark.parametrize(
    "number",
    [
        *("756.9217.0769.85", "255081416802538", "255082A16802597", "255082B16802527"),
        # Norway, Poland, Belgium before and since 2000, Estonia by each of its three rules.
        *("01017500011", "44051401359", "85073003328", "05020312332"),
        *("37605030299", "37605030064", "37605030920"),
        *("12345678Z", "X1234567L", "GB82 WEST 1234 5698 7654 32", "010203-123X"),
    ],
)
def test_a_number_with_its_check_digit_is_one(number: str) -> None:
    assert NUMBERS.fullmatch(number)
    assert is_identity_number(number)


@pytest.mark.parametrize(
    "number",
    [
        *("7569217076984", "255081416802539", "255082A16802598", "01017500012", "44051401358"),
        *("37605030298", "37605030065", "37605030921", "12345678A", "X1234567M"),
        "GB82WEST12345698765433",
    ],
)
def test_one_with_another_check_digit_is_not(number: str) -> None:
    assert NUMBERS.fullmatch(number)
    assert not is_identity_number(number)
