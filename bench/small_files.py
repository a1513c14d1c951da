"""A folder of 10,000 files of 4 KiB."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Context, Row, alternate, faster, memory, new_kubo_repo, python, run, tool

COUNT = 10_000

DIGEST = """
import sys
from pathlib import Path
from archive.package import contents, hashing
paths = sorted(Path(sys.argv[1]).iterdir())
digests = hashing.digest_files(paths)
print(contents.content_id_of((path.name, d.cid, d.tsize) for path, d in zip(paths, digests)))
"""


def many_files(context: Context) -> Iterator[Row]:
    def make(folder: Path) -> None:
        folder.mkdir()
        for number in range(COUNT):
            (folder / f"file-{number:06}.bin").write_bytes(os.urandom(4096))

    ipfs = tool("ipfs")
    folder = context.once("10000-files", make)
    environment = new_kubo_repo(context)
    ours, kubo = alternate(
        context.rounds,
        lambda: run(python(DIGEST, str(folder))),
        lambda: run([ipfs, "add", "-r", "-Q", "--only-hash", str(folder)], environment=environment),
    )
    if ours.output != kubo.output:
        raise RuntimeError(f"Kubo computes another CID: {kubo.output.strip()}, not {ours.output.strip()}")
    yield faster("10,000 files of 4 KiB hashed", ours, "ipfs add -r --only-hash", kubo, 1.0)
    yield memory("10,000 files, peak memory", ours, 200)
