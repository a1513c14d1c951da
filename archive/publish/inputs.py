"""From a checked dossier to what the package is built from, and the safety scan of what would become public."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archive.errors import InvalidInputError, Problem, RefusedError, UsageError
from archive.evidence.gate import Examined, Group, examine_file, examine_stream
from archive.evidence.personal import RULE_NAMES
from archive.evidence.redact import parse_recipe, slot_faults
from archive.package import canonical
from archive.package.build import EvidenceInput, PackageInput
from archive.record.add import Plan as RecordPlan
from archive.record.add import carry_out, with_items
from archive.record.check import check_dossier
from archive.record.dossier import Dossier, load_dossier
from archive.record.load import load_record_bytes
from archive.record.models import EvidenceItem, IncidentRecord

DEFAULT_MEDIA_TYPE = "application/octet-stream"
PERSONAL = frozenset({*RULE_NAMES, "exif-gps"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A dossier that passed `archive check`. `pending`: the record's text with waivers that are not written yet."""

    dossier: Dossier
    record: IncidentRecord
    notes: tuple[Problem, ...]
    pending: RecordPlan | None = None

    @property
    def folder(self) -> Path:
        return self.dossier.folder

    @property
    def open_items(self) -> tuple[EvidenceItem, ...]:
        """Evidence whose bytes become part of the package."""
        return tuple(e for e in self.record.evidence if e.path is not None and not e.withheld)

    @property
    def withheld_items(self) -> tuple[EvidenceItem, ...]:
        return tuple(e for e in self.record.evidence if e.path is not None and e.withheld)

    @property
    def referenced_items(self) -> tuple[EvidenceItem, ...]:
        return tuple(e for e in self.record.evidence if e.reference is not None)

    @property
    def title(self) -> str:
        titles = self.record.title
        return titles.get("en") or next(iter(titles.values()))


@dataclass(frozen=True, slots=True)
class Waivers:
    """Hits that are let pass, as `RULE:PLACE`, with who says why: what stands in the record afterwards."""

    names: tuple[str, ...]
    reason: str = ""
    by: str = ""


def parse_waivers(texts: Sequence[str], reason: str | None, by: str | None) -> Waivers:
    """The options `--waive RULE:PLACE … --reason … --by …`.

    Raises:
        UsageError: `publish.bad_waiver`, `publish.waiver_unsigned`.
    """
    for text in texts:
        rule, separator, path = text.partition(":")
        if not separator or not rule or not path:
            raise UsageError(
                f"--waive {text}: not of the form RULE:PLACE",
                code="publish.bad_waiver",
                hint="take both from the finding, for example --waive private-key:evidence/chat.txt",
            )
    reason, by = (reason or "").strip(), (by or "").strip()
    if texts and not (reason and by):
        missing = " and ".join(name for name, value in (("--reason", reason), ("--by", by)) if not value)
        raise UsageError(
            f"--waive needs {missing}: why it may be public, and who says so",
            code="publish.waiver_unsigned",
            hint="both are published with the record: --reason 'a test account' --by editor",
        )
    if (reason or by) and not texts:
        raise UsageError("--reason and --by belong to --waive", code="publish.bad_waiver")
    return Waivers(tuple(dict.fromkeys(texts)), reason, by)


def with_waivers(draft: Draft, waivers: Waivers) -> Draft:
    """The draft with these waivers in its record. Nothing is written; `write_waivers` does.

    Raises:
        RefusedError: `add.record_form` when the record's text cannot take them.
        UsageError: `add.value`.
    """
    listed = {f"{waiver.rule}:{waiver.place}" for waiver in draft.record.waivers}
    items = []
    for name in waivers.names:
        rule, _, place = name.partition(":")
        if name not in listed:
            items.append({"rule": rule, "place": place, "reason": waivers.reason, "by": waivers.by})
    if not items:
        return draft
    plan = with_items(draft.dossier, "waivers", items)
    file = draft.dossier.record_file
    loaded = load_record_bytes(plan.after, str(file), json=file.suffix.lower() == ".json")
    if loaded.record is None:
        raise InvalidInputError(
            f"{file}: the waivers cannot stand in the record",
            code="publish.bad_waiver",
            hint="write them by hand under `waivers:`",
            problems=loaded.problems,
        )
    return replace(draft, record=loaded.record, pending=plan)


