"""`archive stamp`, `publish` with clocks, and trusting an authority."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.publish.conftest import Dossier, Ran
from tests.cli.stamp.conftest import Clocks
from tests.support.clocks import mine

Archive = Callable[..., Ran]


@pytest.fixture
def bundle(archive: Archive, clocks: Clocks, dossier: Dossier) -> Path:
    """A published bundle without stamps."""
    (clocks.workspace / "config.toml").unlink()
    published = archive("publish", dossier.folder, "--yes", "--json")
    assert published.code == 0, published.err
    assert published.json["stamps"] == []
    clocks.configure()
    return Path(published.json["bundle"])


def stamps(bundle: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(bundle.read_bytes())["stamps"]
    return found


def status(ran: Ran, code: str) -> list[str]:
    return [c["status"] for c in ran.json["checks"] if c["code"] == code]


def trust(archive: Archive, clocks: Clocks) -> None:
    assert archive("trust", "add", "authority", clocks.root_file(), "--name", "Ours").code == 0


def test_add_puts_the_stamps_of_all_clocks_into_the_bundle(archive: Archive, clocks: Clocks, bundle: Path) -> None:
    ran = archive("stamp", "add", bundle, "--json")
    assert ran.code == 0, ran.err
    assert [s["clock"] for s in ran.json["stamps"]] == ["tsa", "one", "two"]
    assert [s["kind"] for s in stamps(bundle)] == ["rfc3161", "opentimestamps"]
    verified = archive("verify", bundle, "--offline", "--json")
    # Nobody told this verifier whom to believe.
    assert status(verified, "stamp.rfc3161") == status(verified, "stamp.opentimestamps") == ["unchecked"]
    trust(archive, clocks)
    assert status(archive("verify", bundle, "--offline", "--json"), "stamp.rfc3161") == ["pass"]
    assert archive("publish", "dossier", "--yes", "--json").json["already_published"] is True
    assert len(stamps(bundle)) == 2


def test_a_policy_can_require_a_stamp(archive: Archive, clocks: Clocks, bundle: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"format": "incident-archive-policy/1", "require": ["time.stamps"]}')
    evidence = Path("dossier") / "evidence"
    assert archive("verify", bundle, evidence, "--json").code == 0
    lacking = archive("verify", bundle, evidence, "--policy", policy, "--json")
    assert (lacking.code, lacking.json["lacking"]) == (3, ["time.stamps"])
    archive("stamp", "add", bundle, "--authority", "tsa")
    trust(archive, clocks)
    assert archive("verify", bundle, evidence, "--policy", policy, "--json").code == 0


def test_an_authority_that_refuses_or_talks_nonsense(archive: Archive, clocks: Clocks, bundle: Path) -> None:
    before = bundle.read_bytes()
    clocks.authority.refuse = True
    ran = archive("stamp", "add", bundle, "--authority", "tsa", "--json")
    assert (ran.code, ran.json["failures"][0]["code"]) == (1, "stamp.authority.refused")
    clocks.authority.refuse = False
    for answer in (b"nonsense", b"", b"0\x03\x02\x01\x00"):
        clocks.authority.answer = answer
        ran = archive("stamp", "add", bundle, "--authority", "tsa", "--json")
        assert (ran.code, ran.json["failures"][0]["code"]) == (1, "stamp.authority.bad_answer")
    # The answer to another question: right signature, wrong imprint and nonce.
    clocks.authority.answer = clocks.authority.reply(clocks.authority.asked[0])
    ran = archive("stamp", "add", bundle, "--authority", "tsa", "--json")
    assert (ran.code, ran.json["failures"][0]["code"]) == (1, "stamp.authority.bad_token")
    clocks.authority.answer = bytes(200_000)
    ran = archive("stamp", "add", bundle, "--authority", "tsa", "--json")
    assert ran.json["failures"][0]["code"] == "store.too_large"
    assert bundle.read_bytes() == before


def test_a_bundle_that_claims_another_root_is_not_stamped(archive: Archive, clocks: Clocks, bundle: Path) -> None:
    value = json.loads(bundle.read_bytes())
    value["root"] = "00" * 32
    bundle.write_text(json.dumps(value))
    ran = archive("stamp", "add", bundle, "--json")
    assert (ran.code, ran.error) == (1, "stamp.bundle")
    assert clocks.calendars[0].promised == []


def test_upgrade_from_promise_to_block(archive: Archive, clocks: Clocks, bundle: Path) -> None:
    archive("stamp", "add", bundle, "--authority", "one", "--authority", "two")
    early = archive("stamp", "upgrade", bundle, "--json")
    assert (early.code, early.json["written"], early.json["pending"]) == (3, False, 1)
    assert sorted(early.json["waiting"]) == sorted([clocks.urls["one"], clocks.urls["two"]])
    clocks.calendars[0].confirm()
    half = archive("stamp", "upgrade", bundle, "--json")
    assert (half.code, half.json["completed"], half.json["pending"]) == (3, 1, 1)
    clocks.calendars[1].confirm()
    assert archive("stamp", "upgrade", bundle, "--json").code == 0
    headers = clocks.headers()
    verified = archive("verify", bundle, "--offline", "--bitcoin-headers", headers, "--json")
    # The blocks hold; that the chain is a test's, which proves no time, leaves the stamp unchecked.
    assert status(verified, "stamp.opentimestamps") == status(verified, "time.stamps") == ["unchecked"]
    assert status(verified, "stamp.opentimestamps.block") == ["pass", "pass"]
    shown = archive("stamp", "show", bundle, "--bitcoin-headers", headers)
    assert (shown.code, "proves no time" in shown.out) == (0, True)


def test_a_calendar_that_nobody_here_knows_is_not_asked(archive: Archive, clocks: Clocks, bundle: Path) -> None:
    """The address in a proof is whatever its maker wrote: asking it could reach into our own network."""
    archive("stamp", "add", bundle, "--authority", "one")
    clocks.configure("tsa")
    ran = archive("stamp", "upgrade", bundle, "--json")
    assert (ran.code, ran.json["not_asked"]) == (3, [clocks.urls["one"]])
    ran = archive("stamp", "upgrade", bundle, "--calendar", clocks.urls["one"], "--json")
    assert (ran.json["not_asked"], ran.json["waiting"]) == ([], [clocks.urls["one"]])


def test_a_calendar_that_answers_nonsense_changes_nothing(archive: Archive, clocks: Clocks, bundle: Path) -> None:
    archive("stamp", "add", bundle, "--authority", "one")
    before = bundle.read_bytes()
    clocks.calendars[0].answer = b"\x08" * 500
    ran = archive("stamp", "upgrade", bundle, "--json")
    assert (ran.code, ran.json["failures"][0]["code"]) == (3, "stamp.opentimestamps.answer")
    assert bundle.read_bytes() == before


@pytest.mark.parametrize("kind", ["node", "sources"])
def test_headers_from_a_node_and_from_sources_that_agree(
    archive: Archive, clocks: Clocks, bundle: Path, kind: str
) -> None:
    archive("stamp", "add", bundle, "--authority", "one")
    clocks.calendars[0].confirm()
    archive("stamp", "upgrade", bundle)
    url = clocks.urls["node"]
    settings = {
        "node": f'network = "regtest"\nnode = "{url}"',
        # Two names of one machine: two sources for this test, one operator in truth.
        "sources": f'network = "regtest"\nsources = ["{url}", "{url.replace("127.0.0.1", "localhost")}"]',
    }
    clocks.configure("tsa", bitcoin=settings[kind])
    assert status(archive("verify", bundle, "--json"), "stamp.opentimestamps.block") == ["pass"]
    # Offline nobody is asked.
    clocks.server.seen.clear()
    assert status(archive("verify", bundle, "--offline", "--json"), "stamp.opentimestamps.block") == ["unchecked"]
    assert clocks.server.seen == []
    # A lie with work on it: another block at that height.
    clocks.server.lie = lambda header: mine(b"lie".ljust(32), 5)
    assert status(archive("verify", bundle, "--json"), "stamp.opentimestamps") == ["fail"]
    # A lie without: it is not believed, and named.
    clocks.server.lie = lambda header: header[:72] + b"\x01\x00\x00\x03" + header[76:]
    ran = archive("verify", bundle, "--json")
    assert status(ran, "stamp.opentimestamps.block") == ["unchecked"]


def test_renewing_an_old_stamp(archive: Archive, clocks: Clocks, bundle: Path) -> None:
    archive("stamp", "add", bundle, "--authority", "tsa")
    trust(archive, clocks)
    for count in (1, 2):
        ran = archive("stamp", "renew", bundle, "--json")
        assert ran.code == 0, ran.err
        assert len(stamps(bundle)[0]["renewals"]) == count
        verified = archive("verify", bundle, "--offline", "--json")
        assert status(verified, "stamp.rfc3161") == ["pass"]
        assert status(verified, "stamp.rfc3161.renewal") == ["pass"] * count
    value = json.loads(bundle.read_bytes())
    value["stamps"][0]["renewals"][0], value["stamps"][0]["renewals"][1] = value["stamps"][0]["renewals"][::-1]
    bundle.write_text(json.dumps(value))
    assert status(archive("verify", bundle, "--offline", "--json"), "stamp.rfc3161") == ["fail"]


def test_there_must_be_something_to_renew_and_somebody_to_do_it(archive: Archive, clocks: Clocks, bundle: Path) -> None:
    assert archive("stamp", "renew", bundle, "--json").error == "stamp.nothing_to_renew"
    clocks.configure("one")
    assert archive("stamp", "renew", bundle, "--json").error == "stamp.no_authority"


def test_what_is_extracted_is_checked_by_openssl_itself(
    archive: Archive, clocks: Clocks, bundle: Path, tmp_path: Path
) -> None:
    archive("stamp", "add", bundle)
    archive("stamp", "renew", bundle)
    out = tmp_path / "files"
    shown = archive("stamp", "show", bundle, "--extract", out, "--json")
    assert shown.code == 0
    assert sorted(p.name for p in out.iterdir()) == [
        "root",
        "stamp-1-renewal-1.message",
        "stamp-1-renewal-1.tst",
        "stamp-1.tst",
        "stamp-2.ots",
    ]
    root = clocks.root_file()
    for data, token in (("root", "stamp-1"), ("stamp-1-renewal-1.message", "stamp-1-renewal-1")):
        command = ["openssl", "ts", "-verify", "-data", str(out / data), "-in", str(out / f"{token}.tst"), "-token_in"]
        done = subprocess.run([*command, "-CAfile", str(root)], capture_output=True, text=True, check=False)
        assert "Verification: OK" in done.stdout, done.stderr


def test_publish_asks_the_configured_clocks_between_anchor_and_bundle(
    archive: Archive, clocks: Clocks, dossier: Dossier
) -> None:
    clocks.chain.mine(b"m" * 32)
    trust(archive, clocks)
    options = ("--not-before", f"bitcoin:{clocks.headers()}", "--yes", "--json")
    published = archive("publish", dossier.folder, *options)
    assert published.code == 0, published.err
    bundle = Path(published.json["bundle"])
    assert [s["kind"] for s in stamps(bundle)] == ["not_before", "rfc3161", "opentimestamps"]
    verified = archive("verify", bundle, dossier.folder / "evidence", "--bitcoin-headers", clocks.headers(), "--json")
    assert verified.code == 0, verified.out
    assert status(verified, "time.not_before") == status(verified, "stamp.rfc3161") == ["pass"]
    # Again, with a newer block at hand: the same package, and nobody is asked twice.
    clocks.chain.mine(b"n" * 32)
    clocks.headers()
    asked = len(clocks.authority.asked)
    again = archive("publish", dossier.folder, *options)
    assert (again.code, again.json["already_published"]) == (0, True)
    assert again.json["root"] == published.json["root"]
    assert len(clocks.authority.asked) == asked
    assert archive("pack", dossier.folder, "--json").json["root"] == published.json["root"]


def test_a_clock_that_is_down_does_not_hold_up_a_publication(
    archive: Archive, clocks: Clocks, dossier: Dossier
) -> None:
    clocks.configure("dead")
    published = archive("publish", dossier.folder, "--yes", "--json")
    assert (published.code, published.json["failures"]) == (3, [])
    assert [f["code"] for f in published.json["clock_failures"]] == ["stamp.authority.unreachable"]
    assert "archive stamp add" in published.err
    clocks.configure("tsa")
    assert archive("publish", dossier.folder, "--yes", "--json").code == 0


def test_revocation_answers_are_kept_with_the_token(
    archive: Archive, clocks: Clocks, bundle: Path, tmp_path: Path
) -> None:
    from tests.support.clocks import Authority, serve

    holder: list[Authority] = []
    with serve(lambda method, path, body: holder[0].handle(method, path, body)) as url:
        holder.append(Authority(tmp_path / "tsa", crl_url=f"{url}/crl", ocsp_url=f"{url}/ocsp"))
        pem = tmp_path / "root.pem"
        pem.write_text(holder[0].root_pem)
        clocks.urls["tsa"] = url
        clocks.configure("tsa")
        # Addresses in certificates are followed only where the chain is trusted.
        archive("stamp", "add", bundle)
        assert (stamps(bundle)[0]["crls"], stamps(bundle)[0]["ocsp"]) == ([], [])
        assert archive("trust", "add", "authority", pem, "--name", "Ours").code == 0
        archive("stamp", "add", bundle)
    kept = stamps(bundle)[1]
    assert base64.b64decode(kept["crls"][0])[0] == base64.b64decode(kept["ocsp"][0])[0] == 0x30
    checks = archive("verify", bundle, "--offline", "--json").json["checks"]
    (note,) = [c["note"] for c in checks if c["code"] == "stamp.rfc3161.revocation" and c["subject"] == "stamp 2"]
    assert "Test issuing" in note  # of the signer it is known; of the intermediate nothing was kept


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[stamps.x]\n", "config.bad_clock"),
        ('[stamps.x]\ntype = "sundial"\n', "config.bad_clock"),
        ('[stamps.x]\ntype = "rfc3161"\n', "config.bad_clock"),
        ('[stamps.x]\ntype = "rfc3161"\nurl = "ftp://x"\n', "config.bad_url"),
        ('[stamps.x]\ntype = "rfc3161"\nurl = "http://x"\nhash = "md5"\n', "config.bad_clock"),
        ('[stamps.x]\ntype = "opentimestamps"\nurl = "http://x"\nhash = "sha-256"\n', "config.unknown_key"),
        ('[stamps.X_]\ntype = "rfc3161"\nurl = "http://x"\n', "config.bad_clock"),
        ("[stamps]\nminimum_calendars = 2\n", "config.bad_clock"),
        ("stamps = 1\n", "config.bad_clock"),
        ('[bitcoin]\nnetwork = "main2"\n', "config.bad_clock"),
        ("[bitcoin]\nquorum = 0\n", "config.bad_clock"),
        ("[bitcoin]\nx = 1\n", "config.unknown_key"),
        ("[bitcoin", "config.syntax"),
    ],
)
def test_a_configuration_that_makes_no_sense(
    archive: Archive, clocks: Clocks, bundle: Path, text: str, code: str
) -> None:
    (clocks.workspace / "config.toml").write_text(text)
    ran = archive("stamp", "add", bundle, "--json")
    assert (ran.code, ran.error) == (2, code)


def test_trusting_an_authority_takes_its_root_alone(archive: Archive, clocks: Clocks, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    authority = clocks.authority
    der = tmp_path / "root.der"
    der.write_bytes(authority.root_der)
    added = archive("trust", "add", "authority", der, "--name", "Ours", "--json")
    assert added.json["added"]["authority"]["certificate"] == authority.root_pem
    assert archive("trust", "add", "authority", clocks.root_file(), "--name", "Ours").code == 0
    again = archive("trust", "add", "authority", clocks.root_file(), "--name", "Other", "--json")
    assert again.error == "trust.conflict"
    for data in (
        authority.middle.public_bytes(Encoding.PEM),
        authority.signer.public_bytes(Encoding.PEM),
        authority.root_pem.encode() + authority.middle.public_bytes(Encoding.PEM),
        b"nonsense",
    ):
        path = tmp_path / "no-root.pem"
        path.write_bytes(data)
        assert archive("trust", "add", "authority", path, "--name", "No", "--json").error == "trust.bad_certificate"
    assert "authority   Ours" in archive("trust", "show").out
    assert archive("trust", "remove", "Ours").code == 0
    assert archive("trust", "remove", "Ours", "--json").error == "trust.not_found"


def test_trusting_the_header_of_a_bitcoin_block(archive: Archive, clocks: Clocks) -> None:
    genesis = (
        "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
        "29ab5f49ffff001d1dac2b7c"
    )
    assert archive("trust", "add", "bitcoin-header", "0", genesis).code == 0
    assert "block 0" in archive("trust", "show").out
    wrong = genesis[:-1] + "d"
    assert archive("trust", "add", "bitcoin-header", "0", wrong, "--json").error == "bitcoin.proof_of_work"
    assert archive("trust", "add", "bitcoin-header", "0", "zz", "--json").error == "trust.bad_header"
    assert archive("trust", "remove", "bitcoin:0").code == 0


WITHOUT_LIBRARIES = """
import sys
for name in ("rfc3161_client", "opentimestamps", "bitcoin", "cryptography"):
    sys.modules[name] = None
