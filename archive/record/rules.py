"""Rules that need more than one field of a record: ids, times, attribution, evidence forms. Pure.

The rules read the plain value, not the models, and pass over what has the wrong shape: the models complain about that.
So one run lists the faults of both.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic_core import PydanticCustomError

from archive.errors import InvalidInputError
from archive.package.entries import check_path, fold
from archive.record.models import EVIDENCE_KINDS, ID_PATTERN, PRECISIONS, URL_PATTERN
from archive.record.problems import Fault
from archive.record.times import AHEAD, BEHIND, Instants, parse_time

# Lists whose items have ids, and what such an item is called.
SECTIONS: Mapping[str, str] = {
    "venues": "venue",
    "parties": "party",
    "timeline": "timeline entry",
    "claims": "claim",
    "statements": "statement",
    "commitments": "commitment",
    "figures": "figure",
    "remedies": "remedy",
    "demands": "demand",
    "questions": "question",
    "findings": "finding",
    "evidence": "evidence item",
    "references": "reference",
}
_ACTORS = frozenset({"party", "venue"})
_SAYS = frozenset({"reference", "evidence item", "statement", "party", "venue"})
_SHOWS = frozenset({"evidence item", "figure", "finding", "statement", "claim"})
_ABOUT = frozenset(SECTIONS.values()) - {"evidence item", "reference"}
# What the ids in a field of this name must stand for, wherever the field is.
_ID_FIELDS: Mapping[str, frozenset[str]] = {
    "sources": _SAYS,
    "evidence": frozenset({"evidence item"}),
    "venues": frozenset({"venue"}),
    "venue": frozenset({"venue"}),
    "parties": _ACTORS,
    "party": _ACTORS,
    "operator": _ACTORS,
    "claimed_by": _ACTORS,
    "evidence_for": _SHOWS,
    "evidence_against": _SHOWS,
    "contradicted_by": _SHOWS,
    "disputes": frozenset({"figure"}),
    "supersedes": frozenset({"figure"}),
    "figures": frozenset({"figure"}),
    "about": _ABOUT,
    "derived_from": frozenset({"evidence item"}),
}
_ACTOR_SECTIONS = frozenset({"commitments", "remedies", "demands", "questions"})
_STEP: Mapping[str, timedelta] = {
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
    "millisecond": timedelta(milliseconds=1),
}
_MAX_GUESSES = 1_000
_ID = re.compile(ID_PATTERN.removesuffix("$") + r"\Z")
_URL = re.compile(URL_PATTERN.removesuffix("$") + r"\Z")


@dataclass(frozen=True, slots=True)
class _Item:
    """One item of a section: where it is, what it is called, its fields."""

    pointer: str
    kind: str
    fields: Mapping[str, Any]

    @property
    def id(self) -> str | None:
        return _text(self.fields, "id")


def check_rules(value: Mapping[str, Any], *, published: bool = False) -> list[Fault]:
    """All faults of a record value between its fields.

    Args:
        value: the record as read, scalars as strings or as their JSON types.
        published: True for the `record.json` of a package, where withheld items are reduced to their commitment.
    """
    items = [
        _Item(pointer, kind, fields)
        for section, kind in SECTIONS.items()
        for pointer, fields in _maps(value, section, "")
    ]
    faults: list[Fault] = []
    faults += _check_ids(items)
    faults += _check_mentions(value, items)
    faults += _check_times(value)
    faults += _check_claims(items)
    faults += _check_attribution(items)
    faults += _check_figures(items)
    faults += _check_findings(value)
    faults += _check_evidence(value, published=published)
    faults += _check_gate(value, items)
    faults += _check_revisions(value)
    faults += _check_top(value)
    return faults


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    found = fields.get(name)
    return found if isinstance(found, str) else None


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    found = fields.get(name)
    return found if isinstance(found, list) else []


def _maps(fields: Mapping[str, Any], name: str, pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, item in enumerate(_list(fields, name)):
        if isinstance(item, dict):
            yield f"{pointer}/{name}/{number}", item


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# Ids


def _check_ids(items: Iterable[_Item]) -> Iterator[Fault]:
    first: dict[str, _Item] = {}
    for item in items:
        if item.id is None:
            continue
        if item.id in first:
            yield Fault(
                "record.duplicate_id",
                f"the id `{item.id[:64]}` is used twice (first by a {first[item.id].kind}, {first[item.id].pointer})",
                f"{item.pointer}/id",
                "all ids of a record are in one name space; give one of the two another id",
            )
        else:
            first[item.id] = item


def _check_mentions(value: Mapping[str, Any], items: Iterable[_Item]) -> Iterator[Fault]:
    kinds: dict[str, set[str]] = {}
    for item in items:
        if item.id is not None:
            kinds.setdefault(item.id, set()).add(item.kind)
    for section in SECTIONS:
        for pointer, fields in _maps(value, section, ""):
            for place, owner, found, allowed in _mentions(fields, pointer, section, _text(fields, "id")):
                yield from _check_mention(place, owner, found, allowed, kinds)


def _mentions(
    fields: Mapping[str, Any], pointer: str, section: str, owner: str | None
) -> Iterator[tuple[str, str | None, str, frozenset[str]]]:
    for name, found in fields.items():
        allowed = _ID_FIELDS.get(name)
        place = f"{pointer}/{name}"
        if name in ("by", "to") and (section in _ACTOR_SECTIONS) and isinstance(found, list):
            allowed = _ACTORS
        if name == "claim" and section == "claims" and "root" not in fields and isinstance(found, str):
            yield place, owner, found, frozenset({"claim"})
        elif allowed is not None and isinstance(found, str):
            yield place, owner, found, allowed
        elif allowed is not None and isinstance(found, list):
            for number, one in enumerate(found):
                if isinstance(one, str):
                    yield f"{place}/{number}", owner, one, allowed
        elif isinstance(found, list):
            for inner, part in _maps(fields, name, pointer):
                yield from _mentions(part, inner, section, owner)


def _check_mention(
    place: str, owner: str | None, found: str, allowed: frozenset[str], kinds: Mapping[str, set[str]]
) -> Iterator[Fault]:
    if not _ID.match(found):
        return  # the models complain
    if found not in kinds:
        # Only in records of a size that a person writes: the search compares with every id.
        near = difflib.get_close_matches(found, kinds, n=1) if len(kinds) < _MAX_GUESSES else []
        hint = f"did you mean `{near[0]}`?" if near else f"add a {' or '.join(sorted(allowed))} with this id"
        yield Fault("record.unknown_id", f"nothing in this record has the id `{found}`", place, hint)
    elif not kinds[found] & allowed:
        yield Fault(
            "record.wrong_kind",
            f"`{found}` is a {' and '.join(sorted(kinds[found]))}; here stands a {' or '.join(sorted(allowed))}",
            place,
            "name one of those",
        )
    elif found == owner:
        yield Fault("record.self_reference", f"`{found}` refers to itself", place, "delete it")


# Times


def _check_times(value: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _precisions(value, "")
    yield from _periods(value, "")
    occurred = value.get("occurred")
    bounds = _interval(occurred) if isinstance(occurred, dict) else None
    yield from _check_timeline(value, bounds, open_end=isinstance(occurred, dict) and "end" not in occurred)
    for pointer, statement in _maps(value, "statements", ""):
        yield from _in_order(statement, pointer, "versions", ("made_at", "seen_at"))
        for inner, version in _maps(statement, "versions", pointer):
            yield from _after(version, inner, "made_at", "seen_at")
    for section in ("demands", "questions"):
        for pointer, request in _maps(value, section, ""):
            yield from _in_order(request, pointer, "answers", ("at",))
            for inner, answer in _maps(request, "answers", pointer):
                yield from _after({**answer, "made_at": request.get("made_at")}, inner, "made_at", "at")
    for pointer, item in _maps(value, "evidence", ""):
        yield from _in_order(item, pointer, "custody", ("at",))
    for pointer, reference in _maps(value, "references", ""):
        yield from _after(reference, pointer, "published_at", "retrieved_at")
    yield from _in_order(value, "", "revisions", ("at",))


def _parse(text: object, precision: object = None) -> Instants | None:
    """The instants that a written time means at its stated precision; None for what is no time."""
    if not isinstance(text, str):
        return None
    try:
        instants = parse_time(text)
    except PydanticCustomError:
        return None
    step = _STEP.get(precision) if isinstance(precision, str) else None
    if step is None or instants.precision not in _STEP:
        return instants
    try:
        return Instants(instants.earliest, instants.earliest + step, str(precision))
    except OverflowError:
        return instants


_TIMES = ("at", "start", "end", "made_at", "seen_at", "as_of", "announced_at", "published_at", "retrieved_at")


def _precisions(value: object, pointer: str) -> Iterator[Fault]:
    """Every time is written at least to its stated precision, and no finer."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _precisions(item, f"{pointer}/{number}")
    if not isinstance(value, dict):
        return
    precision = value.get("precision")
    for name, item in value.items():
        if name in _TIMES and precision in PRECISIONS:
            yield from _check_precision(item, precision, f"{pointer}/{name}")
        elif isinstance(item, (dict, list)):
            yield from _precisions(item, f"{pointer}/{name}")


