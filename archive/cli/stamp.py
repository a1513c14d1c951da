"""`archive stamp`: independent clocks over the root of a proof bundle: add, complete, renew and look at stamps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archive.cli.output import JsonOption, print_error, print_json, print_result, say
from archive.errors import ArchiveError, ExitCode, UsageError
from archive.workspace import Workspace, resolve_workspace, write_atomic

if TYPE_CHECKING:
    from archive.bundle import ProofBundle
    from archive.stamps.rfc3161 import Root
    from archive.stamps.stamping import Made

BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The proof bundle; it is written anew.")]
TrustOption = Annotated[
    Path | None, typer.Option("--trust", envvar="ARCHIVE_TRUST", help="Your trust file, else the workspace's.")
]
WorkspaceOption = Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the new bundle here instead.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Stamps of independent clocks over a bundle's root.", no_args_is_help=True)
    group.command("add")(add)
    group.command("upgrade")(upgrade)
    group.command("renew")(renew)
    group.command("show")(show)
    app.add_typer(group, name="stamp")


def add(
    bundle: BundleArgument,
    authority: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Ask only this clock (authority or calendar); may be repeated."),
    ] = None,
    out: OutOption = None,
    trust: TrustOption = None,
    json_output: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> ExitCode:
    """Have clocks stamp the root of a bundle, and put their stamps into it. Only a hash is sent.

    Exit codes: 0 when all stamped, 3 when one could not be asked; what came is kept. Without configured clocks the
    public ones are asked.
    """
    from archive.stamps.config import clocks_to_ask
    from archive.stamps.stamping import root_of, stamp_root, with_stamps

    space = resolve_workspace(workspace)
    held = _read(bundle)
    clocks = clocks_to_ask(space)
    chosen = clocks.only(tuple(authority)) if authority else clocks
    done = stamp_root(root_of(held), chosen, _roots(space, trust))
    if done.stamps:
        _write(space, held, with_stamps(held, (*held.stamps, *done.stamps)), bundle, out)
    return _result(out or bundle, done.made, done.failures, json_output, written=bool(done.stamps))


def upgrade(
    bundle: BundleArgument,
    calendar: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Also ask this calendar, should a proof name it; may be repeated."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Ask about complete proofs too.")] = False,
    out: OutOption = None,
    json_output: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> ExitCode:
    """Ask calendars what became of their promises, and complete the OpenTimestamps proofs in a bundle.

    Exit codes: 0 when nothing is pending any more, 3 when something still is.
    """
    from archive.stamps.config import load_clock_config
    from archive.stamps.stamping import upgrade as run
    from archive.stamps.stamping import with_stamps

    space = resolve_workspace(workspace)
    held = _read(bundle)
    known = [c.url for c in load_clock_config(space).calendars]
    done = run(held.stamps, (*known, *(calendar or [])), again=again)
    if done.completed:
        _write(space, held, with_stamps(held, done.stamps), bundle, out)
    result = {
        "bundle": str(out or bundle),
        "written": bool(done.completed),
        "completed": done.completed,
        "pending": done.pending,
        "waiting": list(done.waiting),
        "not_asked": list(done.strangers),
        "failures": _failures_json(done.failures),
    }
    if json_output:
        print_json(result)
    else:
        print_result(f"completed  {done.completed} {'proof' if done.completed == 1 else 'proofs'}")
        print_result(f"pending    {done.pending}")
    for uri in done.waiting:
        say(f"archive: {uri}: not in a block yet; ask again in a few hours")
    for uri in done.strangers:
        say(f"archive: {uri}: not asked, because nobody here knows this calendar; add --calendar {uri} to ask it")
    _say_failures(done.failures)
    return ExitCode.INCOMPLETE if done.pending or done.failures else ExitCode.DONE


def renew(
    bundle: BundleArgument,
    authority: Annotated[
        str | None, typer.Option(metavar="NAME", help="The authority that renews; else the first configured.")
    ] = None,
    stamp: Annotated[int | None, typer.Option(min=1, metavar="N", help="Renew only this stamp.")] = None,
    out: OutOption = None,
    trust: TrustOption = None,
    json_output: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> ExitCode:
    """Renew RFC 3161 stamps before their certificates or algorithms age: a new token over the old one and the root."""
    from archive.stamps.config import clocks_to_ask
    from archive.stamps.stamping import renew as run
    from archive.stamps.stamping import root_of, with_stamps

    space = resolve_workspace(workspace)
    held = _read(bundle)
    clocks = clocks_to_ask(space)
    chosen = clocks.only((authority,)) if authority else clocks
    if not chosen.authorities:
        raise UsageError(
            f"{authority or 'config.toml'}: no time-stamp authority",
            code="stamp.no_authority",
            hint='renewing needs a clock of type "rfc3161"',
        )
    done = run(held.stamps, root_of(held), chosen.authorities[0], _roots(space, trust), only=stamp)
    if done.made:
        _write(space, held, with_stamps(held, done.stamps), bundle, out)
    return _result(out or bundle, done.made, done.failures, json_output, written=bool(done.made))


def show(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The proof bundle.")],
    extract: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write root, tokens and proofs as files for openssl and ots."),
    ] = None,
    bitcoin_headers: Annotated[
        list[Path] | None,
        typer.Option("--bitcoin-headers", metavar="FILE", help="A file of Bitcoin headers; may be repeated."),
    ] = None,
    trust: TrustOption = None,
    json_output: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> ExitCode:
    """List the stamps of a bundle and how each holds. Nobody is asked; `verify` says what they prove together."""
    from archive.package.entries import Header, parse_entry
    from archive.stamps.config import load_clock_config
    from archive.stamps.stamping import root_of
    from archive.trust import load_trust
    from archive.verify.clocks import ask_clocks, open_header_sources
    from archive.verify.facts import Facts
    from archive.verify.stamps import check_stamps

    space = resolve_workspace(workspace)
    held = _read(bundle)
    root = root_of(held)
    believed = load_trust(trust or space.trust_file)
    first = parse_entry(held.entries[0])
    header = first if isinstance(first, Header) else None
    sources = open_header_sources(load_clock_config(space).bitcoin, bitcoin_headers or [], offline=True)
    clocks = ask_clocks(held, header, believed, sources, ())
    facts = Facts(str(bundle), None, held, (), believed, offline=True, clocks=clocks)
    checked = check_stamps(held, header, root, facts, ())
    written = _extract(held, root, extract) if extract else []
    if json_output:
        checks = [c.to_json() for c in checked.checks]
        print_json({"bundle": str(bundle), "root": root, "checks": checks, "extracted": [str(p) for p in written]})
    else:
        for check in checked.checks:
            if check.code.count(".") == 1 or check.status == "fail":
                print_result(f"{check.status:<10}{check.code:<22}{check.subject}: {check.note}")
        if not held.stamps:
            print_result("no stamps")
        for path in written:
            print_result(f"written   {path}")
    return ExitCode.WRONG if any(c.status == "fail" for c in checked.checks) else ExitCode.DONE


def _extract(bundle: ProofBundle, root: str, folder: Path) -> list[Path]:
    """Files that other programs check: the root's 32 bytes are what tokens and proofs are about."""
    from archive.stamps.entries import OtsStamp, Rfc3161Stamp, parse_stamp

    folder.mkdir(parents=True, exist_ok=True)
    files = {"root": bytes.fromhex(root)}
    for number, value in enumerate(bundle.stamps, start=1):
        try:
            stamp = parse_stamp(value)
        except ArchiveError:
            continue
        if isinstance(stamp, OtsStamp):
            files[f"stamp-{number}.ots"] = stamp.proof
        elif isinstance(stamp, Rfc3161Stamp):
            for place, token in enumerate((stamp.first, *stamp.renewals)):
                files[f"stamp-{number}{f'-renewal-{place}' if place else ''}.tst"] = token.token
            for place in range(len(stamp.renewals)):
                message = stamp.renewal_message(bytes.fromhex(root), place)
                files[f"stamp-{number}-renewal-{place + 1}.message"] = message
    for name, data in files.items():
        write_atomic(folder / name, data)
    return [folder / name for name in files]


