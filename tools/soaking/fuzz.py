"""Fuzzing: whatever bytes a reader is given, it accepts them or refuses them with an error of its own, soon."""

from __future__ import annotations

import contextlib
import io
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from archive.errors import ArchiveError, ExitCode, InternalError, InvalidInputError
from tools.soaking import samples
from tools.soaking.harness import Case, Failure, Run
from tools.soaking.mutate import json_bytes, spoil_bytes, spoil_json

MAX_SECONDS = 20.0
Reader = Callable[[bytes, Path], object]


def _judge(read: Callable[[], object], what: str) -> str:
    """Call a reader; its label is `accepted` or the code of its error."""
    started = time.thread_time()
    try:
        read()
        label = "accepted"
    except ArchiveError as error:
        if isinstance(error, InternalError) or error.exit_code is ExitCode.INTERNAL:
            raise Failure(f"{what}: an internal error: {error.code}: {error}") from error
        if not error.code or not str(error):
            raise Failure(f"{what}: an error without code or message: {error!r}") from error
        label = error.code
    if time.thread_time() - started > MAX_SECONDS:
        raise Failure(f"{what}: took more than {MAX_SECONDS:.0f} s of processor time")
    return label


# ------------------------------------------------------------------------------------------------------- readers


def _read_record(data: bytes, *, as_json: bool) -> None:
    from archive.record.load import load_record_bytes

    loaded = load_record_bytes(data, "incident.json" if as_json else "incident.yaml", json=as_json)
    if loaded.record is None and not loaded.problems:
        raise Failure("a record was refused without a problem")
    for problem in loaded.problems:
        if not problem.code or not problem.message:
            raise Failure(f"a problem without code or message: {problem}")
    if errors := [problem for problem in loaded.problems if problem.severity == "error"]:
        # As the command would: the first problem's code is the label.
        raise InvalidInputError(errors[0].message, code=errors[0].code)


def _read_bundle(data: bytes) -> None:
    from archive.bundle import parse_bundle

    bundle = parse_bundle(data)
    if parse_bundle(bundle.to_bytes()) != bundle:
        raise Failure("a bundle that was accepted does not survive writing and reading")


def _read_manifest(data: bytes) -> None:
    from archive.package.manifest import parse_manifest

    if parse_manifest(data).to_bytes() != data:
        raise Failure("a manifest was accepted that is not its own canonical form")


def _read_canonical(data: bytes) -> None:
    from archive.package import canonical

    value = canonical.loads(data, max_bytes=1 << 20)
    written = canonical.dumps(value)
    if canonical.loads_canonical(written, max_bytes=len(written)) != value:
        raise Failure("canonical JSON does not survive writing and reading")


def _read_anchor(data: bytes) -> None:
    """What a proof proves is in its hashes: a spoiled one that still holds proves the same (its genesis is a claim)."""
    if _proven(data) != _proven(_anchor_seeds(Path())[0]):
        raise Failure("a spoiled anchor proof holds and proves something else")


def _proven(data: bytes) -> object:
    from archive.chain.proofs import check_anchor_proof, parse_anchor_proof
    from archive.package import canonical

    return replace(check_anchor_proof(parse_anchor_proof(canonical.loads(data, max_bytes=1 << 24))), genesis="")


def _read_trust(data: bytes) -> None:
    from archive.trust import parse_trust

    trust = parse_trust(data)
    if parse_trust(trust.to_bytes()) != trust:
        raise Failure("a trust file does not survive writing and reading")


def _read_catalogue(data: bytes) -> None:
    from archive.stores.catalogue import parse_catalogue

    parse_catalogue(data).verify()


def _read_policy(data: bytes) -> None:
    from archive.verify.policy import parse_policy

    parse_policy(data)


def _read_journal(data: bytes, folder: Path) -> None:
    from archive.publish.journal import load_journal

    path = folder / "journal.json"
    path.write_bytes(data)
    load_journal(path)


def _read_rlp(data: bytes) -> None:
    from archive.chain.codec import rlp_decode, rlp_encode

    try:
        decoded = rlp_decode(data)
    except ValueError as error:  # its contract; whoever calls it says what the bytes were
        raise InvalidInputError(str(error), code="refused") from error
    if rlp_encode(decoded) != data:
        raise Failure("RLP was accepted that is not its own canonical form")


# --------------------------------------------------------------------------------------------------------- cases


def _bytes_case(
    name: str, what: str, seeds: Callable[[Path], list[bytes]], read: Reader, *, full: int, sample: int
) -> Case:
    @contextlib.contextmanager
    def opened(shared: Path) -> Iterator[Run]:
        originals = seeds(shared)

        def run(rng: random.Random, folder: Path) -> str:
            original = rng.choice(originals)
            if original[:1] == b"{" and rng.random() < 0.7:
                data = json_bytes(rng, spoil_json(rng, json.loads(original)))
            else:
                data = spoil_bytes(rng, original, rng.choice(originals))
            try:
                return _judge(lambda: read(data, folder), name)
            except Exception:
                _keep(name, data)
                raise

        yield run

    return Case(name, what, full, sample, opened)


def _keep(name: str, data: bytes) -> None:
    """Keep the input of a failed run for the person who looks into it."""
    folder = samples.PROJECT / "build" / "soak"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.bin").write_bytes(data)


def _record_seeds(_: Path) -> list[bytes]:
    return [samples.example_record()]


