"""`archive trust`: which registries and publisher keys the verifier believes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode
from archive.workspace import resolve_workspace

if TYPE_CHECKING:
    from archive.trust import TrustFile

TrustOption = Annotated[
    Path | None, typer.Option("--trust", envvar="ARCHIVE_TRUST", help="The trust file, else the workspace's.")
]
WorkspaceOption = Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The trust file: registries and publisher keys that you believe.", no_args_is_help=True)
    group.command("show")(show)
    group.command("remove")(remove)
    group.command("update")(update)
    add = typer.Typer(help="Trust a registry or a publisher's key.", no_args_is_help=True)
    add.command("registry")(add_registry)
    add.command("publisher")(add_publisher)
    add.command("epoch")(add_epoch)
    add.command("authority")(add_authority)
    add.command("bitcoin-header")(add_bitcoin_header)
    add.command("succession")(add_succession)
    group.add_typer(add, name="add")
    app.add_typer(group, name="trust")


def show(trust: TrustOption = None, workspace: WorkspaceOption = None, json_output: JsonOption = False) -> ExitCode:
    """List what is trusted."""
    from archive.trust import load_trust, to_checksum

    path = _path(trust, workspace)
    loaded = load_trust(path)
    if json_output:
        print_json({"path": str(path), **loaded.to_json(), "shipped_validator_sets": _shipped()})
        return ExitCode.DONE
    print_result(f"trust file  {path}" + ("" if path.exists() else " (not there yet: no registry, no publisher)"))
    for registry in loaded.registries:
        note = " (the embedded chain of this workspace: proves no time)" if registry.workspace_chain else ""
        print_result(f"registry    {registry.name}{note}")
        print_result(f"            address {to_checksum(registry.address)} on chain {registry.chain_id}")
        print_result(f"            genesis {registry.genesis}")
        print_result(f"            code    {registry.code_hash}")
    for publisher in loaded.publishers:
        print_result(f"publisher   {publisher.name}")
        print_result(f"            address {to_checksum(publisher.address)}")
        for claim in publisher.claims:
            print_result(f"            claims {claim} (not checked)")
    for statement in loaded.successions:
        print_result(f"succession  after {to_checksum(statement.old)} comes {to_checksum(statement.new)}")
    _show_validators(loaded)
    for root in loaded.time_stamp_roots:
        print_result(f"authority   {root.name} (time-stamps)")
    for header in loaded.bitcoin_headers:
        print_result(f"bitcoin     block {header.height}")
    return ExitCode.DONE


def _shipped() -> list[dict[str, object]]:
    from archive.chain.consensus.pins import shipped_sets

    return [
        {"chain_id": pin.chain_id, "number": pin.number, "as_of": pin.as_of, "source": pin.source}
        for pin in shipped_sets()
    ]


def _show_validators(trust: TrustFile) -> None:
    """The newest set of each chain, with how old it is: old keys may have leaked since."""
    from archive.chain.consensus.pins import history_of, with_shipped

    pins = with_shipped(trust.validator_sets)
    for chain_id, genesis in dict.fromkeys((pin.chain_id, pin.genesis) for pin in pins):
        history = history_of(pins, chain_id, genesis)
        newest = history.pins[-1]
        size = "hash only" if newest.set is None else f"{len(newest.set.validators)} validators"
        print_result(f"validators  chain {chain_id}: {len(history.pins)} pinned, newest of {newest.as_of} ({size})")
        print_result(f"            epoch block {newest.last_number}, {newest.source}")
    for rules in trust.consensus_rules:
        print_result(f"rules       chain {rules.chain_id}: {rules.forks[0].fork}, private, genesis {rules.genesis}")


def add_registry(
    name: Annotated[str, typer.Option(help="What you call it.")],
    chain_id: Annotated[int, typer.Option(min=1, max=2**53 - 1, help="The chain's number, 56 for BSC.")],
    genesis: Annotated[str, typer.Option(help="Hash of the chain's first block, 0x and 64 hex digits.")],
    address: Annotated[str, typer.Option(help="Address of the contract.")],
    code_hash: Annotated[str, typer.Option(help="keccak256 of the contract's code, 0x and 64 hex digits.")],
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Trust a registry contract on one chain."""
    from archive.trust import TrustedRegistry, checked_address, checked_hash, checked_name, load_trust, save_trust

    new = TrustedRegistry(
        name=checked_name(name),
        chain_id=chain_id,
        genesis=checked_hash(genesis, "--genesis"),
        address=checked_address(address),
        code_hash=checked_hash(code_hash, "--code-hash"),
    )
    path = _path(trust, workspace)
    save_trust(path, load_trust(path).with_registry(new))
    return _done({"added": {"registry": new.to_json()}}, f"{path}: trusts registry {new.name!r}", json_output)


