"""Reads dossiers, proof bundles and the workspace into a `Site`. Asks nobody over a network.

A bundle is held against the rules of `archive verify --offline` first: one that fails is not shown, and named as a
problem. What the workspace's own chain says of retractions and endorsements is read from its database.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archive.bundle import MAX_BUNDLE_BYTES, ProofBundle, parse_bundle
from archive.errors import ArchiveError, InvalidInputError
from archive.package import canonical
from archive.package.manifest import Manifest, from_leaves
from archive.site.model import Act, Anchor, BundleFile, EvidenceFile, Held, Incident, Json, Place, Reply, Revision, Site
from archive.site.workers import spread
from archive.workspace import Workspace

if TYPE_CHECKING:
    from archive.trust import TrustFile
    from archive.verify.outcome import AnchorSummary, Outcome

CHUNK_BYTES: Final = 1 << 20
MAX_UNPACKED: Final = 1 << 30  # bytes of evidence of one package that are taken out of the local store for a site
# Chains by number; a number is a claim of the proof, so a name is only a name.
_NETWORKS: Final = {56: "bsc", 97: "bsc-testnet", 31337: "anvil", 4800817: "local"}
_PUBLIC: Final = frozenset({56})
_STAMPS: Final = ("rfc3161", "opentimestamps", "not_before")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Sources:
    """What to read: dossier folders, bundle files, the workspace (None: none). `scratch` is a folder to unpack in."""

    dossiers: tuple[Path, ...]
    bundles: tuple[Path, ...]
    workspace: Workspace | None
    scratch: Path
    progress: Progress = field(default=lambda done, total: None)


def gather(sources: Sources, *, base_url: str | None, verifier: bytes | None) -> Site:
    """Read everything.

    Raises:
        InvalidInputError: `site.record` for a dossier whose record has errors, with all of them.
    """
    problems: list[str] = []
    trust = _trust(sources.workspace)
    bundles = _bundle_files(sources)
    total = len(bundles) + len(sources.dossiers)
    published: dict[tuple[str, str | None], dict[str, Revision]] = defaultdict(dict)
    for done, path in enumerate(bundles):
        sources.progress(done, total)
        try:
            revision = _from_bundle(path, sources, trust)
        except ArchiveError as error:
            place = "" if error.message.startswith(str(path)) else f"{path}: "
            problems.append(f"{place}{error.message} [{error.code}]")
            continue
        if revision.root is not None:
            line = published[str(revision.record["id"]), revision.publisher]
            line[revision.root] = min(revision, line.get(revision.root, revision), key=_worth)
    drafts: dict[str, Revision] = {}
    for done, (folder, read) in enumerate(zip(sources.dossiers, spread(_try_dossier, sources.dossiers), strict=True)):
        sources.progress(len(bundles) + done, total)
        draft = read or _from_dossier(folder)
        drafts[str(draft.record["id"])] = draft
    sources.progress(total, total)
    incidents = _incidents(published, drafts, trust)
    return Site(with_replies(incidents), base_url, verifier, tuple(problems))


# ------------------------------------------------------------------------------------------------------------ bundles


def _trust(workspace: Workspace | None) -> TrustFile:
    from archive.trust import TrustFile, load_trust

    return load_trust(workspace.trust_file) if workspace is not None else TrustFile()


def _bundle_files(sources: Sources) -> list[Path]:
    """The bundles named, those of the workspace, and those that its catalogue lists and its store holds."""
    found: dict[Path, Path] = {path.resolve(): path for path in reversed(sources.bundles)}
    space = sources.workspace
    if space is not None:
        more = sorted(space.bundles.glob("*.proof.json"))
        from archive.stores.catalogue import load_catalogue
        from archive.stores.local import LocalStore

        catalogue = load_catalogue(space.catalogue_file)
        if catalogue is not None:
            store = LocalStore(space.store)
            held = (store.file_path(entry.bundle) for entry in catalogue.entries)
            more += [path for path in held if path.is_file()]
        for path in more:
            found.setdefault(path.resolve(), path)
    return [found[path] for path in sorted(found)]


def _worth(revision: Revision) -> tuple[int, int, int, str]:
    """Of two bundles of one root the one that proves more comes first; what nobody signed counts for little."""
    digest = revision.bundle.sha256 if revision.bundle is not None else ""
    return (
        -sum(anchor.signed + anchor.in_chain for anchor in revision.anchors),
        -len(revision.anchors),
        -len(revision.stamps),
        digest,
    )


def _from_bundle(path: Path, sources: Sources, trust: TrustFile) -> Revision:
    data = _bytes_of(path)
    bundle = parse_bundle(data, name=str(path))
    manifest = from_leaves(bundle.entries)
    record = _record_of(bundle, manifest)
    outcome = _judge(bundle, trust, sources.workspace)
    files = tuple(_package_files(bundle, manifest, record, sources))
    retractions_known, acts = _acts(bundle, trust, sources.workspace)
    header = manifest.header
    return Revision(
        number=header.revision,
        record=record,
        record_json=canonical.dumps(dict(record)),
        files=files,
        root=bundle.root,
        content_id=bundle.content_id,
        publisher=header.publisher,
        previous_root=header.previous_root,
        manifest_json=manifest.to_bytes(),
        bundle=BundleFile(
            f"{header.incident}-r{header.revision}.proof.json", hashlib.sha256(data).hexdigest(), len(data), path
        ),
        anchors=tuple(_anchor(summary, header.publisher) for summary in outcome.anchors),
        stamps=tuple(str(s["kind"]) if s["kind"] in _STAMPS else "other" for s in bundle.stamps),
        acts=acts,
        acts_asked=retractions_known,
        places=tuple(_places(sources.workspace, header.incident, header.revision, bundle.root)),
    )


def _bytes_of(path: Path) -> bytes:
    """What is parsed, judged and handed out are the same bytes: read once, and no pipe or device is waited for."""
    try:
        if path.is_file():
            with path.open("rb") as handle:
                return handle.read(MAX_BUNDLE_BYTES + 1)
        reason: str | None = "it is no file"
    except OSError as error:
        reason = error.strerror
    raise InvalidInputError(f"{path}: cannot be read: {reason}", code="bundle.unreadable")


def _record_of(bundle: ProofBundle, manifest: Manifest) -> Json:
    """The record of a bundle, which must be the one under its root and of a schema that this version reads."""
    if bundle.record is None:
        raise InvalidInputError("the bundle does not carry the record", code="site.no_record")
    raw = canonical.dumps(bundle.record)
    if hashlib.sha256(raw).hexdigest() != manifest.record.sha256:
        raise InvalidInputError("its record is not the one under its root", code="site.other_record")
    from pydantic import ValidationError

    from archive.record.models import IncidentRecord

    try:
        IncidentRecord.model_validate(bundle.record)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise InvalidInputError(
            f"its record is not of schema 1 ({'/'.join(map(str, first['loc']))}: {first['msg']})",
            code="site.record_schema",
        ) from None
    return bundle.record


def _judge(bundle: ProofBundle, trust: TrustFile, workspace: Workspace | None) -> Outcome:
    """The verdict of `archive verify --offline`; a bundle that fails is refused with the first failed check."""
    from archive.verify.checks import judge
    from archive.verify.facts import Facts
    from archive.verify.nodes import ask_chain
    from archive.verify.policy import Policy

    facts = Facts(
        target="site",
        asked=None,
        bundle=bundle,
        files=(),
        trust=trust,
        offline=True,
        anchors=tuple(ask_chain(bundle, (), {}, trust, workspace)),
    )
    outcome = judge(facts, Policy())
    failed = next((check for check in outcome.checks if check.status == "fail"), None)
    if failed is not None:
        raise InvalidInputError(
            f"does not verify: {failed.code}: {failed.note or failed.subject}",
            code="site.bundle_fails",
            hint="`archive verify` shows every check",
        )
    return outcome


def _anchor(summary: AnchorSummary, publisher: str | None) -> Anchor:
    proven = summary.proven
    told = proven.direct or (summary.registry_name is not None and summary.header_agreed)
    return Anchor(
        chain_id=proven.chain_id,
        registry=proven.registry,
        publisher=proven.publisher,
        transaction=proven.tx_hash,
        block=proven.block_number,
        block_hash=proven.block_hash,
        time=proven.timestamp,
        ordinal=proven.ordinal,
        network=_NETWORKS.get(proven.chain_id),
        test=proven.chain_id not in _PUBLIC,
        signed=told and proven.publisher == publisher,
        in_chain=summary.header_agreed,
    )


def _acts(bundle: ProofBundle, trust: TrustFile, workspace: Workspace | None) -> tuple[bool, tuple[Act, ...]]:
    """Retractions and endorsements that the workspace's own chain holds; whether it could be asked."""
    if workspace is None:
        return False, ()
    from archive.verify.askacts import ask_acts

    answers = [fact for fact in ask_acts(bundle, (), trust, workspace) if fact.answered]
    acts: list[Act] = []
    for fact in answers:
        place, teller = fact.registry.address, fact.registry.name
        acts += [
            Act("retraction", one.account, one.time, place, teller, _name(trust, one.account), reason=one.reason)
            for one in fact.retractions
        ]
        acts += [
            Act(
                "endorsement",
                one.account,
                one.time,
                place,
                teller,
                _name(trust, one.account),
                item=one.item,
                withdrawn=one.withdrawn_time,
            )
            for one in fact.endorsements
            if one.item is not None or one.root == bundle.root
        ]
    return bool(answers), tuple(sorted(acts, key=lambda act: (act.kind, act.time, act.account, act.item or "")))


