"""What a method is: its name and version, what it takes, and the function that computes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from archive.errors import InvalidInputError
from archive.findings.exact import naive
from archive.findings.facts import FactTable, read_facts
from archive.record.models import DECIMAL_PATTERN

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Engine = Literal["reference", "fast"]
# Texts, lists and maps of texts: what a result is made of, so that it is the same in YAML, JSON and canonical JSON.
Result: TypeAlias = "str | list[Result] | dict[str, Result]"
ParameterType = Literal["decimal", "integer", "time", "text", "list"]
FACTS = "fact-table"
# A role for a table of any kind.
ANY = "any"
MAX_LISTED = 1_000

_DECIMAL = re.compile(DECIMAL_PATTERN.removesuffix("$") + r"\Z")
_INTEGER = re.compile(r"(0|[1-9][0-9]{0,14})\Z")


class Rows(Protocol):
    """A table of evidence, as `archive.evidence.tables.Table` is one."""

    def batches(self, *, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]: ...

    def relation(
        self, connection: duckdb.DuckDBPyConnection, *, columns: Sequence[str] | None = None, name: str = ...
    ) -> duckdb.DuckDBPyRelation: ...

    def reading(self) -> AbstractContextManager[Any]: ...


@dataclass(frozen=True, slots=True)
class Input:
    """One input: the evidence item, its role, where its bytes are, and how it is opened as the table of a kind."""

    evidence: str
    role: str
    path: Path
    open: Callable[[str], Rows]

    def facts(self) -> FactTable:
        return read_facts(self.path, self.evidence, self.role)


@dataclass(frozen=True, slots=True)
class Role:
    """What an input is for. `kind` is the contract its rows follow, or `fact-table`; `most` None: any number."""

    name: str
    kind: str
    description: str
    least: int = 1
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; written as text in the record. `default` is part of the version and never changes."""

    name: str
    type: ParameterType
    description: str
    default: str | None = None
    required: bool = False
    least: int = 0


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one finding, defaults filled in, with their types checked."""

    texts: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.texts[name]

    def maybe(self, name: str) -> str | None:
        return self.texts.get(name)

    def decimal(self, name: str) -> Fraction:
        return Fraction(self.texts[name])

    def integer(self, name: str) -> int:
        return int(self.texts[name])

    def time(self, name: str) -> datetime | None:
        """The time in UTC without a zone; None when it is not given."""
        found = self.texts.get(name)
        return None if found is None else _time(found)

    def instant(self, name: str) -> datetime:
        """As `time`, for a required parameter."""
        return _time(self.texts[name])

    def list(self, name: str) -> tuple[str, ...]:
        """Words between commas, semicolons or spaces."""
        return tuple(word for word in re.split(r"[,;\s]+", self.texts.get(name, "")) if word)


Compute = Callable[[Sequence[Input], Parameters, Engine], dict[str, Result]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of one version. `free_roles`, `free_parameters`: others than those listed may be given."""

    name: str
    version: int
    title: str
    roles: tuple[Role, ...]
    parameters: tuple[Parameter, ...]
    compute: Compute
    free_role: str | None = None
    free_parameters: bool = False
    has_fast_path: bool = field(default=False)

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"

    def role(self, name: str) -> Role | None:
        for role in self.roles:
            if role.name == name:
                return role
        return Role(name, self.free_role, "", 0) if self.free_role is not None else None

    def check_inputs(self, roles: Sequence[str]) -> None:
        """Raise `findings.role` when a role is not known, is missing or is given too often."""
        known = ", ".join(role.name for role in self.roles) or "any"
        for name in roles:
            if self.role(name) is None:
                raise InvalidInputError(f"{self.id} has no role {name!r}", code="findings.role", hint=f"roles: {known}")
        for role in self.roles:
            count = sum(name == role.name for name in roles)
            if count < role.least or (role.most is not None and count > role.most):
                most = "or more" if role.most is None else f"to {role.most}"
                raise InvalidInputError(
                    f"{self.id}: {count} inputs of role {role.name!r} are given",
                    code="findings.role",
                    hint=f"it takes {role.least} {most}: {role.description}",
                )
        if not roles:
            raise InvalidInputError(f"{self.id}: no input is given", code="findings.role", hint=f"roles: {known}")

    def parse_parameters(self, given: Mapping[str, str]) -> Parameters:
        """The parameters with defaults. Raises `findings.parameter`."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known and not self.free_parameters:
                raise _bad(self, name, "is not one of its parameters", f"parameters: {', '.join(known) or 'none'}")
        texts = dict(given) if self.free_parameters else {}
        for name, parameter in known.items():
            value = given.get(name, parameter.default)
            if value is None:
                if parameter.required:
                    raise _bad(self, name, "is missing", parameter.description)
                continue
            _check(self, parameter, value)
            texts[name] = value
        return Parameters(texts)


def _check(method: Method, parameter: Parameter, value: str) -> None:
    good = True
    if parameter.type == "decimal":
        good = _DECIMAL.match(value) is not None
    elif parameter.type == "integer":
        good = _INTEGER.match(value) is not None and int(value) >= parameter.least
    elif parameter.type == "time":
        try:
            _time(value)
        except InvalidInputError as error:
            raise _bad(method, parameter.name, f"{value[:60]!r} is no time with an offset", error.hint) from None
    if not good:
        raise _bad(method, parameter.name, f"{value[:60]!r} is no {parameter.type}", parameter.description)


def _bad(method: Method, name: str, message: str, hint: str | None) -> InvalidInputError:
    return InvalidInputError(
        f"{method.id}: the parameter {name[:60]!r} {message}", code="findings.parameter", hint=hint
    )


def _time(value: str) -> datetime:
    from pydantic_core import PydanticCustomError

    from archive.record.times import parse_time

    try:
        found = parse_time(value)
    except PydanticCustomError as error:
        raise InvalidInputError(value, code="findings.parameter", hint=error.message()) from None
    if found.precision not in ("second", "millisecond"):
        raise InvalidInputError(value, code="findings.parameter", hint="write 2025-10-10T21:36:00Z")
    return naive(found.earliest)


def no_rows(method: str, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{method}: {what}", code="findings.no_rows", hint="are these the right files, times and names?"
    )


def present(**values: Result | None) -> dict[str, Result]:
    """A map of what there is: a value that does not exist has no key."""
    return {name: value for name, value in values.items() if value is not None}
