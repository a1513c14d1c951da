"""`archive sign ACT TARGET`: sign a request without any network; `archive relay` sends it, and pays."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from archive.cli.acting import PasswordOption, Subject, WalletOption, WorkspaceOption, read_subject, require_own
from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode, InvalidInputError, UsageError
from archive.workspace import Workspace, resolve_workspace, write_atomic

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from archive.chain.eip712 import Act, Request
    from archive.chain.registry import AnchorCall


def register(app: typer.Typer) -> None:
    app.command("sign")(sign)


def sign(
    act: Annotated[
        Literal["anchor", "endorse", "withdraw", "retract", "succession"],
        typer.Argument(metavar="ACT", help="anchor, endorse, withdraw, retract, or succession.", show_default=False),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="A proof bundle; a root (64 hex digits) will do for endorse, withdraw and retract; for anchor a "
            "dossier's folder too; for succession the address of the key that comes after this one.",
            show_default=False,
        ),
    ],
    network: Annotated[
        str | None, typer.Option("--network", help="Network whose chain id and registry the request is for.")
    ] = None,
    chain_id: Annotated[int | None, typer.Option(min=1, help="Chain id, instead of --network.")] = None,
    registry: Annotated[str | None, typer.Option(help="Registry's address, instead of the network's.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for retract; public and permanent, at most 512 bytes.")] = (
        None
    ),
    items: Annotated[
        list[str] | None,
        typer.Option("--items", metavar="ID", help="For endorse and withdraw: only this evidence item."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long the request may be used.")] = 30,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write the request.")] = None,
    wallet: WalletOption = None,
    password_fd: PasswordOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Sign a request offline: nothing is asked of any node, and nothing is paid. Anybody can then relay it.

    A request is good for one registry on one chain, until its deadline, and can be cancelled there before it is used.
    """
    from archive.chain.keystore import find_wallet, read_password, unlock

    space = resolve_workspace(workspace)
    address = find_wallet(space, wallet).address

    def account() -> LocalAccount:
        return unlock(space, address, lambda: read_password(descriptor=password_fd))

    if act == "succession":
        return _succession(account, address, target, out, json_output=json_output)
    where = _place(space, network, chain_id, registry)
    deadline = int(datetime.datetime.now(datetime.UTC).timestamp()) + days * 86_400
    written: Path | None = None
    if act == "anchor" and Path(target).is_dir():
        subject, written = _packed(space, Path(target), address)
    else:
        subject = read_subject(target)
    requests = [_request(one, *where, deadline) for one in _acts(act, subject, address, reason, items or [])]
    key = account()
    paths = []
    for at, request in enumerate(requests):
        signed = replace(request, signature=_sign(key, request))
        if signed.signer() != address:
            raise InvalidInputError("the signature made is not this wallet's", code="request.signature")
        path = _path(out, act, request, at, len(requests))
        write_atomic(path, _dump(signed))
        paths.append(path)
    if json_output:
        print_json(
            {
                "act": act,
                "account": address,
                "chain_id": where[0],
                "registry": where[1],
                "deadline": deadline,
                "root": subject.root,
                "requests": [str(path) for path in paths],
                "bundle": None if written is None else str(written),
            }
        )
        return ExitCode.DONE
    for path in paths:
        print_result(str(path))
    until = datetime.datetime.fromtimestamp(deadline, datetime.UTC).date().isoformat()
    say(f"signed by {address} for chain {where[0]}, registry {where[1]}, good until {until}")
    say("send it with `archive relay FILE`, or give it to somebody who does")
    if written is not None:
        say(f"the bundle, still without an anchor: {written}; after the relay: archive reanchor {written} --network …")
    return ExitCode.DONE


def _place(space: Workspace, network: str | None, chain_id: int | None, registry: str | None) -> tuple[int, str]:
    from archive.trust import checked_address

    address = None if registry is None else checked_address(registry)
    if network is None:
        if chain_id is None or address is None:
            raise UsageError(
                "a request is for one registry on one chain",
                code="sign.no_place",
                hint="name the network by --network, or both --chain-id and --registry",
            )
        return chain_id, address
    if chain_id is not None:
        raise UsageError("--chain-id says the same as --network; give one of them", code="sign.two_places")
    from archive.chain.local_headers import read_registry
    from archive.chain.networks import get_network

    chosen = get_network(space, network)
    if address is None and chosen.embedded:
        local = read_registry(space)
        address = None if local is None else local.address
    address = address or chosen.registry
    if address is None:
        raise UsageError(
            f"{network}: no registry is known on this network", code="chain.no_registry", hint="name it by --registry"
        )
    return chosen.chain_id, address.lower()


