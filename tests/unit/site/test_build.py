"""A whole site: every page safe, every link alive, the same bytes again, and nothing of others ever deleted."""

from __future__ import annotations

import hashlib
import json
import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag
from xml.etree import ElementTree

import pytest

from archive.errors import InvalidInputError, RefusedError, UsageError
from archive.package import canonical
from archive.site.build import build, policy_pages
from archive.site.installed import verifier_page
from archive.site.model import Act, Anchor, BundleFile, Incident, Place, Reply, Site
from bench.site import make_record
from tests.support.shown import honest, hostile

Make = Callable[..., Incident]
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]")
VOID = {"meta", "link", "img", "input", "br", "line", "rect"}


@dataclass
class Page(HTMLParser):
    """One page as a browser reads it: elements with their attributes, ids, links, text by element."""

    source: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    data: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert len(values) == len(attrs), (tag, attrs)
        self.elements.append((tag, values))
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open, tag
            assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if "script" not in self.open:
            self.data.append(data)


def pages_of(out: Path) -> dict[str, Page]:
    return {
        path.relative_to(out).as_posix(): Page(path.read_text(encoding="utf-8"))
        for path in sorted(out.rglob("*.html"))
        if path.name != "verifier.html"
    }


def check_page(name: str, page: Page, out: Path, all_pages: dict[str, Page]) -> None:
    assert page.open == [], name
    assert len(page.ids) == len(set(page.ids)), (name, [i for i in page.ids if page.ids.count(i) > 1])
    assert page.headings.count(1) == 1, name
    assert all(after - before <= 1 for before, after in zip([0, *page.headings], page.headings, strict=False)), name
    assert not ACTING.search("".join(page.data)), name
    kinds = [tag for tag, _ in page.elements]
    assert kinds.count("main") == 1
    assert not {"iframe", "object", "embed", "base", "form", "style", "video", "audio", "applet"} & set(kinds), name
    policy = [a.get("content") for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policy) == 1
    assert str(policy[0]).startswith("default-src 'none';")
    for tag, attributes in page.elements:
        assert not any(key.startswith("on") or key == "style" for key in attributes), (name, tag, attributes)
        if tag == "script":
            data = attributes.get("type") == "application/ld+json"
            assert data or str(attributes.get("src")).endswith("assets/site.js"), (name, attributes)
        if tag == "img":
            assert {"width", "height", "alt"} <= set(attributes), (name, attributes)
        if tag == "html":
            assert attributes["lang"] in ("en", "zh-Hans")
        for key in ("href", "src"):
            if key in attributes:
                check_link(name, tag, str(attributes[key]), attributes, out, all_pages)


def check_link(
    name: str, tag: str, link: str, attributes: dict[str, str | None], out: Path, all_pages: dict[str, Page]
) -> None:
    if link.startswith(("http://", "https://")):
        assert tag == "a" or attributes.get("rel") == "canonical", (name, link)
        assert tag != "a" or attributes["rel"] == "noopener noreferrer nofollow"
        return
    assert ":" not in link.split("#")[0], (name, link)
    assert not link.startswith("/"), (name, link)
    path, fragment = urldefrag(link)
    target = (out / name).parent / unquote(path) if path else out / name
    assert target.is_file(), (name, link)
    key = target.resolve().relative_to(out.resolve()).as_posix()
    if fragment and key in all_pages:
        assert fragment in all_pages[key].ids, (name, link)


def check_site(out: Path) -> dict[str, Page]:
    all_pages = pages_of(out)
    for name, page in all_pages.items():
        check_page(name, page, out, all_pages)
    return all_pages


