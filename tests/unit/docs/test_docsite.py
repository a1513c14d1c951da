"""The links of the documentation, and the site that is built from it. Nothing is fetched."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tools import docsite

ROOT = Path(__file__).resolve().parents[3]
PAGE = "# Start\n\n[record](docs/record.md#how-it-is-read) ![A drawing](docs/a.svg) [out](https://example.org/a)\n"
RECORD = "# Record\n\n## How it is read?\n\n[schemas](../schemas) [list](list.json) [back](../README.md)\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "docs").mkdir(parents=True)
    (root / "schemas").mkdir()
    (root / "README.md").write_text(PAGE)
    (root / "docs/README.md").write_text("# Contents\n")
    (root / "docs/record.md").write_text(RECORD + "\n[contents](README.md)\n")
    (root / "docs/list.json").write_text("{}\n")
    (root / "docs/a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 20"/>')
    (root / "schemas/one.json").write_text("{}\n")
    (root / "docs/links.txt").write_text("https://example.org/a\n")
    return root


def codes(root: Path) -> list[str]:
    return sorted(problem.code for problem in docsite.check(root))


def test_every_link_of_this_repository_leads_somewhere() -> None:
    assert docsite.check(ROOT) == []


def test_a_good_repository_has_no_problems(repository: Path) -> None:
    assert codes(repository) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[gone](docs/gone.md)", "docs.missing_file"),
        ("[anchor](docs/record.md#how-it-was-read)", "docs.missing_anchor"),
        ("[own anchor](#end)", "docs.missing_anchor"),
        ("[anchor of a file](schemas/one.json#a)", "docs.missing_anchor"),
        ("[out](../other/README.md)", "docs.outside"),
        ("[root](/docs/record.md)", "docs.outside"),
        ("![](docs/a.svg)", "docs.no_alt"),
        ("[new](https://example.org/b)", "docs.link_unlisted"),
        ("[by name][one]\n\n[one]: docs/gone.md", "docs.missing_file"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(repository: Path, text: str, code: str) -> None:
    (repository / "README.md").write_text(f"{PAGE}\n{text}\n")
    assert codes(repository) == [code]
    assert [problem.place for problem in docsite.check(repository)] in (["README.md:5"], ["docs/links.txt"])


def test_a_page_that_nothing_links_to_is_found(repository: Path) -> None:
    (repository / "docs/alone.md").write_text("# Alone\n")
    assert codes(repository) == ["docs.unreachable"]


def test_a_page_without_a_title_is_found(repository: Path) -> None:
    (repository / "docs/README.md").write_text("## Contents\n")
    assert codes(repository) == ["docs.no_title"]


def test_a_listed_link_that_stands_nowhere_is_found(repository: Path) -> None:
    (repository / "docs/links.txt").write_text("https://example.org/a\nhttps://example.org/old\n")
    assert codes(repository) == ["docs.link_unused"]
    docsite.write_links(repository)
    assert codes(repository) == []


def test_anchors_are_those_of_the_hosting_site() -> None:
    headings = docsite.parse("a.md", "# A `b_c`: d?\n## Two, three\n## Two three\n## 中文 标题（一）\n").headings
    assert [anchor for _, anchor, _ in headings] == ["a-b_c-d", "two-three", "two-three-1", "中文-标题一"]


class Seen(HTMLParser):
    """Tags, and what they link to or load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.ids |= {values["id"] or ""} if "id" in values else set()
        self.targets += [values[name] or "" for name in ("href", "src") if name in values]


def seen(path: Path) -> Seen:
    parser = Seen()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


def test_the_built_site_has_every_page_and_no_dead_link(tmp_path: Path) -> None:
    names = docsite.build(ROOT, tmp_path)
    pages = docsite.read(ROOT)
    assert {docsite.out_name(path) for path in pages} <= set(names)
    for name in names:
        if not name.endswith(".html"):
            continue
        page = seen(tmp_path / name)
        assert "script" not in page.tags, name
        for target in page.targets:
            if docsite.is_external(target):
                assert target in docsite.external(pages), (name, target)
                continue
            path, _, anchor = target.partition("#")
            aim = (tmp_path / name).parent / path if path else tmp_path / name
            assert aim.is_file(), (name, target)
            if anchor:
                assert anchor in seen(aim).ids, (name, target)


def test_html_in_a_page_is_shown_and_not_run(repository: Path, tmp_path: Path) -> None:
    (repository / "README.md").write_text(PAGE + "\n<script>alert(1)</script>\n")
    docsite.build(repository, tmp_path / "out")
    text = (tmp_path / "out/index.html").read_text()
    assert "&lt;script&gt;" in text
    assert "script" not in seen(tmp_path / "out/index.html").tags
    assert re.search(r"Content-Security-Policy\" content=\"default-src 'none'", text)


def test_linked_files_and_folders_are_there(repository: Path, tmp_path: Path) -> None:
    docsite.build(repository, tmp_path / "out")
    assert (tmp_path / "out/docs/list.json").is_file()
    assert seen(tmp_path / "out/schemas/index.html").targets[-1] == "one.json"
    assert (tmp_path / "out/schemas/one.json").is_file()


def test_pictures_keep_their_place(repository: Path, tmp_path: Path) -> None:
    docsite.build(repository, tmp_path / "out")
    assert 'width="30" height="20"' in (tmp_path / "out/index.html").read_text()
