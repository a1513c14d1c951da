"""A Parlia chain made by hand: test validators with ECDSA and BLS keys seal and vote for headers of any content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256

from eth_keys import keys

from archive.chain import blocks, codec
from archive.chain.consensus.bls import CIPHERSUITE
from archive.chain.consensus.rules import private_rules
from archive.chain.consensus.sets import PinnedSet, Validator, ValidatorSet

CHAIN_ID = 7097
GENESIS = "0x" + "6e" * 32
EPOCH = 10
RULES = private_rules(CHAIN_ID, GENESIS, "fermi", EPOCH)
START_TIME = 1_768_900_000
_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
AT = {name: index for index, (name, _) in enumerate(blocks.HEADER_FIELDS)}


@dataclass(frozen=True)
class Signer:
    """A validator's keys, from a seed."""

    seed: int
    secret: int
    address: bytes
    bls: bytes

    @property
    def key(self) -> keys.PrivateKey:
        return keys.PrivateKey(sha256(b"ecdsa%d" % self.seed).digest())


@cache
def signer(seed: int) -> Signer:
    from py_ecc.bls import G2ProofOfPossession

    secret = int.from_bytes(sha256(b"bls%d" % seed).digest(), "big") % _ORDER
    address = keys.PrivateKey(sha256(b"ecdsa%d" % seed).digest()).public_key.to_canonical_address()
    return Signer(seed, secret, address, bytes(G2ProofOfPossession.SkToPk(secret)))


@lru_cache(maxsize=512)
def sign_votes(secrets: tuple[int, ...], message: bytes) -> bytes:
    """The aggregate of all signatures over one message: one signature by the sum of the secrets."""
    total = sum(secrets) % _ORDER
    try:
        import pyblst
    except ModuleNotFoundError:
        from py_ecc.bls import G2ProofOfPossession

        return bytes(G2ProofOfPossession.Sign(total, message))
    return bytes(pyblst.BlstP2Element().hash_to_group(message, CIPHERSUITE).scalar_mul(total).compress())


@dataclass(frozen=True)
class Group:
    """Signers in the order of their addresses, and how many blocks in a row each seals."""

    signers: tuple[Signer, ...]
    turn: int = 1
    mute: frozenset[int] = frozenset()  # places whose key is announced as zero

    @classmethod
    def of(cls, seeds: Iterable[int], turn: int = 1, mute: Iterable[int] = ()) -> Group:
        return cls(tuple(sorted(map(signer, seeds), key=lambda s: s.address)), turn, frozenset(mute))

    @property
    def set(self) -> ValidatorSet:
        return ValidatorSet(
            tuple(
                Validator(s.address, bytes(48) if place in self.mute else s.bls) for place, s in enumerate(self.signers)
            ),
            self.turn,
        )

    def announcement(self) -> bytes:
        each = b"".join(v.address + v.bls for v in self.set.validators)
        return bytes([len(self.signers)]) + each + bytes([self.turn])

    def of_address(self, address: bytes) -> Signer:
        return next(s for s in self.signers if s.address == address)


def attestation(
    group: Group, source: tuple[int, bytes], target: tuple[int, bytes], *, places: Iterable[int] | None = None,
    bits: int | None = None,
) -> bytes:  # fmt: skip
    """RLP of the votes of the signers at `places` (default all that have a key); `bits` marks others than signed."""
    voted = [p for p in range(len(group.signers)) if p not in group.mute] if places is None else list(places)
    data = [codec.int_bytes(source[0]), source[1], codec.int_bytes(target[0]), target[1]]
    message = codec.keccak(codec.rlp_encode(data))
    signature = sign_votes(tuple(group.signers[p].secret for p in voted), message)
    marked = sum(1 << p for p in voted) if bits is None else bits
    return codec.rlp_encode([codec.int_bytes(marked), signature, data, b""])


