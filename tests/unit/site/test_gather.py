"""What a site is made from: dossiers, bundles that verify, and which of several comes first."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from archive.chain import registry
from archive.errors import InvalidInputError
from archive.package.build import Package
from archive.site.build import build
from archive.site.exports import facts
from archive.site.gather import Sources, gather, with_replies
from archive.site.model import Incident, Revision, Site
from archive.trust import TrustFile, save_trust
from archive.workspace import Workspace
from tests.support.shown import honest
from tests.unit.verify.simulator import KEY, STRANGER, Chain, Desk, Publication, address

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


def test_a_pipe_or_a_folder_in_place_of_a_bundle_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.proof.json")
    (tmp_path / "b.proof.json").mkdir()
    site = read(tmp_path, bundles=tuple(tmp_path / f"{name}.proof.json" for name in "abc"))
    assert [problem.rpartition(" ")[2] for problem in site.problems] == ["[bundle.unreadable]"] * 3


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
    assert shown[0].replies[0].publisher is None, "nobody signed it, and a key may be named by anybody"
    assert shown[1].replies == ()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


def forged(package: Package, path: Path, *, chain_id: int = 56) -> Path:
    """A bundle whose block a stranger made up: a contract's event on "BNB Smart Chain" that names the publisher."""
    call = registry.AnchorCall(
        registry.incident_key(package.header.incident), bytes.fromhex(package.root), bytes(32), package.content_digest
    )
    chain = Chain(chain_id=chain_id)
    anchor = chain.anchor(call, key=STRANGER, publisher=address(KEY), through="0x" + "99" * 20)
    made = Publication(path.parent, package, chain, [anchor], TrustFile())
    path.parent.mkdir(parents=True, exist_ok=True)
    return made.write_bundle(path)


def trusting(tmp_path: Path, trust: TrustFile) -> Workspace:
    space = Workspace(tmp_path / "ws")
    space.root.mkdir(exist_ok=True)
    save_trust(space.trust_file, trust)
    return space


def test_a_made_up_block_is_no_publication_of_the_key_that_it_names(desk: Desk, tmp_path: Path) -> None:
    """It takes neither the name, nor the date, nor the place of what the key signed."""
    real = desk.publish()
    fake = forged(desk.publish({"evidence/prices.csv": b"made up\n"}).package, tmp_path / "fake" / "a.proof.json")
    mine = real.write_bundle(tmp_path / "real.proof.json")
    space = trusting(tmp_path, real.trust)
    site = gather(Sources((), (fake, mine), space, tmp_path / "scratch"), base_url=None, verifier=None)
    assert site.problems == ()
    first, second = site.incidents
    assert (first.current.root, first.current.signed, first.publisher_name) == (
        real.package.root,
        True,
        "The publisher",
    )
    assert (first.forks, second.forks) == ((), ())
    assert (second.current.signed, second.publisher_name) == (False, None)
    assert second.slug == f"{first.slug}.{address(KEY)[2:10]}-unsigned"
    assert [anchor.in_chain for one in site.incidents for anchor in one.current.anchors] == [False, False]
    assert (facts.published(second.current)[:4], facts.publisher_of(second)) != ("2025", "The publisher")
    assert facts.state_of(second.current) == "publisher not shown"
    build(site, tmp_path / "out")
    page = (tmp_path / "out" / "en" / second.slug / "proof.html").read_text()
    assert "who published it is not shown" in page
    assert "anybody can name any key" in page
    assert "Published: revision" not in page
    assert "Anchored on" not in page
    assert "The publisher" not in page


def test_a_bundle_without_an_anchor_is_nobodys_publication(tmp_path: Path) -> None:
    site = read(tmp_path, bundles=(GOLDEN / "1" / "altered" / "no-anchor.proof.json",))
    [incident] = site.incidents
    assert (incident.current.signed, facts.state_of(incident.current)) == (False, "publisher not shown")


def test_of_two_bundles_of_one_root_made_up_blocks_do_not_outweigh_a_signature(desk: Desk, tmp_path: Path) -> None:
    real = desk.publish()
    fake = forged(real.package, tmp_path / "fake" / "a.proof.json")
    value = json.loads(fake.read_bytes())
    fake.write_text(json.dumps({**value, "anchors": value["anchors"] * 3}))
    mine = real.write_bundle(tmp_path / "real.proof.json")
    for order in ((fake, mine), (mine, fake)):
        [incident] = read(tmp_path, bundles=order).incidents
        assert incident.current.signed
        assert incident.current.bundle is not None
        assert incident.current.bundle.source == mine


def test_keys_that_begin_alike_have_folders_of_their_own(desk: Desk, tmp_path: Path) -> None:
    """A header may name any key, so also one whose first digits are another's."""
    alike = ["0x" + "1" * 40, "0x11111111" + "2" * 32, "0x" + "0" * 40]
    paths = []
    for number, key in enumerate([*alike, None]):
        made = desk.publish(names_publisher=key)
        paths.append(replace(made, anchors=[]).write_bundle(tmp_path / f"{number}.proof.json"))
    site = read(tmp_path, bundles=tuple(paths))
    assert len({one.slug for one in site.incidents}) == 4
    assert all(len(one.others) == 3 for one in site.incidents)
