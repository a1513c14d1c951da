"""Reading headers strictly, and the table of forks."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.chain import codec
from archive.chain.consensus import rules
from archive.chain.consensus.headers import decode_header, recover_sealer
from archive.chain.consensus.rules import BSC, BSC_TESTNET, FORKS, UnknownRulesError
from archive.errors import ArchiveError, InvalidInputError
from tests.support import parlia
from tests.support.parlia import AT, RULES, Chain, Group, default_fields, seal

SIGNER = parlia.signer(1)


def code(raw: bytes, chain: rules.ChainRules = RULES) -> str:
    with pytest.raises(ArchiveError) as caught:
        decode_header(raw, chain)
    return caught.value.code


def made(number: int = 11, middle: bytes = b"", **changed: bytes) -> bytes:
    fields = default_fields(number, bytes(32), parlia.START_TIME)
    for name, value in changed.items():
        fields[AT[name]] = value
    return seal(fields, middle, SIGNER, parlia.CHAIN_ID)


def is_sealed(raw: bytes) -> bool:
    """False for a header that is refused by a code of ours, or whose seal is not its miner's."""
    try:
        header = decode_header(raw, RULES)
    except (InvalidInputError, UnknownRulesError) as error:
        return not error.code.startswith("consensus.")
    return recover_sealer(header, parlia.CHAIN_ID) == header.miner


def test_a_plain_header() -> None:
    assert is_sealed(made(miner=SIGNER.address))
    header = decode_header(made(mixHash=(450).to_bytes(32, "big")), RULES)
    assert header.number == 11
    assert header.time == parlia.START_TIME * 1000 + 450
    assert header.announced is header.attestation is None
    assert header.epoch == 10


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"sha3Uncles": bytes(32)}, "header_value"),
        ({"mixHash": (1000).to_bytes(32, "big")}, "header_value"),
        ({"gasUsed": codec.int_bytes(30_000_001)}, "header_value"),
        ({"gasLimit": codec.int_bytes(2**63)}, "header_value"),
        ({"baseFeePerGas": b"\x01"}, "header_value"),
        ({"withdrawalsRoot": bytes(32)}, "header_value"),
        ({"parentBeaconBlockRoot": b"\x01" * 32}, "header_value"),
        ({"parentHash": bytes(31)}, "header_value"),
        ({"nonce": bytes(9)}, "header_value"),
        ({"gasUsed": b"\x00\x01"}, "header_shape"),
        ({"timestamp": codec.int_bytes(2**40)}, "header_value"),
    ],
)
def test_values_that_no_header_of_the_fork_has(changed: dict[str, bytes], expected: str) -> None:
    assert code(made(**changed)) == f"consensus.{expected}"


@pytest.mark.parametrize("raw", [b"", b"\xc0", b"\x80", codec.rlp_encode([b""] * 14), codec.rlp_encode([[]] * 21)])
def test_no_header_at_all(raw: bytes) -> None:
    assert code(raw) == "consensus.header_shape"


def test_number_of_fields_follows_the_fork() -> None:
    fields = codec.rlp_list(made())
    assert code(codec.rlp_encode(fields[:20])) == "consensus.header_fields"
    assert code(codec.rlp_encode([*fields, bytes(32)])) == "consensus.header_fields"


def test_extra_data() -> None:
    group = Group.of([1, 2, 3]).announcement()
    assert decode_header(made(20, group), RULES).announced == Group.of([1, 2, 3]).set
    for number, middle in [
        (20, b""),
        (20, b"\x00" + group[1:]),
        (20, group[:-1]),
        (20, b"\x04" + group[1:]),
        (20, group[:-1] + b"\x00"),
        (20, bytes([2]) + group[1:69] + group[1:69] + b"\x01"),
        (20, bytes([2]) + group[69:137] + group[1:69] + b"\x01"),
        (20, bytes([65]) + b"".join(bytes([n]) + bytes(67) for n in range(65)) + b"\x01"),
    ]:
        assert code(made(number, middle)) == "consensus.extra_data", middle[:2]
    fields = codec.rlp_list(made())
    fields[AT["extraData"]] = bytes(96)
    assert code(codec.rlp_encode(fields)) == "consensus.extra_data"


def test_attestations_that_are_none() -> None:
    good: list[Any] = [b"\x0f", bytes(96), [b"\x01", bytes(32), b"\x02", bytes(32)], b""]
    assert decode_header(made(middle=codec.rlp_encode(good)), RULES).attestation is not None
    bad: list[Any] = [
        good[:3],
        [*good, b""],
        [good[0], bytes(95), *good[2:]],
        [b"\x00", *good[1:]],
        [b"\x01" * 9, *good[1:]],
        [*good[:2], good[2][:3], b""],
        [*good[:2], [b"\x02", bytes(32), b"\x02", bytes(32)], b""],
        [*good[:2], [b"\x01", bytes(31), b"\x02", bytes(32)], b""],
        [*good[:2], [b"\x01", [], b"\x02", bytes(32)], b""],
        [*good[:3], bytes(257)],
        [*good[:3], []],
        b"\x01",
    ]
    for item in bad:
        assert code(made(middle=codec.rlp_encode(item))) == "consensus.attestation_shape", item
    assert code(made(middle=codec.rlp_encode(good) + b"\x00")) == "consensus.attestation_shape"
    # On a block that is no epoch block, validators are no attestation.
    assert code(made(11, Group.of([1, 2, 3]).announcement())) == "consensus.attestation_shape"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_byte_flipped_is_refused_or_not_sealed(data: st.DataObject) -> None:
    raw = Chain({0: Group.of([1, 2, 3, 4])}).grow(12).headers[12]
    at = data.draw(st.integers(0, len(raw) - 1))
    bit = data.draw(st.integers(0, 7))
    altered = raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]
    assert not is_sealed(altered)


