"""Computes the findings of a record from files, and compares them with what the record says came out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archive.errors import ArchiveError, InvalidInputError, MissingDependencyError, UnreachableError
from archive.findings.method import ANY, FACTS, Engine, Input, Method, Rows
from archive.findings.registry import MODULES, find_method
from archive.package import canonical

if TYPE_CHECKING:
    from archive.record.models import EvidenceItem, Finding, IncidentRecord

CHUNK_BYTES = 1024 * 1024
NOT_PUBLISHED = "inputs not published"

# same: the record's result came out again. new: the record has none yet. differs: another one came out. unchecked: it
# could not be computed here. wrong: it cannot be computed at all.
Status = Literal["same", "new", "differs", "unchecked", "wrong"]
# The file of an evidence item, or None where it is not here.
Locate = Callable[["EvidenceItem"], "Path | None"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One finding and what became of it.

    `computed` and `declared` are results; `code` and `message` say why there is none, or what differs. `marked`: the
    record itself says that it is not recomputable.
    """

    id: str
    method: str
    status: Status
    computed: dict[str, Any] | None = None
    declared: dict[str, Any] | None = None
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    marked: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "method": self.method,
            "status": self.status,
            "result": self.computed if self.computed is not None else self.declared,
            "declared": self.declared if self.status == "differs" else None,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }


def compute_all(record: IncidentRecord, locate: Locate, *, engine: Engine = "fast") -> tuple[Outcome, ...]:
    """Compute every finding of a record, one after the other; what goes wrong with one is told and the others go on."""
    items = {item.id: item for item in record.evidence}
    return tuple(_outcome(finding, items, locate, engine) for finding in record.findings)


def _outcome(finding: Finding, items: Mapping[str, EvidenceItem], locate: Locate, engine: Engine) -> Outcome:
    declared = finding.result

    def told(status: Status, error: ArchiveError) -> Outcome:
        return Outcome(finding.id, finding.method, status, None, declared, error.code, error.message, error.hint)

    if finding.not_recomputable is not None:
        error = _not_published()
        return Outcome(finding.id, finding.method, "unchecked", code=error.code, message=error.message, marked=True)
    try:
        computed = compute(finding, items, locate, engine=engine)
    except (UnreachableError, MissingDependencyError) as error:
        return told("unchecked", error)
    except ArchiveError as error:
        return told("wrong", error)
    if declared is None:
        return Outcome(finding.id, finding.method, "new", computed)
    if canonical.dumps(computed) == canonical.dumps(declared):
        return Outcome(finding.id, finding.method, "same", computed, declared)
    place = first_difference(declared, computed)
    return Outcome(
        finding.id,
        finding.method,
        "differs",
        computed,
        declared,
        "findings.differs",
        f"another result came out: {place}",
        "correct the result, the parameters or the inputs; `archive findings DIR --refill` writes what came out",
    )


def compute(
    finding: Finding, items: Mapping[str, EvidenceItem], locate: Locate, *, engine: Engine = "fast"
) -> dict[str, Any]:
    """The result of one finding.

    Raises:
        UnreachableError: `findings.unknown_method`, `findings.not_recomputable`, `findings.input_missing`: nothing is
            wrong, it cannot be told here.
        MissingDependencyError: an extra that reads the inputs is not installed.
        InvalidInputError: parameters, roles or files that make no sense to the method.
    """
    method = find_method(finding.method)
    if method is None:
        raise UnreachableError(
            f"the method {finding.method} is not known to this program",
            code="findings.unknown_method",
            hint="a later version may know it; known: " + ", ".join(MODULES),
        )
    parameters = method.parse_parameters(finding.parameters or {})
    method.check_inputs([item.role for item in finding.inputs])
    inputs = [_input(method, item.role, items[item.evidence], locate) for item in finding.inputs]
    result = method.compute(inputs, parameters, engine)
    canonical.check(result)
    return result


def _input(method: Method, role: str, item: EvidenceItem, locate: Locate) -> Input:
    # Of a withheld item its author has the file; in a published record only the commitment is left.
    found = locate(item) if item.commitment is None else None
    if found is None:
        if item.reference is None and item.commitment is None:
            raise UnreachableError(
                f"the file of `{item.id}` is not here", code="findings.input_missing", hint="give it, or fetch it"
            )
        raise _not_published(item.id)
    wanted = method.role(role)
    if wanted is not None and wanted.kind == FACTS and item.kind != FACTS:
        raise InvalidInputError(f"`{item.id}` is of kind {item.kind}, and a fact table is needed", code="findings.role")
    return Input(item.id, role, found, opener(item, found))


def opener(item: EvidenceItem, path: Path) -> Callable[[str], Rows]:
    """How the file of an evidence item is opened as the table of a kind."""

    def open_as(kind: str) -> Rows:
        from archive.evidence.tables import open_table, table_context

        stated = item.model_dump(mode="json", exclude_unset=True)
        mapping = stated.get("mapping")
        becomes = (mapping or {}).get("kind", item.kind)
        if becomes != kind and kind != ANY:
            raise InvalidInputError(
                f"`{item.id}` is of kind {becomes}, and {kind} is needed",
                code="findings.role",
                hint="name another input, or correct its kind",
            )
        return open_table(path, item.kind or kind, mapping=mapping, context=table_context(stated))

    return open_as


def _not_published(name: str | None = None) -> UnreachableError:
    return UnreachableError(
        f"not recomputable: {NOT_PUBLISHED}",
        code="findings.not_recomputable",
        hint=f"whoever has the file of `{name}` can give it" if name is not None else None,
    )


def locate_in(folder: Path, given: Sequence[Path] = ()) -> Locate:
    """Where the files of a dossier are; references and held files are found among those given, by hash."""
    hashes: dict[tuple[int, str], Path] | None = None

    def locate(item: EvidenceItem) -> Path | None:
        nonlocal hashes
        if item.reference is None and item.path is not None and (folder / item.path).is_file():
            return folder / item.path
        if hashes is None:
            hashes = {(path.stat().st_size, sha256_of(path)): path for path in given if path.is_file()}
        held = item.reference or item
        return hashes.get((held.size or 0, held.sha256 or ""))

    return locate


def sha256_of(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(CHUNK_BYTES):
            found.update(block)
    return found.hexdigest()


def first_difference(declared: object, computed: object, pointer: str = "") -> str:
    """Where two results first differ, in words."""
    if isinstance(declared, dict) and isinstance(computed, dict):
        for name in (*computed, *(name for name in declared if name not in computed)):
            if declared.get(name) != computed.get(name):
                return first_difference(declared.get(name), computed.get(name), f"{pointer}/{name}")
    if isinstance(declared, list) and isinstance(computed, list):
        for index, (one, other) in enumerate(zip(declared, computed, strict=False)):
            if one != other:
                return first_difference(one, other, f"{pointer}/{index}")
        return f"{pointer or '/'}: the record has {len(declared)} items, computed are {len(computed)}"
    return f"{pointer or '/'}: the record says {_shown(declared)}, computed is {_shown(computed)}"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    return repr(value[:80]) if isinstance(value, str) else "a map" if isinstance(value, dict) else "a list"
