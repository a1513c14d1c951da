"""Every real header of the vectors: it verifies, and where its notes say that it must not, it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from archive.chain import codec
from archive.chain.consensus.finality import Verifier
from archive.chain.consensus.headers import Header, decode_header, recover_sealer
from archive.chain.consensus.rules import BSC, BSC_TESTNET, UnknownRulesError, private_rules
from archive.chain.consensus.sets import PinnedSet, SetHistory, Validator, ValidatorSet
from archive.errors import InvalidInputError

Load = Callable[[str], tuple[dict[str, Any], dict[int, bytes]]]
LORENTZ = private_rules(9999, "0x", "lorentz", 500)
PRE_LONDON = "bsc_mainnet_31297199_31297221_preLondon.json"
BOHR = "bsc_testnet_bohr_45214600.json"
LOCALNET = "parlia_localnet_9999_lorentz.json"
FERMI = "union_bsc_testnet_2026_fermi.json"
BLOCKS = "union_bsc_testnet_maxwell_blocks_rpc_json.json"


def pin(announced: ValidatorSet, number: int, last: int) -> PinnedSet:
    return PinnedSet(0, "0x", number, bytes(32), last, bytes(32), announced, "vectors", "")


def announced(raw: bytes, rules: Any) -> ValidatorSet:
    found = decode_header(raw, rules).announced
    assert found is not None
    return found


def read(raw: bytes, rules: Any) -> Header | None:
    """None for a header that is refused by a code of ours."""
    try:
        return decode_header(raw, rules)
    except (InvalidInputError, UnknownRulesError) as error:
        if not error.code.startswith("consensus."):
            raise
        return None


def runs(headers: Mapping[int, bytes]) -> list[list[int]]:
    """Numbers of the headers, in runs without a gap."""
    out: list[list[int]] = []
    for number in sorted(headers):
        if out and out[-1][-1] == number - 1:
            out[-1].append(number)
        else:
            out.append([number])
    return out


def check_all(verifier: Verifier, headers: Mapping[int, bytes]) -> dict[int, int]:
    """Links, seals and votes of all headers; returns by number how many voted, where the target is among them."""
    votes = {}
    for run in runs(headers):
        linked = verifier.link([headers[number] for number in run])
        for header in linked:
            verifier.check_seal(header)
            if header.attestation is not None and header.attestation.target_number >= run[0]:
                votes[header.number] = verifier.check_votes(header, linked)[1]
    return votes


def test_mainnet_before_london_over_a_change_of_validators(vectors: Load) -> None:
    value, headers = vectors(PRE_LONDON)
    for item, raw in zip(value["headers"], headers.values(), strict=True):
        assert codec.to_hex(codec.keccak(raw)) == item["hash"]
    old = ValidatorSet(
        tuple(
            Validator(codec.from_hex(v["address"]), codec.from_hex(v["voteAddress"]))
            for v in value["validators_epoch_31297000"]
        ),
        1,
    )
    new = announced(headers[31297200], BSC)
    assert len(set(old.validators) - set(new.validators)) == 5
    verifier = Verifier(BSC, SetHistory([pin(old, 31296800, 31297000), pin(new, 31297200, 31297200)]))
    votes = check_all(verifier, headers)
    assert set(votes) == set(range(31297200, 31297222))
    assert set(votes.values()) == {17, 18}
    # The change is where the notes say: 31297210 is the last target that the old validators voted for.
    at = {n: verifier.active(n, 200)[0].number for n in headers}
    assert {n for n, number in at.items() if number == 31296800} == set(range(31297199, 31297211))
    assert sum(v.bls == bytes(48) for v in new.validators) == 3
    assert new.quorum == 14


@pytest.mark.parametrize("wrong", [-1, 1])
def test_the_change_of_validators_is_exactly_there(vectors: Load, wrong: int) -> None:
    """One block earlier or later, the same headers are refused."""
    value, headers = vectors(PRE_LONDON)
    old = ValidatorSet(
        tuple(
            Validator(codec.from_hex(v["address"]), codec.from_hex(v["voteAddress"]))
            for v in value["validators_epoch_31297000"]
        ),
        1,
    )
    new = announced(headers[31297200], BSC)

    class Shifted(SetHistory):
        def active(self, number: int, epoch_length: int) -> PinnedSet | None:
            return super().active(number - wrong, epoch_length)

    verifier = Verifier(BSC, Shifted([pin(old, 31296800, 31297000), pin(new, 31297200, 31297200)]))
    with pytest.raises(InvalidInputError) as caught:
        check_all(verifier, headers)
    assert caught.value.code in ("consensus.wrong_epoch_set", "consensus.difficulty")


def test_testnet_bohr(vectors: Load) -> None:
    value, headers = vectors(BOHR)
    assert all(codec.to_hex(codec.keccak(headers[h["number"]])) == h["hash"] for h in value["headers"])
    group = announced(headers[45214600], BSC_TESTNET)
    assert (len(group.validators), group.turn_length) == (8, 4)
    verifier = Verifier(BSC_TESTNET, SetHistory([pin(group, 45214200, 45214600)]))
    assert check_all(verifier, headers) == {45214601: 7, 45214603: 7, 45214604: 7, 45214605: 7}
    # 45214603 skips a target: its votes are for 45214602 from source 45214600, so they finalise nothing.
    with pytest.raises(UnknownRulesError) as caught:
        verifier.check_final([headers[n] for n in range(45214600, 45214604)])
    assert caught.value.code == "consensus.not_final"
    final = verifier.check_final([headers[n] for n in range(45214600, 45214605)])
    assert (final.number, final.source, final.votes, final.validators) == (45214600, 45214602, 7, 8)


def test_development_network_lorentz(vectors: Load) -> None:
    _, headers = vectors(LOCALNET)
    sets = {n: announced(headers[n], LORENTZ) for n in (500, 1000, 1500)}
    assert [s.turn_length for s in sets.values()] == [1, 6, 8]
    pins = [pin(sets[500], 0, 500), pin(sets[1000], 1000, 1000), pin(sets[1500], 1500, 1500)]
    verifier = Verifier(LORENTZ, SetHistory(pins))
    votes = check_all(verifier, headers)
    assert len(votes) == 14
    assert set(votes.values()) == {4}
    # Handover takes (4//2 + 1) · turn − 1 blocks of the turn length before: 2 at 1000, 17 at 1500.
    assert [verifier.active(n, 500)[0].number for n in (1002, 1003, 1517, 1518)] == [0, 1000, 1000, 1500]


def test_testnet_fermi(vectors: Load) -> None:
    value, headers = vectors(FERMI)
    assert all(codec.to_hex(codec.keccak(headers[h["number"]])) == h["hash"] for h in value["headers"])
    groups = {n: announced(raw, BSC_TESTNET) for n, raw in headers.items() if n % 1000 == 0}
    assert len(set(groups.values())) == 1
    group = groups[86242000]
    assert (len(group.validators), group.turn_length, group.quorum) == (9, 8, 6)
    verifier = Verifier(BSC_TESTNET, SetHistory([pin(group, 85574000, 86269000)]))
    bad = headers.pop(86269002)
    votes = check_all(verifier, headers)
    assert votes == {85576001: 8, 85576003: 9, 86242001: 8, 86242002: 6, 86269001: 9}
    # Fermi: 85576003 votes for its parent from a source three blocks back; 85576002 carries no votes.
    assert verifier.check_final([headers[n] for n in (86242000, 86242001, 86242002)]).votes == 6
    header = decode_header(bad, BSC_TESTNET)
    assert recover_sealer(header, 97) != header.miner
    with pytest.raises(InvalidInputError) as caught:
        verifier.check_final([headers[86269000], headers[86269001], bad])
    assert caught.value.code == "consensus.seal"


# Numbers of the epoch block, of the chain, the fork, and whether the epoch's own validators sealed the headers nearby.
FULL_BLOCKS = [
    (range(50932086, 50932092), BSC, "lorentz"),
    (range(51006000, 51006003), BSC, "lorentz"),
    (range(51006562, 51006565), BSC, "lorentz"),
    (range(53893000, 53893003), BSC_TESTNET, "maxwell"),
    (range(53895150, 53895153), BSC_TESTNET, "maxwell"),
    (range(55474112, 55474116), BSC_TESTNET, "maxwell"),
    (range(55475000, 55475003), BSC_TESTNET, "maxwell"),
    (range(55475596, 55475599), BSC_TESTNET, "maxwell"),
    (range(55891041, 55891046), BSC, "maxwell"),
    (range(66277000, 66277004), BSC, "maxwell"),
]


def test_full_blocks_around_maxwell(vectors: Load) -> None:
    value, headers = vectors(BLOCKS)
    by_number = {int(block["number"], 16): block for block in value["blocks"]}
    seen = 0
    for numbers, rules, fork in FULL_BLOCKS:
        linked = Verifier(rules, SetHistory()).link([headers[n] for n in numbers])
        for header in linked:
            expected = by_number[header.number].get("hash")
            assert expected is None or codec.to_hex(header.hash) == expected
            assert header.rules.fork == fork
            assert recover_sealer(header, rules.chain_id) == header.miner
            seen += 1
    assert seen == len(headers) == 37


def test_votes_of_full_blocks_whose_validators_are_known(vectors: Load) -> None:
    _, headers = vectors(BLOCKS)
    mainnet = announced(headers[51006000], BSC)
    # 51006562 is before the next handover at 51006587, so the set of 51006000 is the one in force.
    verifier = Verifier(BSC, SetHistory([pin(mainnet, 51006000, 51006000)]))
    near = {n: headers[n] for n in range(51006562, 51006565)}
    assert check_all(verifier, near) == {51006563: 20, 51006564: 20}
    testnet = announced(headers[53893000], BSC_TESTNET)
    assert testnet == announced(headers[55475000], BSC_TESTNET)
    verifier = Verifier(BSC_TESTNET, SetHistory([pin(testnet, 53892000, 55475000)]))
    votes = check_all(verifier, {n: raw for n, raw in headers.items() if 53893000 <= n < 55476000})
    assert set(votes.values()) == {6, 7}
    assert len(votes) == 11


@pytest.mark.parametrize(("name", "number", "rules"), [(PRE_LONDON, 31297200, BSC), (FERMI, 86242001, BSC_TESTNET)])
def test_each_field_altered_breaks_it(vectors: Load, name: str, number: int, rules: Any) -> None:
    _, headers = vectors(name)
    fields = codec.rlp_list(headers[number])
    assert len(fields) == (15 if rules is BSC else 21)
    original = decode_header(headers[number], rules)
    for place, value in enumerate(fields):
        for changed in (bytes([value[0] ^ 1]) + value[1:] if value else b"\x01", value + b"\x01"):
            altered = codec.rlp_encode([*fields[:place], changed, *fields[place + 1 :]])
            header = read(altered, rules)
            if header is None:
                continue
            assert header.hash != original.hash
            assert recover_sealer(header, rules.chain_id) != header.miner or place == 15, place
            following = headers[number + 1]
            with pytest.raises((InvalidInputError, UnknownRulesError)) as caught:
                Verifier(rules, SetHistory()).link([altered, following])
            assert caught.value.code == "consensus.gap"


def test_a_real_header_of_another_chain_is_named_as_such(vectors: Load) -> None:
    _, headers = vectors(BOHR)
    group = announced(headers[45214600], BSC_TESTNET)
    other = private_rules(9999, "0x", "bohr", 200)
    verifier = Verifier(other, SetHistory([pin(group, 45214200, 45214600)]))
    with pytest.raises(InvalidInputError) as caught:
        verifier.check_final([headers[n] for n in range(45214600, 45214605)])
    assert caught.value.code == "consensus.wrong_chain_id"
