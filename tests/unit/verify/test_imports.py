"""Who may import whom: the verifier can neither write nor sign, records and packages know nothing above them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
ARCHIVE = PROJECT / "archive"
WRITERS = (
    "archive.publish",
    "archive.cli",
    "archive.chain.writer",
    "archive.chain.sending",
    "archive.chain.keystore",
    "archive.chain.deploy",
    "archive.chain.local",
    "archive.chain.local_evm",
    "archive.stores.config",
    "archive.stores.local",
    "archive.stores.kubo",
    "archive.stores.arweave",
)
FOREIGN = ("web3", "eth_account", "eth_tester", "eth", "ipfshttpclient", "arweave", "pydantic_settings")


def imports_of(module: str) -> set[str]:
    """Every module that a module imports, inside functions too; `from x import y` counts as x and x.y."""
    path = ARCHIVE.parent / Path(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not source.is_file():
        return set()
    found: set[str] = set()
    tree = ast.parse(source.read_text(encoding="utf-8"))
    typing_only = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def reach(module: str) -> dict[str, str]:
    """Everything reachable from a module, each with the module that imports it."""
    seen: dict[str, str] = {}
    todo = [module]
    while todo:
        here = todo.pop()
        for name in imports_of(here):
            if name not in seen and (not name.startswith("archive") or is_module(name)):
                seen[name] = here
                if name.startswith("archive"):
                    todo.append(name)
    return seen


def is_module(name: str) -> bool:
    path = PROJECT / Path(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def modules_in(package: str) -> list[str]:
    folder = PROJECT / Path(*package.split("."))
    return sorted(f"{package}.{p.stem}" for p in folder.glob("*.py") if p.stem != "__init__")


@pytest.mark.parametrize("module", [*modules_in("archive.verify"), "archive.bundle", "archive.trust"])
def test_verify_imports_nothing_that_writes_or_signs(module: str) -> None:
    found = reach(module)
    bad = {n: by for n, by in found.items() if n in WRITERS or n.startswith(tuple(w + "." for w in WRITERS[:2]))}
    assert bad == {}
    assert {n: by for n, by in found.items() if n.split(".")[0] in FOREIGN} == {}


@pytest.mark.parametrize("module", [*modules_in("archive.record"), *modules_in("archive.package")])
def test_record_and_package_import_nothing_above_them_and_no_network(module: str) -> None:
    above = ("bundle", "trust", "stores", "chain", "publish", "verify", "cli")
    found = reach(module)
    assert {n: by for n, by in found.items() if n.startswith(tuple(f"archive.{a}" for a in above))} == {}
    network = ("requests", "urllib3", "socket", "http", *FOREIGN)
    assert {n: by for n, by in found.items() if n.split(".")[0] in network} == {}


def test_verify_offline_loads_no_writer_and_no_chain_library(desk, tmp_path: Path) -> None:
    """The same at run time, of the command in a process of its own."""
    import json

    published = desk.publish()
    bundle = published.write_bundle(tmp_path / "x.proof.json")
    code = (
        "import sys, json\n"
        "sys.argv = ['archive', 'verify', *sys.argv[1:]]\n"
        "from archive.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    status = stop.code\n"
        "sys.stderr.write(json.dumps([status, sorted(sys.modules)]))\n"
    )
    command = [sys.executable, "-c", code, str(bundle), str(published.folder), "--offline"]
    done = subprocess.run(
        [*command, "--workspace", str(tmp_path / "space")], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    status, modules = json.loads(done.stderr.splitlines()[-1])
    assert status == 3
    writers = [w for w in WRITERS if w not in ("archive.cli", "archive.stores.local", "archive.publish")]
    loaded = [m for m in modules if m in writers or m.split(".")[0] in (*FOREIGN, "requests", "sqlite3")]
    # `archive.cli.main` registers every command: none of them may load what it needs before it runs.
    assert loaded == []
