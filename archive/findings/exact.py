"""Exact arithmetic of the methods: fractions inside, decimal text outside, the same on every machine and engine.

A quotient is rounded once, at the end, to 12 places, half to even. Sums, differences, minima are never rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction

PLACES = 12
SCALE = 18
EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_PERCENT = 100
_WIDE = Context(prec=100)


def text(value: Decimal | int) -> str:
    """A decimal as the record writes it: plain digits, no trailing zeros, no minus zero; nothing is rounded."""
    if isinstance(value, int):
        return str(value)
    plain = format(value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def rounded(value: Fraction, places: int = PLACES) -> str:
    """A fraction as decimal text, rounded half to even."""
    scaled = round(value * 10**places)
    sign = "-" if scaled < 0 else ""
    digits = str(abs(scaled)).rjust(places + 1, "0")
    if not places:
        return sign + digits
    whole, rest = digits[:-places], digits[-places:].rstrip("0")
    return sign + (f"{whole}.{rest}" if rest else whole)


def ratio(part: Decimal | int | Fraction, whole: Decimal | int | Fraction) -> str | None:
    """A quotient to 12 places; None when there is nothing to divide by."""
    divisor = Fraction(whole)
    return rounded(Fraction(part) / divisor) if divisor else None


def percent(part: Decimal | int | Fraction, whole: Decimal | int | Fraction) -> str | None:
    """A quotient in percent, to 12 places."""
    divisor = Fraction(whole)
    return rounded(Fraction(part) / divisor * _PERCENT) if divisor else None


def least_multiple(value: Fraction) -> Decimal:
    """The smallest decimal of 18 places that is not below the value: `x < value` and `x < it` agree for such x."""
    units = -((-value * 10**SCALE) // 1)
    return Decimal(int(units)).scaleb(-SCALE, _WIDE)


def nearest_rank(sorted_values: Sequence[Decimal], share: Fraction) -> Decimal:
    """The quantile by nearest rank: the smallest value with at least that share of all values at or below it."""
    return sorted_values[rank(len(sorted_values), share) - 1]


def rank(count: int, share: Fraction) -> int:
    """The 1-based nearest rank of a share of `count` values."""
    return max(1, int(-((-share * count) // 1)))


def moment(value: datetime) -> str:
    """A time of a table (UTC without a zone) as the record writes it; fractions only where there are any."""
    if value.microsecond == 0:
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    fraction = f"{value.microsecond:06d}"
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + (fraction[:3] if fraction.endswith("000") else fraction) + "Z"


def naive(value: datetime) -> datetime:
    """An aware time as the tables write it: UTC without a zone."""
    return value.astimezone(UTC).replace(tzinfo=None)


def microseconds(value: datetime) -> int:
    """Whole microseconds since 1970 of a time of a table."""
    return (value - EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    return EPOCH + value * _MICROSECOND
