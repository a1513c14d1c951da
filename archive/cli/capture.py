"""`archive capture URL`: records a web page as WACZ; `--again` shows what changed since an earlier recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import UsageError

if TYPE_CHECKING:
    from archive.evidence.capture import Capture, Change


def register(app: typer.Typer) -> None:
    app.command("capture")(capture)


def capture(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="The page; with --again that of the earlier recording.")
    ] = None,
    again: Annotated[
        Path | None, typer.Option("--again", help="An earlier recording: record anew and show what changed since.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the recording; by default this one.")] = None,
    dossier: Annotated[
        Path | None, typer.Option("--dossier", help="Add the recording to this dossier, as kind web-capture.")
    ] = None,
    captured_by: Annotated[str | None, typer.Option(help="Who captures it, for the record.")] = None,
    screenshot: Annotated[
        bool, typer.Option("--screenshot/--no-screenshot", help="Take a picture of the whole page with Chromium.")
    ] = True,
    json: JsonOption = False,
) -> None:
    """Record a web page: every answer of its server, and a picture of the whole page, in one WACZ file."""
    from archive.evidence.capture import capture_page, compare, page_url

    if url is None and again is None:
        raise UsageError("neither a page nor an earlier recording is named", code="capture.url")
    earlier = page_url(again) if again is not None else None
    if out is None:
        out = dossier / "evidence" if dossier is not None else Path()
    made = capture_page(url or str(earlier), out, screenshot=screenshot)
    change = compare(again, made.path) if again is not None else None
    item = _add(made, dossier, captured_by) if dossier is not None else None
    if json:
        print_json(_to_json(made, change, item))
        return
    print_result(f"{made.path}: {made.status}, {made.records} answers, {made.size:,} bytes, sha256 {made.sha256}")
    if made.screenshot.png is None:
        say(f"archive: note: no screenshot: {made.screenshot.skipped}")
    for line in made.skipped:
        say(f"archive: note: left out: {line}")
    if change is not None:
        _print_change(change)
    if item is not None:
        print_result(f"{dossier}: added as `{item}`")
    say("archive: hint: the recording shows what this machine was sent; only publishing it fixes the time")


def _add(made: Capture, dossier: Path, captured_by: str | None) -> str:
    from archive.evidence.capture import MEDIA_TYPE
    from archive.record.add import Wish, carry_out, plan_additions

    wish = Wish(
        kind="web-capture",
        title=made.title or made.url,
        media_type=MEDIA_TYPE,
        captured_at=made.captured_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        captured_by=captured_by,
        captured_how=f"{made.how}; {made.url}",
    )
    plan = plan_additions(dossier, [(made.path, wish)])
    carry_out(plan)
    return str(plan.additions[0].item["id"])


def _print_change(change: Change) -> None:
    print_result(f"{change.url}: {'changed' if change.changed else 'nothing visible changed'} since {change.before}")
    if change.status[0] != change.status[1]:
        print_result(f"status: {change.status[0]}, now {change.status[1]}")
    if change.last_modified[0] != change.last_modified[1]:
        print_result(f"Last-Modified: {change.last_modified[0] or 'none'}, now {change.last_modified[1] or 'none'}")
    for line in change.text.unified:
        print_result(line)
    for word, names in (("changed", change.parts_changed), ("gone", change.parts_gone), ("new", change.parts_new)):
        if names:
            print_result(f"parts {word}: {', '.join(names[:10])}{' …' if len(names) > 10 else ''}")


def _to_json(made: Capture, change: Change | None, item: str | None) -> dict[str, object]:
    out: dict[str, object] = {
        "path": str(made.path),
        "url": made.url,
        "final_url": made.final_url,
        "captured_at": made.captured_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "status": made.status,
        "title": made.title,
        "answers": made.records,
        "size": made.size,
        "sha256": made.sha256,
        "screenshot": {"taken": made.screenshot.png is not None, "skipped": made.screenshot.skipped},
        "skipped": list(made.skipped),
        "item": item,
    }
    if change is not None:
        out["change"] = {
            "since": change.before,
            "changed": change.changed,
            "same_bytes": change.same_bytes,
            "status": list(change.status),
            "last_modified": list(change.last_modified),
            "removed": list(change.text.removed),
            "added": list(change.text.added),
            "parts": {
                "changed": list(change.parts_changed),
                "gone": list(change.parts_gone),
                "new": list(change.parts_new),
            },
        }
    return out
