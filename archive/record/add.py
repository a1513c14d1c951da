"""Adding evidence to a dossier: the file is copied and hashed, and an item is inserted into the record's text.

The author's record is edited as text, not written anew: comments, order and quotes stay as they are. The result is
read again before it replaces the old file, and must say exactly what the old one said plus the new items.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive.errors import InternalError, InvalidInputError, Problem, RefusedError, UsageError
from archive.evidence.media import guess, sniff_bytes
from archive.package.entries import check_path
from archive.record.dossier import Dossier, load_dossier
from archive.record.load import LoadedRecord, load_record_bytes, read_regular_file
from archive.record.scaffold import quote
from archive.workspace import write_atomic

CHUNK_BYTES = 1 << 20
MAX_ID = 64
EVIDENCE_FOLDER = "evidence"
# From this size on a file is better kept outside git (GitHub warns at 50 MiB).
LARGE_BYTES = 50 << 20
_MODIFIED = "modification time of the file when it was added"
_KIND_BY_TYPE = (
    ("image/", "screenshot"),
    ("video/", "recording"),
    ("audio/", "recording"),
    ("text/html", "web-page"),
    ("application/warc", "web-capture"),
    ("application/wacz", "web-capture"),
    ("text/csv", "fact-table"),
    ("text/tab-separated-values", "fact-table"),
    ("application/vnd.apache.parquet", "market-data"),
    ("application/jsonl", "api-log"),
    ("text/x-python", "code"),
    ("application/sql", "code"),
    ("text/", "document"),
    ("application/pdf", "document"),
    ("application/vnd.openxmlformats-officedocument", "document"),
    ("application/vnd.oasis.opendocument", "document"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user says about the files to add; None is filled in."""

    kind: str | None = None
    title: str | None = None
    language: str = "en"
    id: str | None = None
    media_type: str | None = None
    captured_at: str | None = None
    captured_by: str | None = None
    captured_how: str | None = None
    licence: str | None = None
    sensitivity: str | None = None
    form: str = "open"  # open, held, withheld, reference
    rows: bool = False
    mapping: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Addition:
    """One file that is to be added: where it is, where it goes (None for a reference), and its item."""

    source: Path
    path: str | None
    item: Mapping[str, Any]

    @property
    def size(self) -> int:
        return _facts(self.item)[0]

    @property
    def json_item(self) -> dict[str, Any]:
        return _json_item(self.item)


@dataclass(frozen=True, slots=True)
class Plan:
    """What adding does: the new text of the record and the files to copy."""

    dossier: Dossier
    additions: tuple[Addition, ...]
    before: bytes
    after: bytes


def plan_additions(folder: Path, wishes: Sequence[tuple[Path, Wish]]) -> Plan:
    """Read everything, decide everything, write nothing.

    Raises:
        InvalidInputError: `add.record` when the record cannot be read, `add.not_a_file`, `add.unreadable`.
        RefusedError: `add.duplicate`, `add.exists`, `add.record_form`.
        UsageError: `add.value` for an option that cannot stand in a record.
    """
    dossier = load_dossier(folder)
    before, loaded = _read_record(dossier)
    listed = [item for item in _listed(loaded.value, "evidence") if isinstance(item, dict)]
    taken = {str(value) for value in _ids(loaded.value)}
    additions: list[Addition] = []
    for source, wish in wishes:
        addition = _addition(dossier.folder, source, wish, taken)
        _refuse_duplicate(dossier.folder, addition, [*listed, *(done.item for done in additions)])
        taken.add(str(addition.item["id"]))
        additions.append(addition)
    items = [addition.item for addition in additions]
    return Plan(dossier, tuple(additions), before, _inserted(dossier, loaded, before, items, "evidence"))


