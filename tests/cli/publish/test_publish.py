"""`archive publish` on the embedded chain: end to end, refused, interrupted, repeated."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Dossier

Archive = Callable[..., Any]
# The masked excerpt must show none of this.
SECRET = "-----BEGIN EC " + "PRIVATE KEY-----\nMHcCAQEEIFtYb0FkQm9ndXNLZXlGb3JUZXN0c09ubHkxMjM0NTY3\n"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def blocks(workspace: Path) -> int:
    import sqlite3

    with sqlite3.connect(workspace / "chain" / "chain.sqlite") as connection:
        return int(connection.execute("SELECT count(*) FROM headers").fetchone()[0])


def beside(dossier: Dossier) -> Path:
    """Another incident beside the dossier, so that the workspace has its chain."""
    other = dossier.folder.with_name("other")
    shutil.copytree(dossier.folder, other)
    record = other / "incident.yaml"
    record.write_text(record.read_text().replace("2025-01-01-test", "2025-01-01-other"))
    return other


def test_publish_verify_flip_a_byte_fail(archive: Archive, dossier: Dossier, workspace: Path, tmp_path: Path) -> None:
    ran = archive("publish", dossier.folder, "--yes", "--json", "--out", "i.proof.json")
    assert ran.code == 0
    result = ran.json
    assert result["bundle"] == str(workspace / "bundles" / "2025-01-01-test-r1.proof.json")
    assert set(result["anchor"]) >= {"chain_id", "registry", "publisher", "transaction", "block", "timestamp"}
    assert [pin["store"] for pin in result["pins"]] == ["local"]
    assert result["operators"] == 0
    assert result["proves_time"] is False
    assert (tmp_path / "i.proof.json").read_bytes() == Path(result["bundle"]).read_bytes()
    header = json.loads((tmp_path / "i.proof.json").read_text())["entries"][0]
    assert header["publisher"] == result["anchor"]["publisher"]
    passed = archive("verify", "i.proof.json", dossier.folder / "evidence", "--json")
    assert (passed.code, passed.json["verdict"]) == (0, "pass")
    flip(dossier.folder / "evidence" / "orders.csv")
    failed = archive("verify", "i.proof.json", dossier.folder / "evidence", "--json")
    assert (failed.code, failed.json["verdict"]) == (1, "fail")


def test_the_result_is_readable(archive: Archive, dossier: Dossier) -> None:
    ran = archive("publish", dossier.folder, "--yes")
    assert ran.code == 0
    assert "proves no" in ran.out
    assert "archive verify " in ran.out
    assert "evidence/orders.csv" in ran.err
    assert "evidence/orders.csv" not in ran.out


def test_a_dry_run_in_an_empty_place_makes_nothing(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    dossier.withhold()
    dossier.refer()
    ran = archive("publish", dossier.folder, "--dry-run", "--json")
    assert ran.code == 0
    assert not workspace.exists()
    plan = ran.json
    assert plan["dry_run"] is True
    assert [file["path"] for file in plan["files"]] == [
        "evidence/notes.txt",
        "evidence/orders.csv",
        "manifest.json",
        "record.json",
    ]
    assert plan["withheld"] == [{"id": "names", "path": "evidence/names.txt", "commitment": None}]
    assert plan["references"] == [{"id": "ticks", "size": 12345, "sha256": "ab" * 32}]
    assert plan["root"] is None
    assert plan["public"] is False


def test_a_dry_run_changes_no_file_and_shows_what_publishing_will_give(
    archive: Archive, dossier: Dossier, workspace: Path
) -> None:
    other = beside(dossier)
    archive("publish", other, "--yes")
    before = tree(workspace)
    plan = archive("publish", dossier.folder, "--dry-run", "--json").json
    assert tree(workspace) == before
    assert plan["cost"]["coin"] == "test ether"
    assert int(plan["cost"]["gas"]) > 20_000
    result = archive("publish", dossier.folder, "--yes", "--json").json
    assert (plan["root"], plan["content_id"]) == (result["root"], result["content_id"])
    text = archive("publish", dossier.folder, "--dry-run")
    assert "Already done: packed, anchored" in text.out


def test_without_a_terminal_and_yes_nothing_is_done(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    ran = archive("publish", dossier.folder, "--json")
    assert (ran.code, ran.error) == (2, "publish.not_confirmed")
    assert "--dry-run" in ran.json["error"]["hint"]
    assert not workspace.exists()


def test_no_at_the_question_anchors_nothing(
    archive: Archive, dossier: Dossier, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archive.cli import publish

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(publish.typer, "confirm", lambda *a, **k: False)
    assert archive("publish", dossier.folder).code == 1
    assert blocks(workspace) == 2
    assert not (workspace / "journal").exists()
    monkeypatch.setattr(publish.typer, "confirm", lambda *a, **k: True)
    assert archive("publish", dossier.folder).code == 0
    assert blocks(workspace) == 3


def test_publishing_the_same_again_is_already_done(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    first = archive("publish", dossier.folder, "--yes", "--json").json
    before = tree(workspace)
    again = archive("publish", dossier.folder, "--yes", "--json")
    assert again.code == 0
    assert again.json == first | {"already_published": True}
    assert tree(workspace) == before
    assert archive("publish", dossier.folder, "--yes").out.startswith("already published")


def test_other_bytes_for_a_published_revision_are_refused(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    root = archive("publish", dossier.folder, "--yes", "--json").json["root"]
    (dossier.folder / "evidence" / "notes.txt").write_text("Something was filled.\n")
    for options in ((), ("--restart",)):
        ran = archive("publish", dossier.folder, "--yes", "--json", *options)
        assert ran.code == 1
        assert ran.error == ("publish.cannot_restart" if options else "publish.dossier_changed")
        assert f"supersedes: {root}" in ran.json["error"]["hint"]
    assert blocks(workspace) == 3


def test_other_bytes_are_refused_by_the_registry_even_when_the_journal_is_lost(
    archive: Archive, dossier: Dossier, workspace: Path
) -> None:
    archive("publish", dossier.folder, "--yes")
    shutil.rmtree(workspace / "journal")
    (dossier.folder / "evidence" / "notes.txt").write_text("Something was filled.\n")
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (1, "registry.not_head")
    assert blocks(workspace) == 3


def test_a_second_revision_follows_the_first(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    first = archive("publish", dossier.folder, "--yes", "--json").json
    dossier.revision, dossier.supersedes = 2, first["root"]
    dossier.write()
    (dossier.folder / "evidence" / "notes.txt").write_text("One was filled after all.\n")
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert ran.code == 0
    assert ran.json["previous_root"] == first["root"]
    assert ran.json["bundle"].endswith("2025-01-01-test-r2.proof.json")
    listed = json.loads((workspace / "catalogue.json").read_text())["entries"]
    assert [(entry["id"], entry["revision"]) for entry in listed] == [("2025-01-01-test", 1), ("2025-01-01-test", 2)]
    verified = archive("verify", ran.json["bundle"], dossier.folder / "evidence", "--json")
    assert (verified.code, verified.json["verdict"]) == (0, "pass")


def test_a_revision_that_names_another_root_is_refused(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    first = archive("publish", dossier.folder, "--yes", "--json").json
    dossier.revision, dossier.supersedes = 2, "cd" * 32
    dossier.write()
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (1, "publish.wrong_previous")
    assert first["root"] in ran.json["error"]["hint"]
    shutil.rmtree(workspace / "journal")
    ran = archive("publish", dossier.folder, "--yes", "--json", "--unknown-previous")
    assert (ran.code, ran.error) == (1, "registry.not_head")


def test_an_earlier_revision_that_nobody_knows_is_refused_unless_said_so(archive: Archive, dossier: Dossier) -> None:
    dossier.revision, dossier.supersedes = 2, "cd" * 32
    dossier.write()
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (1, "publish.previous_unknown")
    ran = archive("publish", dossier.folder, "--yes", "--json", "--unknown-previous")
    assert ran.code == 0
    assert ran.json["previous_root"] == "cd" * 32


def test_a_revision_without_supersedes_is_refused_with_the_root_it_needs(archive: Archive, dossier: Dossier) -> None:
    first = archive("publish", dossier.folder, "--yes", "--json").json
    dossier.revision = 2
    dossier.write()
    for command in (("publish", "--yes"), ("pack",)):
        ran = archive(*command, dossier.folder, "--json")
        assert (ran.code, ran.error) == (1, "publish.previous_missing")
        assert first["root"] in ran.json["error"]["hint"]


def test_a_secret_blocks_and_is_waived_by_name_only(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    (dossier.folder / "evidence" / "notes.txt").write_text(f"harmless\n{SECRET}")
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (1, "publish.secret_found")
    assert not workspace.exists()
    problems = ran.json["error"]["problems"]
    assert {Path(problem["path"]).name for problem in problems} == {"notes.txt"}
    assert problems[0]["line"] == 2
    assert "MHcCAQEEIFtYb0FkQm9n" not in ran.out + ran.err
    names = [problem["hint"].split("--waive ")[1] for problem in problems]
    said = ("--reason", "made up for a test", "--by", "editor")
    other = names[0].replace("notes.txt", "orders.csv")
    wrong = archive("publish", dossier.folder, "--yes", "--json", "--waive", other, *said)
    assert wrong.error == "publish.secret_found"
    options = [*said, *(option for name in dict.fromkeys(names) for option in ("--waive", name))]
    done = archive("publish", dossier.folder, "--yes", "--json", *options)
    assert done.code == 0
    assert set(done.json["waived"]) == set(names)
    again = archive("publish", dossier.folder, "--yes", "--json", *options, "--waive", "cookie:evidence/none.txt")
    assert (again.code, again.error) == (2, "publish.unknown_waiver")
    assert names[0] in again.json["error"]["hint"]


def test_a_secret_in_the_record_blocks_too(archive: Archive, dossier: Dossier) -> None:
    record = dossier.folder / "incident.yaml"
    text = record.read_text().replace(
        "Users say that orders were refused.",
        "See X-MBX-APIKEY: vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju",
    )
    record.write_text(text.replace("en: See", "en: 'See").replace("y7Ju", "y7Ju'"))
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (1, "publish.secret_found")
    assert Path(ran.json["error"]["problems"][0]["path"]).name == "incident.yaml"


def test_a_secret_in_a_withheld_file_stays_here(archive: Archive, dossier: Dossier) -> None:
    dossier.withhold(content=SECRET)
    assert archive("publish", dossier.folder, "--yes").code == 0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--waive", "no-path"), "publish.bad_waiver"),
        (("--waive", "cookie:evidence/none.txt", "--reason", "r", "--by", "b"), "publish.unknown_waiver"),
        (("--waive", "cookie:evidence/none.txt"), "publish.waiver_unsigned"),
        (("--waive", "cookie:evidence/none.txt", "--reason", "r"), "publish.waiver_unsigned"),
        (("--waive", "cookie:evidence/none.txt", "--reason", " ", "--by", "b"), "publish.waiver_unsigned"),
        (("--reason", "r", "--by", "b"), "publish.bad_waiver"),
        (("--store", "nowhere"), "publish.unknown_store"),
        (("--network", "nowhere"), "chain.unknown_network"),
        (("--out", "nowhere/i.proof.json"), "publish.bad_out"),
        (("--network", "anvil"), "wallet.none"),
        (("--confirmations", "0"), "usage"),
    ],
)
def test_options_that_make_no_sense(
    archive: Archive, dossier: Dossier, workspace: Path, options: tuple[str, ...], code: str
) -> None:
    ran = archive("publish", dossier.folder, "--yes", "--json", *options)
    assert (ran.code, ran.error) == (2, code)
    assert not (workspace / "chain").exists()


def test_the_embedded_chain_has_one_key(archive: Archive, dossier: Dossier) -> None:
    ran = archive("publish", dossier.folder, "--yes", "--json", "--wallet", "0x" + "ab" * 20)
    assert (ran.code, ran.error) == (2, "publish.wallet_on_local")
    own = archive("publish", dossier.folder, "--yes", "--json").json["anchor"]["publisher"]
    assert archive("publish", dossier.folder, "--yes", "--json", "--wallet", own).code == 0


def test_out_never_overwrites_another_file(archive: Archive, dossier: Dossier, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    ran = archive("publish", dossier.folder, "--yes", "--json", "--out", "precious.txt")
    assert (ran.code, ran.error) == (2, "publish.bad_out")
    assert (tmp_path / "precious.txt").read_text() == "mine"
    for _ in range(2):
        assert archive("publish", dossier.folder, "--yes", "--out", "i.proof.json").code == 0


def test_a_store_that_is_down_does_not_lose_the_anchor(
    archive: Archive, dossier: Dossier, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHIVE_KUBO_API", "http://127.0.0.1:9")
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert ran.code == 3
    assert [failure["store"] for failure in ran.json["failures"]] == ["kubo"]
    assert "run the same command again" in ran.err
    assert Path(ran.json["bundle"]).exists()
    assert blocks(workspace) == 3
    monkeypatch.delenv("ARCHIVE_KUBO_API")
    again = archive("publish", dossier.folder, "--yes", "--json")
    assert again.code == 0
    assert again.json["failures"] == []
    assert blocks(workspace) == 3


def test_local_only_leaves_configured_stores_alone(
    archive: Archive, dossier: Dossier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHIVE_KUBO_API", "http://127.0.0.1:9")
    ran = archive("publish", dossier.folder, "--yes", "--json", "--store", "local")
    assert ran.code == 0
    assert [pin["store"] for pin in ran.json["pins"]] == ["local"]


def test_evidence_changed_while_it_is_read_anchors_nothing(
    archive: Archive, dossier: Dossier, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archive.publish import publish

    real = publish.build_package

    def build_then_change(*arguments: Any, **options: Any) -> Any:
        package = real(*arguments, **options)
        (dossier.folder / "evidence" / "orders.csv").write_text("time,side,price\n00:01,sell,1\n")
        return package

    monkeypatch.setattr(publish, "build_package", build_then_change)
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (1, "package.changed_while_read")
    assert blocks(workspace) == 2
    assert not list((workspace / "store" / "packages").iterdir())
    monkeypatch.setattr(publish, "build_package", real)
    assert archive("publish", dossier.folder, "--yes", "--json").code == 0


def test_two_publications_at_once_are_not_mixed_up(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    from archive.workspace import Workspace

    with Workspace(workspace).lock("publish"):
        ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (1, "workspace.locked")


def test_a_damaged_seal_stops_before_anything_is_done(archive: Archive, dossier: Dossier, workspace: Path) -> None:
    archive("publish", dossier.folder, "--yes")
    (workspace / "secrets" / "seals" / "2025-01-01-test.json").write_text("{")
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert (ran.code, ran.error) == (1, "seal.damaged")


def test_a_store_that_gives_other_bytes_is_named_and_the_anchor_stands(
    archive: Archive, dossier: Dossier, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archive.publish import publish, wiring
    from archive.stores.base import Pin

    class Liar:
        name, operator, endpoint = "liar", "somebody", "http://liar"

        def put_package(self, car: Path, content_id: str, *, root: str) -> Pin:
            self.data = bytearray(car.read_bytes())
            self.data[len(self.data) // 2] ^= 1
            return Pin(self.name, content_id, content_id, self.operator, False)

        def fetch_package(self, content_id: str, sink: Any, **_: Any) -> None:
            sink.write(bytes(self.data))

    liar: Any = Liar()
    monkeypatch.setattr(publish, "choose_stores", lambda stores, names, **_: (wiring.StoreTarget(liar, liar),))
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert ran.code == 1
    assert [failure["store"] for failure in ran.json["failures"]] == ["liar"]
    assert Path(ran.json["bundle"]).exists()
    assert blocks(workspace) == 3
    monkeypatch.undo()
    monkeypatch.setenv("ARCHIVE_WORKSPACE", str(workspace))
    assert archive("publish", dossier.folder, "--yes", "--json").code == 0
    assert blocks(workspace) == 3


BASE_ONLY = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        absent = ("web3", "eth_account", "eth_tester", "pydantic_settings", "ipfshttpclient", "arweave")
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
import importlib.util
real = importlib.util.find_spec
def find_spec(name, package=None):
    try:
        return real(name, package)
    except ModuleNotFoundError:
        return None
importlib.util.find_spec = find_spec
from archive.cli.main import main
main()
"""


