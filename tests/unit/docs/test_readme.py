"""README.md and README.zh.md say the same, and only what is there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tools import docsite, verifier_hash

ROOT = Path(__file__).resolve().parents[3]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")
PAGES = {path: (ROOT / path).read_text(encoding="utf-8") for path in docsite.read(ROOT)}
# Pages of decisions and changes speak of what was; one section names what is not built.
CURRENT = sorted(path for path in PAGES if not path.startswith("docs/adr/") and path != "CHANGELOG.md")
ABSENT = re.compile(r"^- `archive prove`.*$", re.MULTILINE)


def fences(text: str) -> list[str]:
    return re.findall(r"^ *```[a-z]*\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)


def code(text: str) -> list[str]:
    """Lines of fences without their comments, and code spans elsewhere."""
    rest = re.sub(r"^ *```[a-z]*\n.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines = [re.sub(r"\s+#\s.*", "", line).strip() for block in fences(text) for line in block.splitlines()]
    return [line for line in lines if line] + re.findall(r"`([^`\n]+)`", rest)


def commands() -> dict[str, set[str]]:
    """Every command with its options."""
    from archive.cli.main import build_app

    def walk(command: Any, name: str) -> Iterator[tuple[str, set[str]]]:
        below = getattr(command, "commands", None)
        if below is None:
            options = {
                option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
            }
            yield name, {option for option in options if option.startswith("-")} | {"--help"}
            return
        yield name, {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for part, child in below.items():
            yield from walk(child, f"{name} {part}")

    return dict(walk(typer.main.get_command(build_app()), "archive"))


COMMANDS = commands()


def wrong(line: str) -> str | None:
    """What is wrong with a line that begins with `archive`; None when all of it is there."""
    words = line.replace("[", " ").replace("]", " ").split()
    name = "archive"
    for word in words[1:]:
        if f"{name} {word}" in COMMANDS:
            name = f"{name} {word}"
        else:
            break
    if name == "archive" and len(words) > 1 and not words[1].startswith("-"):
        return f"{line}: no such command"
    options = {re.split(r"[=|,;/]", word)[0] for word in words if re.match(r"--[a-z]", word)}
    missing = options - COMMANDS[name]
    return f"{line}: {name} has no {', '.join(sorted(missing))}" if missing else None


@pytest.mark.parametrize("path", CURRENT)
def test_every_command_and_option_is_there(path: str) -> None:
    text = ABSENT.sub("", PAGES[path])
    lines = [re.sub(r"^(\.venv/bin/|\$ )", "", line) for line in code(text)]
    found = [wrong(line) for line in lines if re.match(r"archive( [a-z]|$)", line)]
    assert [problem for problem in found if problem] == []


@pytest.mark.parametrize("line", ["archive teleport", "archive verify X --onlin", "archive trust add nobody --chain"])
def test_the_check_of_commands_finds_wrong_ones(line: str) -> None:
    assert wrong(line) is not None


@pytest.mark.parametrize("path", CURRENT)
def test_every_make_target_is_there(path: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in code(PAGES[path]) if re.match(r"make [a-z-]+( |$)", line)} <= targets


def test_both_languages_have_the_same_headings() -> None:
    english, chinese = docsite.parse("README.md", ENGLISH), docsite.parse("README.zh.md", CHINESE)
    assert [level for level, _, _ in english.headings] == [level for level, _, _ in chinese.headings]
    assert not any(re.search("[\u4e00-\u9fff]", words) for _, _, words in english.headings)
    assert all(re.search("[\u4e00-\u9fff]", words) for _, _, words in chinese.headings)


def test_both_languages_have_the_same_commands_and_code() -> None:
    def bare(text: str) -> list[list[str]]:
        return [[re.sub(r"\s+#\s.*", "", line).strip() for line in block.splitlines()] for block in fences(text)]

    assert bare(ENGLISH) == bare(CHINESE)


def test_both_languages_have_the_same_code_spans_section_by_section() -> None:
    def sections(text: str) -> list[list[str]]:
        without = re.sub(r"^ *```[a-z]*\n.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
        parts = re.split(r"^##+ .*$", without, flags=re.MULTILINE)
        return [sorted(set(re.findall(r"`([^`\n]+)`", part))) for part in parts]

    assert sections(ENGLISH) == sections(CHINESE)


def test_both_languages_have_the_same_links() -> None:
    def targets(path: str, text: str) -> list[str]:
        links = [re.sub(r"#.*", "#", link.target) for link in docsite.parse(path, text).links]
        return sorted(re.sub(r"\.zh(\.md|\.svg|\.png)$", r"\1", link) for link in links)

    assert targets("README.md", ENGLISH) == targets("README.zh.md", CHINESE)


def test_both_languages_have_the_same_tables_and_lists() -> None:
    for pattern in (r"^ *\|", r"^ *- ", r"^ *\d+\. "):
        assert len(re.findall(pattern, ENGLISH, re.MULTILINE)) == len(re.findall(pattern, CHINESE, re.MULTILINE)), (
            pattern
        )


@pytest.mark.parametrize("pair", [("docs/policy.md", "docs/policy.zh.md")])
def test_other_pairs_have_the_same_shape(pair: tuple[str, str]) -> None:
    english, chinese = (PAGES[path] for path in pair)
    for pattern in (r"^#+ ", r"^ *\|", r"^ *- ", r"^ *\d+\. "):
        assert len(re.findall(pattern, english, re.MULTILINE)) == len(re.findall(pattern, chinese, re.MULTILINE)), (
            pattern
        )


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_the_hash_of_the_verifier_is_that_of_the_file(text: str) -> None:
    expected = hashlib.sha256((ROOT / "archive/site/assets/verifier.html").read_bytes()).hexdigest()
    assert verifier_hash.stated(text) == expected, "run: make web"


def test_pictures_stay_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs/images").iterdir()}
    assert sizes
    assert {name: size for name, size in sizes.items() if size > 300_000} == {}
