"""Downloads as one zip archive: the same bytes on any machine.

Files are stored, not compressed: what deflate writes differs between its implementations.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Iterable
from typing import IO, Final

from archive.errors import InvalidInputError
from archive.site.model import Download

_CHUNK: Final = 1 << 20
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def write_zip(files: Iterable[Download], sink: IO[bytes]) -> None:
    """Write the files in the order given.

    Raises:
        InvalidInputError: `site.download_path`, a path is there twice or leads out of the archive.
    """
    seen: set[str] = set()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            if file.path in seen or not _inside(file.path):
                raise InvalidInputError(
                    f"{file.path!r}: there twice, or no path inside an archive", code="site.download_path"
                )
            seen.add(file.path)
            entry = zipfile.ZipInfo(file.path, _EPOCH)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            if file.source is None:
                archive.writestr(entry, file.data or b"")
                continue
            entry.file_size = file.source.stat().st_size
            with file.source.open("rb") as read, archive.open(entry, "w") as write:
                shutil.copyfileobj(read, write, _CHUNK)


def _inside(path: str) -> bool:
    return not path.startswith("/") and "\\" not in path and not {"", ".", ".."} & set(path.split("/"))
