"""Clocks of our own that speak the real protocols: an RFC 3161 authority over `openssl ts`, an OpenTimestamps calendar,
a Bitcoin node and an Esplora server over a regtest chain that is mined here. They can refuse, lag and lie.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Answer = tuple[int, bytes]


@contextlib.contextmanager
def serve(handle: Callable[[str, str, bytes], Answer]) -> Iterator[str]:
    """A loopback HTTP server; `handle(method, path, body)` gives status and body. Yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, data = handle(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- RFC 3161 ---------------------------------------------------------------------------------------------------------

CONFIG = """\
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
certs = {folder}/chain.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = {ess}
"""


@dataclass
class Authority:
    """A certificate authority with an intermediate and a time-stamp signer; keys are made anew for each.

    Args:
        keys: `ec`, `ec384` or `rsa`.
        critical, purposes: of the signer's extended key usage.
        valid: days before and after now for which the signer's certificate is valid.
        crl_url, ocsp_url: put into the signer's certificate.
    """

    folder: Path
    name: str = "Test"
    critical: bool = True
    purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,)
    valid: tuple[int, int] = (10, 365)
    ess: str = "sha256"
    keys: str = "ec"
    crl_url: str | None = None
    ocsp_url: str | None = None
    refuse: bool = False
    answer: bytes | None = None
    asked: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).replace(microsecond=0)
        self.root_key, self.root = self._certificate(f"{self.name} root", None, now)
        self.middle_key, self.middle = self._certificate(f"{self.name} issuing", (self.root_key, self.root), now)
        self.key, self.signer = self._signer(now)
        (self.folder / "tsa.pem").write_bytes(self.signer.public_bytes(Encoding.PEM))
        (self.folder / "tsa.key").write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (self.folder / "chain.pem").write_bytes(self.middle.public_bytes(Encoding.PEM))
        (self.folder / "serial").write_text("01\n")
        (self.folder / "ts.cnf").write_text(CONFIG.format(folder=self.folder, ess=self.ess))

    @property
    def root_pem(self) -> str:
        return self.root.public_bytes(Encoding.PEM).decode()

    @property
    def root_der(self) -> bytes:
        return self.root.public_bytes(Encoding.DER)

    def _new_key(self) -> Any:
        if self.keys == "rsa":
            return rsa.generate_private_key(65537, 2048)
        return ec.generate_private_key(ec.SECP384R1() if self.keys == "ec384" else ec.SECP256R1())

    def _certificate(
        self, name: str, issuer: tuple[Any, x509.Certificate] | None, now: datetime
    ) -> tuple[Any, x509.Certificate]:
        key = self._new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if issuer is None else issuer[1].subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=4000))
            .not_valid_after(now + timedelta(days=4000))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(sign=True), critical=True)
        )
        return key, builder.sign(key if issuer is None else issuer[0], hashes.SHA256())

    def _signer(self, now: datetime) -> tuple[Any, x509.Certificate]:
        key = self._new_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{self.name} clock")]))
            .issuer_name(self.middle.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=self.valid[0]))
            .not_valid_after(now + timedelta(days=self.valid[1]))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=False), critical=True)
        )
        if self.purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.purposes), critical=self.critical)
        if self.crl_url:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(self.crl_url)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        if self.ocsp_url:
            oid = x509.oid.AuthorityInformationAccessOID.OCSP
            access = x509.AccessDescription(oid, x509.UniformResourceIdentifier(self.ocsp_url))
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        return key, builder.sign(self.middle_key, hashes.SHA256())

    def crl(
        self, *, revoked: datetime | None = None, reason: x509.ReasonFlags | None = None, of_root: bool = False
    ) -> bytes:
        """A CRL, of the intermediate (over the signer) or of the root (over the intermediate)."""
        key, issuer = (self.root_key, self.root) if of_root else (self.middle_key, self.middle)
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.subject)
        builder = builder.last_update(now - timedelta(days=1)).next_update(now + timedelta(days=7))
        if revoked is not None:
            entry = x509.RevokedCertificateBuilder().serial_number(self.signer.serial_number).revocation_date(revoked)
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)

    def ocsp(self, *, revoked: datetime | None = None, reason: x509.ReasonFlags | None = None) -> bytes:
        """An OCSP answer about the signer's certificate, by its issuer."""
        from cryptography.x509 import ocsp

        now = datetime.now(UTC)
        status = ocsp.OCSPCertStatus.GOOD if revoked is None else ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=self.signer,
            issuer=self.middle,
            algorithm=hashes.SHA1(),
            cert_status=status,
            this_update=now - timedelta(hours=1),
            next_update=now + timedelta(days=1),
            revocation_time=revoked,
            revocation_reason=reason,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.middle)
        return builder.sign(self.middle_key, hashes.SHA256()).public_bytes(Encoding.DER)

    def reply(self, query: bytes) -> bytes:
        """What `openssl ts -reply` answers."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            given, made = Path(name) / "query", Path(name) / "reply"
            given.write_bytes(query)
            command = ["openssl", "ts", "-reply", "-config", str(self.folder / "ts.cnf"), "-queryfile", str(given)]
            subprocess.run([*command, "-out", str(made)], check=True, capture_output=True)
            return made.read_bytes()

    def handle(self, method: str, path: str, body: bytes) -> Answer:
        if path == "/crl":
            return 200, self.crl()
        if path == "/ocsp":
            return 200, self.ocsp()
        self.asked.append(body)
        if self.answer is not None:
            return 200, self.answer
        # A query of nonsense makes openssl answer with a rejection, as a real authority does.
        return 200, self.reply(b"0\x00" if self.refuse else body)


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


# --- Bitcoin ----------------------------------------------------------------------------------------------------------

REGTEST_BITS = 0x207FFFFF
CHAIN_START = 1_700_000_000


def double(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def mine(merkle_root: bytes, time: int, *, previous: bytes = bytes(32), bits: int = REGTEST_BITS) -> bytes:
    """An 80-byte header with work on it; at regtest's target every second nonce will do."""
    for nonce in range(1 << 20):
        header = struct.pack("<I32s32sIII", 4, previous, merkle_root, time, bits, nonce)
        if double(header)[31] < 0x7F:
            return header
    raise AssertionError("no nonce")


