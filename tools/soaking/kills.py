"""Kills: `archive publish` ended by SIGKILL or Ctrl-C at any point is completed by the same command, and pays once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.soaking import samples
from tools.soaking.harness import Case, Failure, Run


def _dossier(folder: Path) -> Path:
    return samples.make_dossier(
        folder / "dossier", random.Random("kills"), files=4, sizes=(65_537, (3 << 20) + 7), incident="2025-10-11-kill"
    )


def _publish(workspace: Path, dossier: Path, folder: Path) -> subprocess.Popen[str]:
    options = ("--yes", "--json", "--out", str(folder / "kill.proof.json"))
    return samples.start(workspace, "publish", str(dossier), *options, cwd=folder)


def _partial_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.partial"))


@contextlib.contextmanager
def _open(shared: Path) -> Iterator[Run]:
    dossier = _dossier(shared)
    started = time.monotonic()
    first = samples.finish(_publish(shared / "workspace", dossier, shared))
    if first.code != 0:
        raise Failure(f"publish without a kill: exit {first.code}\n{first.out}\n{first.err}")
    usual = time.monotonic() - started

    def run(rng: random.Random, folder: Path) -> str:
        workspace = folder / "workspace"
        signals = {signal.SIGKILL: 0, signal.SIGINT: 0}
        for _ in range(rng.randint(1, 4)):
            process = _publish(workspace, dossier, folder)
            # Where a kill strikes is the point, and time is what chooses it; the run's outcome does not depend on it.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=rng.uniform(0.0, usual * 1.05))
            if process.poll() is None:
                chosen = rng.choice(tuple(signals))
                os.kill(process.pid, chosen)
                signals[chosen] += 1
            process.communicate(timeout=120)
        final = samples.finish(_publish(workspace, dossier, folder))
        if final.code != 0:
            raise Failure(f"after {signals} publish ends with {final.code}\n{final.out}\n{final.err}")
        result = final.json()
        again = samples.finish(_publish(workspace, dossier, folder))
        if again.code != 0 or _facts(again.json()) != _facts(result):
            raise Failure(f"publishing once more gives something else:\n{result}\n{again.out}\n{again.err}")
        _check(workspace, result, folder)
        left = _partial_files(workspace)
        # A killed process cannot clean up: its temporary file stays, under a name that nothing reads.
        if left and not signals[signal.SIGKILL]:
            raise Failure(f"Ctrl-C left half-written files: {left}")
        label = f"{signals[signal.SIGKILL]} kills, {signals[signal.SIGINT]} Ctrl-C"
        return f"{label}, temporary files left" if left else label

    yield run


def _facts(result: dict[str, Any]) -> tuple[object, ...]:
    return result["root"], result["content_id"], result["anchor"]["transaction"], result["anchor"]["block"]


def _check(workspace: Path, result: dict[str, Any], folder: Path) -> None:
    verified = samples.archive(workspace, "verify", str(folder / "kill.proof.json"), "--json", cwd=folder)
    if verified.json()["verdict"] != "pass":
        raise Failure(f"what was published does not verify: {verified.out}")
    anchors = _anchors_on_chain(workspace)
    if anchors != [result["anchor"]["transaction"]]:
        raise Failure(f"the chain holds the anchors {anchors}, the result names {result['anchor']['transaction']}")


def _anchors_on_chain(workspace: Path) -> list[str]:
    """Transactions of all `Anchored` events on the workspace's chain, block by block."""
    from archive.chain import registry
    from archive.chain.local import EmbeddedChain
    from archive.workspace import Workspace

    topic = "0x" + registry.topic(registry.ANCHORED).hex()
    found = []
    with EmbeddedChain(Workspace(workspace)) as chain:
        for number in range(int(str(chain.call("eth_blockNumber", [])), 16) + 1):
            receipts: Any = chain.call("eth_getBlockReceipts", [hex(number)])
            logs = [log for receipt in receipts for log in receipt["logs"]]
            found += [str(log["transactionHash"]) for log in logs if str(log["topics"][0]) == topic]
    return found


CASES = (
    Case(
        "kill-publish",
        "publish killed or interrupted anywhere is completed by the same command, with one anchor",
        60,
        1,
        _open,
    ),
)