def default_fields(number: int, parent: bytes, time: int) -> list[bytes]:
    """The 21 fields of an empty block."""
    values: dict[str, bytes] = {
        "parentHash": parent,
        "sha3Uncles": bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"),
        "number": codec.int_bytes(number),
        "timestamp": codec.int_bytes(time),
        "gasLimit": codec.int_bytes(30_000_000),
        "withdrawalsRoot": bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
        "requestsHash": sha256(b"").digest(),
    }
    return [values.get(name, b"" if size is None else bytes(max(size, 0))) for name, size in blocks.HEADER_FIELDS]


def seal(fields: Sequence[bytes], middle: bytes, who: Signer, chain_id: int, vanity: bytes = bytes(32)) -> bytes:
    """The header's RLP with extraData sealed by one signer."""
    done = list(fields)
    done[AT["extraData"]] = vanity + middle
    digest = codec.keccak(codec.rlp_encode([codec.int_bytes(chain_id), *done]))
    signature = who.key.sign_msg_hash(digest)
    done[AT["extraData"]] += signature.to_bytes()
    return codec.rlp_encode(list(done))


@dataclass
class Chain:
    """Blocks from `first` on; `groups` says which group each epoch block announces (the last one at or before it).

    Each block carries the votes for its parent, whose source is its grandparent, unless `votes` says otherwise.
    """

    groups: Mapping[int, Group]
    first: int = EPOCH
    chain_id: int = CHAIN_ID
    epoch: int = EPOCH
    votes: Callable[[Chain, int], bytes] | None = None
    headers: dict[int, bytes] = field(default_factory=dict)

    def announced(self, epoch: int) -> Group:
        return self.groups[max(number for number in self.groups if number <= epoch)]

    def active(self, number: int) -> Group:
        """As in Parlia: the announcement takes over after the handover of the group before."""
        epoch = number - number % self.epoch
        before = self.announced(max(epoch - self.epoch, min(self.groups)))
        return before if number <= epoch + before.set.handover else self.announced(epoch)

    def hash(self, number: int) -> bytes:
        return codec.keccak(self.headers[number]) if number in self.headers else sha256(b"%d" % number).digest()

    def default_votes(self, number: int) -> bytes:
        source, target = number - 2, number - 1
        return attestation(self.active(target), (source, self.hash(source)), (target, self.hash(target)))

    def middle(self, number: int, votes: bytes | None = None) -> bytes:
        announced = self.announced(number).announcement() if number % self.epoch == 0 else b""
        if votes is None:
            votes = self.votes(self, number) if self.votes else self.default_votes(number)
        return announced + votes

    def make(
        self, number: int, *, votes: bytes | None = None, who: Signer | None = None, fields: Sequence[bytes] = (),
        vanity: bytes = bytes(32), **changed: bytes,
    ) -> bytes:  # fmt: skip
        """Make block `number` on top of the one before; `changed` sets fields before the seal."""
        group = self.active(number)
        in_turn = group.set.in_turn(number)
        sealer = who or group.of_address(in_turn)
        values = list(fields) or default_fields(number, self.hash(number - 1), START_TIME + number)
        values[AT["parentHash"]] = self.hash(number - 1)
        values[AT["miner"]] = sealer.address
        values[AT["difficulty"]] = b"\x02" if sealer.address == in_turn else b"\x01"
        for name, value in changed.items():
            values[AT[name]] = value
        self.headers[number] = seal(values, self.middle(number, votes), sealer, self.chain_id, vanity)
        return self.headers[number]

    def grow(self, last: int) -> Chain:
        """Make all blocks up to `last`."""
        for number in range(max(self.headers, default=self.first - 1) + 1, last + 1):
            self.make(number)
        return self

    def range(self, first: int, last: int) -> list[bytes]:
        return [self.headers[number] for number in range(first, last + 1)]

    def pin(self, number: int, last: int | None = None) -> PinnedSet:
        """What a reader pins who saw the epoch blocks from `number` to `last` announce one set."""
        end = number if last is None else last
        return PinnedSet(
            self.chain_id, GENESIS, number, self.hash(number), end, self.hash(end), self.announced(number).set,
            "test", "2026-01-20T00:00:00Z",
        )  # fmt: skip
