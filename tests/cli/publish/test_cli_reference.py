"""docs/cli.md names every command, every option and every word of help, and nothing that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for part, child in below.items():
        yield from commands(child, f"{name} {part}")


def documented() -> dict[str, str]:
    """Command → its section, by the longest run of lower-case words in the heading."""
    found = {}
    for heading, body in re.findall(r"^### `(archive[^`]*)`\n(.*?)(?=^### |\Z)", PAGE, re.DOTALL | re.MULTILINE):
        name = re.match(r"archive(?: [a-z][a-z-]*)+", heading)
        assert name is not None, heading
        found[name[0]] = body
    return found


def actual() -> dict[str, Any]:
    from archive.cli.main import build_app

    return dict(commands(typer.main.get_command(build_app()), "archive"))


def test_every_command_has_its_section_and_no_other() -> None:
    assert sorted(documented()) == sorted(actual())


def test_every_option_is_listed_and_no_other() -> None:
    sections = documented()
    for name, command in actual().items():
        rows = re.findall(r"^\| (`-[^|]*) \|", sections[name].replace("\\|", "/"), re.MULTILINE)
        listed = {option for row in rows for option in re.findall(r"`(--?[a-z0-9-]+)", row)}
        there = {
            option
            for parameter in command.params
            if parameter.param_type_name == "option" and parameter.name != "help"
            for option in parameter.opts
        }
        assert listed == there, name


def test_the_keys_that_others_rely_on_are_promised() -> None:
    sections = documented()
    for name, keys in {
        "archive pack": ("root", "content_id", "car"),
        "archive publish": (
            "root",
            "content_id",
            "bundle",
            "chain_id",
            "registry",
            "publisher",
            "transaction",
            "block",
        ),
        "archive check": ("problems[]", "code", "path", "line", "pointer", "message", "hint"),
        "archive verify": ("verdict", "checks[]", "code", "status", "subject", "expected", "found"),
    }.items():
        for key in keys:
            assert f"`{key}`" in sections[name], (name, key)
