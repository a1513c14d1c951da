"""The documentation as a web site: the Markdown files of the repository, and a check of every link in them.

The site mirrors the repository: `docs/record.md` becomes `docs/record.html`, a `README.md` becomes the `index.html` of
its folder, so relative links mean the same in both. Files that a page links to are copied, folders get a page with
their names. Nothing is fetched: external links are held against a committed list (`docs/links.txt`).

Pages run no script and load nothing but their own style sheet and pictures. HTML in Markdown is shown as text.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token

HERE = Path(__file__).resolve().parent
START = "README.md"
LINKS = "docs/links.txt"
PAGES = (
    "README.md",
    "README.zh.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/**/*.md",
    "contracts/README.md",
    "contracts/SLITHER.md",
    "contracts/deployments/README.md",
    "tests/vectors/README.md",
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link or picture as it is written."""

    target: str
    line: int
    picture: bool
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file. `path` is relative to the repository, with slashes; `headings` are (level, slug, text)."""

    path: str
    title: str
    headings: tuple[tuple[int, str, str], ...]
    links: tuple[Link, ...]
    tokens: tuple[Token, ...]

    @property
    def language(self) -> str:
        return "zh-Hans" if self.path.endswith(".zh.md") else "en"

    @property
    def slugs(self) -> frozenset[str]:
        return frozenset(slug for _, slug, _ in self.headings)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a link. Codes: docs.missing_file, missing_anchor, outside, no_alt, unreachable, no_title,
    link_unlisted, link_unused."""

    code: str
    place: str
    message: str


def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def slug(text: str) -> str:
    """The anchor that GitHub gives a heading: lower case, spaces to hyphens, punctuation left out."""
    kept = [
        char
        for char in unicodedata.normalize("NFC", text).lower()
        if char in " -_" or unicodedata.category(char)[0] in "LMN"
    ]
    return "".join(kept).replace(" ", "-")


def _plain(token: Token) -> str:
    return "".join(_plain(child) if child.children else child.content for child in token.children or [])


def parse(path: str, text: str) -> Page:
    """Read one Markdown file; headings get the anchors that GitHub gives them."""
    tokens = _markdown().parse(text)
    headings: list[tuple[int, str, str]] = []
    links: list[Link] = []
    seen: dict[str, int] = {}
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type != "inline":
            continue
        if before is not None and before.type == "heading_open":
            words = _plain(token)
            base = slug(words)
            count = seen.get(base, 0)
            seen[base] = count + 1
            anchor = f"{base}-{count}" if count else base
            before.attrSet("id", anchor)
            headings.append((int(before.tag[1]), anchor, words))
        line = (token.map or [0])[0] + 1
        for child in token.children or []:
            if child.type == "link_open":
                links.append(Link(str(child.attrGet("href")), line, False, ""))
            elif child.type == "image":
                links.append(Link(str(child.attrGet("src")), line, True, _plain(child)))
    title = next((words for level, _, words in headings if level == 1), "")
    return Page(path, title, tuple(headings), tuple(links), tuple(tokens))


def read(root: Path) -> dict[str, Page]:
    """All pages of the repository, by path."""
    found = sorted({path for pattern in PAGES for path in root.glob(pattern) if path.is_file()})
    names = [path.relative_to(root).as_posix() for path in found]
    return {name: parse(name, (root / name).read_text(encoding="utf-8")) for name in names}


def is_external(target: str) -> bool:
    return bool(urlsplit(target).scheme)


def resolve(page: str, target: str) -> tuple[str, str]:
    """The repository path that a relative link means, and its anchor ("" where there is none)."""
    parts = urlsplit(target)
    path = unquote(parts.path)
    return (posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page), unquote(
        parts.fragment
    )


def as_page(root: Path, path: str) -> str:
    """The Markdown file behind a path: a folder stands for its README."""
    return posixpath.normpath(f"{path}/README.md") if (root / path / "README.md").is_file() else path


def external(pages: dict[str, Page]) -> list[str]:
    """Every external link, sorted."""
    return sorted({link.target for page in pages.values() for link in page.links if is_external(link.target)})


def check(root: Path) -> list[Problem]:
    """All problems of all links: nothing is fetched."""
    pages = read(root)
    problems: list[Problem] = []
    reached: dict[str, set[str]] = {}
    for page in pages.values():
        if not page.title:
            problems.append(Problem("docs.no_title", page.path, "a page starts with a heading of level 1"))
        for link in page.links:
            place = f"{page.path}:{link.line}"
            if link.picture and not link.text.strip():
                problems.append(Problem("docs.no_alt", place, f"the picture {link.target} has no words beside it"))
            if is_external(link.target):
                continue
            path, anchor = resolve(page.path, link.target)
            if path.startswith("../") or path == ".." or link.target.startswith("/"):
                problems.append(Problem("docs.outside", place, f"{link.target} leads out of the repository"))
                continue
            if not (root / path).exists():
                problems.append(Problem("docs.missing_file", place, f"{link.target}: there is no {path}"))
                continue
            path = as_page(root, path)
            reached.setdefault(page.path, set()).add(path)
            if anchor and (path not in pages or anchor not in pages[path].slugs):
                problems.append(Problem("docs.missing_anchor", place, f"{link.target}: {path} has no such heading"))
    problems += [
        Problem("docs.unreachable", path, f"no way of links leads here from {START}")
        for path in sorted(set(pages) - _reachable(root, pages, reached))
    ]
    listed = (root / LINKS).read_text(encoding="utf-8").splitlines() if (root / LINKS).is_file() else []
    there = external(pages)
    problems += [
        Problem("docs.link_unlisted", LINKS, f"{url} is not listed; run: make links")
        for url in there
        if url not in listed
    ]
    problems += [
        Problem("docs.link_unused", LINKS, f"{url} stands on no page; run: make links")
        for url in listed
        if url not in there
    ]
    return problems


