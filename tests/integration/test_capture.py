"""Recording pages of a server on this machine: what is in the WACZ, what changed since, what is refused."""

from __future__ import annotations

import http.server
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archive.errors import ArchiveError
from archive.evidence.capture import capture_page, compare, page_url
from archive.evidence.capture_browser import BROWSER_VARIABLE, find_browser, take_screenshot
from archive.evidence.readers.web import statement_lines, wacz_problems, warc_records
from archive.evidence.tables import check_table, open_table

pytest.importorskip("warcio")
pytest.importorskip("wacz")


class Site:
    """Pages of a server, by path: status, headers, body. They can be changed between visits."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                site.headers = {key.casefold(): value for key, value in self.headers.items()}
                status, headers, body = site.pages.get(self.path, (404, {}, b""))
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None:
                """Nothing is printed."""

        self.headers: dict[str, str] = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def page(self, text: str) -> None:
        body = f"<html><head><title>Notice</title><link rel=stylesheet href=/s.css></head><body><p>{text}</p>"
        body += "<img src='/a.png'><script>var hidden = 1</script><div style='height:3000px'></div></body></html>"
        headers = {"Content-Type": "text/html; charset=utf-8", "Last-Modified": "Mon, 13 Oct 2025 08:00:00 GMT"}
        self.pages["/"] = (200, headers, body.encode())
        self.pages["/s.css"] = (200, {"Content-Type": "text/css"}, b"p { color: red }")
        self.pages["/a.png"] = (200, {"Content-Type": "image/png"}, b"\x89PNG\r\n\x1a\n")


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    site.page("Core engines remained online.")
    yield site
    site.server.shutdown()
    site.server.server_close()


def test_a_page_is_recorded_with_its_parts_headers_and_time(site: Site, tmp_path: Path) -> None:
    made = capture_page(f"{site.url}/", tmp_path, screenshot=False)
    assert (made.status, made.title, made.records) == (200, "Notice", 3)
    records = {record.url.removeprefix(site.url): record for record in warc_records(made.path)}
    assert set(records) == {"/", "/s.css", "/a.png"}
    assert records["/"].last_modified == "Mon, 13 Oct 2025 08:00:00 GMT"
    assert records["/"].server_date is not None
    assert wacz_problems(made.path) == []
    assert "Core engines remained online." in statement_lines(made.path)
    assert not any("hidden" in line for line in statement_lines(made.path))
    table = open_table(made.path, "web-capture")
    rows = [row for batch in table.batches() for row in batch.to_pylist()]
    assert [row["http_status"] for row in rows] == [200, 200, 200]
    assert [problem.code for problem in check_table(table)] == []
    assert {"cookie", "referer", "authorization"}.isdisjoint(site.headers)


def test_redirects_are_recorded_hop_by_hop(site: Site, tmp_path: Path) -> None:
    site.pages["/old"] = (302, {"Location": "/"}, b"")
    made = capture_page(f"{site.url}/old", tmp_path, screenshot=False)
    assert made.final_url == f"{site.url}/"
    assert page_url(made.path) == made.final_url
    assert [record.status for record in warc_records(made.path)][:2] == ["302", "200"]


def test_again_shows_what_changed_since(site: Site, tmp_path: Path) -> None:
    first = capture_page(f"{site.url}/", tmp_path, screenshot=False, name="first.wacz")
    site.page("Core engines remained online; some modules had brief glitches.")
    site.pages["/s.css"] = (200, {"Content-Type": "text/css"}, b"p { color: blue }")
    second = capture_page(page_url(first.path), tmp_path, screenshot=False, name="second.wacz")
    change = compare(first.path, second.path)
    assert change.changed
    assert change.text.removed == ("Core engines remained online.",)
    assert change.text.added == ("Core engines remained online; some modules had brief glitches.",)
    assert change.parts_changed == (f"{site.url}/s.css",)
    assert not compare(first.path, first.path).changed


def test_the_command_records_adds_to_a_dossier_and_compares(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archive.cli.main import build_app

    monkeypatch.setenv(BROWSER_VARIABLE, "")
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    out = runner.invoke(build_app(), ["capture", f"{site.url}/", "--out", "a", "--json"], catch_exceptions=False)
    assert out.exit_code == 0
    first = json.loads(out.stdout)
    assert first["screenshot"]["taken"] is False
    assert "Chromium" in first["screenshot"]["skipped"]
    site.page("Edited.")
    again = runner.invoke(
        build_app(), ["capture", "--again", first["path"], "--out", "b", "--json"], catch_exceptions=False
    )
    assert json.loads(again.stdout)["change"]["added"] == ["Edited."]
    text = runner.invoke(build_app(), ["capture", "--again", first["path"], "--out", "c"], catch_exceptions=False)
    assert "+Edited." in text.stdout


def test_a_recording_becomes_evidence_of_a_dossier(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archive.cli.main import build_app
    from archive.record.check import check_dossier
    from archive.record.new import create_dossier
    from archive.record.scaffold import Start

    monkeypatch.setenv(BROWSER_VARIABLE, "")
    folder = tmp_path / "2025-10-11-example"
    create_dossier(folder, Start(folder.name, ("en",), "Orders refused", "Users say so.", "2025-10-11", "UTC+8"))
    words = ["capture", f"{site.url}/", "--dossier", str(folder), "--captured-by", "Tester", "--json"]
    ran = CliRunner().invoke(build_app(), words, catch_exceptions=False)
    assert json.loads(ran.stdout)["item"].startswith("127-0-0-1-")
    report = check_dossier(folder)
    assert report.evidence == 1
    assert [problem for problem in report.problems if problem.severity == "error"] == []
    text = (folder / "incident.yaml").read_text()
    assert "kind: web-capture" in text
    assert "by: Tester" in text
    assert "no screenshot" in text


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://127.0.0.1/", "capture.url"),
        ("http://user:secret@127.0.0.1/", "capture.url"),
        ("file:///etc/passwd", "capture.url"),
        ("http://127.0.0.1:9/", "capture.unreachable"),
    ],
)
def test_what_is_no_page_is_refused(url: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as caught:
        capture_page(url, tmp_path, screenshot=False)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_endless_redirects_and_existing_files_are_refused(site: Site, tmp_path: Path) -> None:
    site.pages["/loop"] = (302, {"Location": "/loop"}, b"")
    with pytest.raises(ArchiveError) as caught:
        capture_page(f"{site.url}/loop", tmp_path, screenshot=False)
    assert caught.value.code == "capture.redirects"
    (tmp_path / "there.wacz").write_bytes(b"mine")
    with pytest.raises(ArchiveError) as caught:
        capture_page(f"{site.url}/", tmp_path, screenshot=False, name="there.wacz")
    assert caught.value.code == "capture.exists"
    assert (tmp_path / "there.wacz").read_bytes() == b"mine"


def test_a_page_of_the_open_network_cannot_lead_into_the_private_one(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import archive.evidence.capture as module

    # The page's own address counts as one of the open network, every other one as private.
    monkeypatch.setattr(module, "_is_private", lambda url: not url.endswith("/start"))
    site.pages["/start"] = (302, {"Location": "/"}, b"")
    with pytest.raises(ArchiveError) as caught:
        capture_page(f"{site.url}/start", tmp_path, screenshot=False)
    assert caught.value.code == "capture.private"
    site.pages["/start"] = site.pages["/"]
    made = capture_page(f"{site.url}/start", tmp_path, screenshot=False)
    assert made.records == 1
    assert len(made.skipped) == 2


@pytest.fixture
def recording(site: Site, tmp_path: Path) -> Path:
    return capture_page(f"{site.url}/", tmp_path, screenshot=False, name="made.wacz").path


def rewrite(path: Path, target: Path, *, drop: str = "", change: str = "", add: str = "") -> Path:
    """The zip archive with a member left out, changed, or added."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            if info.filename != drop:
                data = old.read(info)
                new.writestr(info, data + b"\n" if info.filename == change else data)
        if add:
            new.writestr(add, b"x")
    return target


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"drop": "indexes/index.idx"}, "capture.wacz_missing"),
        ({"change": "pages/pages.jsonl"}, "capture.wacz_digest"),
        ({"add": "archive/more.txt"}, "capture.wacz_unlisted"),
    ],
)
def test_the_manifest_leads_not_the_disk(how: dict[str, str], code: str, recording: Path, tmp_path: Path) -> None:
    altered = rewrite(recording, tmp_path / "altered.wacz", **how)
    assert code in [problem.code for problem in check_table(open_table(altered, "web-capture"))]


def test_a_recording_that_is_cut_off_is_told(recording: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(recording) as archive:
        (tmp_path / "cut.warc.gz").write_bytes(archive.read("archive/data.warc.gz")[:-700])
    with pytest.raises(ArchiveError) as caught:
        list(open_table(tmp_path / "cut.warc.gz", "web-capture").batches())
    assert caught.value.code in ("capture.warc", "table.container")


def test_a_missing_or_broken_browser_is_said_not_raised(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BROWSER_VARIABLE, "")
    assert "no Chromium is installed" in str(take_screenshot(site.url).skipped)
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    shot = take_screenshot(site.url, browser=broken)
    assert shot.png is None
    assert "gave no picture" in str(shot.skipped)


@pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
def test_chromium_pictures_the_whole_page(site: Site, tmp_path: Path) -> None:
    made = capture_page(f"{site.url}/", tmp_path)
    assert made.screenshot.png is not None, made.screenshot.skipped
    width, height = (int.from_bytes(made.screenshot.png[at : at + 4], "big") for at in (16, 20))
    assert width >= 1000
    assert height > 3000
    assert any(record.url == f"urn:fullpage:{site.url}/" for record in warc_records(made.path))
