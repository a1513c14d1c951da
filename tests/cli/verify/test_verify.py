"""`archive verify` as a user meets it: exit codes, both forms of the report, errors with code and hint."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from archive.cli import main as cli
from archive.trust import save_trust
from tests.support import rpcserver
from tests.unit.verify.simulator import Desk, Publication

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def published(tmp_path: Path) -> Publication:
    made = Desk(tmp_path).publish()
    made.write_bundle(tmp_path / "bundle.proof.json")
    save_trust(tmp_path / "trust.json", made.trust)
    return made


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHIVE_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.delenv("ARCHIVE_TRUST", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["archive", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return int(str(stop.value.code)), out, err

    return call


def test_offline_is_incomplete_exit_3(run: Run, published: Publication) -> None:
    code, out, err = run("verify", "bundle.proof.json", "dossier-1", "--offline", "--trust", "trust.json")
    assert code == 3
    assert "INCOMPLETE: nothing was found wrong, but not all could be checked" in out
    assert "still needed: chain.header" in out
    assert err == ""


def test_waived_header_is_pass_exit_0(run: Run, published: Publication) -> None:
    Path("policy.json").write_text('{"format": "incident-archive-policy/1", "waive": ["chain.header"]}')
    code, out, _ = run(
        "verify", "bundle.proof.json", "dossier-1", "--offline", "--trust", "trust.json", "--policy", "policy.json"
    )
    assert code == 0
    assert "PASS" in out


def test_one_flipped_byte_is_exit_1_and_named(run: Run, published: Publication) -> None:
    path = published.folder / "evidence/prices.csv"
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(bytes(data))
    code, out, _ = run("verify", "bundle.proof.json", "dossier-1", "--offline", "--trust", "trust.json")
    assert code == 1
    assert "FAIL bytes              evidence/prices.csv: same size, other bytes" in out


def test_json_has_the_stable_keys(run: Run, published: Publication) -> None:
    code, out, _ = run("verify", "bundle.proof.json", "dossier-1", "--offline", "--trust", "trust.json", "--json")
    report = json.loads(out)
    assert code == 3
    assert report["verdict"] == "incomplete"
    assert report["root"] == published.package.root
    assert report["lacking"] == ["chain.header"]
    assert all({"code", "status", "subject", "expected", "found"} <= set(c) for c in report["checks"])


def test_trust_from_the_environment(run: Run, published: Publication, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = run("verify", "bundle.proof.json", "dossier-1", "--offline", "--json")
    assert set(json.loads(out)["lacking"]) == {"chain.header", "anchor.registry", "origin.trusted"}
    monkeypatch.setenv("ARCHIVE_TRUST", "trust.json")
    _, out, _ = run("verify", "bundle.proof.json", "dossier-1", "--offline", "--json")
    assert json.loads(out)["lacking"] == ["chain.header"]


def test_unreachable_node_is_incomplete_never_wrong(run: Run, published: Publication) -> None:
    node = ("--rpc", "http://127.0.0.1:9")
    code, out, _ = run("verify", "bundle.proof.json", "dossier-1", *node, "--trust", "trust.json", "--json")
    assert code == 3
    header = next(c for c in json.loads(out)["checks"] if c["code"] == "chain.header")
    assert header["status"] == "unchecked"
    assert "127.0.0.1:9 could not be asked" in header["note"]


def test_no_files_and_no_store_offline(run: Run, published: Publication) -> None:
    code, out, _ = run("verify", "bundle.proof.json", "--offline", "--trust", "trust.json", "--json")
    report = json.loads(out)
    assert code == 3
    assert "bytes" in report["lacking"]
    store = next(c for c in report["checks"] if c["code"] == "availability")
    assert store["subject"] == "local"


def test_no_files_but_the_local_store(run: Run, published: Publication, tmp_path: Path) -> None:
    from archive.stores.local import LocalStore

    car = tmp_path / "p.car"
    car.write_bytes(published.car())
    LocalStore(tmp_path / "workspace" / "store").put_package(
        car, published.package.content_id, root=published.package.root
    )
    code, out, _ = run("verify", "bundle.proof.json", "--offline", "--trust", "trust.json", "--json")
    report = json.loads(out)
    assert (code, report["lacking"]) == (3, ["chain.header"])
    assert {c["status"] for c in report["checks"] if c["code"] in ("bytes", "package.complete")} == {"pass"}


def test_unknown_bundle_format_is_incomplete_with_every_required_check_listed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "new.proof.json").write_text('{"format": "incident-archive-proof/2"}')
    code, out, _ = run("verify", "new.proof.json", "--offline", "--json")
    report = json.loads(out)
    assert code == 3
    assert report["verdict"] == "incomplete"
    assert {"code": "bundle.unknown_format", "status": "unchecked"}.items() <= report["checks"][0].items()
    assert set(report["required"]) <= {c["code"] for c in report["checks"]}
    code, out, _ = run("verify", "new.proof.json", "--offline")
    assert code == 3
    assert "nothing yet" in out


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (["nothing-here"], 2, "verify.target"),
        (["bundle.proof.json", "absent.csv"], 2, "verify.no_such_file"),
        (["bundle.proof.json", "--offline", "--rpc", "http://127.0.0.1:9"], 2, "verify.offline_rpc"),
        (["bundle.proof.json", "--offline", "--quorum", "2"], 2, "verify.offline_rpc"),
        (["bundle.proof.json", "--quorum", "2", "--rpc", "http://127.0.0.1:9"], 2, "verify.quorum"),
        (
            ["bundle.proof.json", "--quorum", "2", "--rpc", "http://a:9/k1", "--rpc", "http://a:9/k2"],
            2,
            "verify.quorum",
        ),
        (["bundle.proof.json", "--trust", "absent.json"], 2, "trust.no_such_file"),
        (["bundle.proof.json", "--policy", "absent.json"], 1, "policy.unreadable"),
        (["cut.proof.json", "--offline"], 1, "bundle.truncated"),
        (["bundle.proof.json", "--store", "nobody"], 2, "store.unknown"),
        (["ab" * 32, "--offline"], 3, "verify.not_found"),
    ],
)
def test_errors_have_code_and_exit_code(
    run: Run, published: Publication, tmp_path: Path, arguments: list[str], exit_code: int, code: str
) -> None:
    data = (tmp_path / "bundle.proof.json").read_bytes()
    (tmp_path / "cut.proof.json").write_bytes(data[: len(data) // 2])
    status, out, err = run("verify", *arguments, "--json")
    assert (status, json.loads(out)["error"]["code"]) == (exit_code, code)
    assert err.startswith("archive: error: ")


# k of n, as a user meets it: nodes behind real HTTP


@pytest.fixture
def urls(published: Publication) -> Iterator[dict[str, str]]:
    """An honest node and others that lie, lag or are dead; the liar's URL holds a key."""
    chain = published.chain
    with ExitStack() as stack:

        def serve(path: str = "/", **lies: Any) -> str:
            return stack.enter_context(rpcserver.serve(chain.node(**lies).rpc, path=path))

        yield {
            "honest": serve(),
            "second": serve(),
            "liar": serve("/v1/SECRETKEY123", other_hash=True),
            "lagging": serve(lags=25),
            "dead": serve(down=True),
        }