@pytest.mark.parametrize("place", range(21))
def test_each_of_21_fields_is_sealed(place: int) -> None:
    fields = codec.rlp_list(made(mixHash=(450).to_bytes(32, "big"), miner=SIGNER.address))
    value = fields[place]
    changed = value[:-1] + bytes([value[-1] ^ 1]) if value else b"\x01"
    altered = codec.rlp_encode([*fields[:place], changed, *fields[place + 1 :]])
    assert not is_sealed(altered)


# --- forks --------------------------------------------------------------------------------------------------------

# All forks of bnb-chain/bsc v1.7.3, params/config.go, that count in a fork id; blocks, then times.
ALL_FORKS = {
    97: (
        "6d3c66c5357ec91d5c43af47e234a939b22557cbb552dc45bebbceeed90fbe34",
        "1010000 1014369 5582500 13837000 19203503 22800220 23482428 23603940 28196022 29295050 29861024 31103030 "
        "35682300 1702972800 1710136800 1711342800 1713330442 1716962820 1719986788 1724116996 1740452880 1744097580 "
        "1748243100 1762741500 1774319400",
    ),
    56: (
        "0d21840abff46b96c84b2ac9e10e4f5cdaeb5693cb665db62a2f3b02d2d57b5b",
        "5184000 13082000 18907621 21962149 22107423 23846001 27281024 29020050 30720096 31302048 34140700 1705996800 "
        "1713419340 1718863500 1727316120 1727317200 1742436600 1745903100 1751250600 1768357800 1777343400",
    ),
}


@pytest.mark.parametrize("chain", [BSC, BSC_TESTNET], ids=["56", "97"])
def test_the_fork_id_is_that_of_the_last_fork(chain: rules.ChainRules) -> None:
    genesis, forks = ALL_FORKS[chain.chain_id]
    checksum = zlib.crc32(bytes.fromhex(genesis))
    for fork in forks.split():
        checksum = zlib.crc32(int(fork).to_bytes(8, "big"), checksum)
    assert checksum.to_bytes(4, "big") == chain.fork_id
    known = {int(fork) for fork in forks.split()}
    assert {a.number or a.time for a in chain.forks} <= known
    assert chain.forks[-1].time == max(known)


def test_rules_by_number_and_time() -> None:
    after = rules.EPOCH_SWITCH_SECONDS
    told = [
        (29_861_023, 1_680_000_000, "consensus.before_finality"),
        (29_861_024, 1_680_000_000, "plato"),
        (31_103_030, 1_680_000_000, "london"),
        (45_214_600, 1_730_364_527, "bohr"),
        (49_000_000, 1_744_097_579, "prague"),
        (49_000_000, 1_744_097_580, "consensus.epoch_switch"),
        (49_000_000, 1_744_097_580 + after, "lorentz"),
        (53_000_000, 1_748_243_100, "consensus.epoch_switch"),
        (53_000_000, 1_748_243_100 + after, "maxwell"),
        (80_000_000, 1_762_741_500, "fermi"),
        (99_000_000, 1_774_319_400, "osaka"),
    ]
    for number, time, expected in told:
        try:
            found = BSC_TESTNET.at(number, time).fork
        except UnknownRulesError as error:
            found = error.code
        assert found == expected, (number, time)
    assert [rule.epoch_length for rule in FORKS.values()] == [200] * 5 + [500] + [1000] * 3


def newest(vanity_tail: bytes, fields: int = 21, time: int = 1_790_000_000) -> bytes:
    values = default_fields(120_000_001, bytes(32), time)
    raw = seal(values, b"", SIGNER, 97, bytes(28) + vanity_tail)
    items = codec.rlp_list(raw)
    return codec.rlp_encode([*items, *[bytes(32)] * (fields - 21)])


def test_what_is_newer_than_the_known_forks_is_unknown() -> None:
    assert decode_header(newest(bytes.fromhex("f0bf43da")), BSC_TESTNET).rules.fork == "osaka"
    # Some validators announce nothing.
    assert decode_header(newest(bytes(4)), BSC_TESTNET).rules.fork == "osaka"
    assert code(newest(bytes.fromhex("0badf00d")), BSC_TESTNET) == "consensus.unknown_fork"
    assert code(newest(bytes.fromhex("f0bf43da"), fields=22), BSC_TESTNET) == "consensus.unknown_fork"
    # Before the last fork its announcement says nothing, and a field too many is wrong.
    earlier = 1_768_900_000
    assert decode_header(newest(bytes.fromhex("0badf00d"), time=earlier), BSC_TESTNET).rules.fork == "fermi"
    assert code(newest(bytes(4), fields=22, time=earlier), BSC_TESTNET) == "consensus.header_fields"
