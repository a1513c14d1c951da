"""OpenTimestamps proofs: reading them within bounds, making them, completing them. Pure; needs the extra `stamps`.

A proof is a tree of operations from the SHA-256 of the subject to attestations. `pending` says that a calendar promised
something, and proves nothing. An attestation of Bitcoin says that the bytes it stands on are the merkle root of the
block at a height, which is proved only by that block's header.

The library `opentimestamps` reads, applies and writes the operations. Source: opentimestamps.org.
"""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from archive.errors import InvalidInputError, MissingDependencyError
from archive.stamps import bitcoin
from archive.stamps.entries import MAX_PROOF_BYTES, subject_message
from archive.stamps.rfc3161 import PIP_HINT

if TYPE_CHECKING:
    from opentimestamps.core.timestamp import DetachedTimestampFile, Timestamp

MAX_OPERATIONS: Final = 4096
MAX_DEPTH: Final = 256
MAX_ATTESTATIONS: Final = 64
MAX_ANSWER_BYTES: Final = 10_000  # what the reference client reads of a calendar
NONCE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Pending:
    """A calendar's promise: where to ask, and about which bytes."""

    uri: str
    commitment: bytes


@dataclass(frozen=True, slots=True)
class InBlock:
    """The bytes that must be the merkle root of the block at this height."""

    height: int
    merkle_root: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof attests to.

    `pending` are promises that nothing came of yet; `other` names attestations that this version does not check.
    """

    digest: bytes
    digest_name: str
    pending: tuple[Pending, ...]
    blocks: tuple[InBlock, ...]
    other: tuple[str, ...]

    def is_about(self, root: str) -> bool:
        """Whether it starts from the SHA-256 of the raw bytes of this root."""
        return self.digest_name == "sha256" and self.digest == hashlib.sha256(subject_message(root)).digest()


def require_library() -> None:
    """Raises `stamp.no_opentimestamps` where the extra `stamps` is not installed."""
    try:
        import opentimestamps  # noqa: F401  # only whether it is there
    except ImportError:
        raise MissingDependencyError(
            "OpenTimestamps stamps need the library opentimestamps", code="stamp.no_opentimestamps", hint=PIP_HINT
        ) from None


def parse_proof(data: bytes) -> Proof:
    """Read a detached proof.

    Raises:
        InvalidInputError: `stamp.opentimestamps.version` for a later version of the format,
            `stamp.opentimestamps.operation` for an operation that cannot be computed here,
            `stamp.opentimestamps.malformed`, `stamp.opentimestamps.too_large`.
    """
    return _proof(_detached(data))


def new_proof(root: str, answers: Sequence[tuple[str, bytes]], nonce: bytes) -> bytes:
    """The proof over a root from calendars' answers to the nonced digest.

    Args:
        answers: (name, serialized timestamp) of each calendar.
        nonce: 16 random bytes: the calendars cannot tell which root they stamped.

    Raises:
        InvalidInputError: `stamp.opentimestamps.answer` for an answer that cannot be read or has no attestation, or
            with which the proof would be too large or deep; then it is the last one's.
    """
    require_library()
    from opentimestamps.core.op import OpSHA256
    from opentimestamps.core.timestamp import DetachedTimestampFile, Timestamp

    stamp = Timestamp(hashlib.sha256(subject_message(root)).digest())
    submitted = _nonced(stamp, nonce)
    for name, answer in answers:
        submitted.merge(_answer(name, answer, submitted.msg))
    return _readable(DetachedTimestampFile(OpSHA256(), stamp), answers[-1][0] if answers else "nobody")


def nonced_digest(root: str, nonce: bytes) -> bytes:
    """What is sent to calendars: SHA-256(SHA-256(root) ‖ nonce)."""
    return hashlib.sha256(hashlib.sha256(subject_message(root)).digest() + nonce).digest()


def complete(
    data: bytes,
    ask: Callable[[Pending], bytes | None],
    *,
    again: bool = False,
    refuse: Callable[[str, InvalidInputError], None] | None = None,
) -> tuple[bytes, int]:
    """A proof with what calendars know by now, and how many of their answers added something.

    Nothing is taken out, the promise neither: an answer is the calendar's word until a header shows it, and one that
    was wrong can be asked for again.

    Args:
        ask: the calendar's answer about a pending attestation, or None.
        again: ask also about promises that something came of.
        refuse: told of an answer that cannot be kept, in place of raising: the others are.

    Raises:
        InvalidInputError: as `parse_proof`, and `stamp.opentimestamps.answer`.
    """
    added = 0
    for promise in _promises(_detached(data), again=again):
        answer = ask(promise)
        if answer is None:
            continue
        try:
            after = _with_answer(data, promise, answer)
        except InvalidInputError as error:
            if refuse is None:
                raise
            refuse(promise.uri, error)
            continue
        added += after != data
        data = after
    return data, added


def _promises(detached: DetachedTimestampFile, *, again: bool) -> list[Pending]:
    found = []
    for stamp in _nodes(detached.timestamp):
        uris = [a.uri for a in stamp.attestations if _is_pending(a)]
        if uris and (again or not _is_kept(stamp)):
            found += [Pending(uri, stamp.msg) for uri in sorted(uris)]
    return found


def _with_answer(data: bytes, promise: Pending, answer: bytes) -> bytes:
    """The proof with a calendar's answer about what it promised. Raises `stamp.opentimestamps.answer`."""
    detached = _detached(data)
    before = _serialize(detached)
    new = _answer(promise.uri, answer, promise.commitment)
    for stamp in list(_nodes(detached.timestamp)):
        if stamp.msg == promise.commitment and any(_is_pending(a) for a in stamp.attestations):
            stamp.merge(new)
    after = _readable(detached, promise.uri)
    return data if after == before else after