@dataclass
class Bitcoin:
    """A regtest chain. `headers[n]` is block n."""

    headers: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.headers:
            self.mine(bytes(32))

    def mine(self, merkle_root: bytes, *, at: int | None = None) -> int:
        """Add a block; its height."""
        previous = double(self.headers[-1]) if self.headers else bytes(32)
        time = CHAIN_START + 600 * len(self.headers) if at is None else at
        self.headers.append(mine(merkle_root, time, previous=previous))
        return len(self.headers) - 1

    def file(self, path: Path) -> Path:
        path.write_text("".join(f"{n} {h.hex()}\n" for n, h in enumerate(self.headers)))
        return path


@dataclass
class BitcoinServer:
    """A node (JSON-RPC) and an Esplora server over one chain. `lie` changes every header that is given out."""

    chain: Bitcoin
    lie: Callable[[bytes], bytes] | None = None
    cookie: str | None = None
    seen: list[str] = field(default_factory=list)

    def _header(self, height: int) -> bytes | None:
        if not 0 <= height < len(self.chain.headers):
            return None
        header = self.chain.headers[height]
        return self.lie(header) if self.lie else header

    def handle(self, method: str, path: str, body: bytes) -> Answer:
        self.seen.append(path)
        if method == "POST":
            return self._rpc(json.loads(body))
        parts = path.strip("/").split("/")
        if parts[0] == "block-height":
            header = self._header(int(parts[1]))
            return (404, b"Block not found") if header is None else (200, double(header)[::-1].hex().encode())
        for height in range(len(self.chain.headers)):
            header = self._header(height)
            if header is not None and double(header)[::-1].hex() == parts[1]:
                return 200, header.hex().encode()
        return 404, b"Block not found"

    def _rpc(self, request: dict[str, Any]) -> Answer:
        method, params = request["method"], request["params"]
        result: Any = None
        error = None
        if method == "getblockcount":
            result = len(self.chain.headers) - 1
        elif method == "getblockhash":
            header = self._header(params[0])
            if header is None:
                error = {"code": -8, "message": "Block height out of range"}
            else:
                result = double(header)[::-1].hex()
        elif method == "getblockheader":
            found = [self._header(n) for n in range(len(self.chain.headers))]
            result = next(h.hex() for h in found if h and double(h)[::-1].hex() == params[0])
        else:
            error = {"code": -32601, "message": "Method not found"}
        return (500 if error else 200), json.dumps({"result": result, "error": error, "id": request["id"]}).encode()


