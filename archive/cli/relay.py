"""`archive relay FILE|FOLDER`: send requests that others signed, and pay for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archive.cli.acting import (
    DryRunOption,
    NetworkOption,
    PasswordOption,
    WalletOption,
    WorkspaceOption,
    YesOption,
    open_writer,
    told,
)
from archive.cli.output import JsonOption, print_error, print_json, print_result, say
from archive.errors import ArchiveError, ExitCode, InvalidInputError, RefusedError, UsageError
from archive.workspace import resolve_workspace

if TYPE_CHECKING:
    from archive.chain.eip712 import Request
    from archive.chain.networks import Network
    from archive.chain.writer import RegistryWriter

SUFFIX = ".json"
MAX_FILES = 10_000
# An act takes about a tenth of it; the rest is for wallets with many owners.
MAX_GAS = 1_000_000


def register(app: typer.Typer) -> None:
    app.command("relay")(relay)


def relay(
    source: Annotated[
        Path, typer.Argument(metavar="FILE|FOLDER", help="A signed request, or a folder of them.", show_default=False)
    ],
    network: NetworkOption,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Make the requests unusable instead; only with their signer's own key.")
    ] = False,
    max_gas: Annotated[
        int, typer.Option("--max-gas", min=1, metavar="N", help="Refuse a request that takes more gas.")
    ] = MAX_GAS,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    wallet: WalletOption = None,
    password_fd: PasswordOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Send signed requests to the registry and pay the gas. What is there already is success and costs nothing.

    In a folder each request is tried, also after one that is refused; exit 1 when one was refused, 3 when one could not
    be sent.
    """
    paths = _paths(source)
    with open_writer(resolve_workspace(workspace), network, wallet, password_fd) as (chosen, writer):
        run = _Relay(chosen, writer, quiet=json_output, cancel=cancel, max_gas=max_gas)
        say(f"network   {chosen.name} (chain {chosen.chain_id}), registry {writer.reader.address}")
        say(f"pays      {writer.publisher}")
        ready = run.read(paths)
        if not dry_run:
            if ready and not yes:
                typer.confirm(f"{'Cancel' if cancel else 'Send'} {len(ready)}?", abort=True, err=True)
            run.send(ready)
    if json_output:
        place = {"network": chosen.name, "registry": writer.reader.address}
        print_json({**({"dry_run": True} if dry_run else {}), **place, "requests": run.rows})
    return ExitCode.WRONG if ExitCode.WRONG in run.codes else max(run.codes, default=ExitCode.DONE)


