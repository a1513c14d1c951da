"""The browser verifier and nodes: asked only when named; what they say weighs as it does for `archive verify --rpc`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from archive.chain.absence import collect_absence, inspect_absence, parse_absence
from archive.chain.networks import load_networks
from archive.cli.verify import label_nodes
from archive.trust import TrustedPublisher, TrustedRegistry, TrustFile
from archive.verify import report
from archive.verify.absence import judge_absence
from archive.verify.checks import judge
from archive.verify.gather import Sources, Target, gather
from archive.verify.nodes import KnownChain, ask_block
from archive.verify.policy import Policy, PolicyKey
from archive.workspace import Workspace
from tests.integration.test_browser_verifier import cli as cli
from tests.integration.test_browser_verifier import compared, hold_equal
from tests.support.rpcserver import serve
from tests.support.world import CALL, PUBLISHER, REGISTRY, World
from tests.unit.verify.simulator import BLOCK_TIME, KEY, STRANGER, Chain, Desk, Publication, SimulatedRpc, address

FILES = {"evidence/prices.csv": b"time,price\n21:36,0.10\n", "evidence/log.txt": b"rejected\n"}
# An honest node has the registry's code and events.
HONEST: Mapping[str, Any] = {"keeps_logs": True}


@dataclass
class Web:
    """The bundled web verifier as a command."""

    cli: Path

    def __call__(self, *arguments: object) -> dict[str, Any]:
        command = ["node", str(self.cli), *map(str, arguments), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        answer: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == answer["exit_code"]
        return answer


@pytest.fixture
def web(cli: Path) -> Web:
    return Web(cli)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def known_chains(folder: Path) -> dict[int, KnownChain]:
    networks = load_networks(Workspace(folder / "empty")).values()
    return {n.chain_id: KnownChain(n.name, n.genesis, n.confirmations, n.quorum) for n in networks}


@contextmanager
def serving(published: Publication, *nodes: Mapping[str, Any]) -> Iterator[list[str]]:
    """The nodes behind HTTP: their URLs."""
    with ExitStack() as stack:
        yield [stack.enter_context(serve(SimulatedRpc(published.chain, **lies))) for lies in nodes]


def both(
    desk: Desk, web: Web, published: Publication, urls: list[str], *, quorum: int | None = None,
    policy: dict[str, Any] | None = None, trust: TrustFile | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Python's report and the web verifier's, of the same files, asked of the same nodes."""
    from archive.verify.policy import parse_policy

    bundle = published.write_bundle(desk.folder / "x.proof.json")
    (desk.folder / "trust.json").write_bytes((trust or published.trust).to_bytes())
    asked = Policy() if policy is None else parse_policy(json.dumps(policy).encode())
    sources = Sources(
        trust=trust or published.trust,
        nodes=tuple(label_nodes([(url, None) for url in urls])),
        chains=known_chains(desk.folder),
        quorum=quorum,
        endorsers=tuple(key.address for key in asked.endorsers),
    )
    facts = gather(Target("bundle", str(bundle)), [published.folder], sources)
    made = json.loads(json.dumps(report.to_json(judge(facts, asked), facts)))
    more: list[object] = [part for url in urls for part in ("--rpc", url)]
    if quorum is not None:
        more += ["--quorum", quorum]
    if policy is not None:
        (desk.folder / "policy.json").write_text(json.dumps(policy))
        more += ["--policy", desk.folder / "policy.json"]
    return made, web(bundle, published.folder, "--trust", desk.folder / "trust.json", *more)


def hold(python: dict[str, Any], web: dict[str, Any]) -> None:
    hold_equal(_worded(compared(python)), _worded(compared(web)), "the two reports")


def _worded(value: dict[str, Any]) -> dict[str, Any]:
    """Why a node could not be asked is told by two HTTP clients in their own words."""
    silent = ("history.current", "history.retracted", "history.fork", "chain.code")
    checks = [{**c, "note": None} if c["code"] in silent and "127.0.0.1" in (c["note"] or "") else c
              for c in value["checks"]]  # fmt: skip
    return {**value, "checks": checks}