def _readable(detached: DetachedTimestampFile, name: str) -> bytes:
    """The bytes of a proof that is still within all bounds with the answer of this calendar."""
    try:
        data = _serialize(detached)
        parse_proof(data)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"{name}: with its answer the proof could not be read any more: {error.message}",
            code="stamp.opentimestamps.answer",
            hint="use another calendar",
        ) from error
    return data


def merged(one: bytes, other: bytes) -> bytes:
    """Two proofs over one digest as one. Raises `stamp.opentimestamps.malformed` when they are not."""
    left, right = _detached(one), _detached(other)
    try:
        left.timestamp.merge(right.timestamp)
    except ValueError as error:
        raise _malformed(f"two proofs of different subjects: {error}") from error
    return _serialize(left)


def _nonced(stamp: Timestamp, nonce: bytes) -> Timestamp:
    from opentimestamps.core.op import OpAppend, OpSHA256

    return stamp.ops.add(OpAppend(nonce)).ops.add(OpSHA256())


def _detached(data: bytes) -> DetachedTimestampFile:
    require_library()
    from opentimestamps.core.serialize import BytesDeserializationContext, UnsupportedMajorVersion
    from opentimestamps.core.timestamp import DetachedTimestampFile

    if len(data) > MAX_PROOF_BYTES:
        raise InvalidInputError(
            f"OpenTimestamps proof: larger than {MAX_PROOF_BYTES:,} bytes", code="stamp.opentimestamps.too_large"
        )
    with _reading():
        try:
            detached = DetachedTimestampFile.deserialize(BytesDeserializationContext(data))
        except UnsupportedMajorVersion as error:
            raise InvalidInputError(
                f"OpenTimestamps proof of a version not known here: {error}", code="stamp.opentimestamps.version"
            ) from error
    _check_bounds(detached.timestamp)
    return detached