def digests(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def published(incident: Incident, tmp_path: Path) -> Incident:
    """The incident with all that a publication, a registry and other publishers add; two revisions."""
    bundle = tmp_path / "x.proof.json"
    bundle.write_bytes(b"{}")
    first = replace(
        incident.current,
        root="aa" * 32,
        content_id="bafybei" + "a" * 52,
        publisher="0x" + "11" * 20,
        manifest_json=b"{}",
        bundle=BundleFile(f"{incident.id}-r1.proof.json", hashlib.sha256(b"{}").hexdigest(), 2, bundle),
        anchors=(
            Anchor(
                97, "0x" + "22" * 20, "0x" + "11" * 20, "0x" + "33" * 32, 9, "0x" + "44" * 32, 1_700_000_000, 1,
                "bsc-testnet", signed=True, in_chain=True,
            ),
        ),
        stamps=("rfc3161", "other"),
        acts=(
            Act("endorsement", "0x" + "55" * 20, 1_700_000_100, "0x" + "22" * 20, "reg", "An endorser", "table"),
            Act("retraction", "0x" + "11" * 20, 1_700_000_200, "0x" + "22" * 20, "reg", None, None, "<b>wrong</b>"),
        ),
        acts_asked=True,
        places=(Place("kubo", "ours", "bafy", checked=True), Place("arweave", "x", "<i>", checked=False, pending=True)),
    )  # fmt: skip
    record = {
        **incident.record,
        "revision": 2,
        "revisions": [*incident.record["revisions"], {"revision": 2, "reason": {"en": "Better.", "zh-Hans": "更好。"}}],
        "claims": [{**incident.record["claims"][0], "status": "retracted"}, *incident.record["claims"][1:]],
    }
    second = replace(
        first,
        number=2,
        record=record,
        record_json=canonical.dumps(record),
        root="bb" * 32,
        previous_root=first.root,
        bundle=BundleFile(f"{incident.id}-r2.proof.json", hashlib.sha256(b"{}").hexdigest(), 2, bundle),
    )
    reply = Reply(
        "2025-01-example.22222222", "c-refused", {"en": "No.", "zh-Hans": "否。"}, "responds_to", "c-refused",
        "0x" + "22" * 20, ({"en": "Venue", "zh-Hans": "平台"},),
    )  # fmt: skip
    return replace(
        incident,
        revisions=(first, second),
        replies=(reply,),
        others=("2025-01-example.22222222",),
        forks=(replace(first, root="ee" * 32),),
        publisher_name="The publisher",
    )


def test_a_site_is_sound_in_both_languages(make_incident: Make, tmp_path: Path) -> None:
    mine = published(make_incident(), tmp_path)
    other = replace(make_incident(), slug="2025-01-example.22222222")
    site = Site((mine, other), "https://example.org/a/")
    built = build(site, tmp_path / "out")
    pages = check_site(tmp_path / "out")
    assert built.pages == len(pages)
    english = {name.removeprefix("en/") for name in pages if name.startswith("en/")}
    assert english == {name.removeprefix("zh/") for name in pages if name.startswith("zh/")}
    proof = "".join(pages["en/2025-01-example/proof.html"].data)
    for words in ("BSC testnet", "wrong", "An endorser", "downloaded again and compared", "retracted", "is now"):
        assert words in proof, words
    claims = "".join(pages["en/2025-01-example/claims.html"].data)
    assert "is answered by" in claims
    assert "Replies in other packages" in claims
    assert "(as that package names them)" in claims
    assert "Our engine had no problem." in claims


def test_a_chinese_page_holds_no_english_words_of_the_interface(make_incident: Make, tmp_path: Path) -> None:
    record = honest(timeline=[], parties=[], claims=[], questions=[])
    record["figures"] = [{**f, "claimed_by": ["venue"]} for f in record["figures"]]
    record["evidence"] = []
    record["findings"] = []
    build(Site((make_incident(record),)), tmp_path / "out")
    for name, page in pages_of(tmp_path / "out").items():
        if name.startswith("zh/2025"):
            words = re.findall("[A-Za-z]{3,}", " ".join(page.data))
            allowed = {"English", "UTC", "BibTeX", "CSL", "JSON", "BagIt", "Crate", "SHA", "cookie", "archive", "kB"}
            rest = {word for word in words if word not in allowed}
            if not name.endswith("proof.html"):
                assert rest <= {"example"}, (name, rest)


def test_a_hostile_record_and_hostile_files_run_nothing(make_incident: Make, tmp_path: Path) -> None:
    record = hostile(honest())
    record["evidence"] = [
        {"id": "page", "path": "evidence/x.html", "media_type": "text/html", "title": record["title"]},
        {"id": "drawing", "path": "evidence/x.svg", "media_type": "image/svg+xml"},
        {"id": "liar", "path": "evidence/x.csv", "media_type": "text/csv"},
        {"id": "picture", "path": "evidence/x.png", "media_type": "image/png"},
        {"id": "table", "path": "evidence/t.csv", "media_type": "text/csv"},
    ]
    record["references"][0]["url"] = "https://еxample.org/a?b=<script>"
    active = b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'><script>x()</script></svg>"
    files = {"page": active, "drawing": active, "liar": active, "picture": active, "table": b"<b>,x\n1,<script>\n"}
    build(Site((make_incident(record, files),)), tmp_path / "out")
    check_site(tmp_path / "out")
    evidence = tmp_path / "out" / "files" / "2025-01-example" / "evidence"
    assert sorted(path.name for path in evidence.iterdir()) == [
        "drawing.zip",
        "liar.zip",
        "page.zip",
        "picture.zip",
        "table.zip",
    ]
    with zipfile.ZipFile(evidence / "page.zip") as packed:
        assert packed.namelist() == ["page.html"]
        assert packed.read("page.html") == active
    for path in (tmp_path / "out" / "files").rglob("*.svg"):
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(path.read_bytes()).iter()}
        assert tags <= {"svg", "style", "line", "rect", "text", "circle"}, path


