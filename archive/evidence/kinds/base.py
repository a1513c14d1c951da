"""What a kind adds to its contract: the names others use for its columns, layouts without a header, derived columns,
and a checker of what its rows mean together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from archive.evidence.contracts import Contract
    from archive.evidence.readers.jsontext import Expand
    from archive.evidence.tables import Table, TableContext

# code, message, row, column, severity
Note = Callable[..., None]


class Checker(Protocol):
    """Sees each batch of a table once, in order, then is asked what remains to be said. State is bounded."""

    def batch(self, batch: pa.RecordBatch) -> None: ...

    def finish(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Derivation:
    """Columns made from other columns of the contract. `make` gets arrays by name and returns arrays by name."""

    gives: tuple[str, ...]
    needs: tuple[str, ...]
    make: Callable[[Mapping[str, Any], TableContext], Mapping[str, Any]]
    # Before what the record says fills the gaps: what the file implies wins over it.
    early: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tabular evidence.

    aliases: our column to the names others give it, lower case with underscores, the likeliest first.
    layouts: name and columns of files without a header. Columns called `is_…` hold true or false, the others numbers.
    expand: one JSON value to flat rows, where the form is not flat already.
    line: one line of a log to cells of a row (of `line_names`), None where it says nothing.
    values: words of others for an enum's values, lower case.
    """

    contract: Contract
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    layouts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    expand: Expand | None = None
    # Whether `expand` leaves a flat JSON object as it is, so that Arrow may read lines of them.
    plain_json: bool = False
    line: Callable[[str], Mapping[str, str] | None] | None = None
    line_names: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    derivations: tuple[Derivation, ...] = ()
    checker: Callable[[Table, Note], Checker] | None = None


def snake(name: str) -> str:
    """`openTime`, `Open Time` and `open-time` are all `open_time`."""
    out: list[str] = []
    for place, char in enumerate(name.strip()):
        if char.isupper() and place and (name[place - 1].islower() or name[place - 1].isdigit()) and out[-1:] != ["_"]:
            out.append("_")
        out.append(char.lower() if char.isalnum() else "." if char == "." else "_")
    return "_".join(part for part in "".join(out).split("_") if part)


def match_columns(kind: Kind, names: Iterable[str]) -> dict[str, str]:
    """Our columns to theirs, by name. A column of theirs serves one of ours."""
    theirs: dict[str, str] = {}
    for name in names:
        theirs.setdefault(name, name)
    folded: dict[str, str] = {}
    for name in theirs:
        folded.setdefault(snake(name), name)
    found: dict[str, str] = {}
    used: set[str] = set()
    for column in kind.contract.columns:
        for alias in (column.name, *kind.aliases.get(column.name, ())):
            known = theirs.get(alias) or folded.get(alias)
            if known is not None and known not in used:
                found[column.name] = known
                used.add(known)
                break
    return found
