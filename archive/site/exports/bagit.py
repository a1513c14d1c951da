"""BagIt 1.0 (RFC 8493): the package's files with their SHA-256 and SHA-512, for libraries and archives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from archive import __version__
from archive.errors import InvalidInputError
from archive.site.exports import facts
from archive.site.model import Download, Incident

ALGORITHMS: Final = ("sha256", "sha512")
_CHUNK: Final = 1 << 20


def bag(incident: Incident, url: str | None) -> Iterator[Download]:
    """Every file of the bag, below one folder as RFC 8493 wants it in an archive, in order of path.

    Raises:
        InvalidInputError: `site.file_changed`, a file is not what its entry says any more.
    """
    revision = incident.current
    stated = {f"{facts.PACKAGE}{file.path}": file.sha256 for file in revision.files if facts.at_hand(file)}
    if revision.bundle is not None:
        stated[revision.bundle.name] = revision.bundle.sha256
    files = [Download(f"data/{file.path}", file.data, file.source) for file in facts.payload(incident)]
    sums: dict[str, dict[str, str]] = {}
    total = 0
    for file in files:
        sums[file.path], size = _digests(file)
        total += size
        wanted = stated.get(file.path.removeprefix("data/"))
        if wanted is not None and wanted != sums[file.path]["sha256"]:
            raise InvalidInputError(
                f"{file.source}: the file changed (expected {wanted}, found {sums[file.path]['sha256']})",
                code="site.file_changed",
                hint="build the site again",
            )
    tags = [
        Download("bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
        Download("bag-info.txt", _info(incident, url, total, len(files)).encode()),
        *(Download(f"manifest-{name}.txt", _manifest(sums, name).encode()) for name in ALGORITHMS),
    ]
    tag_sums = {tag.path: _digests(tag)[0] for tag in tags}
    tags += [Download(f"tagmanifest-{name}.txt", _manifest(tag_sums, name).encode()) for name in ALGORITHMS]
    for file in sorted((*tags, *files), key=lambda file: file.path.encode()):
        yield Download(f"{facts.name_of(incident)}/{file.path}", file.data, file.source)


def _digests(file: Download) -> tuple[dict[str, str], int]:
    hashers = {name: hashlib.new(name) for name in ALGORITHMS}
    size = 0
    for chunk in _chunks(file):
        size += len(chunk)
        for hasher in hashers.values():
            hasher.update(chunk)
    return {name: hasher.hexdigest() for name, hasher in hashers.items()}, size


def _chunks(file: Download) -> Iterator[bytes]:
    if file.source is None:
        yield file.data or b""
        return
    with file.source.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            yield chunk


def _manifest(sums: dict[str, dict[str, str]], algorithm: str) -> str:
    lines = [f"{sums[path][algorithm]}  {_encoded(path)}\n" for path in sorted(sums, key=str.encode)]
    return "".join(lines)


def _encoded(path: str) -> str:
    """RFC 8493 section 2.1.3: line ends and percent signs in paths are percent-encoded."""
    return path.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _info(incident: Incident, url: str | None, total: int, count: int) -> str:
    revision, record = incident.current, incident.record
    lines = [
        ("Bag-Software-Agent", f"incident-archive {__version__}"),
        ("Bagging-Date", facts.published(revision) if len(facts.published(revision)) == 10 else ""),
        ("Payload-Oxum", f"{total}.{count}"),
        ("External-Description", facts.words(record.get("title"), "en") or incident.id),
        ("External-Description", facts.words(record.get("title"), "zh")),
        ("External-Description", facts.SAYS_EN),
        *(("External-Identifier", f"{label}: {value}") for _, label, value in facts.identifiers(incident)),
        ("External-Identifier", url or ""),
        ("Publication-Status", facts.state_of(revision)),
        *(
            ("Not-Included", f"{file.id}: {facts.left_out(file)}" + (f"; sha256 {file.sha256}" if file.sha256 else ""))
            for file in revision.files
            if not facts.at_hand(file)
        ),
    ]
    seen = dict.fromkeys((label, facts.one_line(value)) for label, value in lines if value)
    return "".join(f"{label}: {value}\n" for label, value in seen)
