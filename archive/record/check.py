"""Everything that `archive check` says about one dossier: its record, its evidence files, a first look for secrets.

Files are looked at with `lstat` and opened without following links, so that a hostile dossier can neither lead the
check out of its folder nor make it wait on a pipe. The hash of a file is computed only where the record states one.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from archive.errors import ArchiveError, InvalidInputError, MissingDependencyError, Problem, Severity
from archive.evidence.contracts import has_contract
from archive.package.entries import check_path, fold
from archive.package.limits import MAX_LEAVES
from archive.record.dossier import RECORD_NAMES, Dossier, load_dossier
from archive.record.load import line_of

CHUNK_BYTES = 1 << 20
# A folder deeper or fuller than this is no dossier; the walk stops instead of reading a whole disk.
MAX_WALK_DEPTH = 64
# Kinds whose text can be read, so that two versions of one statement can be compared.
_TEXT_KINDS = frozenset({"statement", "web-capture", "web-page", "announcement"})
_SHOWN = 160
MAX_WALK_FILES = 2 * MAX_LEAVES
# Files that people keep beside a record and that are never published.
_BESIDE = frozenset({"readme", "license", "licence", "changelog", "contributing", "notice", "makefile"})


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found. `files` counts the evidence files that were present and looked at."""

    folder: Path
    incident: str | None
    revision: int | None
    problems: tuple[Problem, ...]
    evidence: int = 0
    files: int = 0
    bytes: int = 0

    @property
    def ok(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)


@dataclass(slots=True)
class _Findings:
    """Problems of a dossier as they are found, addressed into its record file."""

    dossier: Dossier
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    names: dict[str, str] | None = None
    # Paths that lead to plain files inside the dossier, no link followed on the way.
    opened: set[str] = field(default_factory=set)

    def note(self, code: str, message: str, pointer: str, hint: str | None, severity: Severity = "error") -> None:
        line = line_of(self.dossier.lines, pointer)
        self.problems.append(Problem(code, message, str(self.dossier.record_file), line, pointer, hint, severity))

    def note_file(self, code: str, message: str, path: Path, hint: str | None, severity: Severity = "error") -> None:
        self.problems.append(Problem(code, message, _shown(path), None, None, hint, severity))


def check_dossier(folder: Path, *, ci: bool = False, scan: bool = True) -> CheckReport:
    """Check one dossier; every problem is in the report, nothing is raised for a fault of the dossier.

    Args:
        folder: the dossier.
        ci: True where files that are kept outside git (`held: local`) cannot be expected.
        scan: whether to take a first look for secrets (the rules without libraries, the first 8 MiB of each file).
    """
    dossier = load_dossier(folder)
    findings = _Findings(dossier, list(dossier.problems))
    items = list(_items(dossier.value))
    if dossier.value:
        _check_files(findings, items, ci=ci, scan=scan)
        _compare_statements(findings, items)
    record = dossier.record
    return CheckReport(
        folder=folder,
        incident=record.id if record is not None else None,
        revision=record.revision if record is not None else None,
        problems=tuple(findings.problems),
        evidence=len(items),
        files=findings.files,
        bytes=findings.bytes,
    )


