"""From a checked dossier to what the package is built from, and the safety scan of what would become public."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archive.errors import InvalidInputError, Problem, RefusedError, UsageError
from archive.evidence.scan import scan_paths
from archive.package.build import EvidenceInput, PackageInput
from archive.record.check import check_dossier
from archive.record.dossier import Dossier, load_dossier
from archive.record.models import EvidenceItem, IncidentRecord

DEFAULT_MEDIA_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Draft:
    """A dossier that passed `archive check`."""

    dossier: Dossier
    record: IncidentRecord
    notes: tuple[Problem, ...]

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


def parse_waivers(texts: Sequence[str]) -> tuple[str, ...]:
    """Check `--waive RULE:PATH` options. Raises `publish.bad_waiver`."""
    for text in texts:
        rule, separator, path = text.partition(":")
        if not separator or not rule or not path:
            raise UsageError(
                f"--waive {text}: not of the form RULE:PATH",
                code="publish.bad_waiver",
                hint="take both from the finding, for example --waive private-key:evidence/chat.txt",
            )
    return tuple(dict.fromkeys(texts))


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
            f"{folder}: the record was changed while it was being read", code="package.changed_while_read"
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


def scan(draft: Draft, waivers: Sequence[str]) -> tuple[str, ...]:
    """Look for secrets in everything that would become public; the waivers that were needed come back.

    Raises:
        RefusedError: `publish.secret_found`, with one problem for each finding that was not waived.
        UsageError: `publish.unknown_waiver`, when all is waived and a waiver is left that fits no finding.
    """
    public = [draft.dossier.record_file, *(draft.folder / (item.path or "") for item in draft.open_items)]
    findings = scan_paths(public, base=draft.folder)
    problems = [
        Problem(
            "publish.secret_found",
            f"{finding.rule}: {finding.excerpt}",
            path=str(draft.folder / finding.path),
            line=finding.line,
            hint=f"remove it, or withhold the file; if it is harmless: --waive {finding.name}",
        )
        for finding in findings
        if finding.name not in waivers
    ]
    if problems:
        places = "1 place looks" if len(problems) == 1 else f"{len(problems)} places look"
        raise RefusedError(
            f"{draft.folder}: {places} like a secret that would become public for good",
            code="publish.secret_found",
            hint="nothing was packed or sent; look at each place above",
            problems=problems,
        )
    found = tuple(dict.fromkeys(finding.name for finding in findings))
    # A waiver that is kept for later would hide the next secret that happens to fit it.
    if unknown := [name for name in waivers if name not in found]:
        raise UsageError(
            f"--waive {unknown[0]}: the safety scan finds nothing of this name",
            code="publish.unknown_waiver",
            hint=f"there is: {', '.join(found)}" if found else "leave it out: nothing has to be waived",
        )
    return found