def _reachable(root: Path, pages: dict[str, Page], reached: dict[str, set[str]]) -> set[str]:
    todo, seen = [START], {START}
    while todo:
        for path in reached.get(todo.pop(), ()):
            inside = [name for name in pages if posixpath.dirname(name) == path] if (root / path).is_dir() else [path]
            for name in inside:
                if name in pages and name not in seen:
                    seen.add(name)
                    todo.append(name)
    return seen


# --------------------------------------------------------------------------------------------------------- building


def out_name(path: str) -> str:
    """Where a page stands on the site: `docs/record.md` → `docs/record.html`, a `README.md` → `index.html`."""
    folder, name = posixpath.split(path)
    stem = name.removesuffix(".md")
    return posixpath.join(
        folder, ("index" + stem.removeprefix("README") if stem.startswith("README") else stem) + ".html"
    )


def _relative(start: str, target: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(start) or ".")


def _rewritten(root: Path, pages: dict[str, Page], page: Page) -> Iterator[Token]:
    """The page's tokens with links to pages and folders leading to their HTML."""
    for token in page.tokens:
        for child in token.children or []:
            href = child.attrGet("href") if child.type == "link_open" else None
            if isinstance(href, str) and not is_external(href):
                path, anchor = resolve(page.path, href)
                path = as_page(root, path)
                target = out_name(path) if path in pages else f"{path}/index.html" if (root / path).is_dir() else path
                child.attrSet("href", _relative(out_name(page.path), target) + (f"#{anchor}" if anchor else ""))
            elif child.type == "image":
                for name, size in _size_of(root / resolve(page.path, str(child.attrGet("src")))[0]).items():
                    child.attrSet(name, size)
        if token.type in ("table_open", "fence", "code_block"):
            token.attrSet("tabindex", "0")  # wide ones scroll sideways: the keyboard must reach them
        yield token


def _size_of(picture: Path) -> dict[str, str]:
    """Width and height of a PNG or SVG, so that nothing moves when it arrives; of other pictures nothing is said."""
    data = picture.read_bytes()
    if data.startswith(b"\x89PNG"):
        return {"width": str(int.from_bytes(data[16:20], "big")), "height": str(int.from_bytes(data[20:24], "big"))}
    found = re.search(rb'viewBox="0 0 (\d+) (\d+)"', data[:1000])
    return {"width": found[1].decode(), "height": found[2].decode()} if found else {}


def build(root: Path, out: Path) -> list[str]:
    """Write the site into the empty or absent folder `out`; return the names of the files written."""
    pages = read(root)
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.get_template("page.html")
    renderer = _markdown().renderer
    written: list[str] = []

    def write(name: str, **values: Any) -> None:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            template.render(
                style=_relative(name, "style.css"),
                home=_relative(name, out_name(START)),
                contents=_relative(name, out_name("docs/README.md")),
                **values,
            ),
            encoding="utf-8",
        )
        written.append(name)

    files: set[str] = set()
    folders: set[str] = set()
    for page in pages.values():
        for link in page.links:
            if not is_external(link.target):
                path = as_page(root, resolve(page.path, link.target)[0])
                if path not in pages:
                    (folders if (root / path).is_dir() else files).add(path)
        other = page.path.replace(".zh.md", ".md") if page.language != "en" else page.path[:-3] + ".zh.md"
        name = out_name(page.path)
        write(
            name,
            title=page.title,
            language=page.language,
            other=_relative(name, out_name(other)) if other in pages else None,
            # The page that everybody sees first begins with its picture.
            headings=[entry for entry in page.headings if entry[0] == 2 and "/" in page.path],
            body=renderer.render(list(_rewritten(root, pages, page)), _markdown().options, {}),
            names=(),
        )
    for folder in sorted(folders):
        names = []
        for entry in sorted((root / folder).iterdir()):
            inside = f"{folder}/{entry.name}"
            if inside in pages:
                names.append((posixpath.basename(out_name(inside)), pages[inside].title))
            elif entry.is_file() and not entry.name.startswith("."):
                files.add(inside)
                names.append((entry.name, entry.name))
        write(f"{folder}/index.html", title=f"{folder}/", language="en", other=None, headings=(), body="", names=names)
    for name in sorted(files):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, out / name)
    shutil.copyfile(HERE / "style.css", out / "style.css")
    return [*written, *sorted(files), "style.css"]


def write_links(root: Path) -> Path:
    """Write the list of external links anew."""
    path = root / LINKS
    path.write_text("".join(f"{url}\n" for url in external(read(root))), encoding="utf-8")
    return path
