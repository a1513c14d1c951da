"""A Parlia header read strictly from its RLP: fields by fork, extraData, vote attestation, seal.

extraData, in this order: 32 bytes of vanity; on an epoch block the validators (a byte n, n times address 20 and BLS key
48, and since Bohr a byte turn length); the RLP of a vote attestation, or nothing; the 65-byte seal.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from archive.chain import blocks, codec
from archive.chain.codec import RlpItem, keccak
from archive.chain.consensus.proof import MAX_HEADER_BYTES
from archive.chain.consensus.rules import FORK_ID_SIZE, ChainRules, Rules, UnknownRulesError
from archive.chain.consensus.sets import Validator, ValidatorSet
from archive.errors import InvalidInputError

VANITY_SIZE: Final = 32
SEAL_SIZE: Final = 65
VALIDATOR_SIZE: Final = 20 + 48
# Votes are bits of one 64-bit word.
MAX_VALIDATORS: Final = 64
MAX_ATTESTATION_EXTRA: Final = 256
_MAX_FIELDS: Final = 40
_EMPTY_UNCLES: Final = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
_EMPTY_TRIE: Final = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
_MAX_GAS: Final = 2**63 - 1
# Place of a field in the header's list, by its name in a node's JSON.
_AT: Final = {name: index for index, (name, _) in enumerate(blocks.HEADER_FIELDS)}
_LEGACY_FIELDS: Final = 15
_LONDON_FIELDS: Final = 16
_CANCUN_FIELDS: Final = 19
_BOHR_FIELDS: Final = 20


@dataclass(frozen=True, slots=True)
class Attestation:
    """A vote of validators for one link from a source block to a target block. `bits` by place in the sorted set."""

    bits: int
    signature: bytes
    source_number: int
    source_hash: bytes
    target_number: int
    target_hash: bytes
    message: bytes

    def finalises(self, number: int) -> bool:
        """The finality rule: the source is final when the target is its child."""
        return self.source_number == number and self.target_number == number + 1


@dataclass(frozen=True, slots=True)
class Header:
    """One header as read. `time` is in milliseconds since 1970; `announced` is the set of an epoch block."""

    raw: bytes
    hash: bytes
    fields: tuple[bytes, ...]
    rules: Rules
    number: int
    time: int
    parent_hash: bytes
    miner: bytes
    difficulty: int
    announced: ValidatorSet | None
    attestation: Attestation | None
    seal: bytes

    @property
    def epoch(self) -> int:
        """The epoch block at or before this block."""
        return self.number - self.number % self.rules.epoch_length


def decode_header(raw: bytes, chain: ChainRules) -> Header:
    """Read a header by the rules of its fork.

    Raises:
        InvalidInputError: `consensus.header_shape` (not RLP of plain fields), `consensus.header_fields` (another number
            of fields than its fork has), `consensus.header_value` (a field breaks a rule), `consensus.extra_data`,
            `consensus.attestation_shape`.
        UnknownRulesError: `consensus.unknown_fork`, `consensus.before_finality`, `consensus.epoch_switch`.
    """
    fields = _fields(raw)
    number, time = _integer(fields, "number"), _integer(fields, "timestamp")
    if number >= 2**53 or time >= 2**40:
        raise _wrong("header_value", number, "its number or time is out of range")
    rules = chain.at(number, time)
    newest = chain.after_last_fork(number, time)
    if len(fields) != rules.fields:
        if newest and len(fields) > rules.fields:
            raise _unknown_fork(number, f"it has {len(fields)} fields, the newest fork known here has {rules.fields}")
        raise _wrong("header_fields", number, f"{len(fields)} fields, and {rules.fork} headers have {rules.fields}")
    for (name, size), field in zip(blocks.HEADER_FIELDS, fields, strict=False):
        if size is None:
            _integer(fields, name)
        elif size >= 0 and len(field) != size:
            raise _wrong("header_value", number, f"{name} is {len(field)} bytes long, not {size}")
    extra = fields[_AT["extraData"]]
    if len(extra) < VANITY_SIZE + SEAL_SIZE:
        raise _wrong("extra_data", number, "it is too short for vanity and seal")
    if newest and extra[VANITY_SIZE - FORK_ID_SIZE : VANITY_SIZE] not in (chain.fork_id, bytes(FORK_ID_SIZE)):
        raise _unknown_fork(number, "it announces a fork that is not known here")
    milliseconds = _check_values(fields, number, rules)
    announced, attestation = _extra(extra[VANITY_SIZE:-SEAL_SIZE], number, rules)
    return Header(
        raw=raw,
        hash=keccak(raw),
        fields=fields,
        rules=rules,
        number=number,
        time=time * 1000 + milliseconds,
        parent_hash=fields[_AT["parentHash"]],
        miner=fields[_AT["miner"]],
        difficulty=_integer(fields, "difficulty"),
        announced=announced,
        attestation=attestation,
        seal=extra[-SEAL_SIZE:],
    )


def seal_hash(header: Header, chain_id: int) -> bytes:
    """What the producer signed. Fields after the 15th are covered only since Bohr added the 20th (sic)."""
    extra_at = _AT["extraData"]
    signed: list[RlpItem] = [codec.int_bytes(chain_id), *header.fields[:_LEGACY_FIELDS]]
    signed[1 + extra_at] = header.fields[extra_at][:-SEAL_SIZE]
    if len(header.fields) > _AT["parentBeaconBlockRoot"]:
        signed += header.fields[_LEGACY_FIELDS:]
    return keccak(codec.rlp_encode(signed))


def recover_sealer(header: Header, chain_id: int) -> bytes | None:
    """The address whose key sealed the header for a chain; None when no key fits."""
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    try:
        public_key = Signature(header.seal).recover_public_key_from_msg_hash(seal_hash(header, chain_id))
    except (BadSignature, ValidationError):
        return None
    return bytes(public_key.to_canonical_address())


def _fields(raw: bytes) -> tuple[bytes, ...]:
    try:
        items = codec.rlp_decode(raw, max_bytes=MAX_HEADER_BYTES)
    except ValueError as error:
        raise InvalidInputError(f"header: {error}", code="consensus.header_shape") from None
    if not isinstance(items, list) or not _LEGACY_FIELDS <= len(items) <= _MAX_FIELDS:
        raise InvalidInputError("header: not a list of header fields", code="consensus.header_shape")
    fields = tuple(item for item in items if isinstance(item, bytes))
    if len(fields) != len(items):
        raise InvalidInputError("header: a field is a list", code="consensus.header_shape")
    return fields


def _integer(fields: tuple[bytes, ...], name: str) -> int:
    try:
        return codec.rlp_int(fields[_AT[name]])
    except ValueError as error:
        raise InvalidInputError(f"header: {name}: {error}", code="consensus.header_shape") from None


def _check_values(fields: tuple[bytes, ...], number: int, rules: Rules) -> int:
    """Fields that a fork fixes; returns the milliseconds of the block's time."""
    mix = int.from_bytes(fields[_AT["mixHash"]], "big")
    limit, used = _integer(fields, "gasLimit"), _integer(fields, "gasUsed")
    told = {
        "sha3Uncles is not that of no uncles": fields[_AT["sha3Uncles"]] == _EMPTY_UNCLES,
        "mixHash does not fit the fork": mix < 1000 if rules.milliseconds else mix == 0,
        "more gas was used than the limit allows": used <= limit <= _MAX_GAS,
    }
    if rules.fields >= _LONDON_FIELDS:
        told["baseFeePerGas is not zero"] = _integer(fields, "baseFeePerGas") == 0
    if rules.fields >= _CANCUN_FIELDS:
        told["withdrawalsRoot is not that of no withdrawals"] = fields[_AT["withdrawalsRoot"]] == _EMPTY_TRIE
    if rules.fields >= _BOHR_FIELDS:
        told["parentBeaconBlockRoot is not zero"] = fields[_AT["parentBeaconBlockRoot"]] == bytes(32)
    for what, good in told.items():
        if not good:
            raise _wrong("header_value", number, what)
    return mix


