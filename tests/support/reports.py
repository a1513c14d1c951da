"""Reports of `archive verify --offline` without a workspace: what another verifier must say of the same input."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive.bundle import UnknownBundleFormatError
from archive.errors import ArchiveError
from archive.trust import TrustFile, load_trust
from archive.verify import report
from archive.verify.checks import judge, unknown_format
from archive.verify.gather import Sources, Target, gather
from archive.verify.policy import Policy, read_policy

CASES = Path(__file__).parents[1] / "vectors" / "reports" / "cases.json"


def report_on(
    bundle: Path, given: Sequence[Path] = (), *, trust: Path | None = None, policy: Path | None = None
) -> dict[str, Any]:
    """The report's JSON, or `{"error": {"code", "message"}, "exit_code"}`."""
    try:
        asked = read_policy(policy) if policy else Policy()
        sources = Sources(trust=load_trust(trust) if trust else TrustFile(), offline=True)
        try:
            facts = gather(Target("bundle", str(bundle)), given, sources)
            outcome = judge(facts, asked)
        except UnknownBundleFormatError as error:
            facts, outcome = None, unknown_format(error.code, error.message, asked)
        made = report.to_json(outcome, facts)
    except ArchiveError as error:
        return {"error": {"code": error.code, "message": error.message}, "exit_code": int(error.exit_code)}
    value: dict[str, Any] = json.loads(json.dumps(made))
    return value


@dataclass(frozen=True, slots=True)
class Case:
    """One case of `cases.json`: names of files as they must lie in a folder, and what must come out."""

    name: str
    files: dict[str, str]
    bundle: str
    given: tuple[str, ...]
    trust: str | None
    policy: str | None
    expected: dict[str, Any]

    def lay_out(self, folder: Path) -> None:
        """Write the case's files below a folder."""
        for path, data in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((CASES.parent / data).read_bytes())

    def report(self, folder: Path) -> dict[str, Any]:
        """Run it there, with names relative to the folder."""
        with contextlib.chdir(folder):
            return report_on(
                Path(self.bundle),
                [Path(name) for name in self.given],
                trust=Path(self.trust) if self.trust else None,
                policy=Path(self.policy) if self.policy else None,
            )


def outcome_of(made: dict[str, Any]) -> dict[str, Any]:
    """What a case expects of a report: verdict, what lacks, and each check's code, status and subject in order."""
    if "error" in made:
        return {"error": made["error"]["code"]}
    checks = [[check["code"], check["status"], check["subject"]] for check in made["checks"]]
    return {"verdict": made["verdict"], "lacking": made["lacking"], "checks": checks}


def cases() -> Iterator[Case]:
    for value in json.loads(CASES.read_text(encoding="utf-8"))["cases"]:
        yield Case(
            value["name"], value["files"], value["bundle"], tuple(value["given"]), value["trust"], value["policy"],
            value["expected"],
        )  # fmt: skip
