"""What stands around the command: SARIF, the GitHub action, the pre-commit hook, the cost of starting."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ARCHIVE = Path(sys.executable).with_name("archive")

# The parts of the SARIF 2.1.0 schema that we write (OASIS, sections 3.13 to 3.30).
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {"type": "object", "required": ["id"]},
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "ruleIndex", "level"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"type": "object", "required": ["text"]},
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "properties": {
                                            "physicalLocation": {
                                                "type": "object",
                                                "required": ["artifactLocation"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "type": "object",
                                                        "properties": {
                                                            "uri": {"type": "string", "pattern": "^[!-~]+$"}
                                                        },
                                                    },
                                                    "region": {
                                                        "type": "object",
                                                        "properties": {"startLine": {"type": "integer", "minimum": 1}},
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A folder with a dossier that has two errors and a note."""
    folder = tmp_path / "incidents" / "ein Vorfall"
    (folder / "evidence").mkdir(parents=True)
    (folder / "evidence" / "über.txt").write_text("x")
    (folder / "incident.yaml").write_text(
        "schema_version: 1\nid: x\ntitle: {en: x}\nsummary: {en: x}\n"
        "occurred: {start: 2025, precision: year, time_zone: UTC}\nsurprise: 1\n"
        "revision: 1\nrevisions:\n  - {revision: 1, reason: {en: x}}\n"
    )
    return tmp_path


def _run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{ARCHIVE.parent}:{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path, **environment}, capture_output=True, text=True
    )


def test_sarif_has_the_form_that_code_scanning_takes(bad: Path) -> None:
    done = _run(["archive", "check", "incidents", "--format", "sarif"], bad)
    assert done.returncode == 1
    sarif = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SARIF).validate(sarif)
    run = sarif["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert {rules[result["ruleIndex"]] for result in run["results"]} == {result["ruleId"] for result in run["results"]}
    places = {r["ruleId"]: r["locations"][0]["physicalLocation"] for r in run["results"]}
    assert places["record.unknown_field"] == {
        "artifactLocation": {"uri": "incidents/ein%20Vorfall/incident.yaml"},
        "region": {"startLine": 6},
    }
    assert places["evidence.unlisted"] == {
        "artifactLocation": {"uri": "incidents/ein%20Vorfall/evidence/%C3%BCber.txt"}
    }


def test_sarif_names_an_absolute_path_as_a_file_uri() -> None:
    from archive.errors import Problem
    from archive.record.sarif import to_sarif

    runs: Any = to_sarif([Problem("a.b", "m", "/home/ü x/incident.yaml", 3)])["runs"]
    place = runs[0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "file:///home/%C3%BC%20x/incident.yaml"}


def test_workflow_commands_escape_what_would_end_them() -> None:
    from archive.errors import Problem
    from archive.record.sarif import to_workflow_commands

    problem = Problem("a.b", "50% of\r\n::error::x", "a,b:c.yaml", 3, "/x", "hint\nmore", "note")
    assert list(to_workflow_commands([problem])) == [
        "::notice file=a%2Cb%3Ac.yaml,line=3,title=a.b::50%25 of%0D%0A::error::x at /x%0Ahint%0Amore"
    ]


def _action() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return loaded


def test_the_action_uses_its_own_checkout_and_no_input_inside_a_script() -> None:
    action = _action()
    assert action["runs"]["using"] == "composite"
    steps = action["runs"]["steps"]
    assert '"$GITHUB_ACTION_PATH"' in steps[0]["run"]
    for step in steps:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
        for value in step["env"].values():
            name = re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", value)
            assert name is not None
            assert name[1] in action["inputs"]


def test_the_action_checks_dossiers(bad: Path) -> None:
    """Its second step as GitHub runs it; the first one, an installation, is the wheel test's subject."""
    action = _action()
    scripts = bad / "temp" / "archive-check" / "bin"
    scripts.mkdir(parents=True)
    (scripts / "archive").symlink_to(ARCHIVE)
    script = bad / "step.sh"
    script.write_text(action["runs"]["steps"][1]["run"])
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    inputs = {"INPUT_PATHS": "incidents\n\n", "INPUT_FORMAT": action["inputs"]["format"]["default"]}
    done = _run(command, bad, RUNNER_TEMP=str(bad / "temp"), **inputs)
    assert done.returncode == 1, done.stderr
    assert "::error file=incidents/ein Vorfall/incident.yaml,line=6,title=record.unknown_field::" in done.stdout
    record = bad / "incidents/ein Vorfall/incident.yaml"
    record.write_text(record.read_text().replace("surprise: 1\n", ""))
    (record.parent / "evidence/über.txt").unlink()
    assert _run(command, bad, RUNNER_TEMP=str(bad / "temp"), **inputs).returncode == 0


def test_the_pre_commit_hook_checks_what_changed(bad: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["archive-check"]
    hook = hooks[0]
    files = ["incidents/ein Vorfall/incident.yaml", "incidents/ein Vorfall/evidence/über.txt"]
    matched = [name for name in [*files, "README.md", "incident.yaml.txt"] if re.search(hook["files"], name)]
    assert matched == files
    done = _run([*shlex.split(hook["entry"]), *matched], bad)
    assert done.returncode == 1
    assert done.stdout.count("[record.unknown_field]") == 1
    assert "archive" in (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[1].splitlines()[1]


def _modules(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom archive.cli.main import main\nsys.argv = ['archive', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    return {name.split(".")[0] for name in done.stderr.split()}


def test_help_does_not_load_what_it_does_not_need() -> None:
    assert not _modules("--help") & {"pydantic", "yaml", "web3", "requests", "detect_secrets", "eth_keys", "trie"}


def test_check_does_not_load_what_it_does_not_need(bad: Path) -> None:
    loaded = _modules("check", str(bad / "incidents"))
    assert "pydantic" in loaded
    assert not loaded & {"web3", "requests", "detect_secrets", "eth_keys", "trie", "puremagic"}
