"""The local store: a content-addressed directory, the default and always there.

```
<folder>/packages/<content id>.car
<folder>/files/<cid>
```
A file appears under its name only when all its bytes are on disk (temporary file, fsync, rename), so a crash leaves
the old state or the new one; the next writer sweeps what a killed one left. Everything is hashed again when it is read:
a disk rots too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from archive import partial
from archive.errors import InvalidInputError, RefusedError, UnreachableError, UsageError
from archive.stores.base import MAX_FILE_BYTES, MAX_PACKAGE_BYTES, BoundedSink, Pin, check_cid
from archive.stores.carcheck import check_car, check_file, copy_car, copy_file

_PIECE: Final = 1 << 20
OPERATOR: Final = "this workspace"


class LocalStore:
    """Packages and files under one folder. Reader and Writer; its own read-back never counts as independent."""

    name = "local"
    operator = OPERATOR

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def endpoint(self) -> str:
        return str(self.folder.absolute())

    def package_path(self, content_id: str) -> Path:
        return self.folder / "packages" / f"{check_cid(content_id)}.car"

    def file_path(self, cid: str) -> Path:
        return self.folder / "files" / check_cid(cid)

    def put_package(self, car: Path, content_id: str, *, root: str) -> Pin:
        """Copy a CAR in and verify the copy whole. Already there and sound: nothing is written."""
        target = self.package_path(content_id)
        if not self._sound(target, lambda stream: check_car(stream, content_id)):
            with _open_source(car) as stream, self.new_package(content_id) as sink:
                shutil.copyfileobj(stream, sink, _PIECE)
        return self._pin(target, content_id)

    def put_file(self, path: Path, cid: str) -> Pin:
        target = self.file_path(cid)
        if not self._sound(target, lambda stream: check_file(stream, cid)):
            with _open_source(path) as stream, self._new(target) as sink:
                copy_file(stream, sink, cid)
        return self._pin(target, cid)

    @contextlib.contextmanager
    def new_package(self, content_id: str) -> Iterator[BinaryIO]:
        """A file to write a CAR into; when the block ends without an error it is checked and takes its place.

        Spares the second copy that `put_package` makes of a CAR which is only just being written.
        """
        target = self.package_path(content_id)
        with self._new(target) as sink:
            yield sink
            sink.flush()
            sink.seek(0)
            check_car(sink, content_id)

    def fetch_package(self, content_id: str, sink: BinaryIO, *, max_bytes: int = MAX_PACKAGE_BYTES) -> None:
        """Copy a package out, hashing it again; `store.local.corrupt` when a disk error has changed it."""
        with self.open_package(content_id) as stream, self.reading(content_id):
            copy_car(stream, BoundedSink(sink, max_bytes=max_bytes, what="local store"), content_id)

    def fetch_file(self, cid: str, sink: BinaryIO, *, max_bytes: int = MAX_FILE_BYTES) -> None:
        with self._open(self.file_path(cid), cid) as stream, self.reading(cid):
            copy_file(stream, BoundedSink(sink, max_bytes=max_bytes, what="local store"), cid)

    def open_package(self, content_id: str) -> BinaryIO:
        """The package's CAR as a seekable stream, not hashed yet: for a caller that verifies it whole itself."""
        return self._open(self.package_path(content_id), content_id)

    @contextlib.contextmanager
    def reading(self, cid: str) -> Iterator[None]:
        """Turns any finding that what is stored here is wrong into `store.local.corrupt`."""
        try:
            yield
        except InvalidInputError as error:
            if error.code == "store.too_large":
                raise
            raise InvalidInputError(
                f"local store: {cid} is damaged on this disk ({error.message})",
                code="store.local.corrupt",
                hint="fetch it again from another store; the damaged copy is replaced when it is put again",
            ) from error

    def has(self, content_id: str) -> bool:
        return self.package_path(content_id).is_file() or self.file_path(content_id).is_file()

    def packages(self) -> tuple[str, ...]:
        """Content ids of the packages here, sorted; files that are not packages are passed over."""
        return tuple(sorted(p.stem for p in (self.folder / "packages").glob("bafybei*.car")))

    def files(self) -> tuple[str, ...]:
        """CIDs of the single files here (bundles, catalogues), sorted."""
        return tuple(sorted(p.name for p in (self.folder / "files").glob("bafk*"))) + tuple(
            sorted(p.name for p in (self.folder / "files").glob("bafy*"))
        )

    def check(self) -> str:
        return f"{len(self.packages())} package(s), {len(self.files())} file(s)"

    def _pin(self, target: Path, cid: str) -> Pin:
        locator = target.relative_to(self.folder).as_posix()
        return Pin(store=self.name, locator=locator, content_id=cid, operator=self.operator, verified=True)

    def _sound(self, target: Path, check: Callable[[BinaryIO], object]) -> bool:
        """Whether it is already here and sound; a corrupt copy is replaced by the good one."""
        try:
            with target.open("rb") as stream:
                check(stream)
        except (OSError, InvalidInputError):
            return False
        return True

    def _open(self, path: Path, cid: str) -> BinaryIO:
        try:
            return path.open("rb")
        except FileNotFoundError:
            raise UnreachableError(
                f"local store: does not hold {cid}",
                code="store.local.not_found",
                hint="fetch it with `archive get`, or take it from a disk with `archive import`",
            ) from None
        except OSError as error:
            raise UnreachableError(f"local store: {path}: {error.strerror}", code="store.local.unreadable") from None

    @contextlib.contextmanager
    def _new(self, target: Path) -> Iterator[BinaryIO]:
        """A temporary file that becomes `target` when the block succeeds, and vanishes when it does not."""
        temporary: Path | None = None
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = partial.new_file(target, alone=True)
            with os.fdopen(descriptor, "w+b") as sink:
                yield sink
                sink.flush()
                os.fsync(sink.fileno())
            temporary.chmod(0o644)
            temporary.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise RefusedError(
                f"local store: cannot write {target} ({error.strerror})",
                code="store.local.write_failed",
                hint="is there room on the disk, and may you write there?",
            ) from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)


def _open_source(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})", code="store.unreadable") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
