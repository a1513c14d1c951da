"""The package's CAR in the local store, where it is before anything else happens."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from archive.package.build import Package
from archive.package.car import write_car
from archive.package.hashing import Progress, digest_file
from archive.stores.base import Pin
from archive.stores.local import LocalStore


@dataclass(frozen=True, slots=True)
class KeptCar:
    """The package's CAR in the local store: its file, size in bytes and SHA-256 (64 hex digits)."""

    path: Path
    size: int
    sha256: str


def local_pin(local: LocalStore, content_id: str) -> Pin:
    """The local store's own pin: it is hashed whenever it is read."""
    locator = local.package_path(content_id).relative_to(local.folder).as_posix()
    return Pin(local.name, locator, content_id, local.operator, True)


class _Counter(io.RawIOBase):
    """A sink that keeps nothing and counts."""

    size = 0

    def write(self, data: Any, /) -> int:
        self.size += len(data)
        return len(data)


def car_size(package: Package) -> int:
    """Size in bytes of the package's CAR; nothing is written."""
    counter = _Counter()
    write_car(package, cast(BinaryIO, counter))
    return counter.size


def keep_car(
    local: LocalStore, package: Package, expected: str | None = None, *, progress: Progress | None = None
) -> KeptCar:
    """Write the package's CAR into the local store, unless one of SHA-256 `expected` is there."""
    path = local.package_path(package.content_id)
    if expected is not None and path.is_file():
        found = digest_file(path)
        if found.sha256 == expected:
            return KeptCar(path, found.size, found.sha256)
    with local.new_package(package.content_id) as sink:
        info = write_car(package, sink, progress=progress)
    return KeptCar(path, info.size, info.sha256)
