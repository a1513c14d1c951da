"""`make demo`: publish the 10/11 dossier on the embedded default, verify it, flip one byte and see it fail.

Uses only the `archive` command, as a user would, in a fresh folder; exits non-zero when a step does not come out as
it should.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
INCIDENT = "2025-10-11-binance-liquidations"
PLACE = PROJECT / ".demo"


def heading(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def archive(*arguments: str, expected: int) -> str:
    """Run one archive command, show it with what it printed, and stop the demo unless it exits with `expected`."""
    print(f"$ archive {' '.join(arguments)}", flush=True)
    command = [str(Path(sys.executable).with_name("archive")), *arguments]
    environment = os.environ | {"ARCHIVE_WORKSPACE": str(PLACE / "workspace")}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=PLACE, check=False)
    print(done.stdout, end="")
    print(f"(exit code {done.returncode})", flush=True)
    if done.returncode != expected:
        sys.exit(f"demo: expected exit code {expected}, got {done.returncode}")
    return done.stdout


def flip_one_byte(path: Path) -> int:
    """Flip the lowest bit of the byte in the middle of the file; return its offset."""
    data = bytearray(path.read_bytes())
    offset = len(data) // 2
    data[offset] ^= 1
    path.write_bytes(data)
    return offset


def main() -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    dossier = PROJECT / "incidents" / INCIDENT

    heading("1. Check the dossier")
    archive("check", str(dossier), expected=0)

    heading("2. Publish it: local store and embedded chain, no network, no configuration")
    archive("publish", str(dossier), "--yes", "--out", "incident.proof.json", expected=0)

    heading("3. Fetch a copy, as somebody else would, and verify it against the proof bundle")
    archive("get", INCIDENT, "copy", expected=0)
    archive("verify", "incident.proof.json", "copy", expected=0)

    heading("4. Flip one bit of one byte in the copy and verify again")
    victim = sorted((PLACE / "copy" / "evidence").rglob("*.csv"))[0]
    offset = flip_one_byte(victim)
    print(f"flipped one bit at byte {offset} of {victim.relative_to(PLACE)}")
    told = archive("verify", "incident.proof.json", "copy", expected=1)
    caught = f"evidence/{victim.name}"
    if not any("FAIL" in line and caught in line for line in told.splitlines()):
        sys.exit(f"demo: the report does not name {caught}")

    heading("5. In an empty workspace the same bundle is incomplete: the embedded chain proves nothing to others")
    shutil.copy(PLACE / "incident.proof.json", PLACE / "sent.proof.json")
    archive("verify", "sent.proof.json", "--offline", "--workspace", "elsewhere", expected=3)

    heading("Done")
    print(f"published, verified, and the changed byte was caught: {caught}")
    print(f"look around in {PLACE.name}/ (removed and made again by the next run)")


if __name__ == "__main__":
    main()
