"""`archive verify --offline` of a bundle that carries its block's finality: CPU of the verification, imports aside.

The 10/11 dossier is published on the embedded chain and the anchor's block re-sealed by 21 test validators, with an
epoch block of theirs handed over in the proof: two aggregate signatures of 21 voters and six seals, as on mainnet.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archive.chain import blocks, codec
from archive.chain.consensus.pins import pin_to_json, rules_to_json
from archive.chain.consensus.rules import private_rules
from archive.chain.consensus.sets import PinnedSet
from bench.measure import PROJECT, Context, Row, Skipped, python, run

DOSSIER = PROJECT / "incidents" / "2025-10-11-binance-liquidations"
ARCHIVE = str(Path(sys.executable).with_name("archive"))
BAR_SECONDS = 0.5
EPOCH = 20
FIRST = 995
VALIDATORS = 21
# The first call pays for the imports; the second is the one that is measured.
MEASURE = """
import contextlib, io, json, sys, time
from archive.cli.main import main
def verify():
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main()
    return json.loads(out.getvalue())
verify()
started = time.process_time()
report = verify()
spent = time.process_time() - started
grade = report["anchors"][0]["grade"]
print(json.dumps({"seconds": spent, "verdict": report["verdict"], "grade": grade}))
"""


def offline(context: Context) -> Iterator[Row]:
    try:
        import pyblst  # noqa: F401 (only whether it is there)
    except ModuleNotFoundError:
        raise Skipped("pyblst is not installed: pip install -e '.[consensus-native]'") from None
    if not (DOSSIER / "incident.yaml").exists():
        raise Skipped(f"{DOSSIER.relative_to(PROJECT)} is not there")
    workspace = context.folder / "parlia"
    published = run([ARCHIVE, "publish", str(DOSSIER), "--yes", "--json", "--workspace", str(workspace)])
    bundle = Path(json.loads(published.output)["bundle"])
    trust = workspace / "parlia-trust.json"
    value, believed = resealed(json.loads(bundle.read_bytes()), json.loads((workspace / "trust.json").read_bytes()))
    bundle.write_text(json.dumps(value))
    trust.write_text(json.dumps(believed))
    command = python(MEASURE)
    command += ["verify", "--offline", str(bundle), str(DOSSIER), "--trust", str(trust), "--json"]
    command += ["--workspace", str(context.folder / "reader")]
    runs = [json.loads(run(command).output.splitlines()[-1]) for _ in range(max(3, context.rounds))]
    if any((found["verdict"], found["grade"]) != ("pass", "consensus") for found in runs):
        raise RuntimeError(f"the bundle does not verify by its signatures: {runs}")
    best = min(float(found["seconds"]) for found in runs)
    yield Row(
        "verify --offline with consensus proof, CPU", f"{best:.3f} s", "0.5 s", best / BAR_SECONDS, 1.0, at_most=True
    )


def resealed(bundle: dict[str, Any], trust: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The bundle with its anchor in a Parlia block, and the trust file of somebody who pinned the epoch before."""
    sys.path.insert(0, str(PROJECT))
    from tests.support import parlia

    (anchor,) = bundle["anchors"]
    rules = private_rules(anchor["chain_id"], anchor["genesis"], "fermi", EPOCH)
    group = parlia.Group.of(range(1, VALIDATORS + 1))
    number = FIRST + 2 * EPOCH
    chain = parlia.Chain({980: group}, first=FIRST, chain_id=rules.chain_id, epoch=EPOCH).grow(number - 1)
    header = codec.rlp_list(codec.from_hex(anchor["block"]["header"]))
    roots = {name: header[at] for at, (name, _) in enumerate(blocks.HEADER_FIELDS) if name.endswith("sRoot")}
    kept = {name: roots[name] for name in ("transactionsRoot", "receiptsRoot")}
    raw = chain.make(number, **kept)
    chain.grow(number + 2)

    def texts(first: int, last: int) -> list[str]:
        return [codec.to_hex(item) for item in chain.range(first, last)]

    anchor["block"] = {"number": number, "hash": codec.to_hex(chain.hash(number)), "header": codec.to_hex(raw)}
    epoch = number - number % EPOCH
    anchor["consensus"] = {
        "kind": "parlia",
        "headers": texts(number + 1, number + 2),
        "epochs": [texts(epoch, epoch + 2)],
    }
    before = epoch - EPOCH
    pin = PinnedSet(
        rules.chain_id, rules.genesis, before - EPOCH, bytes(32), before, chain.hash(before), group.set,
        "the benchmark", "2026-01-20T00:00:00Z",
    )  # fmt: skip
    trust["registries"][0]["workspace_chain"] = False
    return bundle, {**trust, "validator_sets": [pin_to_json(pin)], "consensus_rules": [rules_to_json(rules)]}