RECEIPT = {"blockHash": "0x" + "00" * 32, "status": "0x1", "cumulativeGasUsed": "0x1", "logs": [],
           "logsBloom": "0x" + "00" * 256}  # fmt: skip
NODES: dict[str, tuple[Mapping[str, Any], ...]] = {
    "an honest one": (HONEST,),
    "one without past events": ({},),
    "one that knows no final block": ({"unfinal": None},),
    "a young block": ({"more": 3},),
    "two of three agree": (HONEST, HONEST, {"other_hash": True}),
    "one that is down": ({"down": True},),
    "one that lags": ({"lags": 21},),
    "another block": ({"other_hash": True},),
    "two against two": (HONEST, HONEST, {"other_hash": True}, {"other_hash": True}),
    "another chain": ({"chain_id": 56},),
    "another history": ({"genesis": "0x" + "11" * 32},),
    "other code": ({"code": b"\x00"},),
    "the codes disagree": (HONEST, {"code": b"\x00"}),
    "another receipt": ({"receipt": RECEIPT},),
    "a storage that is none": ({"storage": {}},),
}  # fmt: skip


@pytest.mark.parametrize("nodes", NODES.values(), ids=NODES.keys())
def test_what_nodes_say_weighs_the_same(desk: Desk, web: Web, nodes: tuple[Mapping[str, Any], ...]) -> None:
    published = desk.publish(FILES)
    with serving(published, *nodes) as urls:
        hold(*both(desk, web, published, urls))


def test_a_quorum_that_is_asked_for(desk: Desk, web: Web) -> None:
    published = desk.publish(FILES)
    with serving(published, HONEST, HONEST, {"down": True}) as urls:
        python, browser = both(desk, web, published, urls, quorum=3)
        hold(python, browser)
        assert browser["verdict"] == "incomplete"
        one, path = urls[0], urls[0] + "key"
        python, browser = both(desk, web, published, [one, path])
        hold(python, browser)
        assert browser["anchors"][0]["nodes"] == {"agreed": 1, "asked": 1, "needed": 1}


def test_the_real_testnets_name_and_rule_are_known(desk: Desk, web: Web) -> None:
    genesis = str(known_chains(desk.folder)[97].genesis)
    published = desk.publish(FILES, chain=Chain(genesis=genesis))
    with serving(published, HONEST) as urls:
        python, browser = both(desk, web, published, urls)
    hold(python, browser)
    assert (browser["verdict"], browser["anchors"][0]["time_proved"]) == ("pass", True)
    assert browser["clocks"][0]["kind"] == "anchor"


def test_retractions_endorsements_and_forks(desk: Desk, web: Web) -> None:
    published = desk.publish(FILES)
    root, mine, other = published.package.root, address(KEY), address(STRANGER)
    published.chain.endorse(mine, root)
    published.chain.endorse(other, root, withdrawn=BLOCK_TIME + 5)
    published.chain.retract(mine, root, "rows were misread")
    trust = replace(published.trust, publishers=(*published.trust.publishers, TrustedPublisher(other, "Another")))
    policy = {
        "format": "incident-archive-policy/1",
        "endorsers": {"need": 1, "keys": [{"address": mine, "name": "Desk"}]},
        "publishers": [{"address": mine}],
        "quorum": 1,
    }
    with serving(published, HONEST, {}) as urls:
        hold(*both(desk, web, published, urls, policy=policy, trust=trust))
    later = desk.publish({"evidence/log.txt": b"later\n"}, revision=2, previous=root)
    with serving(later, HONEST) as urls:
        hold(*both(desk, web, published, urls))
        hold(*both(desk, web, later, urls))


