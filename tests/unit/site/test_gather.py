"""What a site is made from: dossiers, bundles that verify, and which of several comes first."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from archive.errors import InvalidInputError
from archive.site.gather import Sources, gather, with_replies
from archive.site.model import Incident, Revision, Site
from archive.workspace import Workspace
from tests.support.shown import honest

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
REGISTRY = GOLDEN / "1-registry"


def read(tmp_path: Path, *, dossiers: tuple[Path, ...] = (), bundles: tuple[Path, ...] = ()) -> Site:
    return gather(Sources(dossiers, bundles, None, tmp_path / "scratch"), base_url=None, verifier=None)


def dossier(tmp_path: Path, **more: object) -> Path:
    folder = tmp_path / "2025-01-example"
    (folder / "evidence").mkdir(parents=True)
    (folder / "evidence" / "table.csv").write_text("row,value\nr1,5\n")
    (folder / "evidence" / "card.txt").write_text("secret")
    record = honest(**more)
    record["evidence"][1] = {
        "id": "card",
        "kind": "document",
        "path": "evidence/card.txt",
        "media_type": "text/plain",
        "withheld": True,
        "title": {"en": "A card"},
    }
    (folder / "incident.json").write_text(json.dumps(record))
    return folder


def test_a_dossier_is_a_draft_and_its_withheld_files_stay_away(tmp_path: Path) -> None:
    [incident] = read(tmp_path, dossiers=(dossier(tmp_path),)).incidents
    assert not incident.current.published
    table, card = incident.current.files
    assert (table.held, table.size, table.source is not None) == ("open", 15, True)
    assert (card.held, card.source, card.sha256) == ("withheld", None, None)
    assert b"A card" not in incident.current.record_json
    assert incident.record["evidence"][1] == {"id": "card", "withheld": True}


def test_a_dossier_with_errors_is_told_with_all_of_them(tmp_path: Path) -> None:
    folder = dossier(tmp_path, claims=[{"id": "c"}], licence=5)
    with pytest.raises(InvalidInputError) as caught:
        read(tmp_path, dossiers=(folder,))
    assert caught.value.code == "site.record"
    assert len(caught.value.problems) > 1


def test_many_dossiers_are_read_by_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = []
    for number in range(4):
        folder = dossier(tmp_path / str(number), id=f"2025-0{number + 1}-example")
        folders.append(folder)
    alone = read(tmp_path, dossiers=tuple(folders))
    monkeypatch.setattr("archive.site.workers.MANY", 2)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert read(tmp_path, dossiers=tuple(folders)) == alone
    (folders[2] / "incident.json").write_text("{}")
    with pytest.raises(InvalidInputError) as caught:
        read(tmp_path, dossiers=tuple(folders))
    assert caught.value.code == "site.record"


def test_evidence_outside_the_dossier_or_of_another_hash_is_not_taken(tmp_path: Path) -> None:
    folder = dossier(tmp_path)
    (tmp_path / "outside.csv").write_text("row,value\nr1,5\n")
    (folder / "evidence" / "table.csv").unlink()
    (folder / "evidence" / "table.csv").symlink_to(tmp_path / "outside.csv")
    [incident] = read(tmp_path, dossiers=(folder,)).incidents
    assert incident.current.files[0].source is None


def test_bundles_become_revisions_with_their_anchors(tmp_path: Path) -> None:
    names = ("first", "second", "third")
    site = read(tmp_path, bundles=tuple(REGISTRY / name / "bundle.proof.json" for name in names))
    assert site.problems == ()
    incident = site.incidents[0]
    assert [one.number for one in incident.revisions] == sorted(one.number for one in incident.revisions)
    for one in incident.revisions:
        assert one.root is not None
        assert one.bundle is not None
        assert all(anchor.test for anchor in one.anchors)


def test_a_bundle_that_does_not_verify_is_named_and_left_out(tmp_path: Path) -> None:
    broken = sorted((GOLDEN / "1" / "altered").glob("*.proof.json"))
    site = read(tmp_path, bundles=tuple(broken))
    assert len(site.problems) >= 5
    assert all(problem.endswith("]") for problem in site.problems)
    for name in ("other-root.proof.json", "entry-of-another-file.proof.json", "leaf-count-lies.proof.json"):
        assert any(name in problem for problem in site.problems), name


def test_of_two_bundles_of_one_root_the_one_with_an_anchor_is_shown(tmp_path: Path) -> None:
    bare, whole = GOLDEN / "1" / "altered" / "no-anchor.proof.json", GOLDEN / "1" / "plain" / "bundle.proof.json"
    for order in ((bare, whole), (whole, bare)):
        incidents = read(tmp_path, bundles=order).incidents
        assert [len(one.anchors) for one in incidents[0].revisions] == [1]


def test_a_workspace_gives_its_bundles_once(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "ws")
    space.bundles.mkdir(parents=True)
    source = GOLDEN / "1" / "plain" / "bundle.proof.json"
    shutil.copy(source, space.bundles / "a-r1.proof.json")
    site = gather(Sources((), (source,), space, tmp_path / "scratch"), base_url=None, verifier=None)
    [incident] = site.incidents
    assert len(incident.revisions) == 1
    assert incident.forks == ()


def test_a_claim_in_another_package_becomes_a_reply_here() -> None:
    root = "ab" * 32
    mine = Incident("a", "a", (Revision(1, honest(), b"{}", root=root),))
    claim = {
        "id": "c-reply",
        "text": {"en": "No."},
        "claimed_by": ["venue"],
        "status": "asserted",
        "relations": [{"type": "responds_to", "claim": "c-refused", "root": root}],
    }
    theirs = Incident(
        "b", "b", (Revision(1, honest(claims=[claim]), b"{}", root="cd" * 32, publisher="0x" + "1" * 40),)
    )
    shown = with_replies([mine, theirs])
    assert [(reply.slug, reply.claim, reply.about) for reply in shown[0].replies] == [("b", "c-reply", "c-refused")]
    assert shown[0].replies[0].by == ({"en": "Venue", "zh-Hans": "平台"},)
    assert shown[1].replies == ()
