"""What the pages are made from: frozen values, with nothing left to look up. Pure.

`archive.site.gather` reads dossiers, proof bundles and the workspace into a `Site`; `archive.site.pages` turns it into
bytes. Records stay plain JSON values (mappings of what their author wrote): they come from strangers and from later
schemas, so whoever shows them takes nothing for granted.

`archive.site.exports` makes the downloads of an incident. Each is a pure function of an `Incident`:

    citation.bibtex(incident, language, url) -> str
    citation.csl(incident, language, url) -> list[dict]            CSL-JSON
    jsonld.json_ld(incident, language, url) -> dict                 schema.org, ClaimReview without ratings
    rocrate.ro_crate(incident, url) -> Iterator[Download]           every file of a crate, in order of path
    bagit.bag(incident, url) -> Iterator[Download]                  every file of a bag, in order of path

`url` is the page's full address, or None where the site was built without `--base-url`. `language` is `en` or `zh`.
A `Download` is a path inside the archive that is made (a ZIP whose entries are stored, with fixed dates, written by
`archive.site.build`), with its bytes or the file on this machine that holds them. Crate and bag are of the present
revision: its record, manifest, proof bundle and the open evidence that is at hand (`EvidenceFile.source`); what is not
at hand is named with hash and size (a bag lists nothing that it does not hold).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

SiteLanguage = Literal["en", "zh"]
LANGUAGES: Final[tuple[SiteLanguage, ...]] = ("en", "zh")

Json = Mapping[str, Any]
Held = Literal["open", "withheld", "reference", "local"]


@dataclass(frozen=True, slots=True)
class Download:
    """One file of an archive to download: its path inside, and its bytes, or the file that holds them."""

    path: str
    data: bytes | None = None
    source: Path | None = None


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """An evidence item of a record as far as it is a file.

    `held`: open (part of the package), withheld (only `commitment`), reference (hash and size only), local (open, kept
    outside git). `path` is the path in the package. `source` is where its bytes are on the machine that builds, checked
    against `sha256` and `size`; None when they are not at hand.
    """

    id: str
    held: Held
    path: str | None = None
    media_type: str | None = None
    size: int | None = None
    sha256: str | None = None
    cid: str | None = None
    commitment: str | None = None
    source: Path | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """An anchor whose log was proved under its block header by the build. Anybody can make such a block up.

    `time` is the block's, in seconds since 1970. `network` is a name this program knows the chain by, else None.
    `test` is True on embedded, local and test networks, whose time proves nothing to others. `signed` is True when the
    key that the package names anchored it: by a signature that covers it, or by a trusted registry in a block of the
    chain. `in_chain` is True when the build could tell that the block is in the chain.
    """

    chain_id: int
    registry: str
    publisher: str
    transaction: str
    block: int
    block_hash: str
    time: int
    ordinal: int
    network: str | None = None
    test: bool = True
    signed: bool = False
    in_chain: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """An endorsement or a retraction that a registry holds. `item` is an evidence id, None for the whole package."""

    kind: Literal["endorsement", "retraction"]
    account: str
    time: int
    registry: str
    told_by: str
    name: str | None = None
    item: str | None = None
    reason: str | None = None
    withdrawn: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a package is kept, as this workspace's journal says. `locator` is an id, never a host name.

    `checked` is True only when the bytes were downloaded from there again and hashed.
    """

    store: str
    operator: str
    locator: str
    checked: bool
    pending: bool = False


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A proof bundle as it can be downloaded: file name, SHA-256 and size of its bytes, and where it is."""

    name: str
    sha256: str
    size: int
    source: Path


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of an incident by one publisher.

    `root`, `content_id` and `bundle` are None for a dossier that is not published. `record_json` and `manifest_json`
    are the package's bytes (canonical JSON); the manifest only where there is a bundle.
    """

    number: int
    record: Json
    record_json: bytes
    files: tuple[EvidenceFile, ...] = ()
    root: str | None = None
    content_id: str | None = None
    publisher: str | None = None
    previous_root: str | None = None
    manifest_json: bytes | None = None
    bundle: BundleFile | None = None
    anchors: tuple[Anchor, ...] = ()
    stamps: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()
    acts_asked: bool = False
    places: tuple[Place, ...] = ()

    @property
    def published(self) -> bool:
        """Whether it is more than a dossier; who published it may not be shown."""
        return self.root is not None

    @property
    def signed(self) -> bool:
        """Whether the build saw that the key which the package names published it: anybody can name any key."""
        return any(anchor.signed for anchor in self.anchors)

    @property
    def retracted(self) -> bool:
        return any(act.kind == "retraction" for act in self.acts)


@dataclass(frozen=True, slots=True)
class Reply:
    """A claim in another package of this site that speaks of a claim here. `slug` is that incident's folder.

    `publisher` is None where nothing shows who published it.
    """

    slug: str
    claim: str
    text: Json
    relation: str
    about: str
    publisher: str | None
    by: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as one publisher tells it. `slug` names its folder: the id, or id and part of the publisher's key.

    `revisions` run from the first to the last known; `forks` are other packages by the same key for the same revision.
    """

    id: str
    slug: str
    revisions: tuple[Revision, ...]
    replies: tuple[Reply, ...] = ()
    others: tuple[str, ...] = ()
    forks: tuple[Revision, ...] = ()
    publisher_name: str | None = None
    differs_from_dossier: bool = False

    @property
    def current(self) -> Revision:
        return self.revisions[-1]

    @property
    def record(self) -> Json:
        return self.current.record


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that is shown. `base_url` ends in a slash; `verifier` is the verifier's page, None when not built."""

    incidents: tuple[Incident, ...]
    base_url: str | None = None
    verifier: bytes | None = None
    problems: tuple[str, ...] = field(default=())
