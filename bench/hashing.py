"""One large file: hashed for the package, and packed with its CAR written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.measure import (
    MIB,
    Context,
    Row,
    Run,
    alternate,
    faster,
    memory,
    new_kubo_repo,
    python,
    random_file,
    run,
    tool,
)

DIGEST = """
import sys
from pathlib import Path
from archive.package.hashing import digest_file
print(digest_file(Path(sys.argv[1])).cid)
"""

# The bound: every byte hashed twice on two cores and nothing else done.
TWICE = """
import hashlib, sys, threading
def loop(whole):
    digest, buffer = hashlib.sha256(), bytearray(1 << 20)
    with open(sys.argv[1], "rb", buffering=0) as handle:
        while count := handle.readinto(buffer):
            part = memoryview(buffer)[:count]
            digest.update(part) if whole else hashlib.sha256(part).digest()
threads = [threading.Thread(target=loop, args=(whole,)) for whole in (True, False)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""

PACK = """
import sys
from pathlib import Path
from archive.package import build, car, seal
source, target, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
evidence = (build.EvidenceInput("big", "evidence/big.bin", "application/octet-stream", source),)
inputs = build.PackageInput({"id": "bench", "evidence": [{"id": "big"}]}, "bench", 1, None, evidence)
if how == "one pass":
    print(car.pack_file(inputs, seal.Seal(bytes(32)), target).package.content_id)
else:
    package = build.build_package(inputs, seal.Seal(bytes(32)))
    with target.open("wb") as sink:
        car.write_car(package, sink)
    print(package.content_id)
"""


def large_file(context: Context) -> Iterator[Row]:
    ipfs = tool("ipfs")
    big = context.once("1-GiB.bin", random_file(1024 * MIB))
    environment = new_kubo_repo(context)
    ours, kubo, bound = alternate(
        context.rounds,
        lambda: run(python(DIGEST, str(big))),
        lambda: run([ipfs, "add", "-Q", "--only-hash", str(big)], environment=environment),
        lambda: run(python(TWICE, str(big))),
    )
    if ours.output != kubo.output:
        raise RuntimeError(f"Kubo computes another CID: {kubo.output.strip()}, not {ours.output.strip()}")
    yield faster("1 GiB hashed", ours, "ipfs add --only-hash", kubo, 2.5)
    yield faster("1 GiB hashed, share of the bound", ours, "hashing twice on two threads", bound, 0.8)
    yield memory("1 GiB hashed, peak memory", ours, 200)


def very_large_file(context: Context) -> Iterator[Row]:
    def sparse(path: Path) -> None:
        with path.open("wb") as handle:
            handle.truncate(4096 * MIB)

    four = context.once("4-GiB.bin", sparse)
    yield memory("4 GiB (zeros) hashed, peak memory", run(python(DIGEST, str(four))), 200)


def large_car(context: Context) -> Iterator[Row]:
    ipfs, ipfs_car = tool("ipfs"), tool("ipfs-car")
    big = context.once("1-GiB.bin", random_file(1024 * MIB))
    target = context.folder / "out.car"

    def pack(how: str) -> Run:
        target.unlink(missing_ok=True)
        return run(python(PACK, str(big), str(target), how))

    def add() -> Run:
        return run([ipfs, "add", "-Q", str(big)], environment=new_kubo_repo(context))

    def other() -> Run:
        target.unlink(missing_ok=True)
        return run([ipfs_car, "pack", str(big), "--output", str(target)])

    one, two, kubo, theirs = alternate(context.rounds, lambda: pack("one pass"), lambda: pack("two passes"), add, other)
    target.unlink(missing_ok=True)
    yield faster("1 GiB packed, CAR written in the same pass", one, "ipfs add", kubo, 1.0)
    yield faster("1 GiB packed, CAR written in the same pass", one, "ipfs-car pack", theirs, 3.0)
    yield memory("1 GiB packed, peak memory", one, 200)
    yield faster("1 GiB built, then its CAR written and hashed", two, "ipfs add", kubo, None)
    yield faster("1 GiB built, then its CAR written and hashed", two, "ipfs-car pack", theirs, None)