def _acts(act: str, subject: Subject, address: str, reason: str | None, items: list[str]) -> list[Act]:
    from archive.chain.eip712 import AnchorAct, EndorseAct, RetractAct, checked_reason

    if (reason is not None) != (act == "retract"):
        raise UsageError("--reason goes with retract, and retract needs it", code="act.reason")
    if items and act not in ("endorse", "withdraw"):
        raise UsageError("--items goes with endorse and withdraw", code="sign.items")
    root = bytes.fromhex(subject.root)
    if act == "retract":
        require_own(subject, address)
        try:
            return [RetractAct(address, root, checked_reason(reason))]
        except ValueError as error:
            raise UsageError(f"--reason: {error}", code="act.reason") from None
    if act == "anchor":
        return [AnchorAct(address, _anchor_call(subject, address))]
    name: Literal["endorse", "withdraw"] = "withdraw" if act == "withdraw" else "endorse"
    if items:
        from archive.cli.endorse import item_roots

        return [EndorseAct(address, leaf, name) for _, leaf in item_roots(subject, items)]
    return [EndorseAct(address, root, name)]


def _anchor_call(subject: Subject, address: str) -> AnchorCall:
    from archive.chain.codec import ZERO_WORD
    from archive.chain.registry import AnchorCall, incident_key
    from archive.package.cid import content_digest
    from archive.package.entries import Header, parse_entry

    if subject.bundle is None:
        raise UsageError(
            "an anchor needs the proof bundle or the dossier, not only a root",
            code="act.no_bundle",
            hint="`archive sign anchor DIR` packs a dossier and signs for it",
        )
    header = parse_entry(subject.bundle.entries[0])
    if not isinstance(header, Header):
        raise InvalidInputError("the bundle's first entry is no header", code="act.bundle")
    require_own(subject, address)
    previous = ZERO_WORD if header.previous_root is None else bytes.fromhex(header.previous_root)
    return AnchorCall(
        incident_key(header.incident),
        bytes.fromhex(subject.root),
        previous,
        content_digest(subject.bundle.content_id),
    )


def _packed(space: Workspace, folder: Path, publisher: str) -> tuple[Subject, Path]:
    """Pack the dossier for this publisher into the local store, and write its bundle, still without an anchor."""
    from archive.bundle import build_bundle
    from archive.package import canonical
    from archive.publish import blocks
    from archive.publish.pack import pack_dossier

    package = pack_dossier(space, folder, publisher=publisher).package
    bundle = build_bundle(
        root=package.root,
        content_id=package.content_id,
        entries=[leaf.to_json() for leaf in (package.header, *package.entries)],
        record=canonical.loads(package.record_json, max_bytes=len(package.record_json)),  # type: ignore[arg-type]
        directory=package.directory,
        stamps=blocks.stamps(space, package.header.not_before),
    )
    path = space.bundles / f"{package.header.incident}-r{package.header.revision}-unanchored.proof.json"
    write_atomic(path, bundle.to_bytes())
    return Subject(package.root, bundle), path


def _request(act: Act, chain_id: int, registry: str, deadline: int) -> Request:
    from archive.chain.eip712 import Request

    return Request(chain_id, registry, act, deadline)


def _sign(account: LocalAccount, request: Request) -> bytes:
    return bytes(account.sign_typed_data(full_message=request.typed_data()).signature)


def _path(out: Path | None, act: str, request: Request, at: int, count: int) -> Path:
    if out is None:
        who = request.act.account[2:10]
        return Path(f"{act}-{request.act.root.hex()[:16]}-{who}-{request.chain_id}.request.json")
    return out if count == 1 else out.with_name(f"{out.stem}-{at + 1}{out.suffix}")


def _dump(request: Request) -> bytes:
    import json

    return (json.dumps(request.to_json(), indent=2, ensure_ascii=False) + "\n").encode()


def _succession(
    account: Callable[[], LocalAccount], address: str, target: str, out: Path | None, *, json_output: bool
) -> ExitCode:
    import json

    from eth_account.messages import encode_defunct

    from archive.chain.succession import Succession, parse_succession
    from archive.trust import checked_address

    moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    statement = Succession(address, checked_address(target), moment)
    signature = account().sign_message(encode_defunct(statement.message())).signature
    signed = parse_succession(statement.signed(bytes(signature)).to_json())
    path = out or Path(f"succession-{address[2:10]}-{signed.new[2:10]}.json")
    write_atomic(path, (json.dumps(signed.to_json(), indent=2) + "\n").encode())
    if json_output:
        print_json({"act": "succession", **signed.to_json(), "file": str(path)})
    else:
        print_result(str(path))
        say(f"{address} names {signed.new} as the key that comes after it; a reader who trusts the former adds it with")
        say(f"  archive trust add succession {path}")
    return ExitCode.DONE