def rpcs(urls: dict[str, str], *names: str) -> list[str]:
    return [part for name in names for part in ("--rpc", urls[name])]


@pytest.mark.parametrize(
    ("third", "says"),
    [
        ("liar", "lies, or is on another branch: it has another block at height 1000"),
        ("lagging", "has no block at height 1000 yet: it lags, its newest is block 995"),
        ("dead", "could not be asked (chain.rpc_unreachable)"),
    ],
)
def test_two_of_three_nodes_decide_and_the_third_is_named_without_its_key(
    run: Run, published: Publication, urls: dict[str, str], third: str, says: str
) -> None:
    asked = [*rpcs(urls, third, "honest", "second"), "--quorum", "2"]
    code, out, err = run("verify", "bundle.proof.json", "dossier-1", *asked, "--trust", "trust.json")
    text = " ".join(out.split())
    assert code == 0, out
    assert says in text
    assert "2 of 3 nodes asked, 2 needed" in text
    assert "ok chain the block is in the chain [k of n RPCs: 2 of 3 of different hosts agree, 2 needed;" in text
    assert "SECRETKEY123" not in out + err


def test_a_quorum_that_is_not_reached_is_exit_3_and_a_lie_of_the_only_node_exit_1(
    run: Run, published: Publication, urls: dict[str, str]
) -> None:
    trust = ("--trust", "trust.json")
    asked = [*rpcs(urls, "dead", "lagging", "honest"), "--quorum", "2"]
    code, out, _ = run("verify", "bundle.proof.json", "dossier-1", *asked, *trust)
    assert code == 3
    assert "the quorum was not reached: 1 of 2 needed" in " ".join(out.split())
    code, out, _ = run("verify", "bundle.proof.json", "dossier-1", *rpcs(urls, "liar"), *trust)
    assert code == 1
    code, out, _ = run("verify", "bundle.proof.json", "dossier-1", *rpcs(urls, "liar", "honest"), *trust)
    assert code == 3
    assert "the sources disagree" in out


def test_the_ladder_is_shown_from_bytes_to_clocks(run: Run, published: Publication, urls: dict[str, str]) -> None:
    code, out, _ = run("verify", "bundle.proof.json", "dossier-1", *rpcs(urls, "honest"), "--trust", "trust.json")
    assert code == 0
    ladder = out.partition("From bytes to clocks: ")[2].partition("PASS")[0].splitlines()[1:]
    rows = [line.split()[:2] for line in ladder if line[:7].strip()]
    held = ("bytes", "package", "inclusion", "registry", "origin", "chain", "final")
    assert rows == [*(["ok", name] for name in held), ["?", "clocks"]]
    assert "[one RPC, its word alone; stronger are k of n RPCs, and" in out
