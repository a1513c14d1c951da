"""The one place that touches `arweave-python-client`: keys, data root, signing. No request leaves from here.

The library calls the network in its constructors, times out nowhere and takes failures for success, so everything that
posts or asks is written anew in `archive.stores.arweave`. It also cuts files at every 256 KiB, which leaves a tail so
short that nodes refuse its proof (`chunk_proof_ratio_not_attractive`); `chunk_sizes` cuts like arweave-js.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import signal
import stat
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archive.errors import InvalidInputError, MissingDependencyError, RefusedError, UsageError

CHUNK: Final = 256 * 1024
MIN_CHUNK: Final = 32 * 1024
_MAX_KEYFILE: Final = 1 << 16
_WINSTON: Final = re.compile(r"0|[1-9]\d{0,29}")
_TX_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def parse_winston(text: str, *, what: str) -> int:
    """An exact amount in winston (10⁻¹² AR), as gateways write it: a decimal integer."""
    if not _WINSTON.fullmatch(text.strip()):
        raise InvalidInputError(
            f"Arweave: {text[:40]!r} is no amount ({what})",
            code="store.arweave.bad_answer",
            hint="is this an Arweave gateway?",
        )
    return int(text.strip())


def format_ar(winston: int) -> str:
    """Winston as a decimal string in AR, exact."""
    whole, rest = divmod(winston, 10**12)
    return f"{whole}.{rest:012d}".rstrip("0").rstrip(".") if rest else str(whole)


def b64url(data: bytes) -> str:
    """Base64 for URLs without padding, as Arweave writes bytes."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def check_tx_id(text: str) -> str:
    if not _TX_ID.fullmatch(text):
        raise InvalidInputError(f"{text[:60]!r} is not an Arweave transaction id", code="store.arweave.bad_tx_id")
    return text


def chunk_sizes(size: int) -> list[int]:
    """Sizes of the chunks of `size` bytes: 256 KiB each, the last two halved when the rest would be under 32 KiB.

    Source: arweave-js, src/common/lib/merkle.ts, chunkData.
    """
    sizes: list[int] = []
    rest = size
    while rest > CHUNK:
        take = CHUNK
        if 0 < rest - CHUNK < MIN_CHUNK:
            take = (rest + 1) // 2
        sizes.append(take)
        rest -= take
    sizes.append(rest)
    return sizes


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Keep our SIGPIPE handling whatever the library does while it is imported."""
    try:
        before = signal.getsignal(signal.SIGPIPE)
    except ValueError:  # not in the main thread: the library could not change it either
        before = None
    try:
        yield
    except ModuleNotFoundError:
        raise MissingDependencyError(
            "writing to Arweave needs arweave-python-client",
            code="dependency.missing",
            hint='pip install "incident-archive[publish]"',
        ) from None
    finally:
        if before is not None:
            signal.signal(signal.SIGPIPE, before)


def _library() -> tuple[Any, Any]:
    """(arweave.arweave_lib, arweave.merkle)"""
    with _quiet_import():
        from arweave import arweave_lib, merkle

        return arweave_lib, merkle


@dataclass(frozen=True, slots=True)
class Key:
    """A wallet key. Only the address may be shown; the rest stays inside the library's object."""

    address: str
    owner: str
    _wallet: Any

    def __repr__(self) -> str:
        return f"Key(address={self.address!r})"


