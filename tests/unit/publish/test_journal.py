from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from archive.errors import InvalidInputError
from archive.publish import journal as j
from archive.workspace import Workspace

ROOT = "11" * 32
HASH = "0x" + "22" * 32


def make_journal(network: str = "local", **fields: object) -> j.Journal:
    base: dict[str, object] = {
        "incident": "2025-01-01-test",
        "revision": 1,
        "network": network,
        "chain_id": 1337,
        "genesis": HASH,
        "registry": "0x" + "33" * 20,
        "publisher": "0x" + "44" * 20,
    }
    return j.Journal.model_validate(base | fields)


PACKED = j.Packed(
    root=ROOT, content_id="bafybei", previous_root=None, header_publisher=None, car_sha256=ROOT, car_size=9
)
STEPS = {
    "packed": PACKED,
    "signed": j.Signed(transaction=HASH, raw="0x02ff"),
    "anchored": j.Anchored(transaction=HASH, block=3, block_hash=HASH, timestamp=5),
    "final": j.Final(transaction=HASH, block=3, block_hash=HASH, timestamp=5, rule="1 confirmation"),
    "bundle": j.Bundled(path="bundles/a.json", cid="bafk", sha256=ROOT, size=4),
    "pins": (j.Pinned(store="kubo", locator="x", content_id="bafybei", operator="me", verified=True),),
    "catalogued": True,
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def path_of(workspace: Workspace, network: str = "local") -> Path:
    return j.journal_path(workspace, "2025-01-01-test", 1, network)


def test_every_prefix_of_steps_comes_back_as_it_was_written(workspace: Workspace) -> None:
    journal = make_journal()
    for name, value in STEPS.items():
        journal = journal.model_copy(update={name: value})
        j.save_journal(path_of(workspace), journal)
        assert j.load_journal(path_of(workspace)) == journal
    assert stat.S_IMODE(path_of(workspace).stat().st_mode) == 0o600
    assert [p.name for p in workspace.journal.iterdir()] == ["2025-01-01-test-r1-local.json"]


def test_no_journal_is_none(workspace: Workspace) -> None:
    assert j.load_journal(path_of(workspace)) is None
    assert not workspace.root.exists()


def test_may_be_anchored_from_the_signature_on() -> None:
    assert not make_journal(packed=PACKED).may_be_anchored
    assert make_journal(packed=PACKED, signed=STEPS["signed"]).may_be_anchored
    assert make_journal(packed=PACKED, anchored=STEPS["anchored"]).may_be_anchored


def test_steps_are_frozen() -> None:
    with pytest.raises(ValidationError):
        PACKED.root = "22" * 32  # type: ignore[misc]


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"\xff", b"[" * 10_000])
def test_a_journal_that_is_not_one_is_named(workspace: Workspace, data: bytes) -> None:
    path = path_of(workspace)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    with pytest.raises(InvalidInputError) as caught:
        j.load_journal(path)
    assert caught.value.code == "publish.journal_damaged"


@pytest.mark.parametrize(
    "fields", [{"format": "incident-archive-journal/2"}, {"surplus": 1}, {"revision": 0}, {"genesis": "0x00"}]
)
def test_a_journal_with_a_strange_field_is_named(workspace: Workspace, fields: dict[str, object]) -> None:
    import json

    path = path_of(workspace)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(make_journal().model_dump(mode="json") | fields))
    with pytest.raises(InvalidInputError) as caught:
        j.load_journal(path)
    assert caught.value.code == "publish.journal_damaged"
    assert next(iter(fields)) in caught.value.message


def test_setting_aside_keeps_every_old_journal(workspace: Workspace) -> None:
    path = path_of(workspace)
    assert j.set_aside(path) is None
    names = []
    for _ in range(2):
        j.save_journal(path, make_journal())
        aside = j.set_aside(path)
        assert aside is not None
        names.append(aside.name)
    assert names == ["2025-01-01-test-r1-local.abandoned-1", "2025-01-01-test-r1-local.abandoned-2"]
    assert j.load_journal(path) is None


def test_journals_of_a_revision_on_all_networks(workspace: Workspace) -> None:
    for network in ("local", "bsc-testnet"):
        j.save_journal(path_of(workspace, network), make_journal(network))
    j.save_journal(j.journal_path(workspace, "2025-01-01-test", 2, "local"), make_journal(revision=2))
    assert [found.network for found in j.journals_of(workspace, "2025-01-01-test", 1)] == ["bsc-testnet", "local"]
