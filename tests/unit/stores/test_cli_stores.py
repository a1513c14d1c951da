"""`get`, `import`, `list`, `show`, `doctor` as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from archive.package.hashing import digest_bytes
from archive.stores.catalogue import Catalogue, CatalogueEntry
from archive.stores.local import LocalStore
from archive.workspace import Workspace

Serve = Callable[..., Any]
KEY = PrivateKey(bytes(31) + b"\x07")


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def disk(tmp_path: Path, packed: Any, bundle_of: Any) -> Path:
    """A stick with a package and its bundle on it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    (folder / "package.car").write_bytes(packed.car)
    (folder / "2026-01-01-test-r1.proof.json").write_bytes(bundle_of(packed).to_bytes())
    return folder


@pytest.fixture
def catalogue_bytes(packed: Any, bundle_of: Any) -> bytes:
    entry = CatalogueEntry(
        id="2026-01-01-test",
        revision=1,
        root=packed.root,
        content_id=packed.content_id,
        bundle=digest_bytes(bundle_of(packed).to_bytes()).cid,
        chain_id=97,
        registry="0x" + "11" * 20,
        block=5,
        transaction="0x" + "22" * 32,
    )

    def sign(message: bytes) -> bytes:
        digest = keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
        signature = KEY.sign_msg_hash(digest)
        return signature.to_bytes()[:64] + bytes([27 + signature.v])

    return Catalogue(KEY.public_key.to_address()).updated([entry]).signed(sign).to_bytes()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestImport:
    def test_package_and_bundle_are_taken(self, run: Any, disk: Path, packed: Any, space: Workspace) -> None:
        ran = run("import", str(disk / "package.car"), "--json")
        assert ran.code == 0
        assert ran.json["content_id"] == packed.content_id
        store = LocalStore(space.store)
        assert store.packages() == (packed.content_id,)
        assert store.files() == (ran.json["bundles"][0]["cid"],)
        assert names(space.bundles) == ["2026-01-01-test-r1.proof.json"]
        assert run("import", str(disk / "package.car"), "--json").json == ran.json

    def test_without_a_bundle_it_says_so(self, run: Any, packed: Any) -> None:
        ran = run("import", str(packed.path))
        assert ran.code == 0
        assert "only the bytes can be checked" in ran.err

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (lambda car: car[:-9], "car.truncated"),
            (lambda car: car[:200] + bytes([car[200] ^ 1]) + car[201:], "car.bad_block_hash"),
            (lambda car: b"", "car.truncated"),
            (lambda car: b"PK\x03\x04" + car, "car.bad_header"),
            (lambda car: car[:1] + car[1:].replace(b"roots\x81", b"roots\x82", 1), "car.roots"),
        ],
    )
    def test_a_bad_car_is_refused_and_nothing_kept(
        self, run: Any, packed: Any, tmp_path: Path, space: Workspace, change: Any, code: str
    ) -> None:
        bad = tmp_path / "bad.car"
        bad.write_bytes(change(packed.car))
        ran = run("import", str(bad), "--json")
        assert ran.code == 1
        assert ran.json["error"]["code"] == code
        assert [path for path in space.root.rglob("*") if path.is_file()] == []

    def test_a_bundle_that_lies_is_left_out(
        self, run: Any, disk: Path, packed: Any, bundle_of: Any, space: Workspace
    ) -> None:
        path = disk / "2026-01-01-test-r1.proof.json"
        path.write_bytes(replace(bundle_of(packed), root="00" * 32).to_bytes())
        ran = run("import", str(disk / "package.car"), "--json")
        assert ran.code == 0
        assert [error["code"] for error in ran.json["skipped"]] == ["bundle.wrong_root"]
        assert not space.bundles.exists()

    def test_another_bundle_of_the_same_name_is_not_overwritten(self, run: Any, disk: Path, space: Workspace) -> None:
        space.bundles.mkdir(parents=True)
        mine = space.bundles / "2026-01-01-test-r1.proof.json"
        mine.write_text("mine")
        ran = run("import", str(disk / "package.car"), "--json")
        assert [error["code"] for error in ran.json["skipped"]] == ["import.bundle_exists"]
        assert mine.read_text() == "mine"

    def test_a_file_that_is_not_there(self, run: Any, tmp_path: Path) -> None:
        ran = run("import", str(tmp_path / "none.car"), "--json")
        assert (ran.code, ran.json["error"]["code"]) == (2, "import.unreadable")