def _check_precision(text: object, precision: str, pointer: str) -> Iterator[Fault]:
    instants = _parse(text)
    if instants is None or not isinstance(text, str):
        return
    written, stated = PRECISIONS.index(instants.precision), PRECISIONS.index(precision)
    if written < stated:
        yield Fault(
            "record.precision",
            f"{text} is written to the {instants.precision} but its precision is said to be {precision}",
            pointer,
            "write the time out, or state the coarser precision",
        )
    elif (precision not in _STEP and written > stated) or _finer(text, precision):
        yield Fault(
            "record.precision",
            f"{text} is written more finely than its precision, {precision}",
            pointer,
            "write zeros below the precision (05:12:00 for a minute), and a date alone for a day",
        )


def _finer(text: str, precision: str) -> bool:
    """True when the parts of a full time below its precision are not zero."""
    clock = re.search(r"T(\d\d):(\d\d):(\d\d)(?:\.(\d{3}))?", text)
    if clock is None or precision not in _STEP:
        return False
    parts = [int(part or 0) for part in clock.groups()]
    keep = {"hour": 1, "minute": 2, "second": 3, "millisecond": 4}[precision]
    return any(parts[keep:])


def _interval(fields: Mapping[str, Any]) -> tuple[Instants, Instants] | None:
    """Start and end of a period, entry or instant (both the same then); None when there is no usable time."""
    precision = fields.get("precision")
    at = _parse(fields.get("at"), precision)
    if at is not None:
        return at, at
    start = _parse(fields.get("start"), precision)
    if start is None:
        return None
    end = _parse(fields.get("end"), precision)
    return start, end or start