def _name(trust: TrustFile, address: str) -> str | None:
    known = trust.publisher(address)
    return known.name if known is not None else None


def _places(workspace: Workspace | None, incident: str, revision: int, root: str) -> Iterable[Place]:
    if workspace is None:
        return
    from archive.publish.journal import journals_of

    seen = set()
    for journal in journals_of(workspace, incident, revision):
        if journal.packed is None or journal.packed.root != root:
            continue
        checked = {one.store for one in journal.read_back if one.status == "verified"}
        for pin in journal.pins:
            if (pin.store, pin.locator) not in seen:
                seen.add((pin.store, pin.locator))
                ok = pin.verified or pin.store in checked
                yield Place(pin.store, pin.operator, pin.locator, ok, pin.status == "pending")


# -------------------------------------------------------------------------------------------------------------- files


def _package_files(bundle: ProofBundle, manifest: Manifest, record: Json, sources: Sources) -> Iterable[EvidenceFile]:
    links = {link.path: link.cid for link in bundle.directory}
    folder = _unpacked(bundle, manifest, sources)
    by_id = {entry.id: entry for entry in manifest.evidence}
    for item in record.get("evidence", ()):
        entry = by_id.get(item["id"])
        if entry is None:
            yield _named_only(item)
            continue
        yield EvidenceFile(
            id=entry.id,
            held="local" if item.get("held") == "local" else "open",
            path=entry.path,
            media_type=entry.media_type,
            size=entry.size,
            sha256=entry.sha256,
            cid=links.get(entry.path),
            source=folder / entry.path if folder is not None else None,
        )