# --- OpenTimestamps ---------------------------------------------------------------------------------------------------


@dataclass
class Calendar:
    """A calendar: `POST /digest` promises, `confirm` puts what was promised into a block, `GET /timestamp/…` tells.

    `url` must be set to its own address before it is asked.
    """

    chain: Bitcoin
    url: str = ""
    answer: bytes | None = None
    promised: list[bytes] = field(default_factory=list)
    proofs: dict[bytes, bytes] = field(default_factory=dict)

    def handle(self, method: str, path: str, body: bytes) -> Answer:
        from opentimestamps.core.notary import PendingAttestation
        from opentimestamps.core.op import OpAppend, OpSHA256
        from opentimestamps.core.timestamp import Timestamp

        if method == "POST" and path == "/digest":
            if self.answer is not None:
                return 200, self.answer
            stamp = Timestamp(body)
            promised = stamp.ops.add(OpAppend(hashlib.sha256(self.url.encode()).digest()[:8])).ops.add(OpSHA256())
            promised.attestations.add(PendingAttestation(self.url))
            self.promised.append(promised.msg)
            return 200, serialized(stamp)
        if path.startswith("/timestamp/"):
            if self.answer is not None:
                return 200, self.answer
            proof = self.proofs.get(bytes.fromhex(path.removeprefix("/timestamp/")))
            return (404, b"Commitment not found") if proof is None else (200, proof)
        return 404, b"Not found"

    def confirm(self, *, at: int | None = None) -> int:
        """Put everything promised into a transaction of a new block; its height."""
        from opentimestamps.core.notary import BitcoinBlockHeaderAttestation
        from opentimestamps.core.op import OpAppend, OpPrepend, OpSHA256
        from opentimestamps.core.timestamp import Timestamp, make_merkle_tree

        stamps = [Timestamp(message) for message in self.promised]
        tip = make_merkle_tree(list(stamps))
        transaction = tip.ops.add(OpPrepend(b"transaction before ")).ops.add(OpAppend(b" and after"))
        leaf = transaction.ops.add(OpSHA256()).ops.add(OpSHA256())
        merkle = leaf.ops.add(OpPrepend(hashlib.sha256(b"coinbase").digest())).ops.add(OpSHA256()).ops.add(OpSHA256())
        height = self.chain.mine(merkle.msg, at=at)
        merkle.attestations.add(BitcoinBlockHeaderAttestation(height))
        for stamp in stamps:
            self.proofs[stamp.msg] = serialized(stamp)
        self.promised = []
        return height


def serialized(stamp: Any) -> bytes:
    from opentimestamps.core.serialize import BytesSerializationContext

    context = BytesSerializationContext()
    stamp.serialize(context)
    data: bytes = context.getbytes()
    return data


@contextlib.contextmanager
def running_calendar(calendar: Calendar) -> Iterator[str]:
    with serve(calendar.handle) as url:
        calendar.url = url
        yield url