def _before(later: Instants, earlier: Instants) -> bool:
    """True when `later` certainly lies before `earlier`, whatever instants the two mean.

    Two dates are compared as dates: they are taken to be of one time zone.
    """
    if not (later.precision in _STEP or earlier.precision in _STEP):
        return later.latest - BEHIND <= earlier.earliest + AHEAD
    return later.latest <= earlier.earliest and later.earliest < earlier.earliest


def _periods(value: object, pointer: str) -> Iterator[Fault]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _periods(item, f"{pointer}/{number}")
    if not isinstance(value, dict):
        return
    start, end = (_parse(value.get(name), value.get("precision")) for name in ("start", "end"))
    if start is not None and end is not None and _before(end, start):
        yield Fault(
            "record.time_order",
            f"it ends ({value['end']}) before it starts ({value['start']})",
            f"{pointer}/end",
            "swap the two, or check the offsets",
        )
    for name, item in value.items():
        if isinstance(item, (dict, list)):
            yield from _periods(item, f"{pointer}/{name}")


def _check_timeline(
    value: Mapping[str, Any], occurred: tuple[Instants, Instants] | None, *, open_end: bool
) -> Iterator[Fault]:
    latest: tuple[Instants, str] | None = None
    for pointer, entry in _maps(value, "timeline", ""):
        given = [name for name in ("at", "start", "end") if name in entry]
        if given not in (["at"], ["start", "end"]) and sorted(given) != ["end", "start"]:
            yield Fault(
                "record.timeline_time",
                "an entry has either `at`, or both `start` and `end`",
                pointer,
                "an instant has `at`; what lasts has `start` and `end`",
            )
        span = _interval(entry)
        if span is None:
            continue
        if latest is not None and _before(span[0], latest[0]):
            yield Fault(
                "record.timeline_order",
                f"the entry is earlier than the one before it ({latest[1]})",
                pointer,
                "list the entries in order of time",
            )
        if latest is None or not _before(span[0], latest[0]):
            latest = span[0], str(entry.get("at", entry.get("start")))
        if occurred is not None and "outside_occurred" not in entry:
            early, late = _before(span[0], occurred[0]), not open_end and _before(occurred[1], span[1])
            if early or late:
                yield Fault(
                    "record.outside_occurred",
                    f"the entry lies {'before' if early else 'after'} the time in `occurred`",
                    pointer,
                    "mark background and aftermath with `outside_occurred: true`, or widen `occurred`",
                )


