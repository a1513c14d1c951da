"""Writes a site into a folder: all of it or nothing, the same bytes from the same sources.

The folder is made beside its place under another name and moved there when it is whole. `site.json` in it lists its
files: only a folder that holds nothing else may be replaced.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from archive import partial
from archive.errors import InvalidInputError, MissingDependencyError, RefusedError
from archive.site import charts, files, search
from archive.site.exports import bagit, citation, jsonld, rocrate
from archive.site.exports.zipped import write_zip
from archive.site.gather import CHUNK_BYTES, digest_of
from archive.site.installed import VERIFIER
from archive.site.markdown import to_html
from archive.site.model import LANGUAGES, BundleFile, Download, EvidenceFile, Incident, Site, SiteLanguage
from archive.site.pages import Extras, Link, Pages, Plot
from archive.site.text import html
from archive.site.workers import spread

FORMAT: Final = "incident-archive-site/1"
MARKER: Final = "site.json"
ASSETS: Final = ("site.css", "site.js", "icon.svg")
MAX_EVIDENCE: Final = 32 << 20  # bytes of one evidence file that goes onto the site
MAX_ARCHIVE: Final = 64 << 20  # bytes of a crate or bag
_SIZE: Final = re.compile(r'<svg[^>]* width="([0-9]+)(?:\.[0-9]+)?"[^>]* height="([0-9]+)')
# What an SVG from a drawing library must not hold; through <img> it would not run, opened by itself it could.
_ACTIVE: Final = re.compile(r"<script|<foreignObject|\bon[a-z]+\s*=|javascript:|<a[\s>]|<image|<use", re.IGNORECASE)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Built:
    """What was written: counts, bytes, and the largest page."""

    pages: int
    files: int
    size: int
    largest: str
    largest_size: int
    notes: tuple[str, ...] = ()


def policy_pages() -> Mapping[SiteLanguage, Markup]:
    """The project's policy, from the installed package or from `docs/` of a clone; empty where neither holds it."""
    made: dict[SiteLanguage, Markup] = {}
    docs = Path(__file__).resolve().parents[2] / "docs"
    for language, name in (("en", "policy.md"), ("zh", "policy.zh.md")):
        inside = resources.files("archive.site") / "assets" / name
        source = inside if inside.is_file() else docs / name
        if not source.is_file():
            return {}
        made[language] = to_html(source.read_text(encoding="utf-8"))  # type: ignore[index]
    return made