from archive.cli.main import main
main()
"""


def test_without_the_extra_verify_says_unchecked_and_what_to_install(
    archive: Archive, clocks: Clocks, bundle: Path
) -> None:
    archive("stamp", "add", bundle)
    trust(archive, clocks)

    def run(*arguments: str | Path) -> tuple[int, Any]:
        command = [sys.executable, "-c", WITHOUT_LIBRARIES, *map(str, arguments), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, json.loads(done.stdout)

    code, verified = run("verify", bundle, Path("dossier") / "evidence")
    assert (code, verified["verdict"]) == (0, "pass")
    notes = {c["code"]: (c["status"], c["note"]) for c in verified["checks"]}
    for kind in ("stamp.rfc3161", "stamp.opentimestamps"):
        assert notes[kind][0] == "unchecked"
        assert "pip install 'incident-archive[stamps]'" in notes[kind][1]
    for command, error in (("tsa", "stamp.no_rfc3161"), ("one", "stamp.no_opentimestamps")):
        code, refused = run("stamp", "add", bundle, "--authority", command)
        assert (code, refused["error"]["code"]) == (2, error)
    # Before anything permanent is done.
    code, refused = run("publish", "dossier", "--yes")
    assert (code, refused["error"]["code"]) == (2, "stamp.no_rfc3161")


def test_a_policy_of_the_authority_can_be_asked_for(archive: Archive, clocks: Clocks, bundle: Path) -> None:
    archive("stamp", "add", bundle, "--authority", "tsa")
    for oid, expected in (("1.2.3.9", "unchecked"), ("1.2.3.4.1", "pass")):
        assert archive("trust", "add", "authority", clocks.root_file(), "--name", "Ours", "--policy", oid).code == 0
        assert status(archive("verify", bundle, "--offline", "--json"), "stamp.rfc3161") == [expected]
        assert archive("trust", "remove", "Ours").code == 0
    ran = archive("trust", "add", "authority", clocks.root_file(), "--name", "Ours", "--policy", "x", "--json")
    assert ran.error == "trust.bad_policy"