def _named_only(item: Mapping[str, Any]) -> EvidenceFile:
    reference = item.get("reference")
    if isinstance(reference, Mapping):
        return EvidenceFile(
            item["id"],
            "reference",
            media_type=item.get("media_type"),
            size=_size(reference.get("size")),
            sha256=reference.get("sha256"),
        )
    return EvidenceFile(item["id"], "withheld", commitment=item.get("commitment"))


def _size(value: object) -> int | None:
    return int(str(value)) if value is not None and str(value).isdigit() else None


def _unpacked(bundle: ProofBundle, manifest: Manifest, sources: Sources) -> Path | None:
    """The package's files out of the workspace's store, every byte checked; None where it is not there or too large."""
    space = sources.workspace
    if space is None or sum(entry.size for entry in manifest.evidence) > MAX_UNPACKED:
        return None
    from archive.package.unpack import unpack_car
    from archive.stores.local import LocalStore

    store = LocalStore(space.store)
    folder = sources.scratch / bundle.root
    if folder.is_dir():
        return folder
    try:
        with store.open_package(bundle.content_id) as stream:
            unpack_car(stream, folder, content_id=bundle.content_id)
    except ArchiveError:
        return None  # not held, or damaged: the page then says that no copy is with the site
    return folder


# ----------------------------------------------------------------------------------------------------------- dossiers


