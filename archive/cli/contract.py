"""`archive contract`: deploy the registry, look at it, compare its code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ArchiveError, ExitCode
from archive.workspace import resolve_workspace

if TYPE_CHECKING:
    from archive.chain.networks import Deployment, Network
    from archive.chain.sending import WaitProgress, WaitStage

WorkspaceOption = Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")]
NetworkOption = Annotated[str, typer.Option("--network", help="local, anvil, bsc-testnet, bsc, or one of config.toml.")]
TrustOption = Annotated[
    Path | None, typer.Option("--trust", envvar="ARCHIVE_TRUST", help="The trust file, else the workspace's.")
]
WalletOption = Annotated[
    str | None,
    typer.Option("--wallet", metavar="ADDRESS", help="The wallet that signs, when there are several."),
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
AddressOption = Annotated[
    str | None, typer.Option("--address", help="Address of the registry, else the network's.", show_default=False)
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The registry contract: deploy it, look at it, check its code.", no_args_is_help=True)
    group.command("deploy")(deploy)
    group.command("info")(info)
    group.command("verify-code")(verify_code)
    group.command("verify-input")(verify_input)
    app.add_typer(group, name="contract")


def deploy(
    network: NetworkOption,
    create2: Annotated[
        bool,
        typer.Option("--create2", help="Only at the address that is the same on every chain, or not at all."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen and what it costs.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wallet: WalletOption = None,
    password_fd: PasswordOption = None,
    trust: TrustOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Deploy the registry on a network, remember it in this workspace, and trust it.

    A registry that is there already is found, not deployed again.
    """
    from archive.chain.deploy import Deployer
    from archive.chain.keystore import open_account
    from archive.chain.networks import get_network, open_chain, save_deployment
    from archive.errors import UsageError

    space = resolve_workspace(workspace)
    chosen = get_network(space, network)
    with open_chain(chosen, space) as (rpc, _):
        if chosen.embedded:
            return _embedded(space.root, json_output)
        account = open_account(space, chosen, rpc, address=wallet, descriptor=password_fd)
        deployer = Deployer(rpc, chosen, account)
        plan = deployer.plan()
        if create2 and plan.method != "deterministic":
            raise UsageError(
                f"{chosen.name}: the deployment proxy is not on this chain",
                code="chain.no_factory",
                hint="deploy without --create2: the address then follows from the account and its nonce",
            )
        say(f"network   {chosen.name} (chain {chosen.chain_id})")
        say(f"account   {account.address}")
        say(f"address   {plan.address or 'decided by the account'}" + (" (there already)" if plan.exists else ""))
        if plan.estimate is not None:
            cost = plan.estimate.to_json()
            say(f"cost      at most {cost['max_cost']} {cost['symbol']} ({cost['gas']} gas); has {cost['balance']}")
        if dry_run:
            if json_output:
                print_json({"dry_run": True, "network": chosen.name, "plan": plan.to_json()})
            return ExitCode.DONE
        if not plan.exists and not yes:
            typer.confirm("Deploy? This cannot be undone.", abort=True, err=True)
        deployment = deployer.deploy(plan, progress=wait_progress())
    save_deployment(space, deployment)
    _trust(trust or space.trust_file, deployment, chosen)
    if json_output:
        print_json({"deployment": deployment.to_json(), "status": "found" if plan.exists else "deployed"})
    else:
        print_result(f"registry  {deployment.address}")
        print_result(f"code      {deployment.code_hash}")
        if deployment.transaction is not None:
            print_result(f"deployed  in block {deployment.block} by {deployment.transaction}")
    return ExitCode.DONE


