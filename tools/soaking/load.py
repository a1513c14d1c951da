"""Load: several commands at once on one workspace, and large random inputs held against an independent program."""

from __future__ import annotations

import contextlib
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools import services
from tools.soaking import samples
from tools.soaking.harness import Case, Failure, Run


@contextlib.contextmanager
def _open_together(_: Path) -> Iterator[Run]:
    """Three publications and a verification start together: each ends well or says that the workspace is in use."""
    published = samples.published()

    def run(rng: random.Random, folder: Path) -> str:
        workspace = folder / "workspace"
        dossiers = [
            samples.make_dossier(
                folder / f"dossier-{number}", rng, files=2, sizes=(4096,), incident=f"2025-10-11-load-{number}"
            )
            for number in range(3)
        ]
        running = [samples.start(workspace, "publish", str(path), "--yes", "--json", cwd=path) for path in dossiers]
        reading = samples.start(workspace, "verify", str(published.bundle), "--offline", "--json", cwd=folder)
        refused = []
        for path, process in zip(dossiers, running, strict=True):
            done = samples.finish(process)
            if done.code != 0:
                if done.error_code != "workspace.locked":
                    raise Failure(f"publish beside others: exit {done.code}\n{done.out}\n{done.err}")
                refused.append(path)
        if (verified := samples.finish(reading)).code != 3:
            raise Failure(f"verify beside publications: exit {verified.code}\n{verified.out}\n{verified.err}")
        if len(refused) == len(dossiers):
            raise Failure("all were refused: nobody held the workspace")
        for path in refused:
            samples.archive(workspace, "publish", str(path), "--yes", cwd=path)
        return f"{len(refused)} waited"

    yield run


@contextlib.contextmanager
def _open_oracle(shared: Path) -> Iterator[Run]:
    """Folders of random files: our content ids against those of Kubo."""
    from archive.package import unixfs
    from archive.package.hashing import digest_file

    binary = services.require("ipfs")
    repo = shared / "ipfs"
    environment = {"IPFS_PATH": str(repo), "IPFS_TELEMETRY": "off", "HOME": str(shared), "PATH": "/usr/bin:/bin"}

    def ipfs(*arguments: str) -> str:
        done = subprocess.run([str(binary), *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"ipfs {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    ipfs("init", "--profile=test")
    ipfs("config", "profile", "apply", "unixfs-v1-2025")

    def run(rng: random.Random, folder: Path) -> str:
        tree = folder / "tree"
        links = {}
        many = rng.random() < 0.2
        for number in range(rng.randint(2000, 7000) if many else rng.randint(1, 12)):
            name = "".join(rng.choice("abcäß日志-_.0123") for _ in range(rng.randint(1, 40))) + f"{number}"
            path = tree / rng.choice(("", "a", "a/b", "évidence")) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            size = rng.randrange(64) if many else rng.choice((*samples.SIZES, rng.randrange(5 << 20)))
            path.write_bytes(rng.randbytes(size))
            digest = digest_file(path)
            links[path.relative_to(tree).as_posix()] = (digest.cid, digest.tsize)
        ours = unixfs.directory(links).cid
        theirs = ipfs("add", "--recursive", "--hidden", "--quieter", "--only-hash", str(tree))
        if ours != theirs:
            raise Failure(f"content id {ours}, Kubo says {theirs}, for {sorted(links)[:20]}")
        return "many files" if many else "few files"

    yield run


@contextlib.contextmanager
def _open_registry(_: Path) -> Iterator[Run]:
    """Forge's fuzz and invariant tests with a seed of their own and many more runs."""

    def run(rng: random.Random, folder: Path) -> str:
        import os

        more = {"FOUNDRY_FUZZ_RUNS": "20000", "FOUNDRY_INVARIANT_RUNS": "200", "FOUNDRY_INVARIANT_DEPTH": "200"}
        before = {name: os.environ.get(name) for name in more}
        os.environ.update(more)
        try:
            options = ["--fuzz-seed", hex(rng.randrange(2**64)), "--match-test", "testFuzz|invariant"]
            done = services.forge(["test", *options], capture=True)
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        if done.returncode != 0:
            raise Failure(f"forge test {' '.join(options)}\n{done.stdout[-3000:]}\n{done.stderr[-1000:]}")
        return "held"

    yield run


CASES = (
    Case(
        "load-together",
        "commands that share a workspace wait or say so; none spoils another's work",
        40,
        1,
        _open_together,
    ),
    Case("oracle-kubo", "content ids of random folders are Kubo's", 300, 6, _open_oracle, ("ipfs",)),
    Case("registry", "the registry's laws hold under long fuzzing", 3, 0, _open_registry, ("forge",)),
)
