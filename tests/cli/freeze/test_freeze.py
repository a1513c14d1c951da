"""`archive freeze`: files are stamped before anybody describes them, and the description follows as revision 2."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.publish.conftest import Ran
from tests.cli.stamp.conftest import Clocks
from tests.support.clocks import mine

Archive = Callable[..., Ran]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "what happened"
    folder.mkdir()
    (folder / "screenshot of Alice.txt").write_text("order refused\n")
    (folder / "订单.csv").write_text("time,side\n00:01,buy\n")
    return sorted(folder.iterdir())


def status(checks: list[dict[str, Any]], code: str) -> list[str]:
    return [c["status"] for c in checks if c["code"] == code]


def test_the_whole_way_from_freezing_to_the_described_revision(
    archive: Archive, clocks: Clocks, files: list[Path], tmp_path: Path
) -> None:
    assert archive("trust", "add", "authority", clocks.root_file(), "--name", "Our authority").code == 0
    frozen = archive("freeze", *files, "--id", "2025-01-01-frozen", "--json")
    assert frozen.code == 0, frozen.err
    assert [s["kind"] for s in frozen.json["stamps"]] == ["rfc3161", "opentimestamps", "opentimestamps"]
    assert frozen.json["failures"] == []
    bundle = Path(frozen.json["bundle"])

    # Nothing of the files is in what others may see: no name, no hash, no size.
    shown = bundle.read_bytes()
    for trace in (b"Alice", "订单".encode(), b"order refused"):
        assert trace not in shown
    assert len(json.loads(shown)["stamps"]) == 2

    # The stamp legs stand alone: no anchor, no node, and the report says no later than when.
    verified = archive("verify", bundle, "--offline", "--json")
    assert verified.code == 3
    assert verified.json["interval"]["no_later_than"]["clock"] == "tsa (Our authority)"
    assert status(verified.json["checks"], "stamp.rfc3161") == ["pass"]
    assert status(verified.json["checks"], "stamp.opentimestamps") == ["unchecked"]
    assert "existed no later than" in archive("verify", bundle, "--offline").out.replace("\n", " ")

    # A day later the calendars' promises are in a block.
    clocks.calendars[0].confirm()
    clocks.calendars[1].confirm()
    upgraded = archive("stamp", "upgrade", bundle, "--json")
    assert (upgraded.code, upgraded.json["completed"], upgraded.json["pending"]) == (0, 1, 0)
    assert Path(frozen.json["workspace_bundle"]).read_bytes() == bundle.read_bytes()
    verified = archive("verify", bundle, "--offline", "--bitcoin-headers", clocks.headers(), "--json")
    assert status(verified.json["checks"], "stamp.opentimestamps.block") == ["pass", "pass"]

    # A frozen file can be shown to be one of those, whatever becomes of the description.
    named = Path(frozen.json["folder"]) / "evidence" / "订单.csv"
    reveal = archive("reveal", bundle, named, "--json")
    assert reveal.code == 0, reveal.err
    revealed = archive("verify", bundle, *tmp_path.glob("*.reveal.json"), named, "--offline", "--json")
    assert status(revealed.json["checks"], "reveal.commitment") == ["pass"]

    # Described and published: revision 2 names the frozen root.
    record = Path(frozen.json["folder"]) / "incident.yaml"
    text = record.read_text().replace("revision: 1\nrevisions", "revision: 2\nrevisions", 1)
    text = text.replace("revisions:\n", f"supersedes: {frozen.json['root']}\nrevisions:\n", 1)
    reason = "to be described later.\n"
    text = text.replace(reason, f"{reason}  - revision: 2\n    reason:\n      en: Now described.\n")
    record.write_text(text.replace("    withheld: true\n", "", 1))
    published = archive("publish", frozen.json["folder"], "--yes", "--json")
    assert published.code == 0, published.err
    assert published.json["previous_root"] == frozen.json["root"]
    assert len(published.json["stamps"]) == 3
    second = archive("verify", published.json["bundle"], Path(frozen.json["folder"]) / "evidence", "--json")
    assert second.code == 0, second.out
    assert second.json["revision"] == 2
    assert status(second.json["checks"], "stamp.rfc3161") == ["pass"]


def test_without_a_reachable_clock_it_says_so_and_keeps_what_was_made(
    archive: Archive, clocks: Clocks, files: list[Path], tmp_path: Path
) -> None:
    clocks.configure("dead")
    frozen = archive("freeze", *files, "--json")
    assert frozen.code == 3
    assert [f["code"] for f in frozen.json["failures"]] == ["stamp.authority.unreachable"]
    assert "nothing shows yet when these files existed" in frozen.err
    assert (Path(frozen.json["folder"]) / "incident.yaml").is_file()
    assert json.loads(Path(frozen.json["bundle"]).read_bytes())["stamps"] == []
    # As soon as there is a clock:
    clocks.configure("tsa")
    added = archive("stamp", "add", frozen.json["bundle"], "--json")
    assert (added.code, len(added.json["stamps"])) == (0, 1)
    assert len(json.loads(Path(frozen.json["bundle"]).read_bytes())["stamps"]) == 1


def test_one_clock_of_several_is_enough_and_the_others_are_named(
    archive: Archive, clocks: Clocks, files: list[Path]
) -> None:
    clocks.configure("dead", "tsa")
    frozen = archive("freeze", *files, "--json")
    assert frozen.code == 0
    assert [f["clock"] for f in frozen.json["failures"]] == ["dead"]
    assert [s["clock"] for s in frozen.json["stamps"]] == ["tsa"]


def test_too_few_calendars_are_named_and_what_came_is_kept(archive: Archive, clocks: Clocks, files: list[Path]) -> None:
    clocks.calendars[1].answer = b"nonsense"
    clocks.configure("one", "two", extra="minimum_calendars = 2")
    frozen = archive("freeze", *files, "--json")
    assert frozen.code == 0
    assert [f["code"] for f in frozen.json["failures"]] == ["stamp.opentimestamps.answer", "stamp.too_few_calendars"]
    assert len(json.loads(Path(frozen.json["bundle"]).read_bytes())["stamps"]) == 1


def test_ids_of_its_own_and_a_folder(archive: Archive, clocks: Clocks, files: list[Path], tmp_path: Path) -> None:
    (files[0].parent / ".hidden").write_text("x")
    frozen = archive("freeze", files[0].parent, "--in", tmp_path, "--clock", "tsa")
    assert frozen.code == 0
    assert re.search(r"\d{4}-\d\d-\d\d-frozen-[0-9a-f]{6}, revision 1, 2 files", frozen.out)
    assert "archive seal backup" in frozen.err


def test_the_package_names_a_block_that_is_older(
    archive: Archive, clocks: Clocks, files: list[Path], tmp_path: Path
) -> None:
    clocks.chain.mine(b"m" * 32)
    headers = clocks.headers()
    frozen = archive("freeze", *files, "--not-before", f"bitcoin:{headers}", "--json")
    assert frozen.code == 0, frozen.err
    entries = json.loads(Path(frozen.json["bundle"]).read_bytes())["entries"]
    assert [b["height"] for b in entries[0]["not_before"]] == [1]
    verified = archive("verify", frozen.json["bundle"], "--offline", "--bitcoin-headers", headers, "--json")
    assert status(verified.json["checks"], "time.not_before") == ["pass"]
    # Of another chain of the same height: the package names a block that is not there.
    other = tmp_path / "other.txt"
    other.write_text(f"1 {mine(b'n' * 32, 7).hex()}\n")
    verified = archive("verify", frozen.json["bundle"], "--offline", "--bitcoin-headers", other, "--json")
    assert status(verified.json["checks"], "time.not_before") == ["fail"]


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("--id", "No Id"), 2, "freeze.id"),
        (("--clock", "sundial"), 2, "stamp.unknown_clock"),
        (("--not-before", "bitcoin"), 2, "not_before.bad"),
        (("--not-before", "moon:1"), 2, "not_before.bad"),
        (("--not-before", "bitcoin:node"), 2, "not_before.bad"),
        (("--not-before", "local"), 2, "not_before.bad"),
        (("--not-before", "bitcoin:none.txt"), 1, "bitcoin.header_file"),
    ],
)
def test_refused(
    archive: Archive, clocks: Clocks, files: list[Path], arguments: tuple[str, ...], code: int, error: str
) -> None:
    ran = archive("freeze", *files, *arguments, "--json")
    assert (ran.code, ran.error) == (code, error)


def test_nothing_is_overwritten_and_nothing_half_made_stays(
    archive: Archive, clocks: Clocks, files: list[Path], tmp_path: Path
) -> None:
    assert archive("freeze", files[0], "--id", "one", "--clock", "tsa").code == 0
    assert archive("freeze", files[1], "--id", "one", "--json").error == "freeze.exists"
    assert archive("freeze", files[0], files[0], "--id", "two", "--json").error == "add.duplicate"
    assert not (tmp_path / "two").exists()
    assert archive("freeze", tmp_path / "none.txt", "--id", "three", "--json").error == "add.unreadable"
    assert not (tmp_path / "three").exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    assert archive("freeze", empty, "--json").error == "freeze.no_files"