def info(
    network: NetworkOption,
    address: AddressOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Show the network, whether it can be reached, and the registry on it."""
    from archive.chain.artifact import load_artifact
    from archive.chain.codec import quantity
    from archive.chain.networks import get_network, open_chain
    from archive.chain.reader import RegistryReader
    from archive.chain.rpc import mask_url

    space = resolve_workspace(workspace)
    chosen = get_network(space, network)
    with open_chain(chosen, space) as (rpc, identity):
        # The embedded chain may just have been made.
        registry = _registry(address, get_network(space, network))
        found = {
            "network": chosen.name,
            "chain_id": identity.chain_id,
            "genesis": identity.genesis,
            "block": quantity(rpc.call("eth_blockNumber"), "block number"),
            "rpc_urls": [mask_url(url) for url in chosen.rpc_urls],
            "confirmations": chosen.confirmations,
            "registry": registry,
            "code_hash": None if registry is None else RegistryReader(rpc, registry).code_hash(),
            "expected_code_hash": load_artifact().code_hash,
        }
    if json_output:
        print_json(found)
        return ExitCode.DONE
    code = "none there"
    if found["code_hash"] is not None:
        code = "the registry's" if found["code_hash"] == found["expected_code_hash"] else "of another contract"
    print_result(f"network   {chosen.name} (chain {identity.chain_id})")
    print_result(f"genesis   {identity.genesis}")
    print_result(f"block     {found['block']}")
    print_result(f"final     {chosen.confirmations}")
    print_result(f"registry  {registry or 'none known; see `archive contract deploy`'}")
    if registry is not None:
        print_result(f"code      {code} ({found['code_hash']})")
    return ExitCode.DONE


def verify_code(
    network: NetworkOption,
    address: AddressOption = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Compare the contract's code on chain with the code that ships with this program; exit 1 when it differs."""
    from archive.chain.deploy import compare_code
    from archive.chain.networks import get_network, open_chain
    from archive.errors import UsageError

    space = resolve_workspace(workspace)
    chosen = get_network(space, network)
    with open_chain(chosen, space) as (rpc, _):
        registry = _registry(address, get_network(space, network))
        if registry is None:
            raise UsageError(
                f"{network}: no registry is known on this network",
                code="chain.no_registry",
                hint="name it by --address",
            )
        report = compare_code(rpc, registry)
    if json_output:
        print_json(report.to_json())
    else:
        print_result(f"registry  {report.address}")
        print_result(f"expected  {report.expected_hash} ({report.expected_size} bytes)")
        print_result(f"found     {report.found_hash or 'no code'} ({report.found_size} bytes)")
        print_result("the same code" if report.same else f"DIFFERENT from byte {report.first_difference}")
    return ExitCode.DONE if report.same else ExitCode.WRONG


def verify_input(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the compiler's input.")] = Path(
        "IncidentRegistry.input.json"
    ),
    json_output: JsonOption = False,
) -> ExitCode:
    """Write the compiler's standard-JSON input, for source verification by Sourcify or an explorer; no network."""
    from importlib.resources import files

    from archive.chain.artifact import load_artifact
    from archive.workspace import write_atomic

    artifact = load_artifact()
    write_atomic(out, (files("archive.chain") / "artifacts" / "IncidentRegistry.input.json").read_bytes())
    told = {
        "file": str(out),
        "contract": "src/IncidentRegistry.sol:IncidentRegistry",
        "compiler": artifact.compiler,
        "code_hash": artifact.code_hash,
    }
    if json_output:
        print_json(told)
    else:
        print_result(f"input     {out}")
        print_result(f"contract  {told['contract']}")
        print_result(f"compiler  {told['compiler']}")
        print_result(f"code      {told['code_hash']}")
        say("Give file, contract and compiler to Sourcify or to an explorer, with the registry's chain and address.")
    return ExitCode.DONE


def wait_progress() -> WaitProgress:
    """Tell the stages of waiting for a transaction, one line each time something changes."""
    last: list[tuple[str, int, int]] = []

    def report(stage: WaitStage, have: int, need: int) -> None:
        now = (stage, have, need)
        if last != [now] and (need > 1 or sys.stderr.isatty() or stage == "sent again"):
            say(f"{stage}…" if need <= 1 else f"{stage}: {have} of {need} blocks")
        last[:] = [now]

    return report


def _registry(address: str | None, network: Network) -> str | None:
    from archive.trust import checked_address

    return network.registry if address is None else checked_address(address)


def _embedded(root: Path, json_output: bool) -> ExitCode:
    from archive.chain.local_headers import read_registry
    from archive.workspace import Workspace

    registry = read_registry(Workspace(root))
    address = None if registry is None else registry.address
    if json_output:
        print_json({"deployment": {"network": "local", "address": address}, "status": "found"})
    else:
        print_result(f"registry  {address}")
    say("The embedded chain deploys its registry when it is made; there is nothing to do.")
    return ExitCode.DONE


def _trust(path: Path, deployment: Deployment, network: Network) -> None:
    """Add the registry to the trust file under a free name; what is there already is left alone."""
    from archive.trust import TrustedRegistry, load_trust, save_trust

    trust = load_trust(path)
    if trust.registry(deployment.chain_id, deployment.genesis, deployment.address) is not None:
        return
    # A network without a fixed genesis has a new one on every start.
    plain = f"{network.name} registry"
    for name in (plain, f"{plain} {deployment.address[2:10]} {deployment.genesis[2:10]}"):
        try:
            changed = trust.with_registry(
                TrustedRegistry(
                    name=name,
                    chain_id=deployment.chain_id,
                    genesis=deployment.genesis,
                    address=deployment.address,
                    code_hash=deployment.code_hash,
                )
            )
        except ArchiveError as error:
            if error.code != "trust.conflict" or name != plain:
                raise
            continue
        save_trust(path, changed)
        return