def build(
    site: Site,
    out: Path,
    *,
    force: bool = False,
    plots: bool = True,
    max_evidence: int = MAX_EVIDENCE,
    progress: Progress = lambda done, total: None,
) -> Built:
    """Write the site.

    Raises:
        RefusedError: `site.exists` for a folder that is not empty, without `force`; `site.foreign` for one that holds
            what no build made; `site.write_failed`.
    """
    previous = _check_place(out, force=force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        held, folder = partial.new_folder(out)
        try:
            folder.chmod(0o755)
            built = _Writer(folder, plots=plots, max_evidence=max_evidence).write(site, progress)
            _put_in_place(folder, out, previous)
        finally:
            os.close(held)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise RefusedError(
            f"{out}: cannot be written: {error.strerror or error}",
            code="site.write_failed",
            hint="is there room on the disk, and may you write there?",
        ) from error
    return built


def _check_place(out: Path, *, force: bool) -> bool:
    """Whether a site is there that may be replaced; refuses everything else that is not empty or absent."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise RefusedError(f"{out}: is no folder", code="site.foreign", hint="name a folder that is not there")
    if not out.exists() or not any(out.iterdir()):
        return False
    listed = _listed(out)
    if listed is None:
        raise RefusedError(
            f"{out}: is not empty, and no site build made it",
            code="site.foreign",
            hint="name another folder; nothing in it was touched",
        )
    if not force:
        raise RefusedError(f"{out}: there is a site already", code="site.exists", hint="--force replaces it")
    strange = sorted(
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if path.is_symlink() or (not path.is_dir() and path.relative_to(out).as_posix() not in listed)
    )
    if strange:
        raise RefusedError(
            f"{out}: holds what no build made: {', '.join(strange[:3])}{' …' if len(strange) > 3 else ''}",
            code="site.foreign",
            hint="move it away first; nothing was touched",
        )
    return True


def _listed(out: Path) -> frozenset[str] | None:
    """The files that the site's own list names, or None where there is no such list."""
    marker = out / MARKER
    if marker.is_symlink() or not marker.is_file():
        return None
    try:
        value = json.loads(marker.read_bytes())
    except (ValueError, OSError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("format") != FORMAT or not isinstance(value.get("files"), list):
        return None
    return frozenset([MARKER, *(name for name in value["files"] if isinstance(name, str))])


def _put_in_place(folder: Path, out: Path, previous: bool) -> None:
    if not previous:
        if out.exists():
            out.rmdir()
        folder.rename(out)
        return
    held, away = partial.new_folder(out)
    try:
        out.rename(away / "site")
        try:
            folder.rename(out)
        except OSError:
            (away / "site").rename(out)
            raise
    finally:
        os.close(held)
        shutil.rmtree(away, ignore_errors=True)


class _Writer:
    def __init__(self, folder: Path, *, plots: bool, max_evidence: int) -> None:
        self.folder = folder
        self.plots = plots
        self.max_evidence = max_evidence
        self.sizes: dict[str, int] = {}
        self.pages: dict[str, int] = {}
        self.notes: list[str] = []
        self.cards: dict[SiteLanguage, dict[str, dict[str, Any]]] = {language: {} for language in LANGUAGES}
        self.documents: tuple[search.Document, ...] = ()
        self._made: set[Path] = set()

    def write(self, site: Site, progress: Progress) -> Built:
        pages = Pages(site, policy_pages())
        if not pages.policy:
            self.notes.append("the policy is not part of this installation: the site has no page of it")
        for name in ASSETS:
            self._put(f"assets/{name}", (resources.files("archive.site") / "assets" / name).read_bytes())
        if site.verifier is not None:
            self._put(VERIFIER, site.verifier)
        self._page(*pages.choose())
        for path, data in pages.policies():
            self._page(path, data)
        total = len(site.incidents)
        found = []
        for done, part in enumerate(spread(lambda one: self._written(*one, pages), list(enumerate(site.incidents)))):
            progress(done, total)
            self.sizes |= part.sizes
            self.pages |= part.pages
            self.notes += part.notes
            for language in LANGUAGES:
                self.cards[language] |= part.cards[language]
            found.append(part.documents)
        for language in LANGUAGES:
            for path, data in pages.homes(language, self.cards[language]):
                self._page(path, data)
        for path, data in search.build(site.incidents, found):
            self._put(path, data)
        listed = {"format": FORMAT, "files": sorted(self.sizes)}
        self._put(MARKER, (json.dumps(listed, ensure_ascii=False, indent=0) + "\n").encode())
        progress(total, total)
        largest = max(self.pages, key=lambda path: (self.pages[path], path))
        return Built(
            len(self.pages),
            len(self.sizes),
            sum(self.sizes.values()),
            largest,
            self.pages[largest],
            tuple(dict.fromkeys(self.notes)),
        )

    def _written(self, number: int, incident: Incident, pages: Pages) -> _Writer:
        """Write one incident; the result has its files only, and what lists and the search say of it."""
        part = _Writer(self.folder, plots=self.plots, max_evidence=self.max_evidence)
        extras = part._extras(incident, pages)
        for language in LANGUAGES:
            for path, data in pages.incident(incident, language, extras):
                part._page(path, data)
            part.cards[language][incident.slug] = pages.card(incident, language)
        part.documents = search.documents_of(number, incident, pages.home_of(incident))
        return part

    def _place(self, path: str) -> Path:
        target = self.folder / path
        if target.parent not in self._made:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(target.parent)
        return target

    def _put(self, path: str, data: bytes) -> None:
        self._place(path).write_bytes(data)
        self.sizes[path] = len(data)

    def _page(self, path: str, data: bytes) -> None:
        self._put(path, data)
        self.pages[path] = len(data)

    # ------------------------------------------------------------------------------------------- beside the pages

    def _extras(self, incident: Incident, pages: Pages) -> Extras:
        served: dict[str, tuple[str, files.Served]] = {}
        previews: dict[str, files.Preview] = {}
        too_large: dict[str, int] = {}
        folder = f"files/{incident.slug}/evidence"
        for file in incident.current.files:
            if file.source is None or file.held not in ("open", "local"):
                continue
            head = _head(file.source)
            size = file.size or 0
            shown = files.preview(file.media_type, head, size)
            if shown is not None:
                previews[file.id] = shown
            if size > self.max_evidence:
                too_large[file.id] = size
                continue
            one = files.served_as(file.id, file.media_type, head)
            self._evidence(f"{folder}/{one.name}", file, file.source, one)
            served[file.id] = (folder, one)
        downloads, linked = self._downloads(incident, pages)
        return Extras(served, previews, too_large, self._plots(incident), downloads, linked)

    def _evidence(self, path: str, file: EvidenceFile, source: Path, served: files.Served) -> None:
        """Copy the exact bytes, or put them into a ZIP; refuses a file that changed since it was hashed."""
        target = self._place(path)
        if served.packed:
            ending = re.search(r"\.[A-Za-z0-9]{1,10}$", file.path or "")
            inside = Download(f"{file.id}{ending[0] if ending else ''}", source=source)
            digest, _ = digest_of(source)
            with target.open("wb") as sink:
                write_zip([inside], sink)
        else:
            hashed = hashlib.sha256()
            with source.open("rb") as handle, target.open("wb") as sink:
                while block := handle.read(CHUNK_BYTES):
                    hashed.update(block)
                    sink.write(block)
            digest = hashed.hexdigest()
        if digest != file.sha256:
            raise InvalidInputError(
                f"{source}: changed while the site was built", code="site.changed", hint="build it again"
            )
        self.sizes[path] = target.stat().st_size

    def _plots(self, incident: Incident) -> dict[SiteLanguage, dict[str, Plot]]:
        made: dict[SiteLanguage, dict[str, Plot]] = {language: {} for language in LANGUAGES}
        if not self.plots:
            return made
        for finding in incident.record.get("findings", ()):
            result, name = finding.get("result"), finding["id"]
            if result is None:
                continue
            for language in LANGUAGES:
                drawn = charts.picture(finding["method"], result, language)
                if drawn is not None:
                    path = f"files/{incident.slug}/plots/{name}.{language}.svg"
                    self._put(path, drawn.svg)
                    made[language][name] = Plot(path, drawn.width, drawn.height)
            if not charts.has_picture(finding["method"]):
                plot = self._library_plot(incident, finding["method"], name, result)
                if plot is not None:
                    for language in LANGUAGES:
                        made[language][name] = plot
        return made

    def _library_plot(self, incident: Incident, method: str, name: str, result: Mapping[str, object]) -> Plot | None:
        """A picture by the drawing library, where it is installed and the method has one."""
        from archive.findings.plots import draw_svg

        try:
            svg = draw_svg(method, name, result)
        except MissingDependencyError as error:
            self.notes.append(f"some findings have no picture: {error.message}")
            return None
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
            return None  # a stranger's record: the result is shown as a table all the same
        found = _SIZE.search(svg) if svg else None
        if svg is None or found is None or _ACTIVE.search(svg):
            return None
        path = f"files/{incident.slug}/plots/{name}.svg"
        self._put(path, svg.encode())
        return Plot(path, int(found[1]), int(found[2]), english=True)

    def _downloads(
        self, incident: Incident, pages: Pages
    ) -> tuple[dict[SiteLanguage, tuple[Link, ...]], dict[SiteLanguage, Markup]]:
        """The downloads by language, and the linked data for inside a page."""
        revision, folder = incident.current, f"files/{incident.slug}"
        common: list[Link] = []

        def offer(key: str, name: str, data: bytes) -> Link:
            self._put(f"{folder}/{name}", data)
            return Link(key, f"{folder}/{name}", name, len(data))

        common += [
            offer("dl_record", f"{incident.slug}-r{one.number}.json", one.record_json) for one in incident.revisions
        ]
        if revision.manifest_json is not None:
            common.append(
                offer("dl_manifest", f"{incident.slug}-r{revision.number}.manifest.json", revision.manifest_json)
            )
        for one in incident.revisions:
            if one.bundle is not None:
                common.append(offer("dl_bundle", one.bundle.name, _as_checked(one.bundle)))
        order = ("dl_bundle", "dl_record", "dl_manifest")
        common.sort(key=lambda link: (order.index(link.key), f"-r{revision.number}." not in link.name, link.name))
        url = pages.address(f"en/{incident.slug}/index.html")
        payload = sum(file.size or 0 for file in revision.files if file.source is not None)
        for key, suffix, make in (
            ("dl_rocrate", "ro-crate.zip", rocrate.ro_crate),
            ("dl_bagit", "bagit.zip", bagit.bag),
        ):
            name = f"{incident.slug}-r{revision.number}.{suffix}"
            if payload > MAX_ARCHIVE:
                common.append(Link(key, None, name, limit=MAX_ARCHIVE))
            else:
                sink = io.BytesIO()
                write_zip(make(incident, url), sink)
                common.append(offer(key, name, sink.getvalue()))
        made: dict[SiteLanguage, tuple[Link, ...]] = {}
        linked: dict[SiteLanguage, Markup] = {}
        for language in LANGUAGES:
            page = pages.address(f"{language}/{incident.slug}/index.html")
            name = f"{incident.slug}.{language}"
            graph = jsonld.script_text(jsonld.json_ld(incident, language, page))
            linked[language] = html(graph)
            made[language] = (
                *common,
                offer("dl_bibtex", f"{name}.bib", citation.bibtex(incident, language, page).encode()),
                offer("dl_csl", f"{name}.csl.json", _json(citation.csl(incident, language, page))),
                offer("dl_jsonld", f"{name}.jsonld", (graph + "\n").encode()),
            )
        return made, linked


def _as_checked(bundle: BundleFile) -> bytes:
    """The bundle's bytes, which must still be those that were held against the rules."""
    data = bundle.source.read_bytes()
    if hashlib.sha256(data).hexdigest() != bundle.sha256:
        raise InvalidInputError(
            f"{bundle.source}: changed while the site was built", code="site.changed", hint="build it again"
        )
    return data


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(files.HEAD_BYTES)