def test_another_history_in_the_registry(desk: Desk, web: Web) -> None:
    chain = Chain()
    published = desk.publish(FILES, chain=chain)
    chain.heads.clear()
    desk.publish({"evidence/log.txt": b"other\n"}, chain=chain)
    with serving(published, HONEST, {}) as urls:
        hold(*both(desk, web, published, urls))


def test_an_exclusion_proof(desk: Desk, web: Web) -> None:
    world = World()
    proof = collect_absence(world, REGISTRY, PUBLISHER, "77" * 32)
    path = desk.folder / "x.absent.json"
    path.write_bytes(proof.to_bytes())
    inspection = inspect_absence(parse_absence(path.read_bytes()))
    assert inspection.proven is not None
    code = inspection.proven.code_hash
    named = TrustedRegistry("R", proof.chain_id, proof.genesis, REGISTRY, code)
    for trust in (TrustFile(), TrustFile((named,)), TrustFile((replace(named, code_hash="0x" + "00" * 32),))):
        (desk.folder / "trust.json").write_bytes(trust.to_bytes())
        offline = judge_absence(proof, inspection, trust, (), offline=True).to_json()
        browser = web(path, "--trust", desk.folder / "trust.json")
        assert {key: browser[key] for key in offline} == json.loads(json.dumps(offline))
        with serve(world) as url:
            answers = ask_block(inspection.proven, label_nodes([(url, None)]))
            known = known_chains(desk.folder).get(proof.chain_id)
            python = judge_absence(proof, inspection, trust, answers, known=known).to_json()
            browser = web(path, "--trust", desk.folder / "trust.json", "--rpc", url)
            assert {key: browser[key] for key in python} == json.loads(json.dumps(python))
    path.write_bytes(path.read_bytes()[:-9])
    assert web(path)["error"]["code"] == "absence.malformed"
    assert CALL.root


@contextmanager
def gateway(packages: Mapping[str, tuple[int, bytes]]) -> Iterator[str]:
    """An HTTP gateway with these answers by content id."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = packages.get(self.path.removeprefix("/ipfs/").partition("?")[0], (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_gateways_are_believed_byte_for_byte(desk: Desk, web: Web) -> None:
    published = desk.publish(FILES)
    bundle = published.write_bundle(desk.folder / "x.proof.json")
    car, key = published.car(), published.package.content_id
    flipped = car[:-9] + bytes([car[-9] ^ 1]) + car[-8:]
    with (
        gateway({key: (200, car)}) as good,
        gateway({key: (200, flipped)}) as liar,
        gateway({}) as empty,
        gateway({key: (500, b"")}) as broken,
    ):
        gone = "http://127.0.0.1:1"
        urls = [part for url in (liar, empty, broken, gone, good) for part in ("--gateway", url)]
        made = web(bundle, *urls)
    found = [(c["status"], c["found"].partition(":")[0]) for c in made["checks"] if c["code"] == "availability"]
    assert found == [("unchecked", "wrong"), ("unchecked", "absent"), ("unchecked", "unreachable"),
                     ("unchecked", "unreachable"), ("pass", "good")]  # fmt: skip
    assert [c["status"] for c in made["checks"] if c["code"] == "package.complete"] == ["pass"]
    with gateway({key: (200, flipped)}) as liar:
        made = web(bundle, "--gateway", liar)
    assert made["verdict"] == "fail"


def test_nobody_is_asked_who_was_not_named(desk: Desk, web: Web) -> None:
    """Two nodes and a gateway run; the report of a run that names none of them is that of --offline."""
    published = desk.publish(FILES)
    rpc = SimulatedRpc(published.chain)
    with serve(rpc):
        bundle = published.write_bundle(desk.folder / "x.proof.json")
        made = web(bundle, published.folder)
    assert rpc.asked == []
    assert made["lacking"] == ["anchor.registry", "chain.header", "origin.trusted"]
    assert PolicyKey(address(KEY)).covers(0)