def with_items(dossier: Dossier, section: str, items: Sequence[Mapping[str, Any]]) -> Plan:
    """What the record becomes with more items in one of its lists; nothing is written.

    Raises:
        InvalidInputError: `add.record` when the record cannot be read.
        RefusedError: `add.record_form`.
        UsageError: `add.value` for a value that cannot stand in a record.
    """
    before, loaded = _read_record(dossier)
    return Plan(dossier, (), before, _inserted(dossier, loaded, before, items, section))


def _inserted(
    dossier: Dossier, loaded: LoadedRecord, before: bytes, items: Sequence[Mapping[str, Any]], section: str
) -> bytes:
    is_json = dossier.record_file.suffix == ".json"
    if is_json:
        after = _insert_json(loaded.value, items, section)
    else:
        after = _insert_yaml(before.decode("utf-8"), items, section)
    _prove(dossier, loaded, after, items, section, is_json=is_json)
    return after


def carry_out(plan: Plan) -> None:
    """Copy the files, then replace the record; when that fails, what was copied is taken away again.

    Raises:
        RefusedError: `add.changed` when a file or the record changed since it was read.
    """
    copied: list[Path] = []
    try:
        for addition in plan.additions:
            if addition.path is None:
                continue
            target = plan.dossier.folder / addition.path
            if target.exists() and target.samefile(addition.source):
                continue
            if not target.exists():
                copied.append(target)
                _copy(addition.source, target, str(addition.item["sha256"]))
        if plan.dossier.record_file.read_bytes() != plan.before:
            raise RefusedError(
                f"{plan.dossier.record_file}: the record was changed meanwhile",
                code="add.changed",
                hint="run the command again",
            )
        write_atomic(plan.dossier.record_file, plan.after, mode=stat.S_IMODE(plan.dossier.record_file.stat().st_mode))
    except BaseException:
        for target in copied:
            target.unlink(missing_ok=True)
        raise


def _read_record(dossier: Dossier) -> tuple[bytes, LoadedRecord]:
    fatal = [problem for problem in dossier.problems if problem.code.startswith("dossier.") and not dossier.value]
    if not fatal:
        from archive.package.limits import MAX_RECORD_BYTES

        try:
            data = read_regular_file(dossier.record_file, MAX_RECORD_BYTES)
        except OSError:
            fatal = list(dossier.problems)
        else:
            loaded = load_record_bytes(
                data, str(dossier.record_file), json=dossier.record_file.suffix.lower() == ".json"
            )
            codes = ("record.yaml_", "record.json_", "record.not_utf8", "record.bom", "record.duplicate_key")
            fatal = [problem for problem in loaded.problems if problem.code.startswith(codes)]
            if loaded.value and not fatal:
                return data, loaded
            fatal = fatal or list(loaded.problems)
    raise InvalidInputError(
        f"{dossier.folder}: nothing can be added as long as the record cannot be read",
        code="add.record",
        hint=fatal[0].hint if fatal else "run `archive check`",
        problems=fatal,
    )


def _listed(value: Mapping[str, Any], section: str) -> list[Any]:
    listed = value.get(section)
    return listed if isinstance(listed, list) else []


def _ids(value: object) -> Iterator[object]:
    """Every `id` anywhere: a new one must differ from all of them."""
    if isinstance(value, list):
        for item in value:
            yield from _ids(item)
    elif isinstance(value, dict):
        yield value.get("id")
        for item in value.values():
            yield from _ids(item)


# One file