def _read(bundle: Path) -> ProofBundle:
    from archive.bundle import read_bundle

    return read_bundle(bundle)


def _write(space: Workspace, before: ProofBundle, after: ProofBundle, bundle: Path, out: Path | None) -> None:
    """Write the new bundle; the workspace's own copy of the old one becomes the new one too."""
    data = after.to_bytes()
    write_atomic(out or bundle, data)
    own = space.bundles / bundle.name
    if out is None and own.is_file() and own.read_bytes() == before.to_bytes():
        write_atomic(own, data)


def _roots(space: Workspace, trust: Path | None) -> list[Root]:
    from archive.stamps.rfc3161 import Root
    from archive.trust import load_trust

    return [Root(r.name, r.der, r.policies) for r in load_trust(trust or space.trust_file).time_stamp_roots]


def _result(
    path: Path,
    made: Sequence[Made],
    failures: Sequence[tuple[str, ArchiveError]],
    json_output: bool,
    *,
    written: bool,
) -> ExitCode:
    if json_output:
        print_json(
            {
                "bundle": str(path),
                "written": written,
                "stamps": [m.to_json() for m in made],
                "failures": _failures_json(failures),
            }
        )
    else:
        for item in made:
            print_result(f"stamp     {item.clock} ({item.kind}): {item.state}")
        if written:
            print_result(f"bundle    {path}")
    for item in made:
        for note in item.notes:
            say(f"archive: note: {item.clock}: {note}")
    _say_failures(failures)
    if any(item.kind == "opentimestamps" for item in made):
        say(f"archive: hint: in a few hours: archive stamp upgrade {path}")
    if failures:
        wrong = any(error.exit_code is ExitCode.WRONG for _, error in failures)
        return ExitCode.WRONG if wrong and not made else ExitCode.INCOMPLETE
    return ExitCode.DONE


def _failures_json(failures: Sequence[tuple[str, ArchiveError]]) -> list[dict[str, Any]]:
    return [{"clock": clock, **error.to_json()} for clock, error in failures]


def _say_failures(failures: Sequence[tuple[str, ArchiveError]]) -> None:
    for name, error in failures:
        say(f"archive: {name}:")
        print_error(error)
