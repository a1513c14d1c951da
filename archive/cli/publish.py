"""`archive publish DIR`: show what becomes permanent, ask, then pack, anchor, store and prove it."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, byte_progress, print_error, print_json, print_result, say
from archive.errors import ExitCode, InvalidInputError, MissingDependencyError, RefusedError, UsageError
from archive.workspace import Workspace, resolve_workspace

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from archive.publish.plan import Plan
    from archive.publish.publish import Published

_STEPS = {
    "packed": "packed into the local store",
    "signed": "anchor signed",
    "sent": "anchor sent; waiting until it is in a block",
    "anchored": "anchored; waiting until it is final",
    "final": "the anchor is final",
    "stamped": "stamped by independent clocks",
    "bundle": "proof bundle written and checked",
    "read back": "downloaded again from the places that can be asked",
    "catalogued": "catalogue updated and signed",
    "catalogue kept": "catalogue kept in the local store",
    "reorganised": "the chain was reorganised and has the anchor's block no more; anchoring and proving it again",
    "signature dropped": "the signed anchor can never be mined; a new one is needed",
}


def register(app: typer.Typer) -> None:
    app.command("publish")(publish)


def publish(
    dossiers: Annotated[
        list[Path],
        typer.Argument(metavar="DIR", help="The dossier: the folder with incident.yaml; many with --batch."),
    ],
    batch: Annotated[
        bool, typer.Option("--batch", help="Several dossiers under one anchor, which costs as much as one.")
    ] = (False),
    network: Annotated[
        str, typer.Option(help="Where to anchor: local, anvil, bsc-testnet, bsc, or one of your config.toml.")
    ] = "local",
    store: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Store to publish in; may be repeated. Default: all that are configured."),
    ] = None,
    wallet: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The key to publish with.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done and what it costs; no more.")] = (
        False
    ),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    waive: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE:PLACE",
            help="Publish although the safety scan found this; may be repeated. Goes into the record.",
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="With --waive: why it may be public.")] = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="With --waive: who looked at it and says so.")] = None,
    confirmations: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Blocks until the anchor is final; else the network's rule.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the proof bundle here.")] = None,
    not_before: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BLOCK",
            help="Name a block that is older: bitcoin:FILE, bitcoin:node or a network such as bsc; may be repeated.",
        ),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin again with the changed dossier; only before anything was anchored.")
    ] = False,
    unknown_previous: Annotated[
        bool, typer.Option("--unknown-previous", help="Accept a 'supersedes' root that is not known here.")
    ] = False,
    password_fd: Annotated[
        int | None,
        typer.Option(
            "--password-fd",
            min=0,
            metavar="N",
            help="Read the wallet's password from this file descriptor, else ARCHIVE_WALLET_PASSWORD, else ask.",
        ),
    ] = None,
    json_output: JsonOption = False,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
) -> ExitCode:
    """Publish a dossier: check it, show what becomes permanent and what it costs, ask, anchor it, store it.

    Interrupted or failed at any point: run the same command again. It goes on where it stopped and pays once.
    """
    _require_extra()
    from archive.cli.contract import wait_progress
    from archive.publish.plan import render
    from archive.publish.publish import Options, Talk, plan_only
    from archive.publish.publish import publish as run

    if not (dry_run or yes or sys.stdin.isatty()):
        raise UsageError(
            "there is no terminal to ask at, and publishing cannot be undone",
            code="publish.not_confirmed",
            hint="see what would be done with --dry-run, then add --yes",
        )
    if len(dossiers) > 1 and not batch:
        raise UsageError(
            "several dossiers were given",
            code="publish.several",
            hint="--batch puts them under one anchor; or publish them one by one",
        )
    space = resolve_workspace(workspace)
    options = Options(
        folder=dossiers[0],
        network=network,
        stores=tuple(store or ()),
        wallet=wallet,
        waive=tuple(waive or ()),
        reason=reason,
        by=by,
        confirmations=confirmations,
        out=out,
        restart=restart,
        not_before=tuple(not_before or ()),
        unknown_previous=unknown_previous,
    )
    talk = Talk(
        confirm=lambda plan: _confirm(plan, yes=yes),
        unlock=lambda where, address: _unlock(where, address, password_fd),
        step=_step,
        hashing=byte_progress("reading files"),
        waiting=wait_progress(),
    )
    if batch:
        from archive.cli.batches import publish_together, worst

        members = publish_together(
            space, dossiers, options, talk, yes=yes, dry_run=dry_run, json_output=json_output, text=_text
        )
        for member in members:
            _hints(space, member)
        return worst([_exit_code(member) for member in members])
    if dry_run:
        plan = plan_only(space, options, talk)
        if json_output:
            print_json({"dry_run": True, **plan.to_json()})
        else:
            print_result(render(plan))
            say("archive: dry run: nothing was written, signed or sent")
        return ExitCode.DONE
    result = run(space, options, talk)
    if result is None:
        raise typer.Abort
    if json_output:
        print_json(result.to_json())
    else:
        print_result(_text(result))
    _hints(space, result)
    return _exit_code(result)


def _require_extra() -> None:
    """Raise `publish.no_extra` in an installation that can only check, pack and verify."""
    from importlib.util import find_spec

    missing = [name for name in ("web3", "eth_account", "pydantic_settings") if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"publishing needs more libraries than are installed ({', '.join(missing)})",
            code="publish.no_extra",
            hint="pip install 'incident-archive[publish]'",
        )


def _confirm(plan: Plan, *, yes: bool) -> bool:
    from archive.publish.plan import render

    say(render(plan))
    say("")
    return yes or typer.confirm("Publish this? It cannot be undone.", default=False, err=True)


def _unlock(workspace: Workspace, address: str, descriptor: int | None) -> LocalAccount:
    from archive.chain.keystore import read_password, unlock

    return unlock(workspace, address, lambda: read_password(descriptor=descriptor))


def _step(step: str) -> None:
    kind, _, store = step.partition(":")
    if kind == "member":
        say(f"archive: {store.strip()}")
        return
    words = {"pinned": f"{store}: package stored", "bundle pinned": f"{store}: proof bundle stored"}
    words["catalogue pinned"] = f"{store}: catalogue stored"
    words["storing"] = f"{store}: storing the package"
    words["storing slowly"] = f"{store}: storing the package; its transaction can take an hour to be mined"
    say(f"archive: {words.get(kind) or _STEPS.get(step, step)}")


def _text(result: Published) -> str:
    journal, packed, final = result.journal, result.journal.packed, result.journal.final
    if packed is None or final is None:
        raise ValueError("only a finished publication has a result")
    lead = "already published" if result.already else "published"
    when = datetime.datetime.fromtimestamp(final.timestamp, datetime.UTC).isoformat().replace("+00:00", "Z")
    rows = [
        (lead, f"{journal.incident}, revision {journal.revision}"),
        ("root", f"{packed.root}  (fingerprint of all of it)"),
        ("content id", f"{packed.content_id}  (address of the files)"),
        ("anchored", f"{when}, block {final.block:,} of {journal.network} (chain id {journal.chain_id})"),
        ("final by", "its own chain, which drops no block" if result.embedded else final.rule),
        ("transaction", final.transaction),
        ("registry", journal.registry),
        ("publisher", journal.publisher),
    ]
    if packed.previous_root is not None:
        rows.append(("replaces", packed.previous_root))
    for pin in result.pins:
        state = "" if pin.store == "local" else ", downloaded again and compared" if pin.verified else ", not seen yet"
        rows.append(("stored in", f"{pin.store} ({pin.operator}{state}): {pin.locator}"))
    if journal.pins:
        rows.append(("operators", f"{journal.operators} that nothing was written to gave back the same bytes"))
    if journal.catalogue is not None:
        rows.append(("catalogue", f"{journal.catalogue.cid}  (lists all that this key published; lets others find it)"))
    rows += [("stamp", f"{made.clock} ({made.kind}): {made.state}") for made in result.stamped]
    rows.append(("proof bundle", str(result.out or result.bundle)))
    width = max(len(name) for name, _ in rows) + 2
    lines = [f"{name:<{width}}{value}" for name, value in rows]
    if result.embedded:
        lines += [
            "",
            "The network 'local' is a chain of this workspace alone: it shows that everything works, and proves no",
            "time to anybody. To prove a time, publish with --network bsc-testnet or bsc.",
        ]
    lines += ["", f"Check it:   archive verify {result.out or result.bundle}"]
    return "\n".join(lines)


def _hints(workspace: Workspace, result: Published) -> None:
    """What to do next, as far as it was not done."""
    if result.withheld:
        say("archive: hint: back up the seal, or what is withheld can never be revealed: archive seal backup FILE")
    if not result.embedded:
        _trust_hint(workspace, result)
    for store, error in result.failures:
        say(f"archive: {store} did not take everything; all else is done and stays done")
        print_error(error)
    for clock, error in result.clock_failures:
        say(f"archive: {clock} did not stamp; the publication stands without it")
        print_error(error)
    for made in result.stamped:
        for note in made.notes:
            say(f"archive: note: {made.clock}: {note}")
    if result.clock_failures:
        say(f"archive: hint: later: archive stamp add {result.out or result.bundle}")
    if result.failures:
        say("archive: hint: run the same command again: it goes on with what is missing and pays nothing twice")


def _trust_hint(workspace: Workspace, result: Published) -> None:
    from archive.chain.artifact import load_artifact
    from archive.trust import load_trust

    journal = result.journal
    trust = load_trust(workspace.trust_file)
    if trust.registry(journal.chain_id, journal.genesis, journal.registry) is None:
        say("archive: hint: 'verify' believes only registries in a trust file. To add this one:")
        say(
            f"  archive trust add registry --name NAME --chain-id {journal.chain_id} --genesis {journal.genesis} "
            f"--address {journal.registry} --code-hash {load_artifact().code_hash}"
        )
    if trust.publisher(journal.publisher) is None:
        say(f"  archive trust add publisher {journal.publisher} --name NAME")


def _exit_code(result: Published) -> ExitCode:
    errors = [error for _, error in (*result.failures, *result.clock_failures)]
    if any(isinstance(error, InvalidInputError | RefusedError) for error in errors):
        return ExitCode.WRONG
    return ExitCode.INCOMPLETE if errors else ExitCode.DONE