def test_pack_needs_only_the_base_libraries_and_publish_says_what_it_needs(dossier: Dossier, workspace: Path) -> None:
    def run(*arguments: str) -> tuple[int, Any]:
        command = [sys.executable, "-c", BASE_ONLY, *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout)

    code, packed = run("pack", str(dossier.folder), "--workspace", str(workspace))
    assert (code, len(packed["root"])) == (0, 64)
    code, refused = run("publish", str(dossier.folder), "--yes", "--workspace", str(workspace))
    assert (code, refused["error"]["code"]) == (2, "publish.no_extra")


KILLER = """
import os, signal, sys
from archive.cli import main, publish
step = sys.argv.pop(1)
tell = publish._step
def kill(done):
    tell(done)
    if done == step:
        os.kill(os.getpid(), signal.Signals[os.environ["KILL_WITH"]])
publish._step = kill
main.main()
"""


def run_killed(dossier: Path, workspace: Path, step: str, how: str) -> int:
    environment = os.environ | {"ARCHIVE_WORKSPACE": str(workspace), "KILL_WITH": how}
    command = [sys.executable, "-c", KILLER, step, "publish", str(dossier), "--yes", "--json"]
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120).returncode


@pytest.mark.parametrize(
    ("how", "steps"),
    [
        ("SIGKILL", ("packed", "signed", "sent", "anchored", "final", "bundle", "catalogued", "catalogue kept")),
        ("SIGINT", ("sent", "bundle")),
    ],
)
def test_killed_after_every_step_in_turn_the_same_command_completes_it(
    archive: Archive, dossier: Dossier, workspace: Path, how: str, steps: tuple[str, ...]
) -> None:
    dossier.withhold()
    for step in steps:
        code = run_killed(dossier.folder, workspace, step, how)
        # Ctrl-C is reported as incomplete, with the hint to run it again.
        assert code == (-signal.SIGKILL if how == "SIGKILL" else 3), step
    ran = archive("publish", dossier.folder, "--yes", "--json")
    assert ran.code == 0
    assert ran.json["already_published"] is (how == "SIGKILL")
    assert blocks(workspace) == 3
    verified = archive("verify", ran.json["bundle"], dossier.folder / "evidence", "--json")
    assert verified.code == 0