def _try_dossier(folder: Path) -> Revision | None:
    """The dossier, or None for one that is read again to tell what is wrong: errors do not bear pickling."""
    try:
        return _from_dossier(folder)
    except ArchiveError:
        return None


def _from_dossier(folder: Path) -> Revision:
    from archive.record.dossier import load_dossier

    dossier = load_dossier(folder)
    errors = [problem for problem in dossier.problems if problem.severity == "error"]
    if dossier.record is None or errors:
        raise InvalidInputError(
            f"{folder}: the record has errors",
            code="site.record",
            hint=f"mend them; 'archive check {folder}' shows them again",
            problems=errors or dossier.problems,
        )
    value = dossier.record.to_value()
    return Revision(
        number=dossier.record.revision,
        record=published_form(value),
        record_json=canonical.dumps(published_form(value)),
        files=tuple(_dossier_file(folder, item) for item in value.get("evidence", ())),
        previous_root=value.get("supersedes"),
    )


def published_form(value: Mapping[str, Any]) -> dict[str, Any]:
    """The record without what a package would not show: a withheld item is reduced to its id.

    The commitment needs the seal, which a site never reads, so a draft names none.
    """
    items = value.get("evidence")
    if items is None:
        return dict(value)
    shown = [{"id": i["id"], "withheld": True} if i.get("withheld") and "commitment" not in i else i for i in items]
    return {**value, "evidence": shown}


