"""The state machine against a chain and stores that are killed, reorganised, down or lying at every point."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archive.bundle import read_bundle
from archive.errors import ArchiveError, InvalidInputError, RefusedError, UnreachableError
from archive.publish.engine import run
from archive.publish.journal import journal_path, save_journal
from archive.stores.base import Pin

if TYPE_CHECKING:
    from conftest import Bench

ALL_STEPS = [
    "packed",
    "signed",
    "sent",
    "anchored",
    "final",
    "bundle",
    "pinned:one",
    "bundle pinned:one",
    "pinned:two",
    "bundle pinned:two",
    "read back",
    "catalogued",
    "catalogue kept",
    "catalogue pinned:one",
    "catalogue pinned:two",
]
POINTS = [
    "keep",
    "find",
    "sign",
    "send",
    "send:after",
    "wait_mined",
    "wait_final",
    "stands",
    "proof",
    "keep_file",
    "one.put_package",
    "one.put_file",
    "two.put_package",
    "two.put_file",
    "read_back",
    "catalogue",
]


def assert_done_once(bench: Bench) -> None:
    journal = bench.journal()
    assert bench.chain.paid == 1
    assert all(count == 1 for store in bench.stores for count in store.uploads.values())
    assert [pin["store"] for pin in journal["pins"]] == ["one", "two"]
    assert [pin["store"] for pin in journal["bundle_pins"]] == ["one", "two"]
    assert journal["catalogued"] is True
    assert [pin["store"] for pin in journal["catalogue_pins"]] == ["one", "two"]
    assert {pin["content_id"] for pin in journal["catalogue_pins"]} == {journal["catalogue"]["cid"]}
    assert bench.catalogue == ["2025-01-01-test"]
    bundle = read_bundle(bench.workspace.root / journal["bundle"]["path"])
    assert bundle.root == bench.package.root
    assert [anchor["transaction"]["hash"] for anchor in bundle.anchors] == [journal["final"]["transaction"]]


def test_the_steps_come_in_order(bench: Bench) -> None:
    outcome = bench.run()
    assert bench.steps == ALL_STEPS
    assert not outcome.already
    assert outcome.failures == ()
    assert outcome.bundle == bench.workspace.bundles / "2025-01-01-test-r1.proof.json"
    assert_done_once(bench)


def test_publishing_the_same_again_does_nothing_and_says_so(bench: Bench) -> None:
    first = bench.run()
    before = bench.breaker.calls.copy()
    second = bench.run()
    assert second.already
    assert second.journal == first.journal
    assert second.bundle == first.bundle
    assert bench.breaker.calls - before == {"keep": 1, "stands": 2}
    assert_done_once(bench)


@pytest.mark.parametrize("step", ALL_STEPS)
def test_killed_after_each_step_the_same_command_completes_it(
    bench: Bench, step: str, killed: type[BaseException]
) -> None:
    bench.kill_at = step
    with pytest.raises(killed):
        bench.run()
    bench.kill_at = None
    bench.run()
    assert_done_once(bench)


@pytest.mark.parametrize("point", POINTS)
def test_killed_inside_each_call_the_same_command_completes_it(
    bench: Bench, point: str, killed: type[BaseException]
) -> None:
    bench.breaker.fail[point] = killed(point)
    with pytest.raises(killed):
        bench.run()
    bench.run()
    assert_done_once(bench)


@pytest.mark.parametrize("point", POINTS)
def test_ctrl_c_inside_each_call_is_not_swallowed(bench: Bench, point: str) -> None:
    bench.breaker.fail[point] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        bench.run()
    bench.run()
    assert_done_once(bench)


def test_killed_at_every_step_one_after_the_other(bench: Bench, killed: type[BaseException]) -> None:
    for step in ALL_STEPS:
        bench.kill_at = step
        with pytest.raises(killed):
            bench.run()
    bench.kill_at = None
    assert bench.run().already
    assert_done_once(bench)


def test_killed_between_sending_and_hearing_back_sends_the_same_bytes(
    bench: Bench, killed: type[BaseException]
) -> None:
    bench.breaker.fail["send:after"] = killed()
    with pytest.raises(killed):
        bench.run()
    assert bench.chain.paid == 1
    bench.run()
    assert bench.chain.signatures == 1
    assert_done_once(bench)


def test_nothing_is_given_to_a_store_before_the_anchor_is_final(bench: Bench, killed: type[BaseException]) -> None:
    for step in ("packed", "signed", "sent", "anchored"):
        bench.kill_at = step
        with pytest.raises(killed):
            bench.run()
        assert not any(store.uploads for store in bench.stores)


def test_a_lost_journal_finds_the_anchor_and_pays_nothing(bench: Bench) -> None:
    bench.run()
    journal_path(bench.workspace, "2025-01-01-test", 1, "local").unlink()
    bench.run()
    assert bench.chain.paid == 1
    assert bench.chain.signatures == 1


def test_a_reorganised_anchor_is_looked_for_again(bench: Bench) -> None:
    bench.chain.reorganise = 2
    bench.run()
    assert bench.journal()["final"]["block"] == bench.journal()["anchored"]["block"] == 13
    assert_done_once(bench)


def test_a_chain_that_never_settles_ends_with_a_hint(bench: Bench) -> None:
    bench.chain.reorganise = 100
    with pytest.raises(UnreachableError) as caught:
        bench.run()
    assert caught.value.code == "publish.unsettled"
    bench.chain.reorganise = 0
    bench.run()
    assert_done_once(bench)


def test_a_nonce_taken_by_another_transaction_is_signed_anew(bench: Bench, killed: type[BaseException]) -> None:
    bench.kill_at = "signed"
    with pytest.raises(killed):
        bench.run()
    bench.kill_at = None
    bench.chain.nonce += 1
    bench.run()
    assert bench.chain.signatures == 2
    assert_done_once(bench)


def test_a_price_that_is_too_low_is_raised_under_the_same_nonce(bench: Bench) -> None:
    bench.chain.least_price = 150
    bench.run()
    assert bench.chain.signatures == 3
    assert bench.chain.nonce == 1
    assert_done_once(bench)


def test_a_price_that_stays_too_low_is_given_up(bench: Bench) -> None:
    bench.chain.least_price = 10_000
    with pytest.raises(RefusedError) as caught:
        bench.run()
    assert caught.value.code == "chain.underpriced"
    assert bench.chain.paid == 0
    bench.chain.least_price = 100
    bench.run()
    assert_done_once(bench)


def test_a_transaction_that_was_mined_and_failed_is_not_waited_for_again(bench: Bench) -> None:
    bench.chain.revert = True
    with pytest.raises(RefusedError) as caught:
        bench.run()
    assert caught.value.code == "registry.not_head"
    assert bench.journal()["signed"] is None
    bench.chain.revert = False
    bench.run()
    assert bench.chain.signatures == 2
    assert bench.journal()["catalogued"] is True


def test_a_store_that_is_down_does_not_lose_the_anchor(bench: Bench, down: Callable[[str], ArchiveError]) -> None:
    bench.breaker.fail["one.put_package"] = down("one")
    outcome = bench.run()
    assert [(name, error.code) for name, error in outcome.failures] == [("one", "store.unreachable")]
    assert [pin["store"] for pin in bench.journal()["pins"]] == ["two"]
    again = bench.run()
    assert again.failures == ()
    assert not again.already
    assert sorted(pin["store"] for pin in bench.journal()["pins"]) == ["one", "two"]
    assert bench.chain.paid == 1
    assert all(count == 1 for store in bench.stores for count in store.uploads.values())


def test_a_pending_pin_is_asked_again_and_not_paid_again(bench: Bench) -> None:
    bench.stores[1].verified = False
    outcome = bench.run()
    assert [(name, error.code) for name, error in outcome.failures] == [("two", "publish.pin_unverified")]
    bench.stores[1].verified = True
    assert bench.run().failures == ()
    assert_done_once(bench)


def test_a_store_that_answers_wrong_bytes_is_named_and_the_others_go_on(bench: Bench) -> None:
    bench.breaker.fail["one.put_package"] = InvalidInputError("one: other bytes", code="store.mismatch")
    outcome = bench.run()
    assert [(name, type(error)) for name, error in outcome.failures] == [("one", InvalidInputError)]
    assert [pin["store"] for pin in bench.journal()["pins"]] == ["two"]


def test_a_place_that_gives_other_bytes_back_is_named(bench: Bench) -> None:
    bench.stores[1].answer = "mismatch"
    outcome = bench.run()
    assert [(name, error.code) for name, error in outcome.failures] == [("two", "publish.read_back")]
    assert [(check["store"], check["status"]) for check in bench.journal()["read_back"]] == [
        ("one", "verified"),
        ("two", "mismatch"),
    ]


def test_operators_are_counted_once(bench: Bench) -> None:
    assert bench.run().journal.operators == 1
    bench.stores.append(type(bench.stores[0])(bench.breaker, "three", operator="somebody else"))
    assert bench.run().journal.operators == 2


def test_without_stores_nothing_is_read_back(bench: Bench) -> None:
    bench.stores = []
    assert bench.run().journal.operators == 0
    assert bench.breaker.calls["read_back"] == 0


def test_a_dossier_changed_before_anything_was_anchored_can_restart(bench: Bench, killed: type[BaseException]) -> None:
    bench.kill_at = "packed"
    with pytest.raises(killed):
        bench.run()
    bench.kill_at = None
    bench.package.root = "6b" * 32
    with pytest.raises(RefusedError) as caught:
        bench.run()
    assert caught.value.code == "publish.dossier_changed"
    assert "--restart" in (caught.value.hint or "")
    assert bench.chain.paid == 0
    bench.run(restart=True)
    assert_done_once(bench)
    assert [path.suffix for path in sorted(bench.workspace.journal.iterdir())] == [".abandoned-1", ".json"]


@pytest.mark.parametrize("step", ["signed", "sent", "anchored", "final", "catalogued"])
def test_a_dossier_changed_after_signing_is_refused_even_with_restart(
    bench: Bench, step: str, killed: type[BaseException]
) -> None:
    bench.kill_at = step
    with pytest.raises(killed):
        bench.run()
    bench.kill_at = None
    before = bench.journal()
    first_root = bench.package.root
    bench.package.root = "6b" * 32
    with pytest.raises(RefusedError) as caught:
        bench.run()
    assert caught.value.code == "publish.dossier_changed"
    assert f"supersedes: {first_root}" in (caught.value.hint or "")
    with pytest.raises(RefusedError) as caught:
        bench.run(restart=True)
    assert caught.value.code == "publish.cannot_restart"
    assert bench.journal() == before
    assert set(bench.chain.entries) <= {first_root}


def test_another_wallet_is_refused(bench: Bench) -> None:
    bench.run()
    bench.chain.publisher = "0x" + "09" * 20
    with pytest.raises(RefusedError) as caught:
        bench.run()
    assert caught.value.code == "publish.other_wallet"


@pytest.mark.parametrize("field", ["genesis", "registry", "chain_id"])
def test_a_chain_that_was_reset_is_refused_and_can_restart(bench: Bench, field: str) -> None:
    bench.run()
    setattr(bench.chain, field, {"genesis": "0x" + "09" * 32, "registry": "0x" + "09" * 20, "chain_id": 5}[field])
    bench.chain.entries.clear()
    with pytest.raises(RefusedError) as caught:
        bench.run()
    assert caught.value.code == "publish.other_chain"
    bench.run(restart=True)
    bundle = read_bundle(bench.workspace.bundles / "2025-01-01-test-r1.proof.json")
    assert len(bundle.anchors) == 2


def test_a_rehearsal_does_not_overwrite_the_bundle_of_another_root(bench: Bench) -> None:
    bench.run()
    first = bench.workspace.bundles / "2025-01-01-test-r1.proof.json"
    before = first.read_bytes()
    bench.chain.network = "anvil"
    bench.chain.entries.clear()
    bench.package.root = "6b" * 32
    outcome = bench.run()
    assert outcome.bundle.name == "2025-01-01-test-r1-anvil.proof.json"
    assert first.read_bytes() == before


def test_a_removed_bundle_comes_back_from_the_local_store(bench: Bench) -> None:
    outcome = bench.run()
    before = outcome.bundle.read_bytes()
    outcome.bundle.unlink()
    assert bench.run().bundle.read_bytes() == before
    assert bench.breaker.calls["proof"] == 1
    assert_done_once(bench)


@pytest.mark.parametrize("kept", [{}, {"bafkrei" + "a" * 52: b"other bytes"}])
def test_a_removed_bundle_is_collected_again_from_the_chain(bench: Bench, kept: dict[str, bytes]) -> None:
    bench.run().bundle.unlink()
    bench.kept = kept
    assert bench.run().bundle.exists()
    assert bench.breaker.calls["proof"] == 2
    assert_done_once(bench)


def test_a_bundle_that_the_verifier_would_refuse_is_not_written(bench: Bench) -> None:
    def refuse(bundle: object) -> None:
        raise InvalidInputError("no", code="publish.self_check")

    bench.self_check = refuse
    with pytest.raises(InvalidInputError) as caught:
        bench.run()
    assert caught.value.code == "publish.self_check"
    assert not bench.workspace.bundles.exists()
    assert not any(store.uploads for store in bench.stores)


def test_a_damaged_journal_is_refused_unless_restarted_and_still_pays_once(bench: Bench) -> None:
    bench.run()
    path = journal_path(bench.workspace, "2025-01-01-test", 1, "local")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidInputError) as caught:
        bench.run()
    assert caught.value.code == "publish.journal_damaged"
    bench.run(restart=True)
    assert bench.chain.paid == 1


def test_the_journal_is_on_disk_before_the_next_step_begins(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, killed: type[BaseException]
) -> None:
    """A journal that cannot be written stops the publication: in particular nothing is sent unrecorded."""
    from archive.publish import engine

    def full(path: object, journal: object) -> None:
        if journal.signed is not None:  # type: ignore[attr-defined]
            raise OSError("disk full")
        save_journal(path, journal)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "save_journal", full)
    with pytest.raises(OSError, match="disk full"):
        bench.run()
    assert bench.breaker.calls["send"] == 0


# The catalogue in the stores


def test_a_store_that_does_not_give_the_catalogue_back_is_named_and_asked_again(bench: Bench) -> None:
    put = bench.stores[1].put_file

    def late(path: Path, cid: str) -> Pin:
        pin = put(path, cid)
        return replace(pin, verified=path.name != "catalogue.json")

    bench.stores[1].put_file = late  # type: ignore[method-assign]
    first = bench.run()
    assert [(store, error.code) for store, error in first.failures] == [("two", "publish.pin_unverified")]
    bench.stores[1].put_file = put  # type: ignore[method-assign]
    second = bench.run()
    assert second.failures == ()
    assert [pin.verified for pin in second.journal.catalogue_pins] == [True, True]
    assert_done_once(bench)


def test_a_store_that_did_not_take_the_package_is_not_asked_for_the_catalogue(
    bench: Bench, down: Callable[[str], ArchiveError]
) -> None:
    bench.breaker.fail["one.put_package"] = down("one")
    outcome = bench.run()
    assert [store for store, _ in outcome.failures] == ["one"]
    assert [pin.store for pin in outcome.journal.catalogue_pins] == ["two"]
    # The order in which they took it does not matter.
    bench.run()
    assert {pin["store"] for pin in bench.journal()["catalogue_pins"]} == {"one", "two"}


def test_an_interrupted_catalogue_goes_out_as_it_is_by_then(bench: Bench, killed: type[BaseException]) -> None:
    bench.kill_at = "catalogue pinned:one"
    with pytest.raises(killed):
        bench.run()
    bench.kill_at = None
    bench.catalogue.append("a later publication of the same key")
    outcome = bench.run()
    kept = bench.workspace.catalogue_file.read_bytes()
    assert outcome.journal.catalogue is not None
    assert outcome.journal.catalogue.size == len(kept)
    assert [pin.store for pin in outcome.journal.catalogue_pins] == ["one", "two"]


# A reorganisation after the anchor was final


AFTER_FINAL = ["final", "bundle", "pinned:one", "bundle pinned:two", "read back", "catalogued", "catalogue pinned:two"]


@pytest.mark.parametrize("change", ["drop", "move"])
@pytest.mark.parametrize("step", AFTER_FINAL)
def test_a_reorganisation_after_each_step_is_repaired_in_the_same_run(bench: Bench, step: str, change: str) -> None:
    notify = bench.steps
    tools = bench.tools()

    def reorganise(done: str) -> None:
        notify.append(done)
        if done == step and "reorganised" not in notify:
            getattr(bench.chain, change)()

    outcome = run(
        bench.workspace, bench.package, bench.chain, bench.stores, dataclasses.replace(tools, notify=reorganise)
    )
    assert "reorganised" in notify
    assert not outcome.already
    assert bench.chain.paid == 1
    assert bench.chain.signatures == 1
    entry = bench.chain.entries[bench.package.root]
    assert outcome.journal.final is not None
    assert outcome.journal.final.block_hash == entry.block_hash
    anchors = read_bundle(outcome.bundle).anchors
    assert [anchor["block"]["hash"] for anchor in anchors] == [entry.block_hash]
    assert outcome.journal.catalogued


@pytest.mark.parametrize("change", ["drop", "move"])
def test_a_reorganisation_between_two_runs_is_noticed_and_repaired(bench: Bench, change: str) -> None:
    first = bench.run()
    getattr(bench.chain, change)()
    second = bench.run()
    assert not second.already
    assert second.journal.final is not None
    if change == "move":
        assert second.journal.final != first.journal.final
        assert second.journal.bundle != first.journal.bundle
    assert bench.chain.paid == 1
    assert bench.chain.signatures == 1
    assert bench.run().already


def test_a_chain_that_never_settles_is_given_up_with_its_own_code(bench: Bench) -> None:
    tools = dataclasses.replace(bench.tools(), notify=lambda step: bench.chain.move() if step == "bundle" else None)
    with pytest.raises(UnreachableError) as caught:
        run(bench.workspace, bench.package, bench.chain, bench.stores, tools)
    assert caught.value.code == "publish.unsettled"


def test_an_error_of_the_proof_is_told_when_the_block_stands(bench: Bench, down: Callable[[str], ArchiveError]) -> None:
    bench.breaker.fail["proof"] = down("node")
    with pytest.raises(UnreachableError):
        bench.run()
    assert bench.journal()["final"] is not None
    bench.run()
    assert_done_once(bench)