def _extra(data: bytes, number: int, rules: Rules) -> tuple[ValidatorSet | None, Attestation | None]:
    announced = None
    if number % rules.epoch_length == 0:
        announced, data = _validators(data, number, rules)
    return announced, _attestation(data, number) if data else None


def _validators(data: bytes, number: int, rules: Rules) -> tuple[ValidatorSet, bytes]:
    count = data[0] if data else 0
    end = 1 + count * VALIDATOR_SIZE
    if not 1 <= count <= MAX_VALIDATORS or len(data) < end + rules.turn_length:
        raise _wrong("extra_data", number, "an epoch block without a list of validators")
    validators = tuple(
        Validator(data[at : at + 20], data[at + 20 : at + VALIDATOR_SIZE]) for at in range(1, end, VALIDATOR_SIZE)
    )
    addresses = [validator.address for validator in validators]
    if any(b <= a for a, b in pairwise(addresses)):
        raise _wrong("extra_data", number, "validators are listed twice or out of order")
    turn = data[end] if rules.turn_length else 1
    if turn < 1:
        raise _wrong("extra_data", number, "the turn length is zero")
    return ValidatorSet(validators, turn), data[end + rules.turn_length :]


def _attestation(data: bytes, number: int) -> Attestation:
    try:
        item = codec.rlp_decode(data, max_bytes=1024)
        return _votes(item)
    except ValueError as error:
        raise _wrong("attestation_shape", number, f"vote attestation: {error}") from None


def _votes(item: RlpItem) -> Attestation:
    if not isinstance(item, list) or len(item) != 4:
        raise ValueError("not a list of 4 items")
    bits, signature, data, extra = item
    if not isinstance(signature, bytes) or len(signature) != 96 or not isinstance(extra, bytes):
        raise ValueError("signature or extra of the wrong kind")
    if len(extra) > MAX_ATTESTATION_EXTRA:
        raise ValueError("extra is too long")
    if not isinstance(data, list) or len(data) != 4:
        raise ValueError("vote data is not a list of 4 items")
    source_hash, target_hash = data[1], data[3]
    if not isinstance(source_hash, bytes) or not isinstance(target_hash, bytes):
        raise ValueError("a block hash is a list")  # noqa: TRY004 (one kind of error for all malformed votes)
    if len(source_hash) != 32 or len(target_hash) != 32:
        raise ValueError("a block hash is not 32 bytes")
    word, source, target = codec.rlp_int(bits), codec.rlp_int(data[0]), codec.rlp_int(data[2])
    if max(word, source, target) >= 2**64:
        raise ValueError("a number of more than 64 bits")
    if source >= target:
        raise ValueError("the source is not below the target")
    return Attestation(word, signature, source, source_hash, target, target_hash, keccak(codec.rlp_encode(data)))


def _wrong(rule: str, number: int, what: str) -> InvalidInputError:
    return InvalidInputError(f"block {number}: {what}", code=f"consensus.{rule}")


def _unknown_fork(number: int, what: str) -> UnknownRulesError:
    return UnknownRulesError(
        f"block {number}: {what}",
        code="consensus.unknown_fork",
        hint="update archive: rules that are not known are not guessed",
    )
