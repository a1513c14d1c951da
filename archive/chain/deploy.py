"""Deploying the registry, and comparing what is on chain with what ships.

Where the chain has the deterministic deployment proxy (Arachnid's, at the same address on most chains), the registry is
created through it, so that it has one address everywhere and a second deployment finds the first. Elsewhere it is
created by the account itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from archive.chain import codec
from archive.chain.artifact import load_artifact
from archive.chain.codec import from_hex, keccak, to_hex
from archive.chain.networks import Deployment, Network
from archive.chain.reader import RegistryReader
from archive.chain.rpc import Rpc, check_chain
from archive.chain.sending import DEFAULT_DEADLINE, Estimate, Sender, WaitProgress
from archive.errors import InvalidInputError, RefusedError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

# https://github.com/Arachnid/deterministic-deployment-proxy: takes salt ‖ creation code.
FACTORY: Final = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
FACTORY_CODE_HASH: Final = "0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"
SALT: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """What `deploy` would do: `address` is None when the account's nonce decides it, `estimate` when it is there."""

    method: Literal["deterministic", "account"]
    address: str | None
    exists: bool
    estimate: Estimate | None

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "address": self.address,
            "exists": self.exists,
            "estimate": None if self.estimate is None else self.estimate.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CodeReport:
    """The on-chain code against the artifact; `first_difference` is a byte offset."""

    address: str
    expected_hash: str
    found_hash: str | None
    expected_size: int
    found_size: int
    first_difference: int | None

    @property
    def same(self) -> bool:
        return self.found_hash == self.expected_hash

    def to_json(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "same": self.same,
            "expected": {"code_hash": self.expected_hash, "size": self.expected_size},
            "found": {"code_hash": self.found_hash, "size": self.found_size},
            "first_difference": self.first_difference,
        }


def deterministic_address() -> str:
    """The registry's address through the deployment proxy (EIP-1014, salt zero)."""
    code_hash = keccak(load_artifact().bytecode)
    return to_hex(keccak(b"\xff" + from_hex(FACTORY) + SALT + code_hash)[12:])


class Deployer:
    """Deploys from one account on one chain; checks the chain first (codes of `check_chain`)."""

    def __init__(self, rpc: Rpc, network: Network, account: LocalAccount, **timing: Any) -> None:
        self.identity = check_chain(rpc, network)
        self._rpc = rpc
        self._network = network
        self._sender = Sender(rpc, network, account, **timing)

    def plan(self) -> DeploymentPlan:
        """Look, and estimate; nothing is sent."""
        artifact = load_artifact()
        factory = RegistryReader(self._rpc, FACTORY).code_hash()
        if factory != FACTORY_CODE_HASH:
            return DeploymentPlan("account", None, False, self._sender.estimate(None, artifact.bytecode))
        address = deterministic_address()
        found = RegistryReader(self._rpc, address).code_hash()
        if found is not None:
            # Nothing else can be there: the address follows from the code.
            RegistryReader(self._rpc, address).check_code(artifact.code_hash)
            return DeploymentPlan("deterministic", address, True, None)
        return DeploymentPlan("deterministic", address, False, self._sender.estimate(FACTORY, SALT + artifact.bytecode))

    def deploy(
        self, plan: DeploymentPlan, *, deadline: float = DEFAULT_DEADLINE, progress: WaitProgress | None = None
    ) -> Deployment:
        """Carry out a plan and wait until it is final; a registry that is there already is only looked at.

        Raises:
            RefusedError: `chain.no_funds`, `chain.deployment_failed`, and the codes of `Sender.send`.
            UnreachableError: `chain.not_mined`, `chain.not_final`.
        """
        artifact = load_artifact()
        if plan.exists and plan.address is not None:
            return self._deployment(plan.address, None, None)
        if plan.estimate is None:
            raise InvalidInputError("the plan has no estimate", code="chain.bad_plan")
        through_factory = plan.method == "deterministic"
        to = FACTORY if through_factory else None
        data = SALT + artifact.bytecode if through_factory else artifact.bytecode
        signed = self._sender.sign(to, data, plan.estimate)
        self._sender.send(signed)
        final = None
        while final is None:
            mined = self._sender.wait_mined(signed, deadline=deadline, progress=progress)
            final = self._sender.wait_final(mined, deadline=deadline, progress=progress)
        address = plan.address if through_factory else final.contract
        # An earlier, interrupted run may have created it first; then this one fails and the registry is there.
        there = address is not None and RegistryReader(self._rpc, address).code_hash() is not None
        if address is None or not there:
            raise RefusedError(
                f"{signed.hash}: the deployment failed",
                code="chain.deployment_failed",
                hint="look at the transaction in an explorer; running the command again is safe",
            )
        RegistryReader(self._rpc, address).check_code(artifact.code_hash)
        return self._deployment(address, signed.hash, final.block_number)

    def _deployment(self, address: str, transaction: str | None, block: int | None) -> Deployment:
        return Deployment(
            network=self._network.name,
            chain_id=self.identity.chain_id,
            genesis=self.identity.genesis,
            address=address,
            code_hash=load_artifact().code_hash,
            transaction=transaction,
            block=block,
        )


def compare_code(rpc: Rpc, address: str) -> CodeReport:
    """The runtime code at an address against the artifact that ships."""
    artifact = load_artifact()
    code = codec.data(rpc.call("eth_getCode", [address, "latest"]), "code")
    expected = artifact.deployed_bytecode
    difference = None
    if code != expected:
        shorter = min(len(code), len(expected))
        difference = next((at for at in range(shorter) if code[at] != expected[at]), shorter)
    return CodeReport(
        address, artifact.code_hash, to_hex(keccak(code)) if code else None, len(expected), len(code), difference
    )
