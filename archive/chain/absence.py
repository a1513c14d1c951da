"""Exclusion proofs: that a key has not anchored a root in a registry, as of a block, shown from the state root.

```
{format: "incident-archive-absence/1", chain_id, genesis, registry, publisher, root,
 block: {number, hash, header}, state: {account: [node …], storage: [node …]}}
```
All bytes are `0x` + lower-case hex, `root` is 64 hex digits; a file is canonical JSON. The header hashes to the block
hash; under its state root lies the registry's account, a contract; under that the slot of (publisher, root) is absent.

It says nothing of other keys, other registries, later blocks, or of batches that the root may be a member of. Whether
the block is in the chain, and the registry the right one, is the verifier's to ask, as with anchors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from archive.chain import blocks, codec, state
from archive.chain.codec import from_hex, keccak, to_hex
from archive.chain.proofs import Address, BlockPart, Hash, Step, decode_header
from archive.chain.rpc import Rpc, RpcError, identify
from archive.chain.state import StateProof
from archive.errors import ArchiveError, ExitCode, InvalidInputError, RefusedError, UnreachableError
from archive.package import canonical

FORMAT: Final = "incident-archive-absence/1"
MAX_BYTES: Final = 1 << 20
# An object in an object, and its lists.
_MAX_DEPTH: Final = 4


class UnknownAbsenceFormatError(ArchiveError):
    """The proof is of a format this version does not know. Exit 3."""

    exit_code = ExitCode.INCOMPLETE


class AbsenceProof(BaseModel):
    """An exclusion proof, its shape checked and nothing more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["incident-archive-absence/1"]
    chain_id: Annotated[StrictInt, Field(ge=1, le=2**53 - 1)]
    genesis: Hash
    registry: Address
    publisher: Address
    root: Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{64}$", max_length=64)]
    block: BlockPart
    state: StateProof

    def to_bytes(self) -> bytes:
        return canonical.dumps(self.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class ProvenAbsence:
    """What the bytes say: at this block (its time in seconds since 1970) the registry has this code and no entry."""

    chain_id: int
    genesis: str
    registry: str
    publisher: str
    root: str
    block_number: int
    block_hash: str
    timestamp: int
    code_hash: str


@dataclass(frozen=True, slots=True)
class AbsenceInspection:
    """Every step that could be taken; `proven` is None when one of them failed."""

    steps: tuple[Step, ...]
    proven: ProvenAbsence | None


MESSAGES: Final = {
    "absence.header_hash": "the block header does not hash to the block hash",
    "absence.header_shape": "the block header is not a list of plain fields",
    "absence.block_number": "the block header has another number",
    "absence.account": "the proof does not lead to the registry's contract under the header's state root",
    "absence.slot": "the proof neither leads to the entry nor shows that there is none",
    "absence.entry": "the root is anchored: the registry's storage holds an entry of this key and root",
}


def parse_absence(data: bytes, *, name: str = "exclusion proof") -> AbsenceProof:
    """Read an exclusion proof strictly.

    Raises:
        InvalidInputError: `absence.too_large`, `absence.malformed`.
        UnknownAbsenceFormatError: `absence.unknown_format`.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInputError(f"{name}: is larger than {MAX_BYTES:,} bytes", code="absence.too_large")
    try:
        value = canonical.loads(data, max_bytes=MAX_BYTES, max_depth=_MAX_DEPTH)
    except InvalidInputError as error:
        raise InvalidInputError(f"{name}: {error.message}", code="absence.malformed") from None
    told = value.get("format") if isinstance(value, dict) else None
    if isinstance(told, str) and told != FORMAT:
        raise UnknownAbsenceFormatError(
            f"{name}: format {told[:80]!r} is not known here; this version reads {FORMAT!r}",
            code="absence.unknown_format",
            hint="use a newer version of archive, or check that this is an exclusion proof",
        )
    try:
        return AbsenceProof.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise InvalidInputError(f"{name}: {where or 'value'}: {first['msg']}", code="absence.malformed") from None


def inspect_absence(proof: AbsenceProof) -> AbsenceInspection:
    """Take every step that can be taken; never raises for a wrong proof."""
    steps: list[Step] = []

    def take(code: str, ok: bool, expected: str | None = None, found: str | None = None) -> bool:
        steps.append(Step(code, "pass" if ok else "fail", expected, found))
        return ok

    def stopped(code: str | None = None, error: ValueError | None = None) -> AbsenceInspection:
        if code is not None:
            take(code, False, "canonical encoding", str(error)[:200])
        return AbsenceInspection(tuple(steps), None)

    raw = from_hex(proof.block.header)
    found = to_hex(keccak(raw))
    if not take("absence.header_hash", found == proof.block.hash, proof.block.hash, found):
        return stopped()
    try:
        header = decode_header(raw)
    except ValueError as error:
        return stopped("absence.header_shape", error)
    number = proof.block.number
    if not take("absence.block_number", header.number == number, str(number), str(header.number)):
        return stopped()
    try:
        account = state.read_account(header.state_root, proof.registry, proof.state.account)
    except ValueError as error:
        return stopped("absence.account", error)
    take("absence.account", True, None, account.code_hash)
    slot = state.entry_slot(proof.publisher, bytes.fromhex(proof.root))
    try:
        value = state.read_slot(account.storage_root, slot, proof.state.storage)
    except ValueError as error:
        return stopped("absence.slot", error)
    take("absence.slot", True)
    if not take("absence.entry", value == 0, "no entry", f"slot value {value:064x}" if value else "no entry"):
        return stopped()
    return AbsenceInspection(
        tuple(steps),
        ProvenAbsence(
            chain_id=proof.chain_id,
            genesis=proof.genesis,
            registry=proof.registry,
            publisher=proof.publisher,
            root=proof.root,
            block_number=header.number,
            block_hash=found,
            timestamp=header.timestamp,
            code_hash=account.code_hash,
        ),
    )


def collect_absence(rpc: Rpc, registry: str, publisher: str, root: str, *, block: int | None = None) -> AbsenceProof:
    """An exclusion proof from a node, already checked with `inspect_absence`.

    Args:
        registry, publisher: `0x` + 40 lower-case hex digits.
        root: 64 hex digits.
        block: its number; default the newest that the node calls final, else its newest.

    Raises:
        RefusedError: `absence.present`, when the root is anchored.
        UnreachableError: `absence.no_block`; `absence.no_state`, when the node does not serve the state of that block.
        InvalidInputError: `absence.bad_proof`, when what the node gives proves nothing; `chain.rpc_bad_answer`, …
    """
    identity = identify(rpc)
    header, fields = blocks.read_header(_block(rpc, block))
    slot = state.entry_slot(publisher, bytes.fromhex(root))
    try:
        found = state.fetch_state(rpc, registry, slot, fields.number)
    except RpcError as error:
        raise UnreachableError(
            f"the node does not prove the state of block {fields.number}: {error.rpc_message[:200]}",
            code="absence.no_state",
            hint="use a node that serves eth_getProof, and a recent block",
        ) from None
    proof = AbsenceProof(
        format=FORMAT,
        chain_id=identity.chain_id,
        genesis=identity.genesis,
        registry=registry,
        publisher=publisher,
        root=root,
        block=BlockPart(number=fields.number, hash=to_hex(fields.hash), header=to_hex(header)),
        state=found,
    )
    inspection = inspect_absence(proof)
    if inspection.proven is not None:
        return proof
    failed = inspection.steps[-1]
    if failed.code == "absence.entry":
        entry = state.decode_slot(int(str(failed.found).rpartition(" ")[2], 16))
        raise RefusedError(
            f"{root}: is anchored: the registry holds an entry of {publisher}, made in block {entry.block}",
            code="absence.present",
            hint=f"`archive verify {root}` looks it up",
        )
    raise InvalidInputError(
        f"the node's proof does not hold: {MESSAGES[failed.code]} ({failed.found})",
        code="absence.bad_proof",
        hint="is it the right registry? else the node is broken or lies: use another",
    )


def _block(rpc: Rpc, number: int | None) -> dict[str, Any]:
    wanted: Sequence[str] = ("finalized", "latest") if number is None else (hex(number),)
    for tag in wanted:
        try:
            block = rpc.call("eth_getBlockByNumber", [tag, False])
        except RpcError:
            continue
        # A young test chain calls its first block final, before there was a registry.
        if isinstance(block, dict) and (number is not None or codec.quantity(block.get("number"), "number") > 0):
            return block
    raise UnreachableError(
        f"the node shows no block {'that is final, nor a newest one' if number is None else number}",
        code="absence.no_block",
        hint="use another node, or name a block with --block",
    )