def add_publisher(
    address: Annotated[str, typer.Argument(help="The publisher's address.")],
    name: Annotated[str, typer.Option(help="What you call the publisher.")],
    claim: Annotated[
        list[str] | None,
        typer.Option(help="What the publisher claims to be: dns:NAME, ens:NAME or post:URL; shown, never looked up."),
    ] = None,
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Trust a publisher's key. Get the address from the publisher by a way that nobody else can write to."""
    from archive.trust import TrustedPublisher, checked_address, checked_claim, checked_name, load_trust, save_trust

    claims = tuple(dict.fromkeys(checked_claim(text) for text in claim or ()))
    new = TrustedPublisher(address=checked_address(address), name=checked_name(name), claims=claims)
    path = _path(trust, workspace)
    save_trust(path, load_trust(path).with_publisher(new))
    return _done({"added": {"publisher": new.to_json()}}, f"{path}: trusts publisher {new.name!r}", json_output)


def add_succession(
    statement: Annotated[
        Path, typer.Argument(metavar="FILE", help="The statement that `archive sign succession` made.")
    ],
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Follow a signed succession: whoever trusts the old key then trusts the one that it named after itself."""
    from archive.chain.succession import MAX_BYTES, read_succession
    from archive.errors import InvalidInputError
    from archive.trust import load_trust, save_trust

    try:
        with statement.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(
            f"{statement}: cannot be read: {error.strerror}", code="succession.unreadable"
        ) from error
    new = read_succession(data, name=str(statement))
    path = _path(trust, workspace)
    save_trust(path, load_trust(path).with_succession(new))
    return _done({"added": {"succession": new.to_json()}}, f"{path}: after {new.old} comes {new.new}", json_output)


def add_epoch(
    chain_id: Annotated[int, typer.Option(min=1, max=2**53 - 1, help="The chain's number, 56 for BSC.")],
    number: Annotated[int, typer.Option(min=0, max=2**53 - 1, help="Number of an epoch block.")],
    block_hash: Annotated[str, typer.Option("--hash", help="Its hash, 0x and 64 hex digits.")],
    as_of: Annotated[str, typer.Option(help="Time of the block, like 2026-01-31T12:00:00Z.")],
    source: Annotated[str, typer.Option(help="Where you have the hash from.")],
    genesis: Annotated[
        str | None, typer.Option(help="Hash of the chain's first block; known here for 56 and 97.")
    ] = None,
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Pin an epoch block of BSC by its hash, to follow validators from it. Get the hash from several places."""
    from archive.chain.consensus.pins import pin_from_json, pin_to_json
    from archive.chain.consensus.rules import PUBLIC
    from archive.errors import UsageError
    from archive.trust import checked_hash, load_trust, save_trust

    known = PUBLIC[chain_id].genesis if chain_id in PUBLIC else None
    first = known if genesis is None else checked_hash(genesis, "--genesis")
    if first is None:
        raise UsageError("--genesis is needed for this chain", code="trust.bad_hash")
    digest = checked_hash(block_hash, "--hash")
    pin = pin_from_json(
        {
            "chain_id": chain_id,
            "genesis": first,
            "number": number,
            "hash": digest,
            "last_number": number,
            "last_hash": digest,
            "turn_length": None,
            "validators": None,
            "source": source,
            "as_of": as_of,
        },
        lambda what: UsageError(f"epoch block {number}: {what}", code="trust.validator_set"),
    )
    path = _path(trust, workspace)
    save_trust(path, load_trust(path).with_validator_set(pin))
    text = f"{path}: pins epoch block {number} of chain {chain_id}; archive trust update --rpc URL follows from it"
    return _done({"added": {"validator_set": pin_to_json(pin)}}, text, json_output)


def update(
    rpc: Annotated[
        list[str],
        typer.Option("--rpc", metavar="URL", help="A node of the chain; several: the next is asked when one fails."),
    ],
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most this many epochs.")] = 1_000_000,
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Follow the validators of BSC from those that are pinned to the newest, every handover checked, none left out."""
    from archive.chain.consensus.pins import pin_to_json
    from archive.chain.consensus.update import update_sets
    from archive.trust import load_trust, save_trust

    path = _path(trust, workspace)
    held = load_trust(path)
    result = update_sets(held, rpc, limit=limit, progress=_epoch_progress())
    # What was verified stands, also where the way ended early.
    if result.trust != held:
        save_trust(path, result.trust)
    if result.stopped is not None:
        say(f"archive: {result.steps} epochs were followed and kept, up to block {result.last.last_number}")
        raise result.stopped
    told = f"{path}: {result.steps} epochs followed, up to block {result.last.last_number} of {result.last.as_of}"
    return _done({"steps": result.steps, "last": pin_to_json(result.last)}, told, json_output)


def _epoch_progress() -> Callable[[int, int], None]:
    count = 0

    def report(reached: int, head: int) -> None:
        nonlocal count
        count += 1
        if count % 100 == 0 and sys.stderr.isatty():
            say(f"epoch block {reached} of {head}")

    return report


def add_authority(
    certificate: Annotated[Path, typer.Argument(metavar="ROOT.pem", help="The authority's root certificate.")],
    name: Annotated[str, typer.Option(help="What you call the authority.")],
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="OID", help="Accept only tokens under this policy; may be repeated. Default: any."),
    ] = None,
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Trust a time-stamp authority by its root certificate, which you have from the authority itself."""
    from archive.stamps.roots import read_root
    from archive.trust import TimeStampRoot, checked_name, load_trust, save_trust

    root, told = read_root(certificate)
    new = TimeStampRoot(checked_name(name), root, tuple(policy or ()))
    path = _path(trust, workspace)
    save_trust(path, load_trust(path).with_time_stamp_root(new))
    return _done(
        {"added": {"authority": new.to_json()}}, f"{path}: trusts authority {new.name!r} ({told})", json_output
    )


def add_bitcoin_header(
    height: Annotated[int, typer.Argument(min=0, max=2**31 - 1, help="The block's height.")],
    header: Annotated[str, typer.Argument(help="The block's header, 160 hex digits.")],
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Trust the header of one Bitcoin block; the work on it is checked."""
    from archive.errors import UsageError
    from archive.stamps.bitcoin import check_work, parse_header
    from archive.trust import BitcoinHeader, load_trust, save_trust

    try:
        raw = bytes.fromhex(header)
    except ValueError:
        raise UsageError("the header is not 160 hex digits", code="trust.bad_header") from None
    parsed = parse_header(raw)
    check_work(parsed)
    new = BitcoinHeader(height, raw.hex())
    path = _path(trust, workspace)
    save_trust(path, load_trust(path).with_bitcoin_header(new))
    return _done(
        {"added": {"bitcoin_header": new.to_json()}},
        f"{path}: trusts Bitcoin block {height}, {parsed.shown_hash}",
        json_output,
    )


def remove(
    name_or_address: Annotated[str, typer.Argument(metavar="NAME|ADDRESS", help="What to take out.")],
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Stop trusting a registry or publisher."""
    from archive.trust import load_trust, save_trust

    path = _path(trust, workspace)
    save_trust(path, load_trust(path).without(name_or_address))
    return _done({"removed": name_or_address}, f"{path}: no longer trusts {name_or_address}", json_output)


def _path(trust: Path | None, workspace: Path | None) -> Path:
    return trust or resolve_workspace(workspace).trust_file


def _done(result: dict[str, object], text: str, json_output: bool) -> ExitCode:
    if json_output:
        print_json(result)
    else:
        say(text)
    return ExitCode.DONE
