"""Reading what the user gave: single files, folders, CARs; each hashed once, nothing followed out of a folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archive.bundle import ProofBundle
from archive.errors import InvalidInputError, UsageError
from archive.package import canonical, entries, hashing
from archive.package.limits import MAX_RECORD_BYTES, MAX_RECORD_DEPTH
from archive.reveal import SUFFIX as REVEAL_SUFFIX
from archive.verify.facts import FileFact, StoreAnswer, UnreadableFile, Variant
from archive.verify.leaves import read_leaves, wanted_files
from archive.verify.matching import match_files

if TYPE_CHECKING:
    from archive.package.unpack import UnpackedPackage

BUNDLE_SUFFIX: Final = ".proof.json"
MAX_GIVEN_FILES: Final = 200_000
# Larger files are not searched for the likely reason of a mismatch: it would have to be held in memory.
MAX_EXPLAINED_BYTES: Final = 64 * 1024 * 1024

_CAR_START: Final = b"\x3a\xa2eroots"
_CAR_SUFFIX: Final = ".car"
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Found:
    """What was read of files so far: `files` with their `paths` still to hash, `hashed` out of CARs."""

    files: list[FileFact] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    unreadable: list[UnreadableFile] = field(default_factory=list)
    hashed: list[FileFact] = field(default_factory=list)
    bundles: list[Path] = field(default_factory=list)
    reveals: list[Path] = field(default_factory=list)
    bad_bundles: list[UnreadableFile] = field(default_factory=list)
    stores: list[StoreAnswer] = field(default_factory=list)
    package_folder: bool = False


def read_given(given: Sequence[Path], found: Found) -> None:
    """List the files to hash; raises `verify.no_such_file` and `verify.too_many_files`."""
    for path in given:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise UsageError(
                f"{path}: {error.strerror}", code="verify.no_such_file", hint="name files or a folder"
            ) from None
        if stat.S_ISDIR(mode):
            _add_folder(path, found)
        elif path.name.endswith(BUNDLE_SUFFIX):
            found.bundles.append(path)
        elif path.name.endswith(REVEAL_SUFFIX):
            found.reveals.append(path)
        elif is_car(path):
            _add_car(path, found)
        else:
            _add(found, path.resolve(), None, str(path))


def is_car(path: Path) -> bool:
    if path.suffix != _CAR_SUFFIX:
        return False
    with contextlib.suppress(OSError), path.open("rb") as stream:
        return stream.read(len(_CAR_START)) == _CAR_START
    return False


def _add_car(path: Path, found: Found) -> None:
    from archive.package.unpack import verify_car

    try:
        with path.open("rb") as stream:
            package = verify_car(stream)
    except OSError as error:
        found.unreadable.append(UnreadableFile(str(path), "car.unreadable", str(error.strerror)))
    except InvalidInputError as error:
        found.unreadable.append(UnreadableFile(str(path), error.code, error.message))
    else:
        add_package(package, str(path), found)


def add_package(package: UnpackedPackage, shown: str, found: Found) -> None:
    """The files of a CAR, whose every block was hashed already."""
    found.package_folder = True
    found.hashed += [FileFact(f"{shown}: {f.path}", f.path, f.path, f.size, f.sha256, f.cid) for f in package.files]


def _add_folder(folder: Path, found: Found) -> None:
    """Every file below the folder. Links are not followed: they could lead anywhere."""
    if (folder / entries.MANIFEST_PATH).is_file():
        found.package_folder = True
    for here, names, files in os.walk(folder):
        parent = Path(here)
        names.sort()
        files = [*files, *(name for name in names if (parent / name).is_symlink())]
        for name in sorted(files):
            path = parent / name
            inside = path.relative_to(folder).as_posix()
            label = str(path)
            if path.is_symlink() or not path.is_file():
                found.unreadable.append(UnreadableFile(label, "verify.not_regular_file", "a link or no regular file"))
            elif name.endswith(BUNDLE_SUFFIX):
                found.bundles.append(path)
            elif name.endswith(REVEAL_SUFFIX):
                found.reveals.append(path)
            else:
                _add(found, path, inside, label)


def _add(found: Found, path: Path, inside: str | None, label: str) -> None:
    if len(found.paths) >= MAX_GIVEN_FILES:
        raise UsageError(
            f"more than {MAX_GIVEN_FILES:,} files were given",
            code="verify.too_many_files",
            hint="name the folder of the package",
        )
    found.paths.append(path)
    full = inside if inside is not None else Path(label).absolute().as_posix()
    found.files.append(FileFact(name=label, path=inside, full=full, size=-1, sha256="", cid=""))


def leave_out(bundle: Path, found: Found) -> None:
    """The bundle that is being verified may lie among the files; it is none of them, and no second opinion either."""
    found.bundles = [path for path in found.bundles if not path.samefile(bundle)]
    keep = [i for i, path in enumerate(found.paths) if not path.samefile(bundle)]
    found.paths = [found.paths[i] for i in keep]
    found.files = [found.files[i] for i in keep]


def hash_files(found: Found, progress: Callable[[int, int], None] | None) -> None:
    """Hash what was given; a file that cannot be read is named and the others still count."""
    try:
        digests: list[hashing.FileDigest | None] = [*hashing.digest_files(found.paths, progress=progress)]
    except InvalidInputError:
        # One of them is bad: hash one by one, so that the others still count and the bad one is named.
        digests = [_digest_one(path, fact.name, found) for path, fact in zip(found.paths, found.files, strict=True)]
    hashed: list[FileFact] = []
    paths: list[Path] = []
    for path, fact, digest in zip(found.paths, found.files, digests, strict=True):
        if digest is not None:
            hashed.append(replace(fact, size=digest.size, sha256=digest.sha256, cid=digest.cid))
            paths.append(path)
    found.files, found.paths = hashed, paths


def _digest_one(path: Path, name: str, found: Found) -> hashing.FileDigest | None:
    try:
        return hashing.digest_file(path)
    except InvalidInputError as error:
        found.unreadable.append(UnreadableFile(name, error.code, error.message))
        return None


def complete_record(bundle: ProofBundle, found: Found) -> ProofBundle:
    """A bundle without the record is completed from a given record.json, if it is the very one."""
    if bundle.record is not None:
        return bundle
    wanted = read_leaves(bundle.entries).record
    for path, fact in zip(found.paths, found.files, strict=True):
        if wanted is not None and (fact.sha256, fact.size) == (wanted.sha256, wanted.size):
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == wanted.sha256:
                value = canonical.loads(data, max_bytes=MAX_RECORD_BYTES, max_depth=MAX_RECORD_DEPTH)
                return replace(bundle, record=value) if isinstance(value, dict) else bundle
    return bundle


def explain(bundle: ProofBundle, found: Found) -> None:
    """For files that are not what the package lists, the hashes that common harmless changes would undo to."""
    leaves = read_leaves(bundle.entries)
    matching = match_files(wanted_files(leaves), [*found.files, *found.hashed])
    odd = {id(m.file) for m in matching.matches if not m.good} | {id(f) for f in matching.unlisted}
    for index, fact in enumerate(found.files):
        if id(fact) in odd and 0 < fact.size <= MAX_EXPLAINED_BYTES:
            with contextlib.suppress(OSError):  # the mismatch itself is reported in any case
                data = found.paths[index].read_bytes()
                found.files[index] = replace(fact, variants=tuple(variants(data)))


def variants(data: bytes) -> Iterator[Variant]:
    """What the file would hash to had it not been changed in one of the usual ways."""

    def variant(kind: str, changed: bytes) -> Variant:
        return Variant(kind, hashlib.sha256(changed).hexdigest())

    bare = data.removeprefix(_BOM)
    yield variant("byte-order-mark", bare if bare != data else _BOM + data)
    for text in {data, bare}:
        unix = text.replace(b"\r\n", b"\n")
        yield variant("line-ends", unix)
        yield variant("line-ends", unix.replace(b"\n", b"\r\n"))
    yield variant("final-newline", data.removesuffix(b"\n"))
    yield variant("final-newline", data.removesuffix(b"\r\n"))
    yield variant("final-newline", data + b"\n")
    yield variant("final-newline", data + b"\r\n")
    if data.startswith(b"\x1f\x8b"):
        unpacked = _inflate(data, 31)
        if unpacked is not None:
            yield variant("gzip", unpacked)


def _inflate(data: bytes, bits: int) -> bytes | None:
    """Unpack one compressed stream, at most MAX_EXPLAINED_BYTES of it."""
    unpacker = zlib.decompressobj(bits)
    try:
        unpacked = unpacker.decompress(data, MAX_EXPLAINED_BYTES)
    except zlib.error:
        return None
    return unpacked if unpacker.eof else None
