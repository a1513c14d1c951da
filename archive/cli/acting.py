"""What the commands that act in a registry share: their options, what they are about, and opening the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archive.cli.output import print_json, print_result, say
from archive.errors import ExitCode, RefusedError, UsageError
from archive.workspace import Workspace

if TYPE_CHECKING:
    from archive.bundle import ProofBundle
    from archive.chain.acting import ActReceipt
    from archive.chain.eip712 import Act
    from archive.chain.networks import Network
    from archive.chain.writer import RegistryWriter

NetworkOption = Annotated[str, typer.Option("--network", help="local, anvil, bsc-testnet, bsc, or one of config.toml.")]
WalletOption = Annotated[
    str | None, typer.Option("--wallet", metavar="ADDRESS", help="The wallet that signs, when there are several.")
]
PasswordOption = Annotated[
    int | None,
    typer.Option(
        "--password-fd",
        min=0,
        metavar="N",
        help="Read the wallet's password from this file descriptor, else ARCHIVE_WALLET_PASSWORD, else ask.",
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done and what it costs; no more.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
WorkspaceOption = Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")]
TargetArgument = Annotated[
    str, typer.Argument(metavar="TARGET", help="A proof bundle, or a root (64 hex digits).", show_default=False)
]


@dataclass(frozen=True, slots=True)
class Subject:
    """What an act is about: the root (64 hex digits), and the bundle when one was given."""

    root: str
    bundle: ProofBundle | None

    @property
    def name(self) -> str:
        if self.bundle is None:
            return self.root
        header = self.bundle.entries[0]
        return f"{header.get('incident')}, revision {header.get('revision')} ({self.root})"


def read_subject(text: str) -> Subject:
    """A root, or a bundle whose own root and content id are recomputed and not believed.

    Raises:
        UsageError: `act.target`.
        InvalidInputError: `bundle.…`, `act.bundle`.
    """
    if re.fullmatch(r"[0-9a-f]{64}", text):
        return Subject(text, None)
    path = Path(text)
    if not path.is_file():
        raise UsageError(
            f"{text[:200]}: neither a proof bundle nor a root (64 hex digits)",
            code="act.target",
            hint="name a file ….proof.json, or the root that `archive show` prints",
        )
    return Subject(*_checked(path))


def _checked(path: Path) -> tuple[str, ProofBundle]:
    from archive.bundle import read_bundle
    from archive.errors import InvalidInputError
    from archive.verify.leaves import check_content_id, check_tree, read_leaves, wanted_files
    from archive.verify.matching import match_files

    bundle = read_bundle(path)
    leaves = read_leaves(bundle.entries)
    root = None
    if leaves.format_known:
        root, checks = check_tree(bundle, leaves)
        wanted = wanted_files(leaves)
        # An anchor says the content id too, and for good.
        checks += check_content_id(bundle, leaves, wanted, match_files(wanted, ()))[1]
        if any(check.status == "fail" for check in checks):
            root = None
    if root is None or leaves.header is None:
        raise InvalidInputError(
            f"{path}: the bundle does not hold together; nothing is signed for it",
            code="act.bundle",
            hint=f"`archive verify {path}` says what is wrong",
        )
    return root, bundle


@contextmanager
def open_writer(
    space: Workspace, network: str, wallet: str | None, password_fd: int | None
) -> Iterator[tuple[Network, RegistryWriter]]:
    """The registry of a network with a key that pays; chain, code and key are checked."""
    from archive.chain.keystore import open_account
    from archive.chain.networks import get_network, open_chain
    from archive.chain.writer import RegistryWriter

    chosen = get_network(space, network)
    with open_chain(chosen, space) as (rpc, _):
        account = open_account(space, chosen, rpc, address=wallet, descriptor=password_fd)
        yield chosen, RegistryWriter.open(rpc, chosen, account)


def do_acts(
    writer: RegistryWriter,
    network: Network,
    acts: list[tuple[str, Act]],
    *,
    dry_run: bool,
    yes: bool,
    json_output: bool,
    question: str,
    done_word: str,
) -> ExitCode:
    """Do acts of the writer's own key: show, ask, do; an act that is there already is success."""
    from archive.chain.acting import is_done, perform, quote
    from archive.chain.eip712 import direct_call
    from archive.cli.contract import wait_progress

    rpc, address = writer.reader.rpc, writer.reader.address
    say(f"network   {network.name} (chain {network.chain_id}), registry {address}")
    say(f"key       {writer.publisher}")
    rows: list[dict[str, Any]] = []
    open_acts = []
    for subject, act in acts:
        there = is_done(rpc, address, act)
        cost = None if there else quote(writer, direct_call(act)).to_json()
        price = "" if cost is None else f", at most {cost['max_cost']} {cost['symbol']}"
        say(f"{act.name:<9} {subject}{' (there already)' if there else price}")
        rows.append({"act": act.name, "subject": subject, "root": act.root.hex(), "already": there, "cost": cost})
        if not there:
            open_acts.append((subject, act))
    if dry_run:
        if json_output:
            print_json({"dry_run": True, "network": network.name, "registry": address, "acts": rows})
        return ExitCode.DONE
    if open_acts and not yes:
        typer.confirm(question, abort=True, err=True)
    results = []
    for subject, act in acts:

        def done(wanted: Act = act) -> bool:
            return is_done(rpc, address, wanted)

        receipt = perform(writer, direct_call(act), done, progress=wait_progress())
        results.append(
            {"act": act.name, "subject": subject, "root": act.root.hex(), "account": act.account, **receipt.to_json()}
        )
        if not json_output:
            print_result(told(done_word, subject, receipt))
    if json_output:
        print_json({"network": network.name, "registry": address, "acts": results})
    return ExitCode.DONE


def told(word: str, subject: str, receipt: ActReceipt) -> str:
    """One line about a finished act."""
    if receipt.status == "already":
        return f"{word} already: {subject}"
    return f"{word}: {subject}, block {receipt.block_number}, transaction {receipt.tx_hash}"


def require_own(subject: Subject, publisher: str) -> None:
    """A bundle that names its publisher can only be retracted by that key. Raises `act.other_publisher`."""
    named = subject.bundle.entries[0].get("publisher") if subject.bundle is not None else None
    if named is not None and named != publisher:
        raise RefusedError(
            f"{subject.name}: was published by {named}, and this key is {publisher}",
            code="act.other_publisher",
            hint="a retraction says nothing unless it comes from the publisher's own key: choose it with --wallet",
        )
