"""Formulas of findings: names, decimals, + - * / and parentheses, read left to right, computed in fractions."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import NoReturn

from archive.errors import InvalidInputError

_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[a-z][a-z0-9_]*)|(?P<sign>[-+*/(),]))", re.ASCII)
MAX_TOKENS = 200
MAX_DEPTH = 20

Value = Callable[[str], Fraction]
Call = Callable[[str, tuple[str, ...]], Fraction]


def names(formula: str) -> tuple[str, ...]:
    """The names that stand for terms, in order of first use; arguments of functions too, names of functions not."""
    tokens = _tokens(formula)
    found = [
        text
        for place, (kind, text) in enumerate(tokens)
        if kind == "name" and not (place + 1 < len(tokens) and tokens[place + 1][1] == "(")
    ]
    return tuple(dict.fromkeys(found))


def evaluate(formula: str, value: Value, call: Call) -> Fraction:
    """The value of a formula.

    Args:
        value: gives the number that a name stands for.
        call: gives the value of a function of names, such as `minutes(start, end)`.

    Raises:
        InvalidInputError: `findings.formula`, also for a division by zero.
    """
    reader = _Reader(formula, _tokens(formula), value, call)
    result = reader.total(0)
    if reader.place != len(reader.tokens):
        _fail(formula, f"nothing may follow before {reader.tokens[reader.place][1]!r}")
    return result


def _tokens(formula: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place = 0
    text = formula.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or len(tokens) >= MAX_TOKENS:
            _fail(formula, f"{text[place : place + 20]!r} cannot be read")
        tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
        place = match.end()
    if not tokens:
        _fail(formula, "it is empty")
    return tokens


def _fail(formula: str, message: str) -> NoReturn:
    raise InvalidInputError(
        f"the formula {formula[:100]!r}: {message}",
        code="findings.formula",
        hint="names of terms, decimals, + - * / and parentheses, for example (before - after) / before * 100",
    )


class _Reader:
    """Recursive descent over the tokens; the depth is bounded, so is the length."""

    def __init__(self, formula: str, tokens: list[tuple[str, str]], value: Value, call: Call) -> None:
        self.formula, self.tokens, self.value, self.call = formula, tokens, value, call
        self.place = 0

    def _peek(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def _take(self, wanted: str) -> None:
        if self._peek() != wanted:
            _fail(self.formula, f"{wanted!r} is missing")
        self.place += 1

    def total(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH:
            _fail(self.formula, "it is nested too deeply")
        result = self.product(depth)
        while self._peek() in ("+", "-"):
            sign = self._peek()
            self.place += 1
            right = self.product(depth)
            result = result + right if sign == "+" else result - right
        return result

    def product(self, depth: int) -> Fraction:
        result = self.factor(depth)
        while self._peek() in ("*", "/"):
            sign = self._peek()
            self.place += 1
            right = self.factor(depth)
            if sign == "/" and not right:
                _fail(self.formula, "it divides by zero")
            result = result * right if sign == "*" else result / right
        return result

    def factor(self, depth: int) -> Fraction:
        if self.place >= len(self.tokens):
            _fail(self.formula, "it ends too early")
        kind, text = self.tokens[self.place]
        self.place += 1
        if kind == "number":
            return Fraction(text)
        if kind == "name":
            return self._function(text) if self._peek() == "(" else self.value(text)
        if text == "-":
            if depth > MAX_DEPTH:
                _fail(self.formula, "it is nested too deeply")
            return -self.factor(depth + 1)
        if text != "(":
            _fail(self.formula, f"{text!r} stands where a number is expected")
        result = self.total(depth + 1)
        self._take(")")
        return result

    def _function(self, name: str) -> Fraction:
        self._take("(")
        arguments: list[str] = []
        while True:
            kind, text = self.tokens[self.place] if self.place < len(self.tokens) else ("", "")
            if kind != "name":
                _fail(self.formula, f"{name} takes names of terms")
            arguments.append(text)
            self.place += 1
            if self._peek() != ",":
                break
            self.place += 1
        self._take(")")
        return self.call(name, tuple(arguments))