def write_waivers(draft: Draft) -> None:
    """Write the waivers into the dossier's record. Raises `add.changed` when it changed meanwhile."""
    if draft.pending is not None:
        carry_out(draft.pending)


def open_draft(folder: Path, *, code: str, scan: bool = False) -> Draft:
    """Check the dossier and load it; problems of severity error are all in the error raised.

    Args:
        code: the error's code, `pack.check_failed` or `publish.check_failed`.
        scan: whether to take a first look for secrets, which gives warnings.
    """
    report = check_dossier(folder, scan=scan)
    errors = [problem for problem in report.problems if problem.severity == "error"]
    if errors:
        raise InvalidInputError(
            f"{folder}: the dossier has {len(errors)} {'error' if len(errors) == 1 else 'errors'}",
            code=code,
            hint=f"mend them; 'archive check {folder}' shows them again",
            problems=report.problems,
        )
    dossier = load_dossier(folder)
    if dossier.record is None:
        # It was sound a moment ago.
        raise InvalidInputError(
            f"{folder}: the record was changed while it was being read",
            code="package.changed_while_read",
            hint="close the program that writes it, then run the same command again",
        )
    return Draft(dossier, dossier.record, tuple(report.problems))


def require_bytes(draft: Draft) -> None:
    """Files kept outside git (`held: local`) must be here now. Raises `pack.file_missing`, listing all that are not."""
    missing = [
        Problem(
            "pack.file_missing",
            "the file is not here; its bytes are needed now",
            path=str(draft.folder / item.path),
            hint="copy it to this place, or make it a reference (hash and size only)",
        )
        for item in (*draft.open_items, *draft.withheld_items)
        if item.path is not None and not (draft.folder / item.path).is_file()
    ]
    if missing:
        raise InvalidInputError(
            f"{draft.folder}: {len(missing)} evidence {'file is' if len(missing) == 1 else 'files are'} not here",
            code="pack.file_missing",
            hint="evidence with 'held: local' may be absent from git, not from a package",
            problems=missing,
        )


def package_input(draft: Draft) -> PackageInput:
    """What the package is built from: the record as written, and each evidence file."""
    record = draft.record
    evidence = tuple(
        EvidenceInput(
            id=item.id,
            path=item.path or "",
            media_type=item.media_type or DEFAULT_MEDIA_TYPE,
            source=draft.folder / (item.path or ""),
            withheld=bool(item.withheld),
            rows=bool(item.rows),
        )
        for item in (*draft.open_items, *draft.withheld_items)
    )
    return PackageInput(
        record=record.to_value(),
        incident=record.id,
        revision=record.revision,
        previous_root=record.supersedes,
        evidence=evidence,
    )


def examine(draft: Draft) -> Examined:
    """Read everything that would become public: the record, as written and as published, and each open file."""
    folder, record_file = draft.folder, draft.dossier.record_file
    allowed = _meant_to_be_public(draft.record)
    if draft.pending is None:
        found = examine_file(record_file, record_file.name, allowed=allowed)
    else:
        found = examine_stream(io.BytesIO(draft.pending.after), record_file.name, allowed=allowed)
    written = {(group.path, group.rule) for group in found.groups}
    # Escapes of YAML can hide what record.json will show.
    value = canonical.dumps(_without_withheld(draft.record.to_value()))
    published = examine_stream(io.BytesIO(value), record_file.name, allowed=allowed)
    found += Examined(tuple(group for group in published.groups if (group.path, group.rule) not in written))
    for item in draft.open_items:
        found += examine_file(folder / (item.path or ""), item.path or "", allowed=allowed)
    return found


