"""Batches, requests, endorsements, retractions and successions as a user runs them, on the embedded chain."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RECORD = """\
schema_version: 1
id: {id}
title: {{en: A test incident}}
summary: {{en: Users say that orders were refused.}}
occurred: {{start: "2025-01-01T00:00:00Z", end: "2025-01-01T01:00:00Z", precision: minute, time_zone: UTC}}
parties:
  - {{id: trader, name: {{en: Trader}}, kind: person}}
evidence:
  - {{id: orders, kind: order-log, path: evidence/orders.csv, media_type: text/csv}}
  - {{id: notes, kind: document, path: evidence/notes.txt, media_type: text/plain}}
revision: {revision}
{supersedes}revisions:
{revisions}
"""


KILLER = """
import os, signal, sys
from archive.cli import main, publish
step = sys.argv.pop(1)
tell = publish._step
def kill(done):
    tell(done)
    if done == step:
        os.kill(os.getpid(), signal.SIGKILL)
publish._step = kill
main.main()
"""


class User:
    """Somebody with a workspace and a password; `run` gives exit code and JSON answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        clean = {key: value for key, value in os.environ.items() if not key.startswith("ARCHIVE_")}
        self.environment = {
            **clean,
            "ARCHIVE_WORKSPACE": str(self.workspace),
            "ARCHIVE_WALLET_PASSWORD": "correct horse battery",
        }

    def run(self, *arguments: str) -> tuple[int, Any]:
        done = subprocess.run(
            [sys.executable, "-c", "from archive.cli.main import main; main()", *arguments, "--json"],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "internal error" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def killed(self, step: str, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", KILLER, step, *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert done.returncode == -9, done.stderr

    def ok(self, *arguments: str) -> Any:
        code, answer = self.run(*arguments)
        assert code == 0, answer
        return answer

    def refused(self, *arguments: str) -> str:
        code, answer = self.run(*arguments)
        assert code in (1, 2), answer
        return str(answer["error"]["code"])

    def dossier(self, incident: str, revision: int = 1, supersedes: str | None = None) -> Path:
        folder = self.folder / incident
        (folder / "evidence").mkdir(parents=True, exist_ok=True)
        (folder / "evidence" / "orders.csv").write_text(f"time,side\n00:0{revision},buy {incident}\n")
        (folder / "evidence" / "notes.txt").write_text("Nothing was filled.\n")
        text = RECORD.format(
            id=incident,
            revision=revision,
            supersedes=f"supersedes: {supersedes}\n" if supersedes else "",
            revisions="\n".join(f"  - {{revision: {n}, reason: {{en: Reason {n}.}}}}" for n in range(1, revision + 1)),
        )
        (folder / "incident.yaml").write_text(text)
        return folder


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)


def told(report: Any, code: str) -> list[str]:
    return [check["status"] for check in report["checks"] if check["code"] == code]


def test_a_batch_is_published_verified_and_resumed(user: User) -> None:
    folders = [str(user.dossier(f"2025-01-0{n}-test")) for n in (1, 2, 3)]
    dry = user.ok("publish", *folders, "--batch", "--dry-run")
    assert len(dry["packages"]) == 3
    done = user.ok("publish", *folders, "--batch", "--yes")
    assert done["batch"]["count"] == 3
    assert len({package["anchor"]["transaction"] for package in done["packages"]}) == 1
    for folder, package in zip(folders, done["packages"], strict=True):
        report = user.ok("verify", package["bundle"], folder)
        assert report["verdict"] == "pass"
        assert told(report, "anchor.sender") == ["pass"]
    again = user.ok("publish", *folders, "--batch", "--yes")
    assert [package["already_published"] for package in again["packages"]] == [True] * 3
    # Each bundle stands for its own package only.
    first, second = (json.loads(Path(package["bundle"]).read_bytes()) for package in done["packages"][:2])
    swapped = user.folder / "swapped.proof.json"
    swapped.write_text(json.dumps({**first, "anchors": second["anchors"]}))
    code, report = user.run("verify", str(swapped), folders[0])
    assert (code, told(report, "anchor.log")) == (1, ["fail"])


@pytest.mark.parametrize("step", ["packed", "signed", "sent", "final"])
def test_a_batch_killed_at_any_step_completes_and_pays_once(user: User, step: str) -> None:
    folders = [str(user.dossier(f"2025-01-0{n}-test")) for n in (1, 2)]
    user.killed(step, "publish", *folders, "--batch", "--yes")
    done = user.ok("publish", *folders, "--batch", "--yes")
    assert [user.ok("verify", package["bundle"])["verdict"] for package in done["packages"]] == ["pass", "pass"]
    # The registry's deployment, and one batch.
    assert user.ok("contract", "info", "--network", "local")["block"] == 2


def test_a_batch_that_was_signed_is_not_sent_for_other_folders(user: User) -> None:
    folders = [str(user.dossier(f"2025-01-0{n}-test")) for n in (1, 2, 3)]
    user.killed("signed", "publish", *folders[:2], "--batch", "--yes")
    assert user.refused("publish", folders[0], folders[2], "--batch", "--yes") == "publish.other_batch"
    assert user.ok("publish", *folders[:2], "--batch", "--yes")["batch"]["count"] == 2


def test_a_batch_after_its_members_were_published_alone(user: User) -> None:
    first, second = user.dossier("2025-01-01-test"), user.dossier("2025-01-02-test")
    alone = user.ok("publish", str(first), "--yes")
    later = user.dossier("2025-01-01-test", 2, alone["root"])
    done = user.ok("publish", str(later), str(second), "--batch", "--yes")
    report = user.ok("verify", done["packages"][0]["bundle"], str(later))
    assert report["verdict"] == "pass"
    assert user.refused("publish", str(later), str(second), "--yes") == "publish.several"
    assert user.refused("publish", str(later), str(later), "--batch", "--yes") == "publish.batch_twice"
    assert user.refused("publish", str(later), "--batch", "--yes", "--out", "x.json") == "publish.batch_out"


def test_requests_are_signed_offline_relayed_once_and_shown(user: User) -> None:
    folder = user.dossier("2025-01-01-test")
    published = user.ok("publish", str(folder), "--yes")
    bundle = published["bundle"]
    address = user.ok("wallet", "new")["address"]
    user.ok("trust", "add", "publisher", address, "--name", "A lab", "--claim", "dns:example.org")
    requests = user.folder / "requests"
    requests.mkdir()
    where = ("--network", "local")
    user.ok("sign", "endorse", bundle, *where, "--out", str(requests / "a.json"))
    user.ok("sign", "endorse", bundle, "--items", "orders", *where, "--out", str(requests / "b.json"))
    (requests / "c.json").write_text("{}")
    code, answer = user.run("relay", str(requests), *where, "--yes")
    assert code == 1
    assert sorted(row["status"] for row in answer["requests"]) == ["done", "done", "refused"]
    (requests / "c.json").unlink()
    assert {row["status"] for row in user.ok("relay", str(requests), *where, "--yes")["requests"]} == {"already"}
    report = user.ok("verify", bundle, str(folder))
    assert told(report, "origin.endorsed") == ["pass"]
    assert told(report, "origin.endorsed_item") == ["pass"]
    policy = user.folder / "policy.json"
    keys = [{"address": address.lower(), "name": "A lab"}]
    value = {"format": "incident-archive-policy/1", "endorsers": {"need": 1, "keys": keys}}
    policy.write_text(json.dumps(value))
    assert user.ok("verify", bundle, str(folder), "--policy", str(policy))["verdict"] == "pass"
    user.ok("sign", "withdraw", published["root"], *where, "--out", str(requests / "d.json"))
    user.ok("relay", str(requests / "d.json"), *where, "--yes")
    code, report = user.run("verify", bundle, str(folder), "--policy", str(policy))
    assert (code, report["lacking"]) == (3, ["policy.endorsers"])


def test_a_request_for_another_chain_is_not_sent(user: User) -> None:
    user.ok("publish", str(user.dossier("2025-01-01-test")), "--yes")
    user.ok("wallet", "new")
    place = ("--chain-id", "97", "--registry", "0x" + "c0" * 20)
    user.ok("sign", "endorse", "ab" * 32, *place, "--out", "r.json")
    code, answer = user.run("relay", "r.json", "--network", "local", "--yes")
    assert (code, answer["requests"][0]["error"]["code"]) == (1, "relay.other_registry")
    user.ok("sign", "endorse", "ab" * 32, "--network", "local", "--out", "mine.json")
    code, answer = user.run("relay", "mine.json", "--network", "local", "--cancel", "--yes")
    assert (code, answer["requests"][0]["error"]["code"]) == (1, "relay.not_yours")
    assert user.refused("sign", "endorse", "ab" * 32) == "sign.no_place"
    assert user.refused("sign", "retract", "ab" * 32, *place) == "act.reason"
    assert user.refused("sign", "anchor", "ab" * 32, *place) == "act.no_bundle"
    assert user.refused("relay", "nowhere.json", "--network", "local") == "relay.no_such_file"


def test_an_anchor_is_signed_by_one_and_paid_by_another(user: User) -> None:
    user.ok("publish", str(user.dossier("2025-01-09-test")), "--yes")
    folder = user.dossier("2025-01-01-test")
    address = user.ok("wallet", "new")["address"]
    made = user.ok("sign", "anchor", str(folder), "--network", "local", "--out", "a.json")
    assert user.refused("reanchor", made["bundle"], "--network", "local", "--yes") == "act.other_publisher"
    user.ok("relay", "a.json", "--network", "local", "--yes")
    again = user.ok("reanchor", made["bundle"], "--network", "local", "--yes", "--out", "anchored.proof.json")
    assert (again["status"], again["anchors"]) == ("already", 1)
    user.ok("trust", "add", "publisher", address, "--name", "Writer")
    report = user.ok("verify", "anchored.proof.json", str(folder))
    assert report["verdict"] == "pass"
    assert told(report, "anchor.sender") == ["pass"]
    assert report["anchors"][0]["publisher"] == address.lower()


def test_a_retraction_is_shown_with_its_reason(user: User) -> None:
    folder = user.dossier("2025-01-01-test")
    bundle = user.ok("publish", str(folder), "--yes")["bundle"]
    where = ("--network", "local")
    user.ok("retract", bundle, "--reason", "rows were misread", *where, "--dry-run")
    assert told(user.ok("verify", bundle, str(folder)), "history.retracted") == ["pass"]
    first = user.ok("retract", bundle, "--reason", "rows were misread", *where, "--yes")
    assert first["acts"][0]["status"] == "done"
    again = user.ok("retract", bundle, "--reason", "rows were misread", *where, "--yes")
    assert again["acts"][0]["status"] == "already"
    assert user.refused("retract", bundle, "--reason", "another", *where, "--yes") == "registry.already_retracted"
    report = user.ok("verify", bundle, str(folder))
    found = [check["found"] for check in report["checks"] if check["code"] == "history.retracted"]
    assert "rows were misread" in found[0]
    assert any("rows were misread" in text for text in report["closing"])


def test_endorsing_directly_and_of_items_that_are_not_there(user: User) -> None:
    folder = user.dossier("2025-01-01-test")
    bundle = user.ok("publish", str(folder), "--yes")["bundle"]
    assert user.refused("endorse", bundle, "--items", "nothing", "--network", "local") == "act.no_such_item"
    assert user.refused("endorse", "nowhere", "--network", "local") == "act.target"
    assert user.ok("endorse", bundle, "--network", "local", "--yes")["acts"][0]["status"] == "done"
    assert user.ok("endorse", bundle, "--network", "local", "--yes")["acts"][0]["status"] == "already"
    bent = json.loads(Path(bundle).read_bytes())
    bent["root"] = "ab" * 32
    (user.folder / "bent.proof.json").write_text(json.dumps(bent))
    assert user.refused("endorse", "bent.proof.json", "--network", "local") == "act.bundle"


def test_a_key_signs_its_successor_and_readers_follow(user: User, tmp_path: Path) -> None:
    new = "0x" + "22" * 20
    old = user.ok("wallet", "new")["address"]
    made = user.ok("sign", "succession", new, "--out", "succession.json")
    assert made["old"] == old.lower()
    user.ok("trust", "add", "succession", "succession.json")
    shown = user.ok("trust", "show")
    assert [item["new"] for item in shown["successions"]] == [new]
    value = json.loads((tmp_path / "succession.json").read_text())
    (tmp_path / "forged.json").write_text(json.dumps({**value, "new": "0x" + "33" * 20}))
    assert user.refused("trust", "add", "succession", "forged.json") == "succession.signature"
    user.ok("sign", "succession", "0x" + "33" * 20, "--out", "second.json")
    assert user.refused("trust", "add", "succession", "second.json") == "trust.conflict"


def test_the_compilers_input_is_written(user: User) -> None:
    told = user.ok("contract", "verify-input", "input.json")
    value = json.loads((user.folder / "input.json").read_text())
    assert told["contract"].partition(":")[0] in value["sources"]
    shutil.rmtree(user.workspace, ignore_errors=True)


def test_a_content_id_that_does_not_follow_is_neither_anchored_again_nor_signed(user: User) -> None:
    """An anchor cannot be undone: a bundle that somebody changed must not decide what it says."""
    folder = user.dossier("2025-01-01-test")
    bundle = Path(user.ok("publish", str(folder), "--yes")["bundle"])
    value = json.loads(bundle.read_text())
    other = json.loads(Path(user.ok("publish", str(user.dossier("2025-02-02-other")), "--yes")["bundle"]).read_text())
    user.ok("wallet", "new")
    for changes in (
        {"content_id": other["content_id"]},
        {"content_id": other["content_id"], "directory": other["directory"]},
    ):
        Path(user.folder / "forged.proof.json").write_text(json.dumps({**value, **changes}))
        assert user.refused("reanchor", "forged.proof.json", "--network", "local", "--yes") == "act.bundle"
        assert user.refused("sign", "anchor", "forged.proof.json", "--network", "local") == "act.bundle"
