"""What a file's bytes are, against the media type that its author declared.

Binary formats are known by their signatures (`puremagic`); text has none, so it is told apart by reading its start:
JSON, JSON lines, CSV, HTML, XML, YAML, plain text. A declared type contradicts the bytes when the signature says
something else, when a text type holds bytes that are no text, or when JSON does not parse as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archive import jsontext

HEAD_BYTES = 64 * 1024
TEXT = "text/plain"
UNKNOWN = "application/octet-stream"
Basis = Literal["signature", "text", "none"]

# Signatures of the formats that evidence comes in; each is unambiguous at offset 0.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"BZh", "application/x-bzip2"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"OggS", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"\x7fELF", "application/x-elf"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
)
# Containers that many formats are built on: what their signature says does not contradict these.
_CONTAINERS: dict[str, tuple[str, ...]] = {
    "application/zip": ("application/vnd.", "application/epub+zip", "application/wacz", "application/java-archive"),
    "application/gzip": ("application/warc", "application/x-tar", "application/gtar", "application/x-gtar"),
    "application/ogg": ("audio/ogg", "video/ogg", "audio/opus"),
    "video/mp4": ("video/quicktime", "audio/mp4", "image/heic", "image/heif", "image/avif", "video/3gpp"),
    "video/webm": ("video/x-matroska", "audio/webm", "video/matroska"),
}
_ALIASES = {
    "application/x-gzip": "application/gzip",
    "application/x-zip-compressed": "application/zip",
    "application/jsonlines": "application/jsonl",
    "application/x-ndjson": "application/jsonl",
    "application/x-jsonlines": "application/jsonl",
    "application/ndjson": "application/jsonl",
    "text/x-csv": "text/csv",
    "application/csv": "text/csv",
    "text/json": "application/json",
    "application/x-yaml": "application/yaml",
    "text/yaml": "application/yaml",
    "text/x-yaml": "application/yaml",
    "text/xml": "application/xml",
    "image/jpg": "image/jpeg",
    "application/x-sqlite3": "application/vnd.sqlite3",
    "application/x-pdf": "application/pdf",
}
_TEXT_TYPES = ("text/", "application/json", "application/jsonl", "application/yaml", "application/xml")
_BY_SUFFIX = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".md": "text/markdown",
    ".txt": TEXT,
    ".log": TEXT,
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".html": "text/html",
    ".htm": "text/html",
    ".xml": "application/xml",
    ".eml": "message/rfc822",
    ".py": "text/x-python",
    ".sql": "application/sql",
    ".warc": "application/warc",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".wav": "audio/vnd.wave",
}


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What the first bytes say: the media type and what it rests on."""

    media_type: str
    basis: Basis


def normal(media_type: str) -> str:
    """A media type without parameters, with its usual name."""
    bare = media_type.split(";", 1)[0].strip().lower()
    return _ALIASES.get(bare, bare)


def is_text(media_type: str) -> bool:
    bare = normal(media_type)
    return bare.startswith(_TEXT_TYPES) or bare.endswith(("+json", "+xml", "+yaml"))


def sniff(path: Path) -> Sniffed:
    """What a file is by its first 64 KiB; reads nothing else. Raises OSError when it cannot be read."""
    with path.open("rb") as handle:
        head = handle.read(HEAD_BYTES + 1)
    return sniff_bytes(head[:HEAD_BYTES], whole=len(head) <= HEAD_BYTES)


def sniff_bytes(head: bytes, *, whole: bool) -> Sniffed:
    """What a file is by its first bytes; `whole` says that they are all of it."""
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            # Two letters are a weak sign: text may start so.
            if len(signature) <= 3 and signature.isalnum() and _decode(head, whole=whole) is not None:
                break
            return Sniffed(media_type, "signature")
    if head[4:8] == b"ftyp":
        return Sniffed("video/mp4", "signature")
    if head.startswith(b"RIFF") and head[8:12] in _RIFF:
        return Sniffed(_RIFF[head[8:12]], "signature")
    text = _decode(head, whole=whole)
    if text is not None:
        return Sniffed(_sniff_text(text, whole=whole), "text")
    found = _ask_puremagic(head)
    return Sniffed(found, "signature") if found else Sniffed(UNKNOWN, "none")


