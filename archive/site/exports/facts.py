"""What all exports say about an incident, read from a record of which nothing is taken for granted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from archive.site.model import Download, EvidenceFile, Incident, Json, Revision, SiteLanguage
from archive.site.text import pick, visible

PACKAGE: Final = "package/"  # a folder of its own: no evidence file can take the place of another file
_ID: Final = re.compile(r"[0-9a-z-]{1,64}\Z")
_DATE: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_SPDX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}\Z")
_CREATIVE_COMMONS: Final = re.compile(r"CC-(BY(?:-NC)?(?:-ND|-SA)?)-([1-4]\.[0-9])\Z")
_SPACES: Final = re.compile(r"\s+")

SAYS_EN: Final = (
    "It says who claims what, on which evidence, and who disputes it; it does not say that a claim is true."
)
SAYS_ZH: Final = "记录说明谁主张什么、依据哪些证据、谁提出异议；不说明主张是否为真。"


def one_line(text: object) -> str:
    """Text on one line, with what acts or hides made visible."""
    return _SPACES.sub(" ", visible(_SPACES.sub(" ", str(text)))).strip()


def words(value: object, language: SiteLanguage) -> str:
    """A text of the record on one line, in the page's language where there is one; "" where there is none."""
    return one_line(pick(value, language).text)


def items(value: object, key: str) -> Iterator[Json]:
    """The maps in a list of the record; anything else is left out."""
    found = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(found, list | tuple):
        yield from (item for item in found if isinstance(item, Mapping))


def ids(value: Json, key: str) -> tuple[str, ...]:
    """The well-formed ids in a list of the record."""
    found = value.get(key)
    return tuple(item for item in found if is_id(item)) if isinstance(found, list | tuple) else ()


def is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.match(value) is not None


def text(value: Json, key: str) -> str:
    """A text field on one line; "" where it is not a text."""
    found = value.get(key)
    return one_line(found) if isinstance(found, str) else ""


def date_of(value: object) -> str:
    """The date in front of a time, as precise as it is: 2025, 2025-10 or 2025-10-11; "" where there is none."""
    found = _DATE.match(value) if isinstance(value, str) else None
    return found[0] if found else ""


def day_of(seconds: int) -> str:
    """The UTC day of a block's time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def published(revision: Revision) -> str:
    """When this revision was published: the first block on a public network, else the day its author gives, else "".

    A block that is not known to be in its chain may bear any date, so it gives none.
    """
    public = [anchor.time for anchor in revision.anchors if anchor.in_chain and not anchor.test]
    if public:
        return day_of(min(public))
    dates = [
        date_of(entry.get("at")) for entry in items(revision.record, "revisions") if _number(entry) == revision.number
    ]
    return next((date for date in dates if date), "")


def _number(entry: Json) -> int:
    found = str(entry.get("revision"))
    return int(found) if found.isascii() and found.isdigit() and len(found) < 10 else 0


def credits_of(record: Json, *roles: str) -> list[str]:
    """Names under `credits` with one of these roles, each once."""
    names = [text(credit, "name") for credit in items(record, "credits") if not roles or credit.get("role") in roles]
    return list(dict.fromkeys(name for name in names if name))


def licence_url(licence: str) -> str | None:
    """The address that stands for a licence named by its SPDX id; None for words."""
    found = _CREATIVE_COMMONS.match(licence)
    if found:
        return f"https://creativecommons.org/licenses/{found[1].lower()}/{found[2]}/"
    if licence == "CC0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    return (
        f"https://spdx.org/licenses/{licence}.html"
        if _SPDX.match(licence) and any(c in licence for c in "-.")
        else None
    )


def name_of(incident: Incident) -> str:
    """The name of a revision in file names and citations: `2025-10-11-binance-liquidations-r1`."""
    return f"{incident.slug}-r{incident.current.number}"


def publisher_of(incident: Incident) -> str:
    """The publisher's name, where it published for others: on a chain that is no test network."""
    public = any(anchor.signed and not anchor.test for anchor in incident.current.anchors)
    return one_line(incident.publisher_name or "") if public else ""


def state_of(revision: Revision) -> str:
    """How it stands: draft, published, retracted, or a bundle that only names a key as its publisher's."""
    if revision.retracted or not revision.published:
        return "retracted" if revision.retracted else "draft"
    return "published" if revision.signed else "publisher not shown"


def identifiers(incident: Incident, language: SiteLanguage = "en") -> list[tuple[str, str, str]]:
    """What the revision is known by, as (short name, label, value)."""
    revision = incident.current
    english = language == "en"
    found: list[tuple[str, str, str]] = [("incident", "incident id" if english else "事件标识", incident.id)]
    if revision.root:
        found.append(("root", "Merkle root, incident-archive/1" if english else "根哈希", revision.root))
    if revision.content_id:
        found.append(("content-id", "content id (CIDv1)" if english else "内容标识", revision.content_id))
    if revision.publisher:
        named = "" if revision.signed else ", named without its signature" if english else "（仅写明，无其签名）"
        found.append(("publisher", ("publisher's key" if english else "发布者密钥") + named, revision.publisher))
    for anchor in revision.anchors:
        label = f"transaction on chain {anchor.chain_id}" if english else f"链 {anchor.chain_id} 上的交易"
        remark = "" if not anchor.test else ", a test network," if english else "（测试网络）"
        if not anchor.in_chain:
            remark += " (block not checked)" if english else "（区块未核验）"
        found.append(("transaction", label + remark, anchor.transaction))
    return found


def at_hand(file: EvidenceFile) -> bool:
    """Whether its bytes may go into a download, and can."""
    return file.held in ("open", "local") and file.path is not None and file.source is not None


def left_out(file: EvidenceFile) -> str:
    """Why its bytes are not in a download."""
    if file.held == "withheld":
        return f"withheld; commitment {file.commitment}" if file.commitment else "withheld"
    if file.held == "reference":
        return "by reference: hash and size only"
    return "open, but not at hand where this was made"


def payload(incident: Incident) -> Iterator[Download]:
    """The package's directory as `package/`, as far as it is at hand, and the proof bundle beside it."""
    revision = incident.current
    yield Download(f"{PACKAGE}record.json", data=revision.record_json)
    if revision.manifest_json is not None:
        yield Download(f"{PACKAGE}manifest.json", data=revision.manifest_json)
    for file in sorted((file for file in revision.files if at_hand(file)), key=lambda file: str(file.path).encode()):
        yield Download(f"{PACKAGE}{file.path}", source=file.source)
    if revision.bundle is not None:
        yield Download(revision.bundle.name, source=revision.bundle.source)


def about_evidence(record: Json) -> dict[str, Json]:
    """The record's evidence items by id."""
    return {str(item["id"]): item for item in items(record, "evidence") if is_id(item.get("id"))}


def compact(value: dict[str, Any]) -> dict[str, Any]:
    """Without the keys that say nothing."""
    return {key: item for key, item in value.items() if item not in (None, "", [], {})}