def test_the_same_sources_give_the_same_bytes(make_incident: Make, tmp_path: Path) -> None:
    site = Site((published(make_incident(), tmp_path),), "https://example.org/")
    build(site, tmp_path / "one")
    build(site, tmp_path / "two")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_several_processes_write_what_one_writes(
    make_incident: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    site = Site(tuple(make_incident({**make_record(n, chance), "evidence": []}) for n in range(5)))
    monkeypatch.setattr("archive.site.workers.MANY", 2)
    monkeypatch.setattr("archive.site.workers.MAX_WORKERS", 2)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    many = build(site, tmp_path / "many")
    monkeypatch.setattr("archive.site.workers.MANY", 99)
    assert build(site, tmp_path / "one") == many
    assert digests(tmp_path / "one") == digests(tmp_path / "many")


@pytest.mark.parametrize("size", [300, 8_000, 60_000])
def test_no_page_grows_past_its_budget(make_incident: Make, tmp_path: Path, size: int) -> None:
    record = honest()
    text = {"en": "word & " * (size // 7), "zh-Hans": "长文本" * (size // 3)}
    record["claims"] = [
        {"id": f"c-{n}", "text": text, "note": text, "claimed_by": ["trader-a"], "status": "asserted", "sources": []}
        for n in range(40)
    ]
    record["timeline"] = [
        {"id": f"t-{n}", "at": f"2025-01-02T03:{n:02d}:00+08:00", "precision": "minute", "text": text}
        for n in range(60)
    ]
    record["statements"][0]["versions"] = [{"text": text}, {"text": {"en": "other " * 50, "zh-Hans": "别的" * 50}}] * 9
    built = build(Site((make_incident(record),)), tmp_path / "out")
    assert built.largest_size < 170_000, built.largest
    check_site(tmp_path / "out")


def test_a_file_that_changed_meanwhile_is_refused(make_incident: Make, tmp_path: Path) -> None:
    incident = make_incident()
    source = incident.current.files[0].source
    assert source is not None
    source.write_bytes(b"row,value\nr1,6\n")
    with pytest.raises(InvalidInputError) as caught:
        build(Site((incident,)), tmp_path / "out")
    assert caught.value.code == "site.changed"
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out.*"))


def test_a_bundle_that_changed_since_it_was_checked_is_refused(make_incident: Make, tmp_path: Path) -> None:
    incident = published(make_incident(), tmp_path)
    (tmp_path / "x.proof.json").write_bytes(b'{"of": "somebody else"}')
    with pytest.raises(InvalidInputError) as caught:
        build(Site((incident,)), tmp_path / "out")
    assert caught.value.code == "site.changed"
    assert not (tmp_path / "out").exists()


def test_large_evidence_is_named_and_left_out(make_incident: Make, tmp_path: Path) -> None:
    build(Site((make_incident(),)), tmp_path / "out", max_evidence=3)
    assert not (tmp_path / "out" / "files" / "2025-01-example" / "evidence").exists()
    shown = "".join(pages_of(tmp_path / "out")["en/2025-01-example/evidence.html"].data)
    assert "Too large for this site: 15 B." in shown


def test_only_a_site_is_replaced_and_nothing_else_is_touched(make_incident: Make, tmp_path: Path) -> None:
    site, out = Site((make_incident(),)), tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(RefusedError) as foreign:
        build(site, out, force=True)
    assert foreign.value.code == "site.foreign"
    (out / "mine.txt").unlink()
    build(site, out)
    with pytest.raises(RefusedError) as exists:
        build(site, out)
    assert exists.value.code == "site.exists"
    (out / "en" / "mine.txt").write_text("keep")
    with pytest.raises(RefusedError) as strange:
        build(site, out, force=True)
    assert strange.value.code == "site.foreign"
    assert (out / "en" / "mine.txt").read_text() == "keep"
    (out / "en" / "mine.txt").unlink()
    build(Site(()), out, force=True)
    assert not (out / "en" / "2025-01-example").exists()
    assert json.loads((out / "site.json").read_bytes())["format"] == "incident-archive-site/1"
    assert not list(tmp_path.glob(".out.*"))


def test_a_link_in_place_of_the_folder_is_refused(make_incident: Make, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with pytest.raises(RefusedError) as caught:
        build(Site((make_incident(),)), tmp_path / "out", force=True)
    assert caught.value.code == "site.foreign"


def test_an_installation_without_the_verifier_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.site.installed.VERIFIER", "absent.html")
    with pytest.raises(UsageError) as caught:
        verifier_page()
    assert caught.value.code == "site.no_verifier"
    assert "web/build.mjs" in str(caught.value.hint)


def test_the_policy_is_shown_in_both_languages() -> None:
    assert set(policy_pages()) == {"en", "zh"}
    assert policy_pages()["zh"].startswith("<h1>政策</h1>")
