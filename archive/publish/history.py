"""Revisions: what a new one says it replaces, held against what the workspace and the registry know."""

from __future__ import annotations

from typing import Protocol

from archive.errors import InvalidInputError, RefusedError
from archive.publish.journal import journals_of
from archive.record.models import IncidentRecord
from archive.workspace import Workspace


class HistoryPort(Protocol):
    """The registry of one publisher, as far as history is concerned."""

    @property
    def chain_id(self) -> int: ...
    @property
    def genesis(self) -> str: ...
    @property
    def registry(self) -> str: ...
    @property
    def publisher(self) -> str: ...

    def has_history(self, incident: str) -> bool:
        """Whether this publisher has anchored anything of this incident in this registry."""
        ...


def require_previous(workspace: Workspace, record: IncidentRecord) -> None:
    """From revision 2 a record must name the root that it replaces. Raises `publish.previous_missing`."""
    if record.revision == 1 or record.supersedes is not None:
        return
    earlier = journals_of(workspace, record.id, record.revision - 1)
    roots = dict.fromkeys(journal.packed.root for journal in earlier if journal.final and journal.packed)
    hint = f"add 'supersedes: ROOT' with the root of revision {record.revision - 1}"
    if roots:
        hint += ", which is " + " or ".join(roots)
    raise InvalidInputError(
        f"{record.id}: revision {record.revision} does not say which root it replaces",
        code="publish.previous_missing",
        hint=hint,
    )


def check_previous(workspace: Workspace, record: IncidentRecord, port: HistoryPort, *, unknown: bool) -> None:
    """A wrong `supersedes` would be permanent, so it must be a root that this workspace or the registry knows.

    Raises:
        RefusedError: `publish.wrong_previous`, `publish.previous_unknown` (not with `unknown`).
    """
    stated = record.supersedes
    if stated is None:
        return
    earlier = journals_of(workspace, record.id, record.revision - 1)
    place = (port.chain_id, port.genesis, port.registry)
    here = [j for j in earlier if (j.chain_id, j.genesis, j.registry) == place and j.publisher == port.publisher]
    for journal in here:
        if journal.final is not None and journal.packed is not None and journal.packed.root != stated:
            raise RefusedError(
                f"{record.id}: 'supersedes' is not the root of revision {record.revision - 1} "
                f"(expected {journal.packed.root}, found {stated})",
                code="publish.wrong_previous",
                hint=f"set 'supersedes: {journal.packed.root}' in the dossier",
            )
    if here or port.has_history(record.id) or unknown:
        return  # where there is a history, the registry itself refuses any other root than its head
    from archive.stores.index import known_packages

    known, _ = known_packages(workspace)
    roots = {package.root for package in known if package.id == record.id}
    roots |= {journal.packed.root for journal in earlier if journal.packed is not None}
    if stated not in roots:
        raise RefusedError(
            f"{record.id}: 'supersedes' names a root that neither this workspace nor the registry knows ({stated})",
            code="publish.previous_unknown",
            hint="check it; if that revision was published elsewhere or with another key, add --unknown-previous",
        )