def scan(draft: Draft, waivers: Sequence[str]) -> tuple[str, ...]:
    """The gate: nothing passes that was not read, or looked at by a person; the waivers that were needed come back.

    Args:
        waivers: those of the command line, which are in the draft's record as the others are.

    Raises:
        RefusedError: `publish.secret_found`, with a problem for each group of hits that was not waived
            (`publish.secret_found`, `publish.personal_data`), each archive that cannot be let through (`scan.…`) and
            each file that nobody reviewed (`publish.review_needed`).
        UsageError: `publish.unknown_waiver`, when all is waived and a waiver is left that fits nothing.
    """
    found = examine(draft)
    asked = tuple(dict.fromkeys(f"{waiver.rule}:{waiver.place}" for waiver in draft.record.waivers))
    used = {name for group in found.groups for name in (group.name, f"{group.rule}:{group.path}") if name in asked}
    problems = [_hit(draft, group) for group in found.groups if not {group.name, f"{group.rule}:{group.path}"} & used]
    problems += [
        Problem(item.code, item.why, path=str(draft.folder / item.path), hint=item.hint) for item in found.refused
    ]
    problems += _unreviewed(draft, found)
    problems += _slots(draft)
    if problems:
        places = "1 place" if len(problems) == 1 else f"{len(problems)} places"
        code = next((p.code for p in problems if p.code == "publish.secret_found"), problems[0].code)
        raise RefusedError(
            f"{draft.folder}: {places} must be looked at before this becomes public for good",
            code=code,
            hint="nothing was packed or sent; mend, redact or withhold each, or waive it in the record",
            problems=problems,
        )
    # A waiver that is kept for later would hide the next hit that happens to fit it.
    if unknown := [name for name in asked if name not in used]:
        names = list(dict.fromkeys(group.name for group in found.groups))
        where = "" if unknown[0] in waivers else " (in the record)"
        raise UsageError(
            f"--waive {unknown[0]}{where}: the safety scan finds nothing of this name",
            code="publish.unknown_waiver",
            hint=f"there is: {', '.join(names)}" if names else "leave it out: nothing has to be waived",
        )
    return asked


def _hit(draft: Draft, group: Group) -> Problem:
    secret = group.rule not in PERSONAL
    times = "" if group.count == 1 else f"{group.count:,} times, "
    column = "" if group.column is None else f" in {group.column}"
    return Problem(
        "publish.secret_found" if secret else "publish.personal_data",
        f"{group.rule}{column}: {times}{', '.join(group.examples)}",
        path=str(draft.folder / group.path),
        line=group.line,
        hint="remove it, redact it ('archive redact'), or withhold the file; "
        f"if it may be public, say why and who you are: --reason … --by … --waive {group.name}",
    )


def _slots(draft: Draft) -> list[Problem]:
    """Content that stands where a redaction says that nothing is."""
    problems: list[Problem] = []
    for item in draft.open_items:
        if item.redaction is None:
            continue
        path = draft.folder / (item.path or "")
        recipe = parse_recipe(item.redaction.model_dump(mode="json", exclude_unset=True))
        problems += [
            Problem(code, words, path=str(path), hint="redact the original again: 'archive redact'")
            for code, words in slot_faults(path, recipe)
        ]
    return problems


def _unreviewed(draft: Draft, found: Examined) -> list[Problem]:
    reviewed = {review.evidence for review in draft.record.reviews}
    owner = {item.path: item.id for item in draft.open_items}
    return [
        Problem(
            "publish.review_needed",
            f"{item.why}; a person must look first",
            path=str(draft.folder / item.path),
            hint=f"look through all of it, then add to the record: reviews: [{{evidence: "
            f"{owner.get(item.path.split('!', 1)[0], '…')}, by: your name, at: the day, what: what you looked for}}]",
        )
        for item in found.unread
        if owner.get(item.path.split("!", 1)[0]) not in reviewed
    ]


def _meant_to_be_public(record: IncidentRecord) -> frozenset[bytes]:
    """The contacts that the record gives so that people write there."""
    contact = record.contact
    texts = [credit.contact for credit in record.credits]
    if contact is not None:
        texts += [contact.email, contact.url, contact.name]
    words = {word.strip("<>(),;") for text in texts if text for word in text.split()}
    return frozenset(word.removeprefix("mailto:").encode() for word in words)


def _without_withheld(value: dict[str, Any]) -> dict[str, Any]:
    items = [{"id": i["id"]} if i.get("withheld") else i for i in value.get("evidence", [])]
    return {**value, "evidence": items}