def load_key(path: Path) -> Key:
    """Read a JWK file that only its owner may read. No message ever quotes it."""
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode) or info.st_size > _MAX_KEYFILE:
            raise UsageError(f"{path}: not a key file", code="store.arweave.keyfile")
        if stat.S_IMODE(info.st_mode) & 0o077:
            raise RefusedError(
                f"{path}: others may read this key file (mode {stat.S_IMODE(info.st_mode):04o})",
                code="store.arweave.keyfile_permissions",
                hint=f"chmod 600 {path}",
            )
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: the Arweave key file cannot be read ({error.strerror})",
            code="store.arweave.keyfile",
            hint="set keyfile in config.toml, or ARCHIVE_ARWEAVE_KEYFILE",
        ) from None
    arweave_lib, _ = _library()
    try:
        jwk = json.loads(raw)
        if jwk["kty"] != "RSA" or not all(isinstance(jwk[k], str) for k in ("n", "e", "d", "p", "q", "dp", "dq", "qi")):
            raise KeyError
        wallet = arweave_lib.Wallet.from_data({k: v for k, v in jwk.items() if isinstance(v, str)})
    except Exception:  # noqa: BLE001 - whatever the library says about a key could quote it
        raise UsageError(
            f"{path}: not an Arweave key file (a JWK of an RSA key is expected)", code="store.arweave.keyfile"
        ) from None
    return Key(address=str(wallet.address), owner=str(wallet.owner), _wallet=wallet)


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """How one file goes up: chunk boundaries and proofs; holds no bytes of the file."""

    size: int
    sha256: str
    data_root: str
    chunks: tuple[Any, ...]
    proofs: tuple[Any, ...]

    def body(self, path: Path, index: int) -> bytes:
        """The JSON body of `POST /chunk` for one chunk; raises when the file is not the one planned."""
        chunk, proof = self.chunks[index], self.proofs[index]
        with path.open("rb") as stream:
            stream.seek(chunk.min_byte_range)
            data = stream.read(chunk.data_size)
        if hashlib.sha256(data).digest() != chunk.data_hash:
            raise InvalidInputError(
                f"{path.name}: changed while it was uploaded", code="store.changed_while_read", hint="run it again"
            )
        return json.dumps(
            {
                "data_root": self.data_root,
                "data_size": str(self.size),
                "data_path": b64url(bytes(proof.proof)),
                "offset": str(proof.offset),
                "chunk": b64url(data),
            }
        ).encode()


def plan_chunks(path: Path) -> ChunkPlan:
    """Hash a file once: its SHA-256, chunk hashes and the data root of Arweave."""
    _, merkle = _library()
    size = path.stat().st_size
    if size == 0:
        raise UsageError(f"{path.name}: Arweave takes no empty files", code="store.arweave.empty")
    whole = hashlib.sha256()
    chunks: list[Any] = []
    position = 0
    with path.open("rb") as stream:
        for length in chunk_sizes(size):
            data = stream.read(length)
            if len(data) != length:
                raise InvalidInputError(
                    f"{path.name}: changed while it was read", code="store.changed_while_read", hint="run it again"
                )
            whole.update(data)
            digest = hashlib.sha256(data).digest()
            end = position + length
            chunks.append(merkle.Chunk(digest, data_size=length, min_byte_range=position, max_byte_range=end))
            position = end
    root = merkle.build_layers(merkle.generate_leaves(tuple(chunks)))
    return ChunkPlan(
        size=size,
        sha256=whole.hexdigest(),
        data_root=b64url(bytes(root.id)),
        chunks=tuple(chunks),
        proofs=tuple(merkle.generate_proofs(root)),
    )


def sign_transaction(
    key: Key, plan: ChunkPlan, *, anchor: str, reward: int, tags: Mapping[str, str]
) -> dict[str, object]:
    """A signed format-2 transaction as JSON, without its data. Signatures are salted: keep what this returns."""
    arweave_lib, _ = _library()

    wallet = copy.copy(key._wallet)
    # the constructor and `sign` call these; as they are, they ask the network without a timeout
    wallet.get_last_transaction_id = lambda: anchor
    transaction = arweave_lib.Transaction(wallet)
    transaction.get_reward = lambda data_size, target_address=None: str(reward)
    transaction.data_size = plan.size
    transaction.data_root = plan.data_root.encode()
    for name, value in tags.items():
        transaction.add_tag(name, value)
    transaction.sign()
    signed: dict[str, object] = transaction.to_dict()
    return signed