def _addition(folder: Path, source: Path, wish: Wish, taken: set[str]) -> Addition:
    try:
        size, digest, modified, head = _read(source)
    except OSError as error:
        if source.is_symlink() or (source.exists() and not source.is_file()):
            raise InvalidInputError(
                f"{source}: not a plain file", code="add.not_a_file", hint="name the file itself"
            ) from None
        reason = error.strerror or type(error).__name__
        raise InvalidInputError(
            f"{source}: cannot be read: {reason}", code="add.unreadable", hint="name a file that you may read"
        ) from None
    if size == 0:
        raise InvalidInputError(f"{source}: the file has 0 bytes", code="add.empty", hint="was the copy cut off?")
    media_type = wish.media_type or guess(source)
    if media_type == "application/octet-stream" and not wish.media_type:
        media_type = sniff_bytes(head, whole=size <= len(head)).media_type
    item: dict[str, Any] = {
        "id": _choose_id(wish.id, source, taken),
        "kind": wish.kind or _kind(media_type, source),
        "title": {wish.language: wish.title or source.name},
    }
    path = None if wish.form == "reference" else _place(folder, source)
    facts = {"size": str(size), "sha256": digest}
    if path is not None:
        item["path"] = path
    if wish.form == "held":
        item["held"] = "local"
    if wish.form == "withheld":
        item["withheld"] = "true"
    if wish.rows:
        item["rows"] = "true"
    item["media_type"] = media_type
    if wish.form == "reference":
        item["reference"] = facts
    else:
        item |= facts
    if wish.mapping is not None:
        item["mapping"] = dict(wish.mapping)
    item["captured"] = _captured(wish, modified)
    for name in ("licence", "sensitivity"):
        if getattr(wish, name):
            item[name] = getattr(wish, name)
    return Addition(source, path, item)