class _Relay:
    """One run: what became of each file in `rows`, and the codes of those that failed."""

    def __init__(self, network: Network, writer: RegistryWriter, *, quiet: bool, cancel: bool, max_gas: int) -> None:
        self._cancel = cancel
        self._max_gas = max_gas
        self._network = network
        self._writer = writer
        self._rpc = writer.reader.rpc
        self._quiet = quiet
        self.rows: list[dict[str, Any]] = []
        self.codes: list[ExitCode] = []

    def read(self, paths: list[Path]) -> list[tuple[Path, Request]]:
        """The requests that can be sent; those that cannot are told at once."""
        ready = []
        for path in paths:
            try:
                request = self._parse(path)
                self._look(request)
            except ArchiveError as error:
                self._refused(path, error)
            else:
                ready.append((path, request))
        return ready

    def _parse(self, path: Path) -> Request:
        from archive.chain.eip712 import MAX_REQUEST_BYTES, parse_request

        try:
            with path.open("rb") as handle:
                request = parse_request(handle.read(MAX_REQUEST_BYTES + 1), name=str(path))
        except OSError as error:
            raise InvalidInputError(f"{path}: cannot be read: {error.strerror}", code="relay.unreadable") from error
        if (request.chain_id, request.registry) != (self._writer.identity.chain_id, self._writer.reader.address):
            raise RefusedError(
                f"{path}: signed for chain {request.chain_id}, registry {request.registry}",
                code="relay.other_registry",
                hint="choose the network it was signed for",
            )
        if request.signature is None:
            raise InvalidInputError(f"{path}: is not signed", code="relay.unsigned")
        return request

    def _look(self, request: Request) -> None:
        """Show what it would cost; raises what the registry refuses it with."""
        from archive.chain.acting import quote

        if self._cancel and request.act.account != self._writer.publisher:
            raise RefusedError(
                f"the request is of {request.act.account}, and this key is {self._writer.publisher}",
                code="relay.not_yours",
                hint="only the signer can cancel a request: choose its wallet with --wallet",
            )
        price = "there already"
        if not self._done(request):
            try:
                cost = quote(self._writer, self._call(request), max_gas=self._max_gas).to_json()
                price = f"at most {cost['max_cost']} {cost['symbol']}"
            except RefusedError as error:
                # It may follow another request of this run.
                if error.code != "registry.not_head":
                    raise
                price = "after the one before it"
        say(f"{request.act.name:<9} {request.act.root.hex()} for {request.act.account} ({price})")

    def _call(self, request: Request) -> bytes:
        from archive.chain.eip712 import cancel_call

        return cancel_call(request) if self._cancel else request.relay_call()

    def _done(self, request: Request) -> bool:
        from archive.chain.acting import is_cancelled, is_done

        if self._cancel:
            return is_cancelled(self._rpc, self._writer.reader.address, request)
        return is_done(self._rpc, self._writer.reader.address, request.act)

    def send(self, ready: list[tuple[Path, Request]]) -> None:
        """Send all. Anchors that follow each other go in their order, whatever the order of the files."""
        ready = in_order(ready)
        while ready:
            later: list[tuple[Path, Request]] = []
            refusals: list[ArchiveError] = []
            for path, request in ready:
                try:
                    self._send(path, request)
                except ArchiveError as error:
                    if error.code == "registry.not_head":
                        later.append((path, request))
                        refusals.append(error)
                    else:
                        self._refused(path, error)
            # Each round puts at least one in its place, or the rest can never go.
            if len(later) == len(ready):
                for (path, _), refusal in zip(later, refusals, strict=True):
                    self._refused(path, refusal)
                return
            ready = later

    def _send(self, path: Path, request: Request) -> None:
        from archive.chain.acting import perform
        from archive.cli.contract import wait_progress

        act = request.act
        receipt = perform(
            self._writer,
            self._call(request),
            lambda: self._done(request),
            max_gas=self._max_gas,
            progress=wait_progress(),
        )
        about = {"act": act.name, "account": act.account, "root": act.root.hex()}
        self.rows.append({"file": str(path), **about, **receipt.to_json()})
        if not self._quiet:
            word = "cancelled" if self._cancel else "relayed"
            print_result(told(f"{act.name} {word}", f"{act.root.hex()} for {act.account}", receipt))

    def _refused(self, path: Path, error: ArchiveError) -> None:
        self.rows.append({"file": str(path), "status": "refused", "error": error.to_json()})
        self.codes.append(ExitCode.INCOMPLETE if error.exit_code == ExitCode.INCOMPLETE else ExitCode.WRONG)
        print_error(error)


def in_order(ready: Iterable[tuple[Path, Request]]) -> list[tuple[Path, Request]]:
    """Each anchor after the one of its history that it follows; all else as it came.

    Only by trying, a long history in the wrong order would be tried as often as it has entries.
    """
    from archive.chain.eip712 import AnchorAct

    ready = list(ready)
    anchors = {(r.act.account, r.act.call.incident, r.act.root) for _, r in ready if isinstance(r.act, AnchorAct)}
    later: dict[tuple[str, bytes, bytes], list[tuple[Path, Request]]] = {}
    todo: deque[tuple[Path, Request]] = deque()
    for item in ready:
        act = item[1].act
        before = (act.account, act.call.incident, act.call.previous) if isinstance(act, AnchorAct) else None
        if before in anchors:
            later.setdefault(before, []).append(item)
        else:
            todo.append(item)
    found = []
    while todo:
        item = todo.popleft()
        found.append(item)
        act = item[1].act
        if isinstance(act, AnchorAct):
            todo.extendleft(reversed(later.pop((act.account, act.call.incident, act.root), [])))
    # Those that follow one another in a circle never go; the registry says why.
    return [*found, *(item for items in later.values() for item in items)]


def _paths(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise UsageError(f"{source}: no such file or folder", code="relay.no_such_file")
    found = sorted(path for path in source.iterdir() if path.suffix == SUFFIX and path.is_file())
    if not found:
        raise UsageError(f"{source}: no {SUFFIX} files in this folder", code="relay.empty")
    if len(found) > MAX_FILES:
        raise UsageError(f"{source}: more than {MAX_FILES:,} files", code="relay.too_many")
    return found
