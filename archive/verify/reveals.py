"""Reveals against the root: was this withheld file, or this one line, committed to when the package was published?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archive.bundle import ProofBundle
from archive.errors import InvalidInputError
from archive.package import entries, rows
from archive.reveal import SUFFIX, FileReveal, Reveal, RowReveal, read_reveal
from archive.verify.facts import FileFact, RevealFact
from archive.verify.leaves import Leaves
from archive.verify.outcome import Check
from archive.verify.record import evidence_items

__all__ = ["SUFFIX", "Revealed", "check_reveals", "read_reveals"]


def read_reveals(paths: Sequence[Path], files: Sequence[FileFact], sources: Sequence[Path]) -> Iterator[RevealFact]:
    """Read reveal files, and the lines of a revealed table that was given too. `sources` are the files on disk."""
    for path in paths:
        try:
            reveal: Reveal = read_reveal(path)
        except InvalidInputError as error:
            yield RevealFact(str(path), None, error.code, error.message)
            continue
        tree: rows.Rows | None = None
        if isinstance(reveal, FileReveal) and reveal.rows_key is not None:
            for fact, source in zip(files, sources, strict=True):
                if (fact.sha256, fact.size) == (reveal.entry.sha256, reveal.entry.size):
                    try:
                        tree = rows.digest_rows(source, bytes.fromhex(reveal.rows_key))
                    except InvalidInputError as error:
                        yield RevealFact(str(path), None, error.code, error.message)
                    break
        yield RevealFact(str(path), reveal, rows=tree)


@dataclass(frozen=True, slots=True)
class Revealed:
    """What reveals showed: the hash and size of each file of a sound one, and the commitments whose file was given."""

    checks: tuple[Check, ...]
    files: frozenset[tuple[str, int]]
    shown: Mapping[str, str]


def check_reveals(
    bundle: ProofBundle, leaves: Leaves, root: str | None, facts: Sequence[RevealFact], given: Sequence[FileFact]
) -> Revealed:
    """Hold each reveal against the leaves; a fault of one says nothing about the package itself, and is a failure."""
    checks: list[Check] = []
    files: set[tuple[str, int]] = set()
    shown: dict[str, str] = {}
    leaf_of = {leaf.commitment: leaf for leaf in leaves.withheld}
    ids = {str(i.get("commitment")): str(i.get("id")) for i in evidence_items(bundle.record) if i.get("withheld")}
    by_hash = {(f.sha256, f.size): f.name for f in given}
    for fact in facts:
        reveal = fact.reveal
        if reveal is None:
            unknown = entries.is_unknown(fact.code or "")
            checks.append(Check("reveal", "unchecked" if unknown else "fail", fact.name, None, fact.code, fact.message))
            continue
        if reveal.root != root:
            note = "this reveal is of another package: ask for the one that belongs to this root"
            checks.append(Check("reveal.root", "fail", fact.name, root, reveal.root, note))
            continue
        leaf = leaf_of.get(reveal.commitment)
        if leaf is None:
            note = "what it reveals is none of the withheld items of this package"
            checks.append(Check("reveal.commitment", "fail", fact.name, None, reveal.commitment, note))
        elif isinstance(reveal, RowReveal):
            checks.append(_row(fact.name, reveal, leaf, ids.get(leaf.commitment)))
        else:
            named = ids.get(leaf.commitment)
            found, good = _file(fact, reveal, leaf, named, by_hash, _instead(reveal, leaves, given))
            checks += found
            if good:
                files.add((reveal.entry.sha256, reveal.entry.size))
                if (reveal.entry.sha256, reveal.entry.size) in by_hash:
                    shown[leaf.commitment] = f"revealed as {reveal.entry.path}"
    return Revealed(tuple(checks), frozenset(files), shown)


def _instead(reveal: FileReveal, leaves: Leaves, given: Sequence[FileFact]) -> FileFact | None:
    """A given file of the revealed one's name that is no file of the package: it was meant to be it."""
    own = {(entry.sha256, entry.size) for entry in leaves.evidence}
    name = reveal.entry.path.rsplit("/", 1)[-1]
    return next((f for f in given if f.full.rsplit("/", 1)[-1] == name and (f.sha256, f.size) not in own), None)


def _file(
    fact: RevealFact,
    reveal: FileReveal,
    leaf: entries.WithheldEntry,
    named: str | None,
    by_hash: Mapping[tuple[str, int], str],
    instead: FileFact | None,
) -> tuple[list[Check], bool]:
    entry = reveal.entry
    if named is not None and named != entry.id:
        note = "the record lists this commitment under another id"
        return [Check("reveal.id", "fail", fact.name, named, entry.id, note)], False
    note = f"{entry.path} ({entry.size:,} bytes, {entry.media_type}) was committed to when this was published"
    checks = [Check("reveal.commitment", "pass", entry.id, leaf.commitment, reveal.commitment, note)]
    given = by_hash.get((entry.sha256, entry.size))
    if given is None and instead is not None:
        note = f"given as {instead.name}: other bytes than those that were committed to; ask for the original file"
        checks.append(Check("reveal.bytes", "fail", entry.path, entry.sha256, instead.sha256, note))
        return checks, True
    note = f"given as {given}" if given else "the revealed file itself was not given, so its bytes are not checked"
    checks.append(
        Check("reveal.bytes", "pass" if given else "unchecked", entry.path, entry.sha256, given and entry.sha256, note)
    )
    if leaf.rows_root is None:
        return checks, True
    if fact.rows is None:
        note = "whether its lines are the ones committed to one by one is not checked: file or key of the lines lacks"
        checks.append(Check("reveal.rows", "unchecked", entry.path, leaf.rows_root, None, note))
        return checks, True
    same = (fact.rows.root, fact.rows.count) == (leaf.rows_root, leaf.rows_count)
    note = f"all {fact.rows.count:,} lines" if same else "the lines committed to one by one are not those of this file"
    checks.append(Check("reveal.rows", "pass" if same else "fail", entry.path, leaf.rows_root, fact.rows.root, note))
    return checks, True


def _row(name: str, reveal: RowReveal, leaf: entries.WithheldEntry, named: str | None) -> Check:
    subject = f"{named or 'withheld table'}, line {reveal.index + 1:,} of {reveal.rows_count:,}"
    if (leaf.rows_root, leaf.rows_count) != (reveal.rows_root, reveal.rows_count):
        expected = None if leaf.rows_root is None else f"{leaf.rows_root} ({leaf.rows_count})"
        note = f"{name}: the package commits to other lines of this item, or to none one by one"
        return Check("reveal.row", "fail", subject, expected, f"{reveal.rows_root} ({reveal.rows_count})", note)
    try:
        found = reveal.computed_root()
    except InvalidInputError as error:
        return Check("reveal.row", "fail", subject, reveal.rows_root, error.code, f"{name}: {error.message}")
    if found != reveal.rows_root:
        note = f"{name}: this row was not committed: another text, place or salt"
        return Check("reveal.row", "fail", subject, reveal.rows_root, found, note)
    note = (
        "row was committed: this very line is in the withheld table; its place and the number of lines show, "
        "nothing else of the others"
    )
    return Check("reveal.row", "pass", subject, reveal.rows_root, found, note)