def _answer(name: str, answer: bytes, message: bytes) -> Timestamp:
    """A calendar's answer about a message, which says nothing of itself: the operations start from our bytes."""
    from opentimestamps.core.serialize import BytesDeserializationContext
    from opentimestamps.core.timestamp import Timestamp

    context = BytesDeserializationContext(answer)
    try:
        if len(answer) > MAX_ANSWER_BYTES:
            raise _malformed(f"larger than {MAX_ANSWER_BYTES:,} bytes")
        with _reading():
            stamp = Timestamp.deserialize(context, message)
            context.assert_eof()
        _check_bounds(stamp)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"{name}: its answer is no OpenTimestamps proof: {error.message}",
            code="stamp.opentimestamps.answer",
            hint="use another calendar",
        ) from error
    return stamp


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """The library's errors as ours. It raises plain ValueError, TypeError and AssertionError for some bad input."""
    from opentimestamps.core.serialize import DeserializationError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            yield
    except DeserializationError as error:
        raise _malformed(_words(error)) from error
    except (ValueError, TypeError, AssertionError, IndexError, RecursionError, OverflowError, MemoryError) as error:
        if "unsupported hash type" in str(error):
            raise InvalidInputError(
                f"OpenTimestamps proof: {error}: cannot be computed on this machine",
                code="stamp.opentimestamps.operation",
            ) from error
        raise _malformed(_words(error)) from error


def _check_bounds(stamp: Timestamp) -> None:
    operations = attestations = 0
    for node in _nodes(stamp):
        operations += len(node.ops)
        attestations += len(node.attestations)
        if operations > MAX_OPERATIONS or attestations > MAX_ATTESTATIONS:
            raise InvalidInputError(
                f"OpenTimestamps proof: more than {MAX_OPERATIONS:,} operations or {MAX_ATTESTATIONS} attestations",
                code="stamp.opentimestamps.too_large",
            )


def _nodes(stamp: Timestamp) -> Iterator[Timestamp]:
    """Every node of the tree, without recursion."""
    todo = [stamp]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(node.ops.values())


def _proof(detached: DetachedTimestampFile) -> Proof:
    pending: list[Pending] = []
    blocks: list[InBlock] = []
    other: list[str] = []
    for node in _nodes(detached.timestamp):
        kept = any(map(_is_pending, node.attestations)) and _is_kept(node)
        for attestation in node.attestations:
            height = getattr(attestation, "height", None)
            if _is_pending(attestation):
                if kept:
                    continue
                pending.append(Pending(attestation.uri, node.msg))
            elif type(attestation).__name__ == "BitcoinBlockHeaderAttestation" and isinstance(height, int):
                if height > bitcoin.MAX_HEIGHT or len(node.msg) != 32:
                    raise _malformed("an attestation of a block that cannot be, or over what is no merkle root")
                blocks.append(InBlock(height, node.msg))
            else:
                other.append(_kind(attestation))
    return Proof(
        digest=detached.file_digest,
        digest_name=detached.file_hash_op.TAG_NAME,
        pending=tuple(sorted(set(pending), key=lambda p: (p.uri, p.commitment))),
        blocks=tuple(sorted(set(blocks), key=lambda b: (b.height, b.merkle_root))),
        other=tuple(sorted(set(other))),
    )


def _is_kept(stamp: Timestamp) -> bool:
    """Whether something other than promises came of what stands on these bytes."""
    return any(not _is_pending(a) for node in _nodes(stamp) for a in node.attestations)


def _is_pending(attestation: Any) -> bool:
    from opentimestamps.core.notary import PendingAttestation

    return isinstance(attestation, PendingAttestation)


def _kind(attestation: Any) -> str:
    name = type(attestation).__name__
    return f"tag {attestation.TAG.hex()}" if name == "UnknownAttestation" else name.removesuffix("Attestation")


def _serialize(detached: DetachedTimestampFile) -> bytes:
    from opentimestamps.core.serialize import BytesSerializationContext

    context = BytesSerializationContext()
    detached.serialize(context)
    data: bytes = context.getbytes()
    if len(data) > MAX_PROOF_BYTES:
        raise InvalidInputError(
            f"OpenTimestamps proof: larger than {MAX_PROOF_BYTES:,} bytes", code="stamp.opentimestamps.too_large"
        )
    return data


def _malformed(what: str) -> InvalidInputError:
    return InvalidInputError(f"OpenTimestamps proof: {what}", code="stamp.opentimestamps.malformed")


def _words(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]