def _in_order(fields: Mapping[str, Any], pointer: str, name: str, times: tuple[str, ...]) -> Iterator[Fault]:
    for time in times:
        last: Instants | None = None
        for inner, item in _maps(fields, name, pointer):
            this = _parse(item.get(time), item.get("precision"))
            if this is None:
                continue
            if last is not None and _before(this, last):
                yield Fault(
                    "record.time_order",
                    f"`{time}` is earlier than in the item before it",
                    f"{inner}/{time}",
                    "list them from the first to the last",
                )
            last = this


def _after(fields: Mapping[str, Any], pointer: str, first: str, second: str) -> Iterator[Fault]:
    start = _parse(fields.get(first), fields.get("precision"))
    end = _parse(fields.get(second), fields.get("precision"))
    if start is not None and end is not None and _before(end, start):
        yield Fault(
            "record.time_order", f"`{second}` is earlier than `{first}`", f"{pointer}/{second}", "check the two times"
        )


# Claims, figures, attribution


def _check_claims(items: Iterable[_Item]) -> Iterator[Fault]:
    for item in items:
        if item.kind != "claim":
            continue
        status, against = item.fields.get("status"), _list(item.fields, "contradicted_by")
        if status == "contradicted" and not against:
            yield Fault(
                "record.contradicted_by_missing",
                "the claim is contradicted but nothing says by what",
                item.pointer,
                "add `contradicted_by: […]` with ids of claims, figures, statements or evidence items",
            )
        if status in ("asserted", "corroborated") and against:
            yield Fault(
                "record.claim_status",
                f"the claim names what contradicts it but its status is {status}",
                f"{item.pointer}/status",
                "is it disputed or contradicted?",
                "warning",
            )
        if status == "corroborated" and not _list(item.fields, "evidence_for"):
            yield Fault(
                "record.claim_status",
                "the claim is corroborated but names nothing that speaks for it",
                f"{item.pointer}/status",
                "add `evidence_for: […]`, or write asserted",
                "warning",
            )
        for pointer, relation in _maps(item.fields, "relations", item.pointer):
            if "root" not in relation and ("incident" in relation or "publisher" in relation):
                yield Fault(
                    "record.relation_root",
                    "the relation names another package without its root",
                    pointer,
                    "add `root: …`, the 64 hex digits of that package",
                )