def _read(source: Path) -> tuple[int, str, datetime, bytes]:
    """Size, SHA-256, modification time and first bytes of a plain file, in one pass."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as handle:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a plain file")
        digest, size, head = hashlib.sha256(), 0, b""
        while block := handle.read(CHUNK_BYTES):
            head = head or block
            digest.update(block)
            size += len(block)
        return size, digest.hexdigest(), datetime.fromtimestamp(int(status.st_mtime), UTC), head


def _captured(wish: Wish, modified: datetime) -> dict[str, Any]:
    """When, by whom, how. The file's own time stands in for an unknown one, and says so."""
    captured: dict[str, Any] = {"at": wish.captured_at or modified.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if wish.captured_by:
        captured["by"] = wish.captured_by
    if wish.captured_how:
        captured["how"] = {wish.language: wish.captured_how}
    elif not wish.captured_at:
        captured["how"] = {"en": _MODIFIED}
    return captured


def _kind(media_type: str, source: Path) -> str:
    if source.suffix.lower() == ".log":
        return "api-log"
    return next((kind for start, kind in _KIND_BY_TYPE if media_type.startswith(start)), "other")


def _choose_id(wanted: str | None, source: Path, taken: set[str]) -> str:
    if wanted is not None:
        if wanted in taken:
            raise RefusedError(f"the id `{wanted}` is taken", code="add.id_taken", hint="give another with --id")
        return wanted
    slug = re.sub(r"[^0-9a-z]+", "-", source.stem.lower()).strip("-")[: MAX_ID - 4] or "evidence"
    candidates = (slug if number == 1 else f"{slug}-{number}" for number in range(1, 1000))
    for candidate in candidates:
        if candidate not in taken:
            return candidate
    raise RefusedError(f"there is no free id like `{slug}`", code="add.id_taken", hint="give one with --id")


def _place(folder: Path, source: Path) -> str:
    """Where the file goes: where it is when that is inside the dossier, else below evidence/."""
    inside, real = folder.resolve(), source.resolve()
    path = real.relative_to(inside).as_posix() if real.is_relative_to(inside) else f"{EVIDENCE_FOLDER}/{source.name}"
    try:
        return check_path(path)
    except InvalidInputError as error:
        raise InvalidInputError(
            error.message, code="add.path", hint="rename the file; letters, digits, - and . are safe everywhere"
        ) from None


def _refuse_duplicate(folder: Path, addition: Addition, listed: Sequence[Mapping[str, Any]]) -> None:
    size, digest = _facts(addition.item)
    for item in listed:
        name = item.get("id", "?")
        path = item.get("path")
        if addition.path is not None and path == addition.path:
            raise RefusedError(
                f"{addition.path}: is listed already, as `{name}`",
                code="add.duplicate",
                hint="give another file another name first, or edit that item in the record",
            )
        stated = _facts(item)[1]
        same = stated == digest if stated else isinstance(path, str) and _same_bytes(folder / path, size, digest)
        if same:
            raise RefusedError(
                f"{addition.source}: the same bytes are listed already, as `{name}`",
                code="add.duplicate",
                hint="one file is listed once; other items can name it in derived_from",
            )
    if addition.path is None:
        return
    target = folder / addition.path
    if (target.exists() or target.is_symlink()) and not _same_bytes(target, size, digest):
        raise RefusedError(
            f"{target}: another file is there already",
            code="add.exists",
            hint="rename the one that you want to add",
        )


def _facts(item: Mapping[str, Any]) -> tuple[int, str]:
    reference = item.get("reference")
    held = reference if isinstance(reference, dict) else item
    size = str(held.get("size", ""))
    return int(size) if size.isascii() and size.isdigit() and len(size) < 17 else -1, str(held.get("sha256", ""))


def _same_bytes(path: Path, size: int, digest: str) -> bool:
    try:
        if path.is_symlink() or path.stat().st_size != size:
            return False
        return _read(path)[1] == digest
    except OSError:
        return False


def _copy(source: Path, target: Path, digest: str) -> None:
    """Copy under another name, compare the hash, then give the file its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".adding-", dir=target.parent)
    partial = Path(name)
    try:
        found = hashlib.sha256()
        with os.fdopen(descriptor, "wb") as out, source.open("rb") as handle:
            while block := handle.read(CHUNK_BYTES):
                found.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if found.hexdigest() != digest:
            raise RefusedError(
                f"{source}: the file changed while it was being added",
                code="add.changed",
                hint="wait until it is complete, and run the command again",
            )
        partial.chmod(0o644)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


# The record's text


def _insert_json(value: Mapping[str, Any], items: Sequence[Mapping[str, Any]], section: str) -> bytes:
    whole = {**value, section: [*_listed(value, section), *(_json_item(item) for item in items)]}
    return (json.dumps(whole, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _json_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with the JSON types of its numbers and flags."""
    out: dict[str, Any] = {name: _json_item(part) if isinstance(part, dict) else part for name, part in item.items()}
    if isinstance(out.get("size"), str):
        out["size"] = int(out["size"])
    for name in ("withheld", "rows"):
        if name in out:
            out[name] = True
    if isinstance(out.get("header"), str):
        out["header"] = out["header"] == "true"
    return out


def _insert_yaml(text: str, items: Sequence[Mapping[str, Any]], section: str) -> bytes:
    found = _find_list(text, section)
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    if found is None:
        start = len(lines)
        while start and lines[start - 1].strip() == "...":
            start -= 1
        block = [newline, f"{section}:{newline}"] if start else [f"{section}:{newline}"]
        lines[start:start] = [*block, *_render(items, 2, newline)]
    elif found.empty:
        lines[found.first] = re.sub(r"\[\s*\]", "", lines[found.first], count=1).rstrip() + newline
        lines[found.first + 1 : found.first + 1] = _render(items, 2, newline)
    else:
        lines[found.after : found.after] = _render(items, found.indent, newline)
    return "".join(lines).encode("utf-8")


@dataclass(frozen=True, slots=True)
class _List:
    """A list in a YAML text: first line and line after it (0-based), the column of its dashes."""

    first: int
    after: int
    indent: int
    empty: bool


def _find_list(text: str, section: str) -> _List | None:
    """A top-level list; None when there is none. Raises `add.record_form` when it cannot be extended."""
    import yaml

    depth, key, inside, after, flow = 0, False, -1, 0, list[bool]()
    start: Any = None
    count = 0
    events: Iterator[Any] = yaml.parse(text, Loader=getattr(yaml, "CLoader", yaml.Loader))
    for event in events:
        kind = type(event).__name__
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            if depth == 1:
                key = not key
                if start is not None and inside < 0:
                    inside = depth
                    if kind != "SequenceStartEvent":
                        break
                    first_mark, is_flow = event.start_mark, bool(event.flow_style)
            count += depth == inside + 1 and inside > 0
            depth += 1
            flow.append(bool(event.flow_style))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            depth -= 1
            if flow.pop() and inside > 0:
                after = max(after, event.end_mark.line + 1)
            if depth == inside:
                return _extensible(section, start, first_mark, after, count, is_flow=is_flow)
        elif kind in ("ScalarEvent", "AliasEvent"):
            if depth == 1:
                key = not key
                if key and getattr(event, "value", None) == section:
                    start = event.start_mark
                elif start is not None and inside < 0:
                    break
            elif inside > 0:
                count += depth == inside + 1
                mark = event.end_mark
                after = max(
                    after, mark.line if mark.column == 0 and mark.line > event.start_mark.line else mark.line + 1
                )
    if start is None:
        return None
    raise _no_list(section)


def _extensible(section: str, start: Any, first: Any, after: int, count: int, *, is_flow: bool) -> _List:
    if is_flow and count == 0 and first.line == start.line:
        return _List(start.line, start.line + 1, 2, True)
    if is_flow:
        raise _no_list(section)
    return _List(first.line, after, first.column, False)


def _no_list(section: str) -> RefusedError:
    return RefusedError(
        f"the record's `{section}` is not a list with one `- ` an item, so nothing can be added to it",
        code="add.record_form",
        hint=f"write each item on lines of its own, or delete `{section}:` when it is empty",
    )


def _render(items: Sequence[Mapping[str, Any]], indent: int, newline: str) -> list[str]:
    lines: list[str] = []
    for item in items:
        for number, (name, value) in enumerate(item.items()):
            lead = " " * indent + ("- " if number == 0 else "  ")
            lines += [line + newline for line in _render_field(lead, indent + 2, name, value)]
    return lines


def _render_field(lead: str, indent: int, name: str, value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [f"{lead}{name}: {quote(str(value))}"]
    lines = [f"{lead}{name}:"]
    for inner, part in value.items():
        lines += _render_field(" " * (indent + 2), indent + 2, inner, part)
    return lines


def _prove(
    dossier: Dossier,
    loaded: LoadedRecord,
    after: bytes,
    items: Sequence[Mapping[str, Any]],
    section: str,
    *,
    is_json: bool,
) -> None:
    """The new text says what the old one said plus the items, and the items are sound."""
    again = load_record_bytes(after, str(dossier.record_file), json=is_json)
    added = [_json_item(item) if is_json else dict(item) for item in items]
    if again.value != {**loaded.value, section: [*_listed(loaded.value, section), *added]}:
        raise InternalError(
            f"{dossier.record_file}: the item could not be inserted without changing the rest",
            code="add.insert",
            hint="add it by hand; nothing was written",
        )
    old = {(problem.code, problem.pointer, problem.message) for problem in loaded.problems}
    faults = [
        problem
        for problem in again.problems
        if problem.severity == "error"
        and (problem.code, problem.pointer, problem.message) not in old
        and (problem.pointer or "").startswith(f"/{section}/")
    ]
    if faults:
        raise UsageError(
            "this cannot stand in a record",
            code="add.value",
            problems=[replace(problem, line=None, path=None) for problem in faults],
        )


def describe(plan: Plan) -> str:
    """The lines that the record gains, for a dry run."""
    return "".join(_render([addition.item for addition in plan.additions], 2, "\n"))


def remarks(plan: Plan) -> tuple[Problem, ...]:
    """What the user should know: files that are too large for git."""
    return tuple(
        Problem(
            "add.large",
            "the file is larger than 50 MiB, which git hosts do not take",
            path=str(plan.dossier.folder / addition.path),
            hint="keep it out of git: add it with --held, and list it in .gitignore",
            severity="warning",
        )
        for addition in plan.additions
        if addition.path is not None and "held" not in addition.item and addition.size > LARGE_BYTES
    )
