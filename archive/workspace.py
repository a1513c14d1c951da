"""The workspace: the folder that holds the local store, the embedded chain, the journal and the secrets.

```
<workspace>/
  store/          local store: packages and proof bundles, content-addressed
  chain/          the embedded chain (SQLite)
  journal/        one file per publication under way or done
  bundles/        proof bundles by incident and revision
  secrets/        seals and keystores; mode 0700, files 0600
  trust.json      the verifier's trust file
  config.toml     networks and stores of this user
  catalogue.json  what this workspace published, signed
```
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive import partial
from archive.errors import RefusedError, UsageError

ENVIRONMENT_VARIABLE = "ARCHIVE_WORKSPACE"
_MAX_CONFIG = 1 << 20


@dataclass(frozen=True, slots=True)
class Workspace:
    """Paths of one workspace. Creating the object touches nothing on disk."""

    root: Path

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def chain(self) -> Path:
        return self.root / "chain"

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def bundles(self) -> Path:
        return self.root / "bundles"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def trust_file(self) -> Path:
        return self.root / "trust.json"

    @property
    def config_file(self) -> Path:
        return self.root / "config.toml"

    @property
    def catalogue_file(self) -> Path:
        return self.root / "catalogue.json"

    def read_config(self) -> dict[str, Any]:
        """The tables of `config.toml`, or none when there is no such file.

        Raises:
            UsageError: `config.unreadable`, `config.syntax`.
        """
        import tomllib

        path = self.config_file
        try:
            with path.open("rb") as handle:
                raw = handle.read(_MAX_CONFIG + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror})", code="config.unreadable") from None
        if len(raw) > _MAX_CONFIG:
            raise UsageError(f"{path}: larger than {_MAX_CONFIG:,} bytes", code="config.syntax")
        try:
            return tomllib.loads(raw.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}: not valid TOML ({error})", code="config.syntax") from None

    def make_secrets(self) -> Path:
        """Create the secrets folder, readable by its owner only, and return it."""
        self.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.secrets.chmod(0o700)
        return self.secrets

    @contextlib.contextmanager
    def lock(self, name: str = "workspace") -> Iterator[None]:
        """Hold an exclusive lock of this workspace; raise `workspace.locked` when another process has it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{name}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RefusedError(
                    f"{self.root}: another archive command is using this workspace",
                    code="workspace.locked",
                    hint="wait for it to end, or choose another folder with --workspace",
                ) from None
            yield


def resolve_workspace(option: Path | None) -> Workspace:
    """The workspace named by `--workspace`, else by ARCHIVE_WORKSPACE, else the user's data folder."""
    if option is not None:
        return Workspace(option)
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Workspace(Path(named))
    from platformdirs import user_data_path

    return Workspace(user_data_path("incident-archive"))


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that a reader, or a crash, sees the old bytes or the new ones and nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = partial.new_file(path)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
