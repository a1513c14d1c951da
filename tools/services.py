"""The services that tests and builds use: installs Kubo, Foundry, solc and arlocal into a cache, and runs them.

Everything is installed by pinned version: npm packages by `tools/node/package-lock.json`, Kubo from the Go module proxy
by `tools/kubo/go.sum`. The cache lies outside the tree (`INCIDENT_ARCHIVE_CACHE`, else `~/.cache/incident-archive`) and
is keyed by those files' hashes, so a changed lock installs anew and an unchanged one costs nothing.

Use as a module (`with kubo() as node: …`) or as a command:

    python tools/services.py install [kubo|node|web|all]   install what is missing
    python tools/services.py have TOOL                  exit 0 when TOOL is installed; else say why not and exit 3
    python tools/services.py status                     what is installed, and where; exit 1 when something is missing
    python tools/services.py forge ARGUMENT…            run Foundry's forge on contracts/ with the pinned solc
    python tools/services.py run                        start everything, print the addresses, stop on Ctrl-C

A machine without Go or Node.js leaves that part out and says so; with CI set that is an error (exit 1).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

TOOLS = Path(__file__).resolve().parent
PROJECT = TOOLS.parent
CONTRACTS = PROJECT / "contracts"
WEB = PROJECT / "web"
NODE_SOURCES = (TOOLS / "node" / "package.json", TOOLS / "node" / "package-lock.json")
WEB_SOURCES = (WEB / "package.json", WEB / "package-lock.json")
KUBO_SOURCES = (TOOLS / "kubo" / "go.mod", TOOLS / "kubo" / "go.sum")
# The mnemonic that Anvil starts with by default; its keys are known to everybody and refused on real networks.
ANVIL_MNEMONIC = "test test test test test test test test test test test junk"
START_SECONDS = 60.0

T = TypeVar("T")


class ServiceError(Exception):
    """A service could not be installed, started or asked; the message says which, and what it printed last."""


class ToolMissing(ServiceError):
    """A tool is not installed; the message says how to install it."""


# --------------------------------------------------------------------------------------------------- installing


def cache_folder() -> Path:
    named = os.environ.get("INCIDENT_ARCHIVE_CACHE")
    return Path(named).expanduser().resolve() if named else Path.home() / ".cache" / "incident-archive"


def _key(sources: Sequence[Path], *more: str) -> str:
    digest = hashlib.sha256()
    for source in sources:
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    digest.update("\0".join((platform.system(), platform.machine(), *more)).encode())
    return digest.hexdigest()[:16]


def node_modules() -> Path:
    """Where the npm packages are, or would be, installed."""
    return cache_folder() / "node" / _key(NODE_SOURCES) / "node_modules"


def kubo_binary() -> Path:
    """Where the `ipfs` binary is, or would be, installed."""
    return cache_folder() / "kubo" / _key(KUBO_SOURCES) / "ipfs"


def foundry_binary(name: str) -> Path:
    """The native `forge`, `anvil` or `cast`: its process id is the one to stop, unlike that of npm's starter script."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return node_modules() / "@foundry-rs" / f"{name}-{platform.system().lower()}-{machine}" / "bin" / name


def require(tool: str) -> Path:
    """The path of an installed tool: `ipfs`, `forge`, `anvil`, `cast`, `arlocal`, `ipfs-car`, `web` (for `web/`).

    Raises:
        ToolMissing: it is not installed.
    """
    if tool == "ipfs":
        path, what = kubo_binary(), "kubo"
    elif tool in ("forge", "anvil", "cast"):
        path, what = foundry_binary(tool), "node"
    elif tool == "arlocal":
        path, what = node_modules() / "arlocal" / "bin" / "index.js", "node"
    elif tool == "ipfs-car":
        path, what = node_modules() / ".bin" / "ipfs-car", "node"
    elif tool == "web":
        path, what = WEB / "node_modules" / "esbuild", "web"
    else:
        raise ValueError(f"no such tool: {tool}")
    if not path.exists():
        raise ToolMissing(f"{tool} is not installed; run: python tools/services.py install {what}")
    if tool in ("arlocal", "ipfs-car", "web"):
        _program("node", "Node.js 20 or later")
    return path