def _check_attribution(items: Iterable[_Item]) -> Iterator[Fault]:
    """Nothing stands in a record without somebody who says so."""
    for item in items:
        fields = item.fields
        said = bool(_list(fields, "sources") or _list(fields, "evidence"))
        if item.kind == "figure" and not (said or _list(fields, "claimed_by")):
            yield _unattributed(item, "`claimed_by`, `sources` or `evidence`", "error")
        elif item.kind == "timeline entry" and not said:
            yield _unattributed(item, "`sources` or `evidence`", "error")
        elif item.kind in ("claim", "commitment", "remedy") and not (said or _list(fields, "evidence_for")):
            yield _unattributed(item, "`sources` or `evidence`", "warning")


def _unattributed(item: _Item, fields: str, severity: Any) -> Fault:
    return Fault(
        "record.unattributed", f"the {item.kind} does not say where it is from", item.pointer, f"add {fields}", severity
    )


def _check_figures(items: Iterable[_Item]) -> Iterator[Fault]:
    from decimal import Decimal, InvalidOperation

    for item in items:
        low, high = _text(item.fields, "value"), _text(item.fields, "value_to")
        if item.kind != "figure" or low is None or high is None:
            continue
        try:
            backwards = Decimal(high) <= Decimal(low)
        except InvalidOperation:
            continue
        if backwards:
            yield Fault(
                "record.figure_range",
                f"the range ends ({high[:40]}) where it starts or below ({low[:40]})",
                f"{item.pointer}/value_to",
                "`value` is the lower end, `value_to` the upper; a single number has only `value`",
            )


# Findings


def _check_findings(value: Mapping[str, Any]) -> Iterator[Fault]:
    """Either inputs, and a result that can be recomputed, or the word that the inputs are not published."""
    for pointer, finding in _maps(value, "findings", ""):
        marked = "not_recomputable" in finding
        if marked and "result" in finding:
            yield Fault(
                "record.finding_form",
                "a finding that is not recomputable has no result of its own",
                pointer,
                "delete one of the two; the number itself stands as a figure or claim",
            )
        inputs = _list(finding, "inputs")
        if not inputs and not marked:
            yield Fault(
                "record.finding_form",
                "the finding has no inputs, so nobody could compute it again",
                pointer,
                "name them, or write `not_recomputable: inputs not published`",
            )
        seen = set[tuple[str | None, str | None]]()
        for place, item in _maps(finding, "inputs", pointer):
            pair = (_text(item, "evidence"), _text(item, "role"))
            if pair in seen:
                yield Fault("record.finding_form", "the input stands twice in this role", place, "delete one")
            seen.add(pair)


# Evidence


