"""Which given file is which entry of the package. Pure: it sees names, sizes and hashes only.

A file in a folder or CAR is known by its path there, a single file by the end of its path (`…/evidence/a.csv`), and
what is left by its hash, so that a renamed file is still recognised. The entries lead, never the files: an entry
without a file stays listed as missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from archive.verify.facts import FileFact

How = Literal["path", "hash", "name", "variant"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file of the package: its path, size in bytes and SHA-256 (64 hex digits)."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Match:
    """An entry and the file taken for it; `good` when the bytes are the very ones."""

    wanted: Wanted
    file: FileFact
    how: How

    @property
    def good(self) -> bool:
        return same_bytes(self.wanted, self.file)


@dataclass(frozen=True, slots=True)
class Matching:
    """All matches in package order, the entries no file was given for, and the files that are no entry."""

    matches: tuple[Match, ...]
    missing: tuple[Wanted, ...]
    unlisted: tuple[FileFact, ...]


def same_bytes(wanted: Wanted, file: FileFact) -> bool:
    return wanted.sha256 == file.sha256 and wanted.size == file.size


def match_files(wanted: Sequence[Wanted], files: Sequence[FileFact]) -> Matching:
    """Match files to entries: by path, then by hash, then by bare name, then by a recognised change."""
    by_path = {w.path: w for w in wanted}
    by_hash: dict[tuple[str, int], list[Wanted]] = {}
    for w in wanted:
        by_hash.setdefault((w.sha256, w.size), []).append(w)
    matches: list[Match] = []
    rest: list[FileFact] = []
    for file in files:
        entry = by_path.get(file.path) if file.path is not None else _by_suffix(by_path, file.full)
        if entry is None:
            rest.append(file)
        else:
            matches.append(Match(entry, file, "path"))
    covered = {m.wanted.path for m in matches if m.good}
    named: list[FileFact] = []
    for file in rest:
        same = by_hash.get((file.sha256, file.size), [])
        if not same:
            named.append(file)
            continue
        # Entries with equal bytes: take one that still lacks its file, so that two copies cover two entries.
        entry = next((w for w in same if w.path not in covered), same[0])
        covered.add(entry.path)
        matches.append(Match(entry, file, "hash"))
    taken = {m.wanted.path for m in matches}
    by_sha256 = {w.sha256: w for w in wanted}
    by_name: dict[str, list[Wanted]] = {}
    for w in wanted:
        by_name.setdefault(_base(w.path), []).append(w)
    unlisted: list[FileFact] = []
    for file in named:
        changed = next((by_sha256[v.sha256] for v in file.variants if v.sha256 in by_sha256), None)
        same_name = [w for w in by_name.get(_base(file.full), []) if w.path not in taken]
        if changed is not None:
            matches.append(Match(changed, file, "variant"))
        elif len(same_name) == 1:
            matches.append(Match(same_name[0], file, "name"))
        else:
            unlisted.append(file)
    order = {w.path: i for i, w in enumerate(wanted)}
    matches.sort(key=lambda m: order[m.wanted.path])
    given = {m.wanted.path for m in matches}
    return Matching(tuple(matches), tuple(w for w in wanted if w.path not in given), tuple(unlisted))


def _by_suffix(by_path: dict[str, Wanted], full: str) -> Wanted | None:
    parts = full.split("/")
    for start in range(len(parts)):
        found = by_path.get("/".join(parts[start:]))
        # A bare file name says too little: `evidence/a.csv` wants its folder too, unless the entry has none.
        if found is not None:
            return found
    return None


def _base(path: str) -> str:
    return path.rsplit("/", 1)[-1]