def _items(value: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    listed = value.get("evidence")
    for number, item in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(item, dict):
            yield f"/evidence/{number}", item


def _check_files(findings: _Findings, items: list[tuple[str, Mapping[str, Any]]], *, ci: bool, scan: bool) -> None:
    folder = findings.dossier.folder
    listed: dict[str, str] = {}
    for pointer, item in items:
        path = item.get("path")
        if not isinstance(path, str):
            continue
        try:
            check_path(path)
        except InvalidInputError:
            continue  # the rules complain about the path; nothing outside the folder is looked at
        if path not in listed:
            listed[path] = pointer
            _check_file(findings, pointer, item, path, ci=ci, scan=scan)
    folded = {fold(path): path for path in listed}
    for path in _unlisted(findings, folder, set(listed)):
        hint = f"add it with `archive add {_printable(path)}`, or move it out of the dossier"
        near = folded.get(fold(path))
        if near is not None:
            hint = f"the record lists {near!r}: the two differ only by case or Unicode form"
        findings.note_file("evidence.unlisted", "the file is not listed in the record", folder / path, hint)
    if scan:
        with findings.dossier.record_file.open("rb") as handle:
            _scan(findings, findings.dossier.record_file, handle)


def _check_file(findings: _Findings, pointer: str, item: Mapping[str, Any], path: str, *, ci: bool, scan: bool) -> None:
    place = f"{pointer}/path"
    try:
        descriptor = _open_inside(findings.dossier.folder, path)
    except FileNotFoundError:
        if item.get("held") == "local":
            hint = None if ci else "it is needed on the machine that packs"
            findings.note("evidence.held", f"{path}: kept outside git and not here", place, hint, "note")
            return
        hint = _missing_hint(findings, path)
        findings.note("evidence.missing", f"{path}: there is no such file in the dossier", place, hint)
        return
    except _NotPlainError as error:
        findings.note(error.code, f"{path}: {error.what}", place, error.hint)
        return
    except OSError as error:
        reason = error.strerror or type(error).__name__
        findings.note("evidence.unreadable", f"{path}: cannot be read: {reason}", place, "check its permissions")
        return
    with os.fdopen(descriptor, "rb") as handle:
        size = os.fstat(descriptor).st_size
        findings.files += 1
        findings.bytes += size
        findings.opened.add(path)
        before = len(findings.problems)
        _check_content(findings, pointer, item, path, handle, size)
        if scan and "withheld" not in item:
            handle.seek(0)
            # Of a file that is not what it should be, nobody need be asked to look through it.
            other = any(problem.code == "evidence.media_type" for problem in findings.problems[before:])
            _scan(findings, findings.dossier.folder / path, handle, ask_review=not other)
    if size and ("mapping" in item or has_contract(item.get("kind"))):
        _check_table(findings, pointer, item, findings.dossier.folder / path)


def _check_table(findings: _Findings, pointer: str, item: Mapping[str, Any], path: Path) -> None:
    """What the rows of a table are and mean; the libraries for it are imported only here."""
    from archive.evidence.mapping import check_mapping
    from archive.evidence.tables import EXTRA_HINT, check_table, has_libraries, open_table, table_context

    kind, mapping = str(item.get("kind")), item.get("mapping")
    if mapping is not None:
        wrong = check_mapping(mapping, kind) if isinstance(mapping, dict) else None
        if wrong is not None:
            findings.note(wrong.code, wrong.message, f"{pointer}/mapping", wrong.hint)
        if wrong is not None or not isinstance(mapping, dict):
            return
    if not has_libraries():
        if not any(problem.code == "evidence.tables_unchecked" for problem in findings.problems):
            message = "what the rows of tables mean was not checked: DuckDB and Arrow are not installed"
            findings.note("evidence.tables_unchecked", message, f"{pointer}/kind", EXTRA_HINT, "note")
        return
    try:
        findings.problems.extend(check_table(open_table(path, kind, mapping=mapping, context=table_context(item))))
    except MissingDependencyError as error:
        findings.note("evidence.tables_unchecked", error.message, f"{pointer}/kind", error.hint, "note")
    except ArchiveError as error:
        findings.note_file(error.code, error.message, path, error.hint)


def _compare_statements(findings: _Findings, items: list[tuple[str, Mapping[str, Any]]]) -> None:
    """What changed from each version of a statement to the next, where the record holds the texts of both."""
    held = {
        str(item.get("id")): findings.dossier.folder / str(item.get("path"))
        for _, item in items
        if str(item.get("kind")) in _TEXT_KINDS and str(item.get("path")) in findings.opened
    }
    statements = findings.dossier.value.get("statements") if held else None
    for number, statement in enumerate(statements if isinstance(statements, list) else ()):
        versions = statement.get("versions") if isinstance(statement, dict) else None
        before: Path | None = None
        for at, version in enumerate(versions if isinstance(versions, list) else ()):
            named = version.get("evidence") if isinstance(version, dict) else None
            paths = [held[name] for name in map(str, named) if name in held] if isinstance(named, list) else []
            path = paths[0] if paths else None
            if before is not None and path is not None and path != before:
                _compare(findings, before, path, f"/statements/{number}/versions/{at}")
            before = path or before


def _compare(findings: _Findings, before: Path, after: Path, pointer: str) -> None:
    from archive.evidence.readers.web import diff_statements

    try:
        diff = diff_statements(before, after)
    except ArchiveError as error:
        findings.note("statement.not_compared", error.message, pointer, error.hint, "note")
        return
    if diff.same:
        findings.note("statement.same", "the text reads as that of the version before", pointer, None, "note")
        return
    first = next(line for line in diff.unified[2:] if line.startswith(("-", "+")))
    shown = first if len(first) <= _SHOWN else first[: _SHOWN - 1] + "…"
    message = f"{len(diff.removed)} lines went and {len(diff.added)} came since the version before, first: {shown}"
    findings.note("statement.changed", message, pointer, None, "note")


def _check_content(
    findings: _Findings, pointer: str, item: Mapping[str, Any], path: str, handle: Any, size: int
) -> None:
    from archive.evidence.media import HEAD_BYTES, contradiction, sniff_bytes

    if size == 0:
        findings.note(
            "evidence.empty",
            f"{path}: the file has 0 bytes",
            f"{pointer}/path",
            "was the copy cut off? delete the item if not",
        )
    try:
        head = handle.read(HEAD_BYTES)
        declared = item.get("media_type")
        if isinstance(declared, str) and size:
            why = contradiction(declared, sniff_bytes(head, whole=size <= HEAD_BYTES))
            if why:
                findings.note(
                    "evidence.media_type",
                    f"{path}: declared as {declared}, but {why}",
                    f"{pointer}/media_type",
                    "declare what the file is, or replace it by the right file",
                )
        stated = str(item.get("size", ""))
        wrong_size = stated.isascii() and stated.isdigit() and int(stated[:20]) != size
        if wrong_size:
            findings.note(
                "evidence.size",
                f"{path}: size mismatch (stated {stated[:20]}, found {size})",
                f"{pointer}/size",
                "was the file changed? a changed file is a new item, or correct the line",
            )
        digest = item.get("sha256")
        if isinstance(digest, str) and not wrong_size:
            found = _sha256(handle, head)
            if found != digest:
                findings.note(
                    "evidence.sha256",
                    f"{path}: digest mismatch (stated {digest[:64]}, found {found})",
                    f"{pointer}/sha256",
                    "was the file changed? a changed file is a new item, or correct the line",
                )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        findings.note("evidence.unreadable", f"{path}: cannot be read: {reason}", f"{pointer}/path", None)


def _sha256(handle: Any, head: bytes) -> str:
    digest = hashlib.sha256(head)
    while block := handle.read(CHUNK_BYTES):
        digest.update(block)
    return digest.hexdigest()


class _NotPlainError(Exception):
    """A path that does not lead to a plain file inside the dossier."""

    def __init__(self, code: str, what: str, hint: str) -> None:
        super().__init__(what)
        self.code, self.what, self.hint = code, what, hint


def _open_inside(folder: Path, path: str) -> int:
    """A descriptor of a regular file below a folder, no link followed on the way (each step by `openat`)."""
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    segments = path.split("/")
    try:
        for number, segment in enumerate(segments):
            mode = os.stat(segment, dir_fd=here, follow_symlinks=False).st_mode
            last = number == len(segments) - 1
            _refuse_special(mode, "/".join(segments[: number + 1]), last=last)
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            found = os.open(segment, flags if last else flags | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = found
        # Looked at once more, now that it is open: it may have been exchanged in between.
        _refuse_special(os.fstat(here).st_mode, path, last=True)
    except NotADirectoryError:
        os.close(here)
        raise FileNotFoundError(path) from None
    except BaseException:
        os.close(here)
        raise
    return here


def _refuse_special(mode: int, shown: str, *, last: bool) -> None:
    if stat.S_ISLNK(mode):
        raise _NotPlainError(
            "evidence.symlink", f"{shown} is a symbolic link", "put the file itself there; links are not published"
        )
    if stat.S_ISDIR(mode):
        if last:
            raise _NotPlainError("evidence.not_a_file", "this is a folder", "list each file in it")
    elif not stat.S_ISREG(mode):
        raise _NotPlainError("evidence.not_a_file", "this is a device, pipe or socket", "copy its content into a file")


def _missing_hint(findings: _Findings, path: str) -> str:
    if findings.names is None:
        findings.names = {}
        for name in _walk_names(findings.dossier.folder):
            findings.names.setdefault(fold(name), name)
            findings.names.setdefault(name.rsplit("/", 1)[-1], name)
    alike = findings.names.get(fold(path))
    if alike is not None and fold(alike) == fold(path):
        return f"there is {_printable(alike)!r}: the names differ by case or Unicode form"
    elsewhere = findings.names.get(path.rsplit("/", 1)[-1])
    if elsewhere is not None:
        return f"there is one at {_printable(elsewhere)}"
    return "put it there, correct the path, or say `held: local` with size and sha256 when it is too large for git"


def _walk_names(folder: Path) -> Iterator[str]:
    for name, entry in _walk(folder):
        if entry is not None and entry.is_file(follow_symlinks=False):
            yield name


def _walk(folder: Path) -> Iterator[tuple[str, os.DirEntry[str] | None]]:
    """Everything below a folder that is not a folder, with / between segments, in order; None ends a walk too large."""
    stack = [("", 0)]
    count = 0
    while stack:
        prefix, depth = stack.pop()
        try:
            with os.scandir(folder / prefix if prefix else folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(".") or (not prefix and entry.name in RECORD_NAMES):
                continue
            name = f"{prefix}/{entry.name}" if prefix else entry.name
            count += 1
            if count > MAX_WALK_FILES or depth > MAX_WALK_DEPTH:
                yield name, None
                return
            if entry.is_dir(follow_symlinks=False):
                stack.append((name, depth + 1))
            else:
                yield name, entry


def _unlisted(findings: _Findings, folder: Path, listed: set[str]) -> Iterator[str]:
    for name, entry in _walk(folder):
        if entry is None:
            findings.note_file(
                "dossier.too_many_files",
                f"the folder is deeper or fuller than a dossier can be; nothing is seen from {_printable(name)}",
                folder,
                "is this the right folder?",
            )
            return
        if name in listed:
            continue
        if "/" not in name and fold(name).split(".", 1)[0] in _BESIDE:
            continue
        if entry.is_symlink():
            findings.note_file(
                "evidence.symlink", "a symbolic link in the dossier", folder / name, "put the file itself there"
            )
            continue
        yield name


def _scan(findings: _Findings, path: Path, handle: BinaryIO, *, ask_review: bool = True) -> None:
    from archive.evidence.gate import examine_stream
    from archive.evidence.personal import RULE_NAMES

    name = path.relative_to(findings.dossier.folder).as_posix()
    try:
        found = examine_stream(handle, name, full=False, allowed=_contacts(findings.dossier.value))
    except OSError:
        return  # that it cannot be read is said already
    waived = {f"{w.get('rule')}:{w.get('place')}" for w in _maps(findings.dossier.value, "waivers")}
    for group in found.groups:
        if waived & {group.name, f"{group.rule}:{group.path}"}:
            continue
        what = "personal data" if group.rule in (*RULE_NAMES, "exif-gps") else "a secret"
        where = "" if group.column is None else f" in {group.column}"
        more = "" if group.count == 1 else f", and {group.count - 1:,} more"
        findings.problems.append(
            Problem(
                f"scan.{group.rule.replace('-', '_')}",
                f"this looks like {what} ({group.rule}{where}): {group.examples[0]}{more}",
                _shown(findings.dossier.folder / group.path),
                group.line,
                None,
                "delete it, redact it, or withhold the file; `archive publish` will stop at it",
                "warning",
            )
        )
    for item in found.refused:
        findings.note_file(item.code, item.why, findings.dossier.folder / item.path, item.hint, "warning")
    looked_at = _looked_at(findings.dossier.value)
    for unread in found.unread:
        if ask_review and unread.path.split("!", 1)[0] not in looked_at:
            findings.note_file(
                "scan.review_needed",
                f"{unread.why}; `archive publish` asks for a review",
                findings.dossier.folder / unread.path,
                "look through all of it, then add an entry to `reviews` in the record",
                "note",
            )


def _looked_at(value: Mapping[str, Any]) -> set[str]:
    """The paths of the items that a review of the record is about."""
    reviewed = {str(review.get("evidence")) for review in _maps(value, "reviews")}
    return {str(item.get("path")) for _, item in _items(value) if str(item.get("id")) in reviewed}


def _maps(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = value.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _contacts(value: Mapping[str, Any]) -> frozenset[bytes]:
    """The address that a record gives so that people write there."""
    contact = value.get("contact")
    email = contact.get("email") if isinstance(contact, dict) else None
    return frozenset({email.encode()}) if isinstance(email, str) else frozenset()


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _shown(path: Path) -> str:
    return _printable(str(path))


def find_dossiers(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The dossiers that a command line means.

    A folder with a record is one; a folder without stands for the dossiers directly in it; a file stands for the
    dossier around it (so that a pre-commit hook may hand over the files that changed). What is none of these is
    returned as it is, for `check_dossier` to complain about.
    """
    found: dict[Path, None] = {}
    for path in paths:
        try:
            found.update(dict.fromkeys(_meant(path)))
        except OSError:
            found[path] = None
    return tuple(found)


def _meant(path: Path) -> list[Path]:
    if path.is_dir():
        if _has_record(path):
            return [path]
        return [child for child in sorted(path.iterdir()) if child.is_dir() and _has_record(child)] or [path]
    if not path.exists():
        return [path]
    return [next((parent for parent in path.parents if _has_record(parent)), path)]


def _has_record(folder: Path) -> bool:
    return any((folder / name).exists() or (folder / name).is_symlink() for name in RECORD_NAMES)