def _check_evidence(value: Mapping[str, Any], *, published: bool) -> Iterator[Fault]:
    paths: dict[str, tuple[str, str]] = {}
    for pointer, item in _maps(value, "evidence", ""):
        yield from _check_form(item, pointer, published=published)
        kind = _text(item, "kind")
        if kind is not None and kind not in EVIDENCE_KINDS and _ID.match(kind):
            near = difflib.get_close_matches(kind, EVIDENCE_KINDS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "known: " + ", ".join(EVIDENCE_KINDS)
            yield Fault(
                "record.evidence_kind", f"the kind `{kind}` is not a known one", f"{pointer}/kind", hint, "warning"
            )
        path = _text(item, "path")
        if path is not None:
            yield from _check_item_path(path, f"{pointer}/path", paths)
    yield from _check_nesting(paths)
    yield from _check_derivation(value)


def _check_form(item: Mapping[str, Any], pointer: str, *, published: bool) -> Iterator[Fault]:
    if "commitment" in item:
        if not published:
            yield _form(pointer, "`commitment` is filled in when the package is built", "delete the line")
        elif set(item) != {"id", "withheld", "commitment"}:
            yield _form(pointer, "a withheld item in a published record has only id, withheld and commitment", None)
        return
    forms = [name for name in ("held", "withheld", "reference") if name in item]
    if len(forms) > 1:
        yield _form(pointer, f"an item is either {' or '.join(forms)}, not both", "keep one of them")
    elif forms == ["reference"] and "path" in item:
        yield _form(pointer, "a reference has no path: its file is not part of the package", "delete one of the two")
    elif not forms and "path" not in item:
        yield _form(pointer, "the item has neither a `path` nor a `reference`", "add the path of the file")
    elif forms and forms != ["reference"] and "path" not in item:
        yield _form(pointer, f"an item with `{forms[0]}` needs a `path`", "add the path of the file")
    if forms == ["reference"]:
        for name in ("size", "sha256"):
            if name in item:
                yield _form(f"{pointer}/{name}", f"`{name}` belongs inside `reference`", "move it there")
    if "held" in item:
        for name in ("size", "sha256"):
            if name not in item:
                yield _form(
                    pointer, f"an item that is held locally needs `{name}`", "`archive add FILE --held` writes it"
                )
    if published and "withheld" in item:
        yield _form(pointer, "a withheld item in a published record has only id, withheld and commitment", None)
    for name in ("kind", "media_type"):
        if name not in item:
            yield Fault(
                "record.missing_field", f"the field `{name}` is missing", pointer, "`archive add FILE` writes it"
            )


def _check_gate(value: Mapping[str, Any], items: Iterable[_Item]) -> Iterator[Fault]:
    """Reviews name an evidence item, a redaction its original; lines are committed to where a file is withheld."""
    known = {item.id for item in items if item.kind == "evidence item"}
    for pointer, review in _maps(value, "reviews", ""):
        named = _text(review, "evidence")
        if named is not None and _ID.match(named) and named not in known:
            yield Fault(
                "record.unknown_id",
                f"no evidence item has the id `{named}`",
                f"{pointer}/evidence",
                "name the item that was looked at",
            )
    for pointer, item in _maps(value, "evidence", ""):
        if "redaction" in item and not _list(item, "derived_from"):
            yield Fault(
                "record.redaction_of",
                "the item is a redaction, but nothing says of what",
                f"{pointer}/redaction",
                "add `derived_from: [id of the original]`; the original can be withheld",
            )
        if "rows" in item and "withheld" not in item:
            yield _form(f"{pointer}/rows", "`rows` is for withheld tables", "delete the line, or withhold the file")


def _form(pointer: str, message: str, hint: str | None) -> Fault:
    return Fault("record.evidence_form", message, pointer, hint)


def _check_item_path(path: str, pointer: str, paths: dict[str, tuple[str, str]]) -> Iterator[Fault]:
    try:
        check_path(path)
    except InvalidInputError as error:
        if error.code.startswith("manifest."):  # text faults are the reader's
            yield Fault(
                "record.path",
                error.message,
                pointer,
                "a path inside the dossier, with / between folders: evidence/log.csv",
            )
        return
    folded = fold(path)
    if folded in paths:
        other, place = paths[folded]
        if other == path:
            yield Fault("record.duplicate_path", f"the file is listed twice (first at {place})", pointer, "delete one")
        else:
            yield Fault(
                "record.path_collision",
                f"the path differs from {other[:80]!r} only by case or Unicode form: one file on some systems",
                pointer,
                "rename one of the two files",
            )
    else:
        paths[folded] = (path, pointer)


def _check_nesting(paths: Mapping[str, tuple[str, str]]) -> Iterator[Fault]:
    for folded, (path, pointer) in paths.items():
        parts = folded.split("/")
        for end in range(1, len(parts)):
            other = paths.get("/".join(parts[:end]))
            if other is not None:
                yield Fault(
                    "record.path_collision",
                    f"{path[:80]!r} lies inside {other[0][:80]!r}, which is a file itself",
                    pointer,
                    "rename one of the two",
                )


def _check_derivation(value: Mapping[str, Any]) -> Iterator[Fault]:
    parents: dict[str, list[str]] = {}
    places: dict[str, str] = {}
    for pointer, item in _maps(value, "evidence", ""):
        name = _text(item, "id")
        if name is not None and name not in parents:
            parents[name] = [one for one in _list(item, "derived_from") if isinstance(one, str) and one != name]
            places[name] = pointer
    settled: set[str] = set()
    for name in parents:
        # Depth-first without recursion: a chain of thousands of items is legal.
        path: list[str] = []
        on_path: set[str] = set()
        stack = [(name, False)]
        while stack:
            current, leaving = stack.pop()
            if leaving:
                on_path.discard(path.pop())
                settled.add(current)
                continue
            if current in on_path:
                yield Fault(
                    "record.derived_cycle",
                    f"`{current}` is derived from itself, by way of {', '.join(path[path.index(current) + 1 :])}",
                    f"{places[current]}/derived_from",
                    "an item can only be derived from earlier ones",
                )
                continue
            if current in settled or current not in parents:
                continue
            path.append(current)
            on_path.add(current)
            stack.append((current, True))
            stack.extend((parent, False) for parent in parents[current])


# The record as a whole


def _check_revisions(value: Mapping[str, Any]) -> Iterator[Fault]:
    revision = _number(value.get("revision"))
    if revision is None:
        return
    numbers = [_number(fields.get("revision")) for _, fields in _maps(value, "revisions", "")]
    listed = _list(value, "revisions")
    if listed and len(numbers) == len(listed) and None not in numbers and numbers != list(range(1, len(numbers) + 1)):
        yield Fault(
            "record.revisions", "the revisions are not numbered 1, 2, 3 … in order", "/revisions", "renumber them"
        )
    elif listed and len(listed) != revision:
        yield Fault(
            "record.revisions",
            f"this is revision {revision}, but reasons are given for {len(listed)}",
            "/revisions",
            "add a reason for each revision, the present one included",
        )
    if revision == 1 and "supersedes" in value:
        yield Fault(
            "record.supersedes",
            "revision 1 cannot supersede another revision",
            "/supersedes",
            "delete the line, or raise `revision`",
        )
    if revision > 1 and "supersedes" not in value:
        yield Fault(
            "record.supersedes",
            f"revision {revision} does not say which root it replaces",
            "/revision",
            "add `supersedes: …`; `archive show ID` prints the root of the last revision",
            "warning",
        )


def _check_top(value: Mapping[str, Any]) -> Iterator[Fault]:
    contact = value.get("contact")
    if isinstance(contact, dict) and not contact.keys() & {"email", "url", "text"}:
        yield Fault("record.contact", "the contact gives no way to be reached", "/contact", "add email, url or text")
    for number, related in enumerate(_list(value, "related")):
        if isinstance(related, str) and related.strip() and not (_ID.match(related) or _URL.match(related)):
            yield Fault(
                "record.related",
                "this is neither an incident id nor a web address",
                f"/related/{number}",
                "2022-11-ftx-collapse, or https://…",
            )
    roots: set[str] = set()
    for pointer, include in _maps(value, "includes", ""):
        root = _text(include, "root")
        if root is not None and root in roots:
            yield Fault("record.duplicate_include", "the package is included twice", f"{pointer}/root", "delete one")
        roots.add(root or "")
    yield from _check_languages(value, "")
    title, summary = value.get("title"), value.get("summary")
    if isinstance(title, dict) and isinstance(summary, dict) and title.keys() != summary.keys():
        missing = ", ".join(sorted(title.keys() ^ summary.keys()))
        yield Fault(
            "record.languages",
            f"title and summary are not in the same languages ({missing})",
            "/summary",
            "write both in each language, or delete the one that stands alone",
            "warning",
        )


def _check_languages(value: object, pointer: str) -> Iterator[Fault]:
    """No language twice in one map: `zh-hans` and `zh-Hans` are the same (BCP 47, section 2.1.1)."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _check_languages(item, f"{pointer}/{number}")
    elif isinstance(value, dict):
        folded: dict[str, str] = {}
        for name, item in value.items():
            other = folded.setdefault(name.lower(), name)
            if other != name and isinstance(item, str):
                yield Fault(
                    "record.language_twice", f"`{name}` and `{other}` are the same language", f"{pointer}/{name}", None
                )
            if isinstance(item, (dict, list)):
                yield from _check_languages(item, f"{pointer}/{name}")