class TestGet:
    def test_by_id_from_the_local_store(self, run: Any, disk: Path, tmp_path: Path, packed: Any) -> None:
        run("import", str(disk / "package.car"))
        ran = run("get", "2026-01-01-test", str(tmp_path / "out"), "--json")
        assert ran.code == 0
        assert (ran.json["source"], ran.json["files"], ran.json["revision"]) == ("local", 3, 1)
        assert names(tmp_path / "out") == ["evidence", "manifest.json", "record.json"]

    def test_by_content_id_past_a_lying_gateway(
        self, run: Any, serve: Serve, answer: Any, packed: Any, other: Any, tmp_path: Path, monkeypatch: Any
    ) -> None:
        liar, honest = serve([answer(body=other.car)]), serve([answer(body=packed.car)])
        monkeypatch.setenv("ARCHIVE_IPFS_GATEWAYS", f"liar={liar.url},honest={honest.url}")
        ran = run("get", packed.content_id, str(tmp_path / "out"))
        assert ran.code == 0
        assert "from honest" in ran.out
        assert "warning: liar sent wrong bytes" in ran.err

    def test_from_names_the_store(
        self, run: Any, serve: Serve, answer: Any, packed: Any, tmp_path: Path, monkeypatch: Any
    ) -> None:
        asked, other = serve([answer(body=packed.car)]), serve([answer(body=packed.car)])
        monkeypatch.setenv("ARCHIVE_IPFS_GATEWAYS", f"a={asked.url},b={other.url}")
        assert run("get", packed.content_id, str(tmp_path / "out"), "--from", "b").code == 0
        assert asked.seen == []
        ran = run("get", packed.content_id, str(tmp_path / "out2"), "--from", "c", "--json")
        assert (ran.code, ran.json["error"]["code"]) == (2, "store.unknown")

    def test_nobody_has_it(self, run: Any, packed: Any, tmp_path: Path) -> None:
        ran = run("get", packed.content_id, str(tmp_path / "out"), "--json")
        assert (ran.code, ran.json["error"]["code"]) == (3, "store.not_available")
        assert not (tmp_path / "out").exists()

    def test_only_wrong_bytes(
        self, run: Any, serve: Serve, answer: Any, packed: Any, other: Any, tmp_path: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("ARCHIVE_IPFS_GATEWAYS", serve([answer(body=other.car)]).url)
        ran = run("get", packed.content_id, str(tmp_path / "out"), "--json")
        assert (ran.code, ran.json["error"]["code"]) == (1, "store.wrong_bytes")

    @pytest.mark.parametrize(("name", "code"), [("2026-09-09-none", "store.unknown_id"), ("bafy../x", "store.bad_cid")])
    def test_names_nobody_knows(self, run: Any, tmp_path: Path, name: str, code: str) -> None:
        ran = run("get", name, str(tmp_path / "out"), "--json")
        assert (ran.code, ran.json["error"]["code"]) == (2, code)

    def test_a_revision_that_is_not_there(self, run: Any, disk: Path, tmp_path: Path) -> None:
        run("import", str(disk / "package.car"))
        ran = run("get", "2026-01-01-test", str(tmp_path / "out"), "--revision", "2", "--json")
        assert (ran.code, ran.json["error"]["code"]) == (2, "store.unknown_id")


class TestCatalogue:
    def test_a_given_catalogue_finds_the_package(
        self, run: Any, serve: Serve, answer: Any, packed: Any, catalogue_bytes: bytes, tmp_path: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("ARCHIVE_IPFS_GATEWAYS", serve([answer(body=packed.car)]).url)
        path = tmp_path / "catalogue.json"
        path.write_bytes(catalogue_bytes)
        ran = run("get", "2026-01-01-test", str(tmp_path / "out"), "--catalogue", str(path), "--json")
        assert ran.code == 0
        assert ran.json["content_id"] == packed.content_id

    def test_by_url_and_by_cid(
        self, run: Any, serve: Serve, answer: Any, catalogue_bytes: bytes, monkeypatch: Any
    ) -> None:
        server = serve([answer(body=catalogue_bytes)])
        monkeypatch.setenv("ARCHIVE_IPFS_GATEWAYS", server.url)
        for source in (f"{server.url}/catalogue.json", digest_bytes(catalogue_bytes).cid):
            ran = run("list", "--catalogue", source, "--json")
            assert ran.code == 0
            assert [row["id"] for row in ran.json["packages"]] == ["2026-01-01-test"]
            assert KEY.public_key.to_address() in ran.err

    def test_a_changed_one_is_refused(self, run: Any, catalogue_bytes: bytes, tmp_path: Path) -> None:
        value = json.loads(catalogue_bytes)
        value["entries"][0]["block"] = 6
        path = tmp_path / "catalogue.json"
        path.write_text(json.dumps(value))
        ran = run("list", "--catalogue", str(path), "--json")
        assert (ran.code, ran.json["error"]["code"]) == (1, "catalogue.wrong_signer")

    def test_one_that_is_not_there(self, run: Any, tmp_path: Path, dead_url: str) -> None:
        ran = run("list", "--catalogue", str(tmp_path / "none"), "--json")
        assert (ran.code, ran.json["error"]["code"]) == (2, "catalogue.unreadable")
        ran = run("list", "--catalogue", f"{dead_url}/c.json", "--json")
        assert (ran.code, ran.json["error"]["code"]) == (3, "catalogue.unreachable")


class TestList:
    def test_nothing_yet(self, run: Any) -> None:
        ran = run("list")
        assert (ran.code, ran.out) == (0, "")
        assert "nothing here yet" in ran.err

    def test_bundles_catalogue_and_nameless_packages(
        self, run: Any, disk: Path, packed: Any, other: Any, catalogue_bytes: bytes, space: Workspace
    ) -> None:
        run("import", str(disk / "package.car"))
        LocalStore(space.store).put_package(other.path, other.content_id, root=other.root)
        assert [row["source"] for row in run("list", "--json").json["packages"]] == ["bundle"]
        space.catalogue_file.write_bytes(catalogue_bytes)
        ran = run("list", "--json")
        assert [(r["id"], r["source"], r["held"]) for r in ran.json["packages"]] == [
            ("2026-01-01-test", "catalogue", True)
        ]
        assert ran.json["unnamed"] == [other.content_id]
        text = run("list").out
        assert "2026-01-01-test r1" in text
        assert "chain 97, held here" in text

    def test_a_broken_bundle_is_named_and_the_rest_listed(self, run: Any, disk: Path, space: Workspace) -> None:
        run("import", str(disk / "package.car"))
        (space.bundles / "a.proof.json").write_text("{")
        ran = run("list", "--json")
        assert len(ran.json["packages"]) == 1
        assert "a.proof.json" in ran.err


class TestShow:
    def test_in_words_and_languages(self, run: Any, disk: Path, packed: Any) -> None:
        run("import", str(disk / "package.car"))
        english = run("show", "2026-01-01-test")
        assert english.code == 0
        assert english.out.startswith("A test\n2026-01-01-test, revision 1\nlanguages: en, zh-Hans\n")
        assert packed.root in english.out
        assert "claims of the sources" in english.err
        assert run("show", "2026-01-01-test", "--lang", "zh").out.startswith("测试\n")
        assert run("show", packed.content_id, "--lang", "fr").out.startswith("A test\n")

    def test_as_json(self, run: Any, disk: Path, packed: Any) -> None:
        run("import", str(disk / "package.car"))
        shown = run("show", "2026-01-01-test", "--json").json
        assert (shown["root"], shown["files"], shown["languages"]) == (packed.root, 3, ["en", "zh-Hans"])
        assert shown["record"]["id"] == "2026-01-01-test"

    def test_a_bundle_is_not_believed(self, run: Any, disk: Path, space: Workspace) -> None:
        run("import", str(disk / "package.car"))
        (path,) = space.bundles.iterdir()
        value = json.loads(path.read_bytes())
        value["record"]["title"]["en"] = "A lie"
        path.write_text(json.dumps(value))
        assert run("show", "2026-01-01-test").out.startswith("A test\n")

    def test_from_the_package_when_there_is_no_bundle(self, run: Any, packed: Any) -> None:
        run("import", str(packed.path))
        assert run("show", packed.content_id).out.startswith("A test\n")


class TestDoctor:
    def test_an_empty_workspace_is_well(self, run: Any) -> None:
        ran = run("doctor", "--json")
        assert ran.code == 0
        checks = {check["subject"]: check for check in ran.json["checks"]}
        assert checks["store local"]["status"] == "ok"
        assert checks["archive"]["detail"].startswith("0.")
        assert all(check["status"] in ("ok", "note") for check in checks.values())

    def test_a_configured_store_that_is_down_is_exit_3(self, run: Any, dead_url: str, monkeypatch: Any) -> None:
        monkeypatch.setenv("ARCHIVE_KUBO_API", dead_url)
        ran = run("doctor", "--json")
        assert ran.code == 3
        down = [check for check in ran.json["checks"] if check["status"] == "unreachable"]
        assert {check["code"] for check in down} == {"store.kubo.unreachable"}

    def test_an_answer_that_is_wrong_is_exit_1(self, run: Any, serve: Serve, answer: Any, monkeypatch: Any) -> None:
        monkeypatch.setenv("ARCHIVE_KUBO_API", serve([answer(body=b"hello")]).url)
        ran = run("doctor")
        assert ran.code == 1
        assert "not Kubo's" in ran.out

    def test_a_configured_network_is_asked(self, run: Any, dead_url: str, monkeypatch: Any) -> None:
        pytest.importorskip("pydantic_settings")
        monkeypatch.setenv("ARCHIVE_RPC_BSC_TESTNET", dead_url)
        ran = run("doctor", "--json")
        checks = {check["subject"]: check for check in ran.json["checks"]}
        assert ran.code == 3
        assert checks["network bsc-testnet"]["status"] == "unreachable"
        assert checks["network bsc"]["detail"] == "not configured here, not asked"

    def test_broken_configuration_is_named_with_the_rest(self, run: Any, space: Workspace) -> None:
        space.root.mkdir(parents=True)
        space.config_file.write_text("[stores")
        ran = run("doctor", "--json")
        assert ran.code == 1
        assert any(check["code"] == "config.syntax" for check in ran.json["checks"])


def test_a_catalogue_of_the_workspace_that_was_tampered_with_stops_the_search(
    run: Any, space: Workspace, catalogue_bytes: bytes, tmp_path: Path
) -> None:
    space.root.mkdir(parents=True)
    space.catalogue_file.write_bytes(catalogue_bytes.replace(b'"block":5', b'"block":6'))
    ran = run("get", "2026-01-01-test", str(tmp_path / "out"), "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "catalogue.wrong_signer")
