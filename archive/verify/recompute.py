"""`verify --recompute`: the findings of the record computed again from the published bytes.

A file counts as an input only when it hashes to what the package's entry, or the record's reference, says. What is not
given, withheld or computed by a method this version does not know stays unchecked.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from pydantic import ValidationError

from archive.bundle import JsonObject, ProofBundle
from archive.errors import ArchiveError
from archive.stores.base import MAX_PACKAGE_BYTES, BoundedSink, Reader
from archive.verify.facts import FindingFact
from archive.verify.leaves import read_leaves
from archive.verify.record import references

if TYPE_CHECKING:
    from archive.findings.run import Outcome
    from archive.record.models import EvidenceItem

_CHUNK = 1024 * 1024
_Wanted = tuple[str, int]


def recompute(bundle: ProofBundle, given: Sequence[Path], readers: Sequence[Reader]) -> tuple[FindingFact, ...]:
    """Compute every finding of the record.

    Args:
        given: files, folders and CARs; without any the package is fetched from a store.
        readers: the stores, asked in order.
    """
    declared = declared_findings(bundle.record)
    if not declared:
        return ()
    from archive.findings.run import compute_all
    from archive.record.models import IncidentRecord

    try:
        record = IncidentRecord.model_validate(bundle.record)
    except ValidationError:
        note = "the record is not one that this version reads, so nothing was computed"
        return tuple(
            FindingFact(str(item.get("id", "?")), str(item.get("method", "?")), "unchecked", note=note)
            for item in declared
        )
    wanted = _wanted(bundle)
    with ExitStack() as stack:
        files = _find(bundle, frozenset(wanted.values()), given, readers, stack)

        def locate(item: EvidenceItem) -> Path | None:
            place = wanted.get(item.id)
            return files.get(place) if place is not None else None

        return tuple(_fact(outcome) for outcome in compute_all(record, locate))


def declared_findings(record: JsonObject | None) -> list[JsonObject]:
    """The findings of a record that may be malformed."""
    found = (record or {}).get("findings")
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _fact(outcome: Outcome) -> FindingFact:
    if outcome.status == "new":
        note = "the record declares the finding without a result"
        return FindingFact(outcome.id, outcome.method, "unchecked", note=note)
    return FindingFact(
        outcome.id,
        outcome.method,
        outcome.status,
        expected=_digest(outcome.declared),
        found=_digest(outcome.computed),
        note=outcome.message,
    )


def _digest(result: object) -> str | None:
    """A result as one short value: SHA-256 of its canonical bytes."""
    from archive.package import canonical

    return None if result is None else "sha256:" + hashlib.sha256(canonical.dumps(result)).hexdigest()


def _wanted(bundle: ProofBundle) -> dict[str, _Wanted]:
    """Evidence id to the hash and size of its bytes: from the entries, which the root covers, or from a reference."""
    found = {name: (sha256, size) for name, sha256, size in references(bundle)}
    for entry in read_leaves(bundle.entries).evidence:
        found[entry.id] = (entry.sha256, entry.size)
    return found


def _find(
    bundle: ProofBundle,
    wanted: frozenset[_Wanted],
    given: Sequence[Path],
    readers: Sequence[Reader],
    stack: ExitStack,
) -> Mapping[_Wanted, Path]:
    """The files with the wanted bytes. Only those of a wanted size are hashed."""
    sizes = {size for _, size in wanted}
    found: dict[_Wanted, Path] = {}
    for path in _files(bundle, given, readers, stack):
        with suppress(OSError):  # a file that cannot be read is reported where the files are checked
            size = path.stat().st_size
            if size in sizes:
                place = (_sha256(path), size)
                if place in wanted:
                    found.setdefault(place, path)
    return found


def _files(bundle: ProofBundle, given: Sequence[Path], readers: Sequence[Reader], stack: ExitStack) -> Iterator[Path]:
    from archive.verify.given import is_car

    for path in given:
        if path.is_dir():
            for here, _, names in os.walk(path):
                # Links are not followed: they could lead anywhere.
                yield from (file for name in sorted(names) if not (file := Path(here) / name).is_symlink())
        elif is_car(path):
            with path.open("rb") as stream:
                yield from _unpacked(stream, bundle.content_id, stack)
        else:
            yield path
    for reader in readers if not given else ():
        with tempfile.TemporaryFile() as spool:
            try:
                sink = BoundedSink(cast(BinaryIO, spool), max_bytes=MAX_PACKAGE_BYTES, what=reader.name)
                reader.fetch_package(bundle.content_id, cast(BinaryIO, sink), max_bytes=MAX_PACKAGE_BYTES)
            except ArchiveError:
                continue  # what each store answered is reported where availability is checked
            spool.seek(0)
            unpacked = list(_unpacked(cast(BinaryIO, spool), bundle.content_id, stack))
        if unpacked:
            yield from unpacked
            return


def _unpacked(stream: BinaryIO, content_id: str, stack: ExitStack) -> Iterator[Path]:
    """The files of a CAR in a temporary folder; none when it is damaged, which the check of the files reports."""
    from archive.package.unpack import unpack_car

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="archive-recompute-"))) / "package"
    with suppress(ArchiveError):
        unpack_car(stream, folder, content_id=content_id)
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(_CHUNK):
            found.update(block)
    return found.hexdigest()
