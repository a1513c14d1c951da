"""What `verify` makes of stamps and `not_before`, with and without the chain of the anchor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from archive.bundle import ProofBundle
from archive.errors import InvalidInputError, UnreachableError
from archive.package.entries import NotBefore
from archive.stamps import bitcoin, cms, ots
from archive.stamps.bitcoin import REGTEST, HeaderFile
from archive.stamps.entries import BlockHeader, OtsStamp, Rfc3161Stamp, Token, subject_message
from archive.trust import BitcoinHeader, TimeStampRoot, TrustFile
from archive.verify.checks import judge
from archive.verify.clockfacts import BitcoinAnswer, BlockAnswer, ClockFacts
from archive.verify.clocks import HeaderSources, ask_clocks
from archive.verify.facts import Facts
from archive.verify.gather import Sources, Target, gather
from archive.verify.nodes import KnownChain
from archive.verify.outcome import Outcome
from archive.verify.policy import Policy
from archive.verify.report import closing, to_json, to_text
from archive.verify.stamps import _needed, judge_block
from tests.support.clocks import Authority, Bitcoin, Calendar, mine
from tests.unit.verify.simulator import Desk, Publication

MakeAuthority = Callable[..., Authority]
NONCE = bytes(range(16))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def stamped(authority: Authority, root: str) -> dict[str, Any]:
    request = TimestampRequestBuilder(data=subject_message(root), hash_algorithm=HashAlgorithm.SHA256).build()
    token = cms.parse_response(authority.reply(request.as_bytes()))[2]
    assert token is not None
    return Rfc3161Stamp(Token("tsa", request.nonce, token)).to_json()


def promise(calendar: Calendar, root: str) -> bytes:
    answer = calendar.handle("POST", "/digest", ots.nonced_digest(root, NONCE))[1]
    return ots.new_proof(root, [(calendar.url, answer)], NONCE)


def completed(calendar: Calendar, proof: bytes) -> bytes:
    def ask(pending: ots.Pending) -> bytes | None:
        return calendar.handle("GET", f"/timestamp/{pending.commitment.hex()}", b"")[1]

    calendar.confirm()
    return ots.complete(proof, ask)[0]


def trust_with(publication: Publication, *authorities: Authority) -> TrustFile:
    roots = tuple(TimeStampRoot(f"{a.name} authority", a.root_pem) for a in authorities)
    return replace(publication.trust, time_stamp_roots=roots)


def verify(
    desk: Desk,
    publication: Publication,
    stamps: list[dict[str, Any]],
    *,
    trust: TrustFile | None = None,
    headers: HeaderSources | None = None,
    nodes: tuple[Any, ...] = (),
    quorum: int | None = None,
    anchors: bool = True,
    entries: tuple[dict[str, Any], ...] | None = None,
) -> Outcome:
    changes: dict[str, Any] = {"stamps": tuple(stamps)}
    if not anchors:
        changes["anchors"] = ()
    path = publication.write_bundle(desk.folder / "b.proof.json", **changes)
    sources = Sources(
        trust=publication.trust if trust is None else trust,
        nodes=nodes,
        headers=headers or HeaderSources(),
        offline=not nodes,
        quorum=quorum,
    )
    return judge(gather(Target("bundle", str(path)), [publication.folder], sources), Policy())


def statuses(outcome: Outcome, code: str) -> list[str]:
    return [c.status for c in outcome.checks if c.code == code]


class TestAuthorities:
    def test_the_stamp_leg_stands_alone(self, desk: Desk, authority: MakeAuthority) -> None:
        """No node, no anchor at all: the report still says by whose clock the root existed no later than when."""
        published, tsa = desk.publish(), authority()
        stamp = stamped(tsa, published.package.root)
        outcome = verify(desk, published, [stamp], trust=trust_with(published, tsa), anchors=False)
        assert outcome.verdict == "incomplete"
        assert statuses(outcome, "stamp.rfc3161") == statuses(outcome, "time.stamps") == ["pass"]
        (clock,) = outcome.clocks
        assert (clock.kind, clock.bound, clock.name) == ("rfc3161", "no_later", "tsa (Test authority)")
        assert outcome.interval.no_later == clock
        assert "this root existed no later than" in " ".join(closing(outcome))
        assert to_json(outcome, None)["interval"]["no_later_than"]["clock"] == "tsa (Test authority)"

    def test_with_the_chain_of_the_anchor_reset_or_unknown_it_is_the_same(
        self, desk: Desk, authority: MakeAuthority
    ) -> None:
        published, tsa = desk.publish(), authority()
        stamp = stamped(tsa, published.package.root)
        node = published.chain.node(genesis="0x" + "77" * 32)
        outcome = verify(desk, published, [stamp], trust=trust_with(published, tsa), nodes=(node,))
        assert statuses(outcome, "chain.header") == ["unchecked"]
        assert statuses(outcome, "stamp.rfc3161") == ["pass"]
        assert "this root existed no later than" in to_text(outcome, None).replace("\n", " ")

    def test_an_unknown_root_is_unchecked_and_says_how_to_trust_it(self, desk: Desk, authority: MakeAuthority) -> None:
        published, tsa = desk.publish(), authority()
        outcome = verify(desk, published, [stamped(tsa, published.package.root)])
        assert statuses(outcome, "stamp.rfc3161") == statuses(outcome, "time.stamps") == ["unchecked"]
        assert outcome.clocks == ()
        assert "archive trust add authority" in to_text(outcome, None).replace("\n", " ")

    def test_two_tokens_of_one_authority_are_not_told_as_two_clocks(self, desk: Desk, authority: MakeAuthority) -> None:
        published, tsa = desk.publish(), authority()
        two = [stamped(tsa, published.package.root) for _ in range(2)]
        outcome = verify(desk, published, two, trust=trust_with(published, tsa))
        (note,) = [c.note for c in outcome.checks if c.code == "time.stamps"]
        assert note == "2 of 2 stamps hold"

    def test_a_stamp_of_another_root_fails(self, desk: Desk, authority: MakeAuthority) -> None:
        published, tsa = desk.publish(), authority()
        outcome = verify(desk, published, [stamped(tsa, "00" * 32)], trust=trust_with(published, tsa))
        assert statuses(outcome, "stamp.rfc3161.imprint") == ["fail"]
        assert outcome.verdict == "fail"

    def test_an_invalid_token_fails_also_where_its_root_is_unknown(self, desk: Desk, authority: MakeAuthority) -> None:
        published, tsa = desk.publish(), authority()
        stamp = stamped(tsa, published.package.root)
        broken = _parsed(stamp)
        data = bytearray(broken.first.token)
        data[-3] ^= 1
        value = replace(broken, first=replace(broken.first, token=bytes(data))).to_json()
        outcome = verify(desk, published, [value])
        assert outcome.verdict == "fail"
        assert statuses(outcome, "stamp.rfc3161.signature") == ["fail"]

    def test_without_the_library_it_is_unchecked_with_the_hint(
        self, desk: Desk, authority: MakeAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import builtins

        published, tsa = desk.publish(), authority()
        stamps = [stamped(tsa, published.package.root), OtsStamp(b"x").to_json()]
        real = builtins.__import__

        def missing(name: str, *arguments: Any, **named: Any) -> Any:
            if name.split(".")[0] in ("rfc3161_client", "opentimestamps"):
                raise ImportError(name)
            return real(name, *arguments, **named)

        monkeypatch.setattr(builtins, "__import__", missing)
        outcome = verify(desk, published, stamps, trust=trust_with(published, tsa))
        monkeypatch.undo()
        notes = [c.note for c in outcome.checks if c.code in ("stamp.rfc3161", "stamp.opentimestamps")]
        assert len(notes) == 2
        assert all("pip install 'incident-archive[stamps]'" in str(note) for note in notes)
        assert outcome.verdict == "incomplete"


def _parsed(value: dict[str, Any]) -> Rfc3161Stamp:
    from archive.stamps.entries import parse_stamp

    stamp = parse_stamp(value)
    assert isinstance(stamp, Rfc3161Stamp)
    return stamp


@pytest.fixture
def calendar() -> Calendar:
    return Calendar(Bitcoin(), "http://calendar.example")


# A chain that is mined here, taken for one whose work proves time.
TIMED = replace(REGTEST, proves_time=True)


def headers_of(chain: Bitcoin, folder: Path) -> HeaderSources:
    return HeaderSources(network=TIMED, files=(bitcoin.read_header_file(chain.file(folder / "headers.txt")),))


class TestOpenTimestamps:
    def test_auto_archiver_an_attestation_object_is_no_proof(self, desk: Desk, calendar: Calendar) -> None:
        """auto-archiver said `verified=True` because an OpenTimestamps attestation *object* exists.

        A pending attestation, and a complete one without the block's header, are both unchecked; one whose merkle root
        is not the block's fails.
        """
        published = desk.publish()
        pending = promise(calendar, published.package.root)
        complete = completed(calendar, pending)
        for proof in (pending, complete):
            outcome = verify(desk, published, [OtsStamp(proof).to_json()])
            assert statuses(outcome, "stamp.opentimestamps") == statuses(outcome, "time.stamps") == ["unchecked"]
            assert outcome.clocks == ()
        calendar.chain.headers[1] = mine(b"another merkle root".ljust(32), 1)
        outcome = verify(
            desk, published, [OtsStamp(complete).to_json()], headers=headers_of(calendar.chain, desk.folder)
        )
        assert statuses(outcome, "stamp.opentimestamps") == ["fail"]

    def test_a_pending_proof_never_passes_whatever_headers_there_are(self, desk: Desk, calendar: Calendar) -> None:
        published = desk.publish()
        proof = promise(calendar, published.package.root)
        calendar.confirm()
        headers = headers_of(calendar.chain, desk.folder)
        outcome = verify(desk, published, [OtsStamp(proof).to_json()], headers=headers)
        (check,) = [c for c in outcome.checks if c.code == "stamp.opentimestamps"]
        assert (check.status, check.found) == ("unchecked", "pending")
        assert "stamp upgrade" in str(check.note)

    def test_a_complete_proof_passes_through_its_header(self, desk: Desk, calendar: Calendar) -> None:
        published = desk.publish()
        proof = completed(calendar, promise(calendar, published.package.root))
        headers = headers_of(calendar.chain, desk.folder)
        outcome = verify(desk, published, [OtsStamp(proof).to_json()], headers=headers)
        assert statuses(outcome, "stamp.opentimestamps") == statuses(outcome, "time.stamps") == ["pass"]
        assert [c.kind for c in outcome.clocks] == ["bitcoin"]
        # The same chain taken for Bitcoin's: its headers have no work that counts there.
        outcome = verify(
            desk, published, [OtsStamp(proof).to_json()], headers=replace(headers, network=bitcoin.MAINNET)
        )
        assert statuses(outcome, "stamp.opentimestamps") == ["fail"]

    def test_a_test_chain_proves_no_time_and_its_stamp_does_not_count(self, desk: Desk, calendar: Calendar) -> None:
        published = desk.publish()
        proof = completed(calendar, promise(calendar, published.package.root))
        headers = replace(headers_of(calendar.chain, desk.folder), network=REGTEST)
        outcome = verify(desk, published, [OtsStamp(proof).to_json()], headers=headers)
        (check,) = [c for c in outcome.checks if c.code == "stamp.opentimestamps"]
        assert check.status == "unchecked"
        assert "proves no time" in str(check.note)
        assert statuses(outcome, "stamp.opentimestamps.block") == ["pass"]
        assert statuses(outcome, "time.stamps") == ["unchecked"]
        assert outcome.clocks == ()

    def test_a_proof_of_another_root_fails(self, desk: Desk, calendar: Calendar) -> None:
        published = desk.publish()
        proof = completed(calendar, promise(calendar, "00" * 32))
        headers = headers_of(calendar.chain, desk.folder)
        outcome = verify(desk, published, [OtsStamp(proof).to_json()], headers=headers)
        assert statuses(outcome, "stamp.opentimestamps.subject") == ["fail"]
        assert outcome.verdict == "fail"

    def test_one_calendar_that_lies_takes_nothing_from_another_that_does_not(
        self, desk: Desk, calendar: Calendar
    ) -> None:
        published = desk.publish()
        root = published.package.root
        liar = Calendar(Bitcoin(), "http://liar.example")
        liar.chain.mine(b"x" * 32)
        good, bad = completed(calendar, promise(calendar, root)), completed(liar, promise(liar, root))
        headers = headers_of(calendar.chain, desk.folder)
        # The liar's attestation is of a block that is not there; then of one that is another.
        outcome = verify(desk, published, [OtsStamp(ots.merged(good, bad)).to_json()], headers=headers)
        assert statuses(outcome, "stamp.opentimestamps") == ["pass"]
        calendar.chain.mine(b"y" * 32)
        headers = headers_of(calendar.chain, desk.folder)
        outcome = verify(desk, published, [OtsStamp(ots.merged(good, bad)).to_json()], headers=headers)
        assert statuses(outcome, "stamp.opentimestamps") == ["pass"]
        assert sorted(statuses(outcome, "stamp.opentimestamps.block")) == ["pass", "unchecked"]

    @pytest.mark.parametrize("name", ["bad-major-version", "exceeds-max-msg-length"])
    def test_invalid_real_proofs_never_pass(self, desk: Desk, vectors: Path, name: str) -> None:
        data = (vectors / "opentimestamps" / "invalid" / f"{name}.ots").read_bytes()
        outcome = verify(desk, desk.publish(), [OtsStamp(data).to_json()])
        assert statuses(outcome, "stamp.opentimestamps") != ["pass"]


class TestHelloWorld:
    """The real proof of the vectors through its real header, and through every change of it."""

    HEIGHT = 358391

    def verdict(self, vectors: Path, *answers: BitcoinAnswer, quorum: int = 2) -> Any:
        proof = ots.parse_proof((vectors / "opentimestamps" / "hello-world.txt.ots").read_bytes())
        (block,) = proof.blocks
        facts = ClockFacts(bitcoin=answers, quorum=quorum)
        return judge_block(block.height, facts, merkle_root=block.merkle_root)

    def header(self, vectors: Path) -> bytes:
        return bytes.fromhex((vectors / "opentimestamps" / "bitcoin-358391.header.hex").read_text().strip())

    def test_it_passes_through_its_real_header(self, vectors: Path) -> None:
        verdict = self.verdict(vectors, BitcoinAnswer(self.HEIGHT, "your file", "file", self.header(vectors)))
        assert verdict.status == "pass"
        assert verdict.header.time == 1_432_827_678

    @pytest.mark.parametrize(
        ("what", "place", "code"),
        [
            ("nonce", 76, "bitcoin.proof_of_work"),
            ("merkle root", 36, "bitcoin.proof_of_work"),
            ("difficulty", 72, "bitcoin.proof_of_work"),
            ("difficulty far too low", 75, "bitcoin.target"),
        ],
    )
    def test_it_fails_with_a_changed_header(self, vectors: Path, what: str, place: int, code: str) -> None:
        raw = bytearray(self.header(vectors))
        raw[place] ^= 0x21
        verdict = self.verdict(vectors, BitcoinAnswer(self.HEIGHT, "your file", "file", bytes(raw)))
        assert verdict.status == "fail", what
        assert code in verdict.note

    def test_a_file_with_the_header_alone_is_enough(self, vectors: Path) -> None:
        file = bitcoin.read_header_file(vectors / "opentimestamps" / "bitcoin-358391.header.hex")
        assert file.find(self.HEIGHT, self.header(vectors)[36:68]) == [self.header(vectors)]

    def test_without_a_header_it_is_unchecked(self, vectors: Path) -> None:
        assert self.verdict(vectors).status == "unchecked"

    def test_sources_of_others_have_to_agree(self, vectors: Path) -> None:
        good = self.header(vectors)

        def says(name: str, header: bytes | None = good) -> BitcoinAnswer:
            return BitcoinAnswer(self.HEIGHT, name, "source", header, "has no block at this height")

        assert self.verdict(vectors, says("a")).status == "unchecked"
        assert self.verdict(vectors, says("a"), says("a")).status == "unchecked"  # one and the same, twice
        assert self.verdict(vectors, says("a"), says("b")).status == "pass"
        assert self.verdict(vectors, says("a"), says("b", None), says("c", None)).status == "unchecked"
        assert self.verdict(vectors, says("a"), says("b", good[:-1] + b"x"), says("c")).status == "pass"

    def test_two_lying_sources_with_real_work_do_not_outvote_ones_own_node(self, vectors: Path) -> None:
        from tests.unit.stamps.test_bitcoin import GENESIS

        other, good = bytes.fromhex(GENESIS), self.header(vectors)
        lies = [BitcoinAnswer(self.HEIGHT, name, "source", other) for name in ("a", "b")]
        assert self.verdict(vectors, *lies).status == "fail"
        own = BitcoinAnswer(self.HEIGHT, "your node", "node", good)
        verdict = self.verdict(vectors, *lies, own)
        assert verdict.status == "pass"
        assert "a, b has another" in verdict.note
        # Two against two: nobody can tell.
        true = [BitcoinAnswer(self.HEIGHT, name, "source", good) for name in ("c", "d")]
        assert self.verdict(vectors, *lies, *true).status == "unchecked"

    def test_a_trusted_header_in_the_trust_file_is_ones_own(self, desk: Desk, vectors: Path) -> None:
        published = desk.publish()
        data = (vectors / "opentimestamps" / "hello-world.txt.ots").read_bytes()
        trust = replace(published.trust, bitcoin_headers=(BitcoinHeader(self.HEIGHT, self.header(vectors).hex()),))
        outcome = verify(desk, published, [OtsStamp(data).to_json()], trust=trust)
        # The proof is about another text, so it fails here whatever the header says.
        assert statuses(outcome, "stamp.opentimestamps") == ["fail"]


class TestUnreachableSources:
    def test_a_source_that_is_down_or_talks_nonsense_is_named_and_unchecked(
        self, desk: Desk, calendar: Calendar
    ) -> None:
        class Down:
            name = "down.example"

            def header(self, height: int) -> bytes | None:
                raise UnreachableError("down.example: no answer", code="bitcoin.source.unreachable")

        class Nonsense:
            name = "nonsense.example"

            def header(self, height: int) -> bytes | None:
                raise InvalidInputError("nonsense.example: no header", code="bitcoin.bad_answer")

        published = desk.publish()
        proof = completed(calendar, promise(calendar, published.package.root))
        headers = HeaderSources(network=REGTEST, others=(Down(), Nonsense()))
        outcome = verify(desk, published, [OtsStamp(proof).to_json()], headers=headers)
        (check,) = [c for c in outcome.checks if c.code == "stamp.opentimestamps"]
        assert check.status == "unchecked"
        assert "down.example" in str(check.note)
        assert "nonsense.example" in str(check.note)


def with_blocks(desk: Desk, blocks: tuple[NotBefore, ...], monkeypatch: pytest.MonkeyPatch) -> Publication:
    """A publication whose header names these blocks."""
    from archive.package.seal import Seal
    from tests.unit.verify import simulator

    monkeypatch.setattr(simulator, "Seal", lambda seed, publisher: Seal(seed, publisher, blocks))
    return desk.publish()


class TestNotBefore:
    GENESIS_BLOCK = NotBefore(bitcoin.CHAIN, 0, "0x000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")

    def stamp(self, header: bytes | None = None) -> dict[str, Any]:
        from tests.unit.stamps.test_bitcoin import GENESIS

        return BlockHeader(bitcoin.CHAIN, 0, header or bytes.fromhex(GENESIS)).to_json()

    def trusted(self, publication: Publication, *authorities: Authority) -> TrustFile:
        from tests.unit.stamps.test_bitcoin import GENESIS

        return replace(trust_with(publication, *authorities), bitcoin_headers=(BitcoinHeader(0, GENESIS),))

    def test_bitcoin_with_the_header_known_passes_and_gives_the_interval(
        self, desk: Desk, authority: MakeAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        published, tsa = with_blocks(desk, (self.GENESIS_BLOCK,), monkeypatch), authority()
        stamps = [self.stamp(), stamped(tsa, published.package.root)]
        outcome = verify(desk, published, stamps, trust=self.trusted(published, tsa))
        assert statuses(outcome, "time.not_before") == statuses(outcome, "time.clocks") == ["pass"]
        interval = outcome.interval
        assert interval.no_earlier is not None
        assert interval.no_earlier.limit == 1_231_006_505 - bitcoin.CLOCK_MARGIN
        assert interval.no_later is not None
        text = " ".join(closing(outcome))
        assert "assembled no earlier than 2009-01-03 16:15:05 UTC" in text
        assert "What is in it may be older" in text

    def test_the_header_in_the_bundle_alone_is_unchecked(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        published = with_blocks(desk, (self.GENESIS_BLOCK,), monkeypatch)
        assert statuses(verify(desk, published, [self.stamp()]), "time.not_before") == ["unchecked"]
        assert statuses(verify(desk, published, []), "time.not_before") == ["unchecked"]

    def test_a_header_of_another_block_fails(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        published = with_blocks(desk, (self.GENESIS_BLOCK,), monkeypatch)
        outcome = verify(desk, published, [self.stamp(Bitcoin().headers[0])])
        assert statuses(outcome, "time.not_before") == ["fail"]

    def test_a_header_that_the_package_does_not_name_shows_nothing(self, desk: Desk) -> None:
        outcome = verify(desk, desk.publish(), [self.stamp()])
        assert statuses(outcome, "time.not_before") == []
        assert statuses(outcome, "stamp.unknown") == ["unchecked"]
        assert outcome.clocks == ()

    def test_a_block_of_the_anchors_chain(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        from archive.chain import codec

        raw = desk.chain.header(900, bytes(32), bytes(32))
        desk.chain.blocks[900] = raw
        named = NotBefore("eip155:97", 900, codec.to_hex(codec.keccak(raw)))
        published = with_blocks(desk, (named,), monkeypatch)
        stamp = BlockHeader("eip155:97", 900, raw).to_json()
        outcome = verify(desk, published, [stamp], nodes=(published.chain.node(),))
        assert statuses(outcome, "time.not_before") == ["pass"]
        assert statuses(verify(desk, published, [stamp]), "time.not_before") == ["unchecked"]
        liar = published.chain.node(other_hash=True)
        assert statuses(verify(desk, published, [stamp], nodes=(liar,)), "time.not_before") == ["fail"]
        both = (published.chain.node("one"), published.chain.node("two", other_hash=True))
        assert statuses(verify(desk, published, [stamp], nodes=both), "time.not_before") == ["unchecked"]
        down = published.chain.node(down=True)
        assert statuses(verify(desk, published, [stamp], nodes=(down,)), "time.not_before") == ["unchecked"]
        wrong = {**stamp, "header": stamp["header"][:-2] + "ff"}
        assert statuses(verify(desk, published, [wrong]), "time.not_before") == ["fail"]

    def block_of_97(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> tuple[Publication, Callable[..., tuple[str, bool]]]:
        """A package that names a block of chain 97; what came of it, and whether it gave the lower bound."""
        from archive.chain import codec

        raw = desk.chain.header(900, bytes(32), bytes(32))
        desk.chain.blocks[900] = raw
        published = with_blocks(desk, (NotBefore("eip155:97", 900, codec.to_hex(codec.keccak(raw))),), monkeypatch)
        stamp = BlockHeader("eip155:97", 900, raw).to_json()

        def told(*nodes: Any, **settings: Any) -> tuple[str, bool]:
            outcome = verify(desk, published, [stamp], nodes=nodes, **settings)
            (status,) = statuses(outcome, "time.not_before")
            return status, any(c.kind == "block" for c in outcome.clocks)

        return published, told

    def test_as_many_nodes_as_asked_for_have_to_agree_on_a_block(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        published, told = self.block_of_97(desk, monkeypatch)
        node = published.chain.node
        one, two, down = node("one"), node("two"), node("down", down=True)
        liar, second, third = (node(name, other_hash=True) for name in ("liar", "second", "third"))
        assert told(one, quorum=2) == ("unchecked", False)
        assert told(liar, down, quorum=2) == ("unchecked", False)
        assert told(one, down, quorum=2) == ("unchecked", False)
        assert told(one, liar, quorum=2) == ("unchecked", False)
        assert told(one, two, quorum=2) == ("pass", True)
        assert told(one, two, liar, quorum=2) == ("pass", True)
        assert told(liar, second, quorum=2) == ("fail", False)
        assert told(one, liar, second, quorum=2) == ("fail", False)
        assert told(one, two, liar, second, quorum=2) == ("unchecked", False)
        # Without a setting: half of those asked, rounded up.
        assert told(one) == told(one, down) == told(one, two, liar) == ("pass", True)
        assert told(one, down, replace(down, source="dead")) == ("unchecked", False)
        assert told(liar, second, third, one) == ("fail", False)

    def test_two_urls_of_one_host_are_one_place(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        published, told = self.block_of_97(desk, monkeypatch)
        same = [replace(published.chain.node(name), place="one.example") for name in ("a", "b")]
        lies = [replace(published.chain.node(name, other_hash=True), place="one.example") for name in ("a", "b")]
        assert told(*same, quorum=2) == ("unchecked", False)
        assert told(*lies, quorum=2) == ("unchecked", False)
        assert told(same[0], replace(same[1], place="two.example"), quorum=2) == ("pass", True)

    def test_the_setting_of_the_network_counts_whether_an_anchor_is_on_it_or_not(self) -> None:
        answer = BlockAnswer("eip155:97", 900, "one", "same")
        bundle = ProofBundle("", "", (), None, ())
        chains = {97: KnownChain("bsc-testnet", None, "finalized", 2), 56: KnownChain("bsc", None, "finalized")}
        clocks = ask_clocks(bundle, None, TrustFile(), HeaderSources(), (), chains)
        facts = Facts("", None, bundle, (), TrustFile(), offline=False, clocks=clocks)
        assert _needed("eip155:97", [answer], facts) == 2
        assert _needed("eip155:56", [answer], facts) == 1
        assert _needed("eip155:97", [answer], replace(facts, quorum=3)) == 3

    def test_a_chain_that_was_reset_or_is_not_known_never_fails(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        published, told = self.block_of_97(desk, monkeypatch)
        reset = published.chain.node(other_hash=True, genesis="0x" + "77" * 32)
        assert told(reset) == ("unchecked", False)
        assert told(published.chain.node(genesis="0x" + "77" * 32)) == ("unchecked", False)
        # No registry of that chain is trusted: which history is meant, nobody knows.
        nobody = replace(published.trust, registries=())
        liar = published.chain.node(other_hash=True)
        assert told(liar, trust=nobody) == ("unchecked", False)
        assert told(published.chain.node(), trust=nobody) == ("pass", True)
        # Nor where registries on both histories are.
        (registry,) = published.trust.registries
        old = replace(registry, name="old", genesis="0x" + "77" * 32)
        assert told(liar, trust=replace(published.trust, registries=(registry, old))) == ("unchecked", False)
        assert told(liar) == ("fail", False)

    def test_clocks_that_contradict_are_named_and_no_interval_is_told(
        self, desk: Desk, authority: MakeAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A block later than the stamp: one of the two clocks is wrong."""
        from datetime import UTC, datetime

        late = mine(b"m" * 32, int(datetime.now(UTC).timestamp()) + 86_400)
        header = bitcoin.parse_header(late)
        named = NotBefore(bitcoin.CHAIN, 5, "0x" + header.shown_hash)
        published, tsa = with_blocks(desk, (named,), monkeypatch), authority()
        stamps = [BlockHeader(bitcoin.CHAIN, 5, late).to_json(), stamped(tsa, published.package.root)]
        file = HeaderFile(desk.folder / "h", ((5, late),))
        outcome = verify(
            desk, published, stamps, trust=trust_with(published, tsa), headers=HeaderSources(TIMED, (file,))
        )
        (check,) = [c for c in outcome.checks if c.code == "time.clocks"]
        assert check.status == "unchecked"
        assert "tsa (Test authority)" in str(check.note)
        assert "Bitcoin block 5" in str(check.note)
        assert len(outcome.interval.disagree) == 1
        text = " ".join(closing(outcome))
        assert "Clocks disagree" in text
        assert "assembled no earlier" not in text
