"""Unfinished files and folders: hidden beside their target until they are whole, and swept when their writer died.

A writer that is killed leaves `.<name>.<random>.partial` behind. While it lives it holds a lock on it, so the next
writer can tell: what is a minute old and can be locked belongs to nobody any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Final

SUFFIX: Final = ".partial"
# A writer holds its lock from the moment after it made the file; younger ones are left alone.
_YOUNG_SECONDS: Final = 60


def new_file(target: Path, *, alone: bool = False) -> tuple[int, Path]:
    """An unfinished file beside `target`, mode 0600: its descriptor, which holds the lock until it is closed, and path.

    `alone`: the folder is ours alone, so that what any dead writer left there is swept, not only of this name.
    """
    sweep(target.parent, "." if alone else f".{target.name}.")
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=SUFFIX, dir=target.parent)
    _lock(descriptor)
    return descriptor, Path(name)


def new_folder(target: Path) -> tuple[int, Path]:
    """An unfinished folder beside `target`, mode 0700: a descriptor to close when it is done, and its path."""
    sweep(target.parent, f".{target.name}.")
    path = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=SUFFIX, dir=target.parent))
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    _lock(descriptor)
    return descriptor, path


def sweep(folder: Path, prefix: str) -> None:
    """Remove what dead writers left in the folder under names with this prefix. What cannot be removed stays."""
    with contextlib.suppress(OSError), os.scandir(folder) as listing:
        for entry in listing:
            if entry.name.startswith(prefix) and entry.name.endswith(SUFFIX):
                with contextlib.suppress(OSError):
                    _sweep_one(Path(entry.path))


def _sweep_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        ours = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
        if ours and time.time() - found.st_mtime > _YOUNG_SECONDS and _lock(descriptor):
            if stat.S_ISDIR(found.st_mode):
                shutil.rmtree(path)
            else:
                path.unlink()
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """False when another process holds it, or the file system knows no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