_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/vnd.wave", b"AVI ": "video/vnd.avi"}


def _ask_puremagic(head: bytes) -> str | None:
    """The signature tables of puremagic, for binary formats that are not listed above."""
    import puremagic

    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return None
    sure = [match for match in matches if match.mime_type and match.confidence >= 0.8]
    return normal(str(sure[0].mime_type)) if sure else None


def _decode(head: bytes, *, whole: bool) -> str | None:
    """The bytes as UTF-8 text, or None when they are none; a sequence cut off at the end is forgiven."""
    if b"\0" in head:
        return None
    for cut in range(1 if whole else 4):
        try:
            text = head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        controls = sum(1 for sign in text[:4096] if sign < " " and sign not in "\t\n\r\f\x1b")
        return text if controls == 0 else None
    return None


def _sniff_text(text: str, *, whole: bool) -> str:
    start = text.lstrip("\ufeff \t\r\n")
    low = start[:1024].lower()
    if low.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "text/html"
    if low.startswith("<?xml"):
        return "application/xml"
    if start.startswith(("{", "[")):
        found = _sniff_json(start, whole=whole)
        if found:
            return found
    if start.startswith(("%YAML", "---\n")):
        return "application/yaml"
    return "text/csv" if _looks_like_csv(start, whole=whole) else TEXT


def _sniff_json(text: str, *, whole: bool) -> str | None:
    lines = [line for line in text.splitlines() if line.strip()]
    if not whole:
        lines = lines[:-1]
    if len(lines) > 1 and all(_is_json(line) for line in lines[:5]):
        return "application/jsonl"
    if not whole:
        return "application/json" if len(lines) != 1 else "application/jsonl" if _is_json(lines[0]) else None
    return "application/json" if _is_json(text) else None


def _is_json(text: str) -> bool:
    try:
        jsontext.loads(text, parse_int=str, parse_float=str)
    except ValueError:
        return False
    return True


def _looks_like_csv(text: str, *, whole: bool) -> bool:
    lines = text.splitlines()
    if not whole:
        lines = lines[:-1]
    counts = {line.count(",") for line in lines[:20] if line and '"' not in line}
    return len(counts) == 1 and counts != {0} and len(lines) > 1


def contradiction(declared: str, sniffed: Sniffed, *, empty: bool = False) -> str | None:
    """Why the bytes cannot be what is declared, or None."""
    bare, found = normal(declared), sniffed.media_type
    if empty or bare in (found, UNKNOWN):
        return None
    if sniffed.basis == "signature":
        if any(bare.startswith(prefix) for prefix in _CONTAINERS.get(found, ())):
            return None
        if is_text(bare) or _known_by_signature(bare):
            return f"the bytes are {found}"
        return None
    if sniffed.basis == "text":
        if _known_by_signature(bare):
            return f"the bytes are text ({found}), without the signature of {bare}"
        if bare in ("application/json", "application/jsonl") or bare.endswith("+json"):
            return _json_contradiction(bare, found)
        return None
    return "the bytes are not UTF-8 text" if is_text(bare) and not bare.endswith(("xml", "html")) else None


def _json_contradiction(bare: str, found: str) -> str | None:
    if found == "application/json" or (found == "application/jsonl" and bare == "application/jsonl"):
        return None
    return "the bytes are JSON lines: more than one value" if found == "application/jsonl" else "the bytes are not JSON"


def _known_by_signature(bare: str) -> bool:
    return any(bare == media_type for _, media_type in _SIGNATURES) or bare in (*_RIFF.values(), "video/mp4")


def guess(path: Path) -> str:
    """The media type to write down for a file: by its signature, else by its name, else by its text."""
    sniffed = sniff(path)
    named = _BY_SUFFIX.get(path.suffix.lower())
    if named is not None and contradiction(named, sniffed) is None:
        return named
    return sniffed.media_type
