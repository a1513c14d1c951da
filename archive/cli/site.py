"""`archive site build` and `archive site verifier`: the static explorer, and the browser verifier by itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode, UsageError
from archive.workspace import resolve_workspace


def register(app: typer.Typer) -> None:
    site = typer.Typer(help="Build the static explorer, or save the browser verifier.", no_args_is_help=True)
    site.command("build")(build)
    site.command("verifier")(verifier)
    app.add_typer(site, name="site")


def build(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make.")],
    incidents: Annotated[
        Path | None,
        typer.Option("--incidents", metavar="DIR", help="The folder of dossiers, or one dossier. Default: incidents."),
    ] = None,
    bundle: Annotated[
        list[Path] | None, typer.Option("--bundle", metavar="FILE", help="A proof bundle; may be repeated.")
    ] = None,
    bundles: Annotated[
        Path | None, typer.Option("--bundles", metavar="DIR", help="A folder with proof bundles (*.proof.json).")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Where it will stand, for citations and JSON-LD.")
    ] = None,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Do not draw the findings.")] = False,
    max_evidence: Annotated[
        int, typer.Option("--max-evidence", metavar="BYTES", min=0, help="Leave out evidence files larger than this.")
    ] = 32 << 20,
    force: Annotated[bool, typer.Option("--force", help="Replace a site that an earlier build made there.")] = False,
    json_output: JsonOption = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
) -> ExitCode:
    """Build the explorer from dossiers, proof bundles and the workspace. Asks nobody over a network.

    Exit codes: 0 done, 1 a bundle does not verify and is not shown (the site is written all the same), or refused.
    """
    import tempfile

    from archive.site.installed import require_libraries, verifier_page

    require_libraries()
    from archive.site.build import build as write
    from archive.site.gather import Sources, gather

    with tempfile.TemporaryDirectory(prefix="archive-site-") as scratch:
        sources = Sources(
            dossiers=_dossiers(incidents),
            bundles=(*(bundle or []), *_bundles(bundles)),
            workspace=resolve_workspace(workspace),
            scratch=Path(scratch),
            progress=_progress("reading"),
        )
        page = None
        try:
            page = verifier_page()
        except UsageError as error:
            say(f"archive: note: {error.message}: the site has no page of it")
        site = gather(sources, base_url=_base(base_url), verifier=page)
        for problem in site.problems:
            say(f"archive: warning: not shown: {problem}")
        built = write(
            site,
            out,
            force=force,
            plots=not no_plots,
            max_evidence=max_evidence,
            progress=_progress("writing incidents"),
        )
    for note in built.notes:
        say(f"archive: note: {note}")
    code = ExitCode.WRONG if site.problems else ExitCode.DONE
    if json_output:
        print_json(
            {
                "out": str(out),
                "incidents": [
                    {
                        "id": one.id,
                        "folder": one.slug,
                        "revision": one.current.number,
                        "root": one.current.root,
                        "published": one.current.published,
                    }
                    for one in site.incidents
                ],
                "pages": built.pages,
                "files": built.files,
                "bytes": built.size,
                "largest_page": {"path": built.largest, "bytes": built.largest_size},
                "problems": list(site.problems),
            }
        )
        return code
    print_result(
        f"{out}: {_count(len(site.incidents), 'incident')}, {_count(built.pages, 'page')}, "
        f"{_count(built.files, 'file')}, {built.size:,} bytes; open {out / 'index.html'}"
    )
    return code


def verifier(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The HTML file to write, or the folder to put it in.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json_output: JsonOption = False,
) -> ExitCode:
    """Save the browser verifier as one HTML file that works offline, and print the SHA-256 of its bytes."""
    import hashlib

    from archive.errors import RefusedError
    from archive.site.installed import verifier_page
    from archive.workspace import write_atomic

    page = verifier_page()
    target = out / "verifier.html" if out.is_dir() else out
    if target.exists() and not force and (not target.is_file() or target.read_bytes() != page):
        raise RefusedError(f"{target}: is there already", code="site.exists", hint="--force replaces it")
    try:
        write_atomic(target, page)
    except OSError as error:
        raise RefusedError(f"{target}: cannot be written: {error.strerror}", code="site.write_failed") from error
    digest = hashlib.sha256(page).hexdigest()
    if json_output:
        print_json({"path": str(target), "sha256": digest, "bytes": len(page)})
    else:
        print_result(f"{digest}  {target}")
    return ExitCode.DONE


def _dossiers(incidents: Path | None) -> tuple[Path, ...]:
    from archive.record.check import find_dossiers

    if incidents is None:
        return find_dossiers([Path("incidents")]) if Path("incidents").is_dir() else ()
    if not incidents.is_dir():
        raise UsageError(f"{incidents}: no such folder", code="site.no_such_folder")
    return find_dossiers([incidents])


def _bundles(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder", code="site.no_such_folder")
    found = sorted(folder.glob("*.proof.json"))
    if not found:
        raise UsageError(
            f"{folder}: no proof bundle in it",
            code="site.no_bundles",
            hint="their names end in .proof.json; folders inside it are not looked into",
        )
    return found


def _base(url: str | None) -> str | None:
    if url is None:
        return None
    from archive.site.text import web_address

    if web_address(url) is None or "?" in url or "#" in url:
        raise UsageError(f"{url[:200]}: no http(s) address of a folder", code="site.base_url")
    return url if url.endswith("/") else url + "/"


def _progress(label: str, *, clock: Callable[[], float] = time.monotonic) -> Callable[[int, int], None]:
    """Redraws one line on a terminal while there is much to do; silent elsewhere."""
    if not sys.stderr.isatty():
        return lambda done, total: None
    last = [clock()]

    def report(done: int, total: int) -> None:
        now = clock()
        if now - last[0] < 0.2 and done < total:
            return
        if done < total or total > 50:
            last[0] = now
            sys.stderr.write(f"\r{label}: {done:,} of {total:,}" + ("\n" if done >= total else ""))
            sys.stderr.flush()

    return report


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