def _record_json_seeds(_: Path) -> list[bytes]:
    from archive.record.load import load_record_bytes

    loaded = load_record_bytes(samples.example_record(), "incident.yaml", json=False)
    return [json.dumps(loaded.value, ensure_ascii=False).encode()]


def _bundle_seeds(_: Path) -> list[bytes]:
    return [samples.published().bundle.read_bytes()]


def _manifest_seeds(_: Path) -> list[bytes]:
    from archive.package import canonical

    entries = json.loads(samples.published().bundle.read_bytes())["entries"]
    return [canonical.dumps({"header": entries[0], "entries": entries[1:]})]


def _anchor_seeds(_: Path) -> list[bytes]:
    from archive.package import canonical

    anchors = json.loads(samples.published().bundle.read_bytes())["anchors"]
    return [canonical.dumps(anchor) for anchor in anchors]


def _rlp_seeds(_: Path) -> list[bytes]:
    anchor = json.loads(samples.published().bundle.read_bytes())["anchors"][0]
    return [bytes.fromhex(text.removeprefix("0x")) for text in _hex_texts(anchor)]


def _hex_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("0x") and len(value) > 80:
        # A typed envelope starts with its type byte, which is no RLP.
        yield "0x" + value[4:] if value[2:4] in ("01", "02") else value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _hex_texts(item)


def _workspace_file(pattern: str) -> Callable[[Path], list[bytes]]:
    def seeds(_: Path) -> list[bytes]:
        found = sorted(samples.published().workspace.glob(pattern))
        if not found:
            raise Failure(f"the publication left no {pattern} in the workspace")
        return [path.read_bytes() for path in found]

    return seeds


def _policy_seeds(_: Path) -> list[bytes]:
    return [b'{"format":"incident-archive-policy/1","require":["history.current"],"waive":["origin.trusted"]}']


@contextlib.contextmanager
def _open_car(_: Path) -> Iterator[Run]:
    """A CAR: accepted only with the very content that its content id names, and nothing half-written when refused."""
    from archive.package.unpack import unpack_car

    published = samples.published()
    content_id, root = str(published.result["content_id"]), str(published.result["root"])

    def run(rng: random.Random, folder: Path) -> str:
        data = spoil_bytes(rng, published.car, published.car)
        target = folder / "out"
        unpacked = []
        try:
            label = _judge(lambda: unpacked.append(unpack_car(io.BytesIO(data), target, content_id=content_id)), "car")
        except Exception:
            _keep("car", data)
            raise
        if unpacked and (unpacked[0].root, unpacked[0].content_id) != (root, content_id):
            raise Failure("a CAR with other content was accepted under this content id")
        left = sorted(path.name for path in folder.iterdir())
        if left != (["out"] if unpacked else []):
            raise Failure(f"after {label} the folder holds {left}")
        return label

    yield run


CASES = (
    _bytes_case(
        "fuzz-record-yaml",
        "a spoiled incident.yaml is read or refused with problems that have codes",
        _record_seeds,
        lambda data, _: _read_record(data, as_json=False),
        full=5000,
        sample=60,
    ),
    _bytes_case(
        "fuzz-record-json",
        "a spoiled incident.json is read or refused with problems that have codes",
        _record_json_seeds,
        lambda data, _: _read_record(data, as_json=True),
        full=5000,
        sample=60,
    ),
    _bytes_case(
        "fuzz-canonical",
        "canonical JSON that is accepted survives writing and reading",
        _manifest_seeds,
        lambda data, _: _read_canonical(data),
        full=20_000,
        sample=300,
    ),
    _bytes_case(
        "fuzz-manifest",
        "a spoiled manifest is refused, or is canonical and whole",
        _manifest_seeds,
        lambda data, _: _read_manifest(data),
        full=20_000,
        sample=300,
    ),
    _bytes_case(
        "fuzz-bundle",
        "a spoiled proof bundle is read or refused with a code",
        _bundle_seeds,
        lambda data, _: _read_bundle(data),
        full=20_000,
        sample=300,
    ),
    _bytes_case(
        "fuzz-anchor",
        "a spoiled anchor proof is refused with a code, or proves the same as before",
        _anchor_seeds,
        lambda data, _: _read_anchor(data),
        full=20_000,
        sample=200,
    ),
    _bytes_case(
        "fuzz-rlp",
        "RLP that is accepted is its own canonical form",
        _rlp_seeds,
        lambda data, _: _read_rlp(data),
        full=50_000,
        sample=500,
    ),
    _bytes_case(
        "fuzz-trust",
        "a spoiled trust file is read or refused with a code",
        _workspace_file("trust.json"),
        lambda data, _: _read_trust(data),
        full=10_000,
        sample=200,
    ),
    _bytes_case(
        "fuzz-catalogue",
        "a spoiled catalogue is refused, or its signature holds",
        _workspace_file("catalogue.json"),
        lambda data, _: _read_catalogue(data),
        full=5000,
        sample=100,
    ),
    _bytes_case(
        "fuzz-journal",
        "a spoiled journal is read or refused with a code",
        _workspace_file("journal/*.json"),
        _read_journal,
        full=10_000,
        sample=200,
    ),
    _bytes_case(
        "fuzz-policy",
        "a spoiled policy file is read or refused with a code",
        _policy_seeds,
        lambda data, _: _read_policy(data),
        full=10_000,
        sample=200,
    ),
    Case(
        "fuzz-car",
        "a spoiled CAR is accepted only with the content that its content id names; nothing is left half-written",
        10_000,
        200,
        _open_car,
    ),
)