def _program(name: str, what: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name} is not on this machine ({what} is needed)")
    return found


@contextlib.contextmanager
def _install_lock(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run_step(what: str, command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> None:
    print(f"services: {what} …", file=sys.stderr, flush=True)
    started = time.monotonic()
    with tempfile.TemporaryFile() as log:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != 0:
            log.seek(0)
            tail = "\n".join(log.read().decode(errors="replace").splitlines()[-40:])
            raise ServiceError(f"{what}: `{' '.join(command)}` exited with {done.returncode}:\n{tail}")
    print(f"services: {what}: done in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _made_whole(folder: Path, sources: Sequence[Path]) -> Iterator[Path]:
    """A folder to build in, with copies of the sources; it becomes `folder` unless something is raised."""
    work = Path(tempfile.mkdtemp(prefix=".install-", dir=folder.parent))
    try:
        for source in sources:
            shutil.copy(source, work)
        yield work
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _npm_ci(what: str, work: Path) -> None:
    # Install scripts stay off: those that matter download prebuilt binaries or have working fallbacks in JavaScript;
    # the one native module that is needed is built by itself.
    npm = _program("npm", "Node.js 20 or later with npm")
    _run_step(what, [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], work)


def install_node() -> Path:
    """Install the npm packages by their lock file and build sqlite3; return the `node_modules` folder."""
    modules = node_modules()
    with _install_lock(modules.parent.parent):
        if modules.exists():
            return modules
        node = _program("node", "Node.js 20 or later")
        with _made_whole(modules.parent, NODE_SOURCES) as work:
            _npm_ci("npm packages (Foundry, solc, arlocal)", work)
            headers = Path(node).resolve().parent.parent
            with_headers = [f"--nodedir={headers}"] if (headers / "include" / "node" / "node.h").exists() else []
            _run_step(
                "sqlite3 for arlocal",
                [node, str(work / "node_modules" / "node-gyp" / "bin" / "node-gyp.js"), "rebuild", *with_headers],
                work / "node_modules" / "sqlite3",
            )
    return modules


def web_modules() -> Path:
    """Where the npm packages of the browser verifier are, or would be, installed."""
    return cache_folder() / "web" / _key(WEB_SOURCES) / "node_modules"


def install_web() -> Path:
    """Install the npm packages of `web/` by their lock file and link them there; return the `node_modules` folder."""
    modules = web_modules()
    with _install_lock(modules.parent.parent):
        if not modules.exists():
            with _made_whole(modules.parent, WEB_SOURCES) as work:
                _npm_ci("npm packages of the browser verifier", work)
        link = WEB / "node_modules"
        if not link.is_symlink() or link.readlink() != modules:
            link.unlink(missing_ok=True)
            link.symlink_to(modules)
    return modules


def install_kubo() -> Path:
    """Build Kubo from the Go module proxy; return the `ipfs` binary."""
    binary = kubo_binary()
    with _install_lock(binary.parent.parent):
        if binary.exists():
            return binary
        go = _program("go", "Go 1.26 or later")
        with _made_whole(binary.parent, KUBO_SOURCES) as work:
            _run_step(
                "Kubo from source (about 3 minutes on 2 cores)",
                [go, "build", "-mod=readonly", "-o", "ipfs", "github.com/ipfs/kubo/cmd/ipfs"],
                work,
                {"GOWORK": "off"},
            )
    return binary


def forge(arguments: Sequence[str], *, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run forge on `contracts/` with the pinned solc; does not raise on a non-zero exit.

    Raises:
        ToolMissing: Foundry or Node.js is not installed.
    """
    binary = require("forge")
    _program("node", "Node.js 20 or later")
    environment = {
        **os.environ,
        "FOUNDRY_SOLC": str(TOOLS / "solc"),
        "INCIDENT_ARCHIVE_NODE_MODULES": str(node_modules()),
        "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1",
    }
    return subprocess.run(
        [str(binary), *arguments],
        cwd=CONTRACTS,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=capture,
        text=True,
        check=False,
    )


# ----------------------------------------------------------------------------------------------------- running


@dataclass(frozen=True, slots=True)
class KuboNode:
    """A running Kubo daemon. URLs have no slash at the end (`http://127.0.0.1:41003`)."""

    api_url: str
    gateway_url: str
    binary: Path
    repo: Path
    peer_id: str
    pid: int

    def cli(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run the `ipfs` command against this node and return what it printed."""
        done = subprocess.run(
            [str(self.binary), *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env=_kubo_environment(self.repo),
            check=False,
        )
        if done.returncode != 0:
            raise ServiceError(f"ipfs {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()

    def rpc(self, path: str, **arguments: str) -> dict[str, object]:
        """POST to `/api/v0/<path>` and return the JSON answer."""
        url = f"{self.api_url}/api/v0/{path}"
        if arguments:
            url += "?" + urllib.parse.urlencode(arguments)
        answer = json.loads(http(url, method="POST"))
        if not isinstance(answer, dict):
            raise ServiceError(f"{url}: unexpected answer")
        return answer

    def connect(self, other: KuboNode) -> None:
        """Connect to another node on this machine, so that blocks can be exchanged."""
        addresses = other.rpc("id")["Addresses"]
        if not isinstance(addresses, list) or not addresses:
            raise ServiceError("the other Kubo node has no swarm address")
        self.rpc("swarm/connect", arg=str(addresses[0]))


@dataclass(frozen=True, slots=True)
class ArlocalGateway:
    """A running arlocal. It mines only when asked."""

    url: str
    pid: int

    def mint(self, address: str, winston: int) -> None:
        """Give an address some Winston (10^12 of them are one AR)."""
        http(f"{self.url}/mint/{address}/{winston}")

    def mine(self, blocks: int = 1) -> None:
        http(f"{self.url}/mine/{blocks}")

    def info(self) -> dict[str, object]:
        answer = json.loads(http(f"{self.url}/info"))
        return dict(answer)


@dataclass(frozen=True, slots=True)
class DevAccount:
    """A development account: address in lower-case hex, private key `0x` + 64 hex digits. Known to everybody."""

    address: str
    private_key: str


@dataclass(frozen=True, slots=True)
class AnvilNode:
    """A running Anvil node."""

    url: str
    chain_id: int
    accounts: tuple[DevAccount, ...]
    pid: int

    def rpc(self, method: str, *parameters: object) -> object:
        """One JSON-RPC call; an error in the answer is a ServiceError."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        answer = json.loads(http(self.url, method="POST", body=body, content_type="application/json"))
        if "error" in answer:
            raise ServiceError(f"{method}: {answer['error']}")
        return answer["result"]

    def send(self, **transaction: str) -> dict[str, object]:
        """Send a transaction from an unlocked account (`sender`, `to`, `data`) and return its receipt."""
        sender = transaction.pop("sender", self.accounts[0].address)
        sent = self.rpc("eth_sendTransaction", {"from": sender, "gas": hex(3_000_000), **transaction})
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            receipt = self.rpc("eth_getTransactionReceipt", sent)
            if isinstance(receipt, dict):
                return receipt
            time.sleep(0.02)
        raise ServiceError(f"transaction {sent} was not mined")


def http(
    url: str, *, method: str = "GET", body: bytes | None = None, content_type: str | None = None, seconds: float = 30
) -> bytes:
    """One request to a service on this machine; any failure is a ServiceError."""
    request = urllib.request.Request(url, data=body, method=method)
    if content_type:
        request.add_header("Content-Type", content_type)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        detail = error.read(2000).decode(errors="replace")
        raise ServiceError(f"{method} {url}: HTTP {error.code}: {detail}") from error
    except (urllib.error.URLError, OSError) as error:
        raise ServiceError(f"{method} {url}: {error}") from error


class _Running:
    """One child process with its log; stopped by its own process id."""

    def __init__(self, name: str, command: Sequence[str], log: Path, cwd: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as sink:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
            )

    def wait_for(self, what: str, look: Callable[[], T | None], seconds: float = START_SECONDS) -> T:
        """Poll until `look` gives something; ServiceError when the process ends or the time is up."""
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found is not None:
                return found
            if self.process.poll() is not None:
                raise ServiceError(f"{self.name} exited with {self.process.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ServiceError(f"{self.name}: no {what} after {seconds:.0f} s:\n{self.tail()}")
            time.sleep(0.05)

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=10)


@contextlib.contextmanager
def _running(
    name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[_Running]:
    running = _Running(name, command, folder / f"{name}.log", folder, environment or os.environ)
    try:
        yield running
    finally:
        running.stop()


@contextlib.contextmanager
def _folder(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"incident-archive-{name}-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def _kubo_environment(repo: Path) -> dict[str, str]:
    return {**os.environ, "IPFS_PATH": str(repo), "IPFS_TELEMETRY": "off"}


def _answers(look: Callable[[], T]) -> Callable[[], T | None]:
    """Turn a request into a poll: None as long as nothing answers."""

    def poll() -> T | None:
        try:
            return look()
        except ServiceError:
            return None

    return poll


def _multiaddr_url(text: str) -> str:
    """`/ip4/127.0.0.1/tcp/41003` as `http://127.0.0.1:41003`; an address that already is a URL is kept."""
    text = text.strip()
    if text.startswith("http"):
        return text.rstrip("/")
    _, _, host, _, port = text.split("/")[:5]
    return f"http://{host}:{port}"


def _file_text(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def kubo(*, offline: bool = False) -> Iterator[KuboNode]:
    """A Kubo daemon with a repository of its own, the import profile `unixfs-v1-2025`, and no way off this machine.

    With `offline` it runs as `ipfs daemon --offline`. Otherwise it listens on the loopback address only, knows no
    bootstrap peer, no discovery and no routing, and exchanges blocks just with nodes it was `connect`ed to.

    Raises:
        ToolMissing: Kubo is not installed.
        ServiceError: it did not start.
    """
    binary = require("ipfs")
    with _folder("kubo") as folder:
        repo = folder / "repo"
        environment = _kubo_environment(repo)

        def once(*arguments: str) -> None:
            done = subprocess.run(
                [str(binary), *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise ServiceError(f"ipfs {' '.join(arguments)}: {done.stderr.strip()}")

        once("init", "--profile=test")
        once("config", "profile", "apply", "unixfs-v1-2025")
        settings = json.loads((repo / "config").read_text())
        settings["Routing"]["Type"] = "none"
        settings["Provide"] = {"Enabled": False}
        settings["Swarm"]["RelayClient"] = {"Enabled": False}
        settings["Swarm"]["RelayService"] = {"Enabled": False}
        settings["Swarm"]["EnableHolePunching"] = False
        settings["AutoNAT"] = {"ServiceMode": "disabled"}
        settings["Version"] = {"SwarmCheckEnabled": False}
        settings["HTTPRetrieval"] = {"Enabled": False}
        settings["Plugins"] = {"Plugins": {"telemetry": {"Disabled": True}}}
        (repo / "config").write_text(json.dumps(settings, indent=2))

        command = [str(binary), "daemon", *(["--offline"] if offline else [])]
        with _running("kubo", command, folder, environment) as running:
            api = _multiaddr_url(running.wait_for("API address", lambda: _file_text(repo / "api")))
            gateway = _multiaddr_url(running.wait_for("gateway address", lambda: _file_text(repo / "gateway")))

            def answer() -> str:
                value = json.loads(http(f"{api}/api/v0/id", method="POST", seconds=5))
                return str(value["ID"])

            peer_id = running.wait_for("answer from its API", _answers(answer))
            yield KuboNode(api, gateway, binary, repo, peer_id, running.process.pid)


@contextlib.contextmanager
def arlocal() -> Iterator[ArlocalGateway]:
    """An arlocal gateway with an empty weave.

    Raises:
        ToolMissing: arlocal or Node.js is not installed.
        ServiceError: it did not start.
    """
    script = require("arlocal")
    with _folder("arlocal") as folder:
        port_file = folder / "port"
        command = [
            _program("node", "Node.js 20 or later"),
            "--require",
            str(TOOLS / "node" / "loopback.cjs"),
            str(script),
            "--dbpath",
            "db",
            "--hidelogs",
        ]
        environment = {**os.environ, "ARLOCAL_PORT_FILE": str(port_file), "NODE_NO_WARNINGS": "1"}
        with _running("arlocal", command, folder, environment) as running:
            url = f"http://127.0.0.1:{running.wait_for('port', lambda: _file_text(port_file))}"
            running.wait_for("answer to /info", _answers(lambda: http(f"{url}/info", seconds=5)))
            yield ArlocalGateway(url, running.process.pid)


@contextlib.contextmanager
def anvil(*, chain_id: int = 31337, options: Sequence[str] = ()) -> Iterator[AnvilNode]:
    """An Anvil node with a fresh chain and ten funded development accounts.

    Args:
        chain_id: EIP-155 chain id.
        options: more options for `anvil` (`--no-mining`, `--state FILE`).

    Raises:
        ToolMissing: Foundry is not installed.
        ServiceError: it did not start.
    """
    binary = require("anvil")
    with _folder("anvil") as folder:
        facts = folder / "anvil.json"
        command = [
            *(str(binary), "--host", "127.0.0.1", "--port", "0", "--chain-id", str(chain_id)),
            *("--mnemonic", ANVIL_MNEMONIC, "--config-out", str(facts)),
            *options,
        ]
        with _running("anvil", command, folder) as running:

            def listening() -> str | None:
                for line in running.log.read_text(errors="replace").splitlines():
                    if line.startswith("Listening on "):
                        return f"http://{line.removeprefix('Listening on ').strip()}"
                return None

            url = running.wait_for("address", listening)
            stated = json.loads(running.wait_for("account list", lambda: _file_text(facts)))
            accounts = tuple(
                DevAccount(address.lower(), key)
                for address, key in zip(stated["available_accounts"], stated["private_keys"], strict=True)
            )
            node = AnvilNode(url, chain_id, accounts, running.process.pid)
            running.wait_for("answer to eth_chainId", _answers(lambda: node.rpc("eth_chainId")))
            yield node


# ----------------------------------------------------------------------------------------------------- command


def _install(what: str) -> int:
    code = 0
    for name, install in (("node", install_node), ("web", install_web), ("kubo", install_kubo)):
        if what in ("all", name):
            try:
                print(f"services: {name}: {install()}", file=sys.stderr)
            except ToolMissing as error:
                code = max(code, _skipped(name, error))
    return code


def _skipped(name: str, reason: ToolMissing) -> int:
    """Say why something is left out; the exit code is an error's only where nothing may be left out."""
    if os.environ.get("CI"):
        print(f"services: error: {name}: {reason}", file=sys.stderr)
        return 1
    print(f"services: skipped: {name}: {reason}", file=sys.stderr)
    return 0


def _have(tool: str) -> int:
    """0: installed; 1: must be installed and is not; 3: not installed, may be skipped."""
    try:
        require(tool)
    except ToolMissing as error:
        return _skipped(tool, error) or 3
    return 0


def _status() -> int:
    missing = 0
    for tool in ("ipfs", "forge", "anvil", "cast", "arlocal", "ipfs-car", "web"):
        try:
            print(f"{tool}: {require(tool)}")
        except ToolMissing as error:
            missing += 1
            print(f"{tool}: missing: {error}")
    return 1 if missing else 0


def _run_all() -> int:
    with kubo() as first, kubo() as second, arlocal() as gateway, anvil() as node:
        second.connect(first)
        print(f"kubo        {first.api_url}  gateway {first.gateway_url}")
        print(f"kubo (peer) {second.api_url}  gateway {second.gateway_url}")
        print(f"arlocal     {gateway.url}")
        print(f"anvil       {node.url}  chain id {node.chain_id}")
        print("Ctrl-C stops them all.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
    return 0


def main(arguments: Sequence[str]) -> int:
    command, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    try:
        if command == "install" and rest in ([], ["all"], ["kubo"], ["node"], ["web"]):
            return _install(rest[0] if rest else "all")
        if command == "have" and len(rest) == 1:
            return _have(rest[0])
        if command == "status" and not rest:
            return _status()
        if command == "forge":
            return forge(rest).returncode
        if command == "run" and not rest:
            return _run_all()
    except ServiceError as error:
        print(f"services: error: {error}", file=sys.stderr)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