def _dossier_file(folder: Path, item: Mapping[str, Any]) -> EvidenceFile:
    path = item.get("path")
    if item.get("withheld") or "reference" in item or path is None:
        return _named_only(item)
    sha256, size = item.get("sha256"), _size(item.get("size"))
    found = folder / path
    held: Held = "local" if item.get("held") == "local" else "open"
    inside = not found.is_symlink() and found.is_file() and found.resolve().is_relative_to(folder.resolve())
    source = None
    if inside:
        digest, length = digest_of(found)
        if sha256 in (None, digest) and size in (None, length):
            source, sha256, size = found, digest, length
    return EvidenceFile(item["id"], held, path, item.get("media_type"), size, sha256, source=source)


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file, read once in pieces."""
    hashed, size = hashlib.sha256(), 0
    with path.open("rb") as handle:
        while block := handle.read(CHUNK_BYTES):
            hashed.update(block)
            size += len(block)
    return hashed.hexdigest(), size


# -------------------------------------------------------------------------------------------------------- put together


def _incidents(
    published: Mapping[tuple[str, str | None], Mapping[str, Revision]],
    drafts: Mapping[str, Revision],
    trust: TrustFile,
) -> list[Incident]:
    by_id: dict[str, list[_Line]] = defaultdict(list)
    for (name, publisher), roots in published.items():
        for signed in (True, False):
            # What only names a key stands apart from what that key signed: it must not pass for a revision of it.
            revisions = tuple(one for one in roots.values() if one.signed is signed)
            if revisions:
                by_id[name].append(_Line(publisher, signed, revisions))
    incidents = []
    for name in sorted({*by_id, *drafts}):
        draft = drafts.get(name)
        lines = sorted(by_id.get(name, ()), key=lambda line: _first_seen(line, trust, draft))
        if not lines and draft is not None:
            incidents.append(Incident(name, name, (draft,)))
        slugs = _slugs(name, lines)
        for place, (line, slug) in enumerate(zip(lines, slugs, strict=True)):
            incidents.append(
                replace(
                    _line(name, slug, line.revisions, draft if place == 0 else None),
                    others=tuple(other for other in slugs if other != slug),
                    publisher_name=_name(trust, line.publisher) if line.publisher and line.signed else None,
                )
            )
    return incidents


@dataclass(frozen=True, slots=True)
class _Line:
    """Revisions of one incident that name one key, all of them signed by it or none."""

    publisher: str | None
    signed: bool
    revisions: tuple[Revision, ...]


def _slugs(name: str, lines: Sequence[_Line]) -> list[str]:
    """A folder for each line: keys that begin alike, which anybody can make, have folders of their own."""
    found = [name]
    for line in lines[1:]:
        key, tail = (line.publisher or "0x")[2:] or "nobody", "" if line.signed else "-unsigned"
        short = f"{name}.{key[:8]}{tail}"
        found.append(short if short not in found else f"{name}.{key}{tail}")
    return found[: len(lines)]


def _first_seen(line: _Line, trust: TrustFile, draft: Revision | None) -> tuple[bool, bool, bool, int, int, str]:
    """Which line comes first under an id: the dossier's own, then of a known key, then a signed one, then the oldest.

    A block that is not known to be in the chain may bear any date, so it comes after those that are.
    """
    own = draft is not None and any(same_record(draft, one) for one in line.revisions)
    known = line.signed and line.publisher is not None and trust.publisher(line.publisher) is not None
    return (not own, not known, not line.signed, *min(map(_anchored, line.revisions)), line.publisher or "")


def same_record(draft: Revision, published: Revision) -> bool:
    """Whether a dossier is what was published; withheld items are compared by id."""
    return dict(draft.record) == _uncommitted(published.record)


def _uncommitted(value: Mapping[str, Any]) -> dict[str, Any]:
    items = value.get("evidence")
    if items is None:
        return dict(value)
    return {**value, "evidence": [{"id": i["id"], "withheld": True} if i.get("withheld") else i for i in items]}


def _line(name: str, slug: str, revisions: Sequence[Revision], draft: Revision | None) -> Incident:
    ordered = sorted(revisions, key=lambda one: (one.number, _anchored(one), one.root or ""))
    kept: dict[int, Revision] = {}
    forks = []
    for one in ordered:
        if one.number in kept:
            forks.append(one)
        else:
            kept[one.number] = one
    differs = False
    if draft is not None:
        newest = max(kept)
        if draft.number > newest:
            kept[draft.number] = draft
        else:
            differs = not any(same_record(draft, one) for one in kept.values())
        kept = {number: _with_sources(one, draft) for number, one in kept.items()}
    return Incident(
        name, slug, tuple(kept[number] for number in sorted(kept)), forks=tuple(forks), differs_from_dossier=differs
    )


def _anchored(revision: Revision) -> tuple[int, int]:
    """When it was anchored, for an order: blocks of the chain first, then those that may be made up, then none."""
    return min(((0 if anchor.in_chain else 1, anchor.time) for anchor in revision.anchors), default=(2, 0))


def _with_sources(revision: Revision, draft: Revision) -> Revision:
    """Take from the dossier at hand the files that have exactly the published bytes."""
    at_hand = {(file.sha256, file.size): file.source for file in draft.files if file.source is not None}
    files = tuple(
        replace(file, source=file.source or at_hand.get((file.sha256, file.size))) if file.held != "withheld" else file
        for file in revision.files
    )
    return replace(revision, files=files)


def with_replies(incidents: Sequence[Incident]) -> tuple[Incident, ...]:
    """Let every incident know of claims in other packages that speak of its claims."""
    roots = {one.root: incident.slug for incident in incidents for one in incident.revisions if one.root}
    replies: dict[str, list[Reply]] = defaultdict(list)
    for incident in incidents:
        names = {who["id"]: who["name"] for key in ("venues", "parties") for who in incident.record.get(key, ())}
        for claim in incident.record.get("claims", ()):
            for relation in claim.get("relations", ()):
                slug = roots.get(relation.get("root"))
                if slug is not None and slug != incident.slug:
                    replies[slug].append(
                        Reply(
                            slug=incident.slug,
                            claim=claim["id"],
                            text=claim["text"],
                            relation=relation["type"],
                            about=relation["claim"],
                            publisher=incident.current.publisher if incident.current.signed else None,
                            by=tuple(names[who] for who in claim["claimed_by"] if who in names),
                        )
                    )
    return tuple(replace(one, replies=tuple(replies.get(one.slug, ()))) for one in incidents)
