from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path

import pytest

from archive.errors import InvalidInputError, RefusedError, UsageError
from archive.package.seal import Seal
from archive.publish import seals
from archive.workspace import Workspace

QUICK = 1 << 4


INCIDENT = "2025-01-01-test"


def make_seal(fill: int = 7) -> Seal:
    return seals.new_seal(random=lambda size: bytes([fill]) * size)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def test_a_saved_seal_comes_back_and_only_its_owner_can_read_it(workspace: Workspace) -> None:
    seal = dataclasses.replace(make_seal(), publisher="0x" + "ab" * 20)
    path = seals.save_seal(workspace, INCIDENT, seal)
    assert seals.load_seal(workspace, INCIDENT) == seal
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(workspace.secrets.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_fresh_seals_differ(workspace: Workspace) -> None:
    assert seals.new_seal().seed != seals.new_seal().seed


def test_repr_hides_the_seed() -> None:
    assert "07" * 4 not in repr(make_seal())


def test_an_absent_seal_is_none(workspace: Workspace) -> None:
    assert seals.load_seal(workspace, INCIDENT) is None
    assert not workspace.root.exists()


def test_a_seal_with_another_seed_is_never_replaced(workspace: Workspace) -> None:
    path = seals.save_seal(workspace, INCIDENT, make_seal(fill=1))
    before = path.read_bytes()
    with pytest.raises(RefusedError) as caught:
        seals.save_seal(workspace, INCIDENT, make_seal(fill=2))
    assert caught.value.code == "seal.exists"
    assert path.read_bytes() == before


def test_a_seal_others_can_read_is_refused(workspace: Workspace) -> None:
    path = seals.save_seal(workspace, INCIDENT, make_seal())
    path.chmod(0o644)
    with pytest.raises(RefusedError) as caught:
        seals.load_seal(workspace, INCIDENT)
    assert caught.value.code == "seal.readable"


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "00"},
        {"seed": 1},
        {"format": "incident-archive-seal/2"},
        {"publisher": "0xABC"},
        {"not_before": None},
        {"surplus": 1},
    ],
)
def test_a_damaged_seal_is_named(workspace: Workspace, change: dict[str, object]) -> None:
    path = seals.save_seal(workspace, INCIDENT, make_seal())
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InvalidInputError) as caught:
        seals.load_seal(workspace, INCIDENT)
    assert caught.value.code == "seal.damaged"


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_a_seal_that_is_not_json_is_named(workspace: Workspace, data: bytes) -> None:
    path = seals.save_seal(workspace, INCIDENT, make_seal())
    path.write_bytes(data)
    with pytest.raises(InvalidInputError) as caught:
        seals.load_seal(workspace, INCIDENT)
    assert caught.value.code == "seal.damaged"


def test_an_id_cannot_leave_the_folder(workspace: Workspace) -> None:
    with pytest.raises(InvalidInputError) as caught:
        seals.save_seal(workspace, "../../elsewhere", make_seal())
    assert caught.value.code == "seal.damaged"


def test_a_backup_opens_with_its_password_only(workspace: Workspace) -> None:
    kept = {"2025-01-01-a": make_seal(1), "2025-01-01-b": make_seal(2)}
    data = seals.encrypt_backup(kept, "correct horse", n=QUICK)
    assert seals.decrypt_backup(data, "correct horse", source="b.json") == kept
    assert (b"01" * 16) not in data
    with pytest.raises(InvalidInputError) as caught:
        seals.decrypt_backup(data, "wrong", source="b.json")
    assert caught.value.code == "seal.wrong_password"


def test_a_password_typed_in_another_unicode_form_opens_the_backup() -> None:
    data = seals.encrypt_backup({INCIDENT: make_seal()}, "caf\u00e9", n=QUICK)
    assert seals.decrypt_backup(data, "cafe\u0301", source="b.json") == {INCIDENT: make_seal()}


def test_an_empty_password_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        seals.encrypt_backup({INCIDENT: make_seal()}, "", n=QUICK)
    assert caught.value.code == "seal.empty_password"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"n": 1 << 30}, "seal.backup_damaged"),
        ({"n": 3}, "seal.backup_damaged"),
        ({"n": True}, "seal.backup_damaged"),
        ({"r": 1 << 20}, "seal.backup_damaged"),
        ({"kdf": "none"}, "seal.backup_damaged"),
        ({"nonce": "00"}, "seal.backup_damaged"),
        ({"ciphertext": "zz"}, "seal.backup_damaged"),
        ({"surplus": 1}, "seal.backup_damaged"),
        ({"tag": "00" * 16}, "seal.wrong_password"),
        ({"n": QUICK * 2}, "seal.wrong_password"),
    ],
)
def test_a_changed_backup_is_refused(change: dict[str, object], code: str) -> None:
    data = json.loads(seals.encrypt_backup({INCIDENT: make_seal()}, "pw", n=QUICK))
    with pytest.raises(InvalidInputError) as caught:
        seals.decrypt_backup(json.dumps(data | change).encode(), "pw", source="b.json")
    assert caught.value.code == code


def test_a_backup_is_never_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "backup.json"
    seals.write_backup(target, b"one")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with pytest.raises(RefusedError) as caught:
        seals.write_backup(target, b"two")
    assert caught.value.code == "seal.backup_exists"
    assert target.read_bytes() == b"one"


def test_a_backup_into_a_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        seals.write_backup(tmp_path / "nowhere" / "backup.json", b"one")
    assert caught.value.code == "seal.backup_unwritable"


def test_restore_adds_what_is_missing_and_keeps_what_is_there(workspace: Workspace) -> None:
    both = {"2025-01-01-a": make_seal(1), "2025-01-01-b": make_seal(2)}
    seals.save_seal(workspace, "2025-01-01-a", make_seal(1))
    assert seals.restore(workspace, both) == (["2025-01-01-b"], ["2025-01-01-a"])
    assert seals.all_seals(workspace) == both


def test_restore_with_a_conflict_writes_nothing(workspace: Workspace) -> None:
    seals.save_seal(workspace, "2025-01-01-b", make_seal(9))
    with pytest.raises(RefusedError) as caught:
        seals.restore(workspace, {"2025-01-01-a": make_seal(1), "2025-01-01-b": make_seal(2)})
    assert caught.value.code == "seal.exists"
    assert list(seals.all_seals(workspace)) == ["2025-01-01-b"]
