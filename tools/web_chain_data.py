"""What the browser verifier ships of chains: the same pins, genesis hashes and forks as the Python package, as JSON.

    python tools/web_chain_data.py            write web/src/chain/shipped.json
    python tools/web_chain_data.py --check    compare with the committed file; exit 1 when they differ

Only data is taken over: which validator sets are pinned, which networks have a name, where the forks of 56 and 97
begin. The rules themselves are written a second time in `web/src/chain/`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from archive.chain.consensus.pins import pin_to_json, shipped_sets  # noqa: E402
from archive.chain.consensus.rules import PUBLIC, ChainRules  # noqa: E402

TARGET: Final = PROJECT / "web" / "src" / "chain" / "shipped.json"
NETWORKS: Final = PROJECT / "archive" / "chain" / "networks.toml"


def chain_data() -> dict[str, Any]:
    """Everything in the file, as JSON value."""
    networks = tomllib.loads(NETWORKS.read_text(encoding="utf-8"))["networks"]
    return {
        "networks": [_network(name, value) for name, value in networks.items()],
        "chains": [_chain(chain) for chain in PUBLIC.values()],
        "validator_sets": [pin_to_json(pin) for pin in shipped_sets()],
    }


def _network(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "chain_id": value["chain_id"],
        "genesis": value.get("genesis"),
        "confirmations": value["confirmations"],
        "quorum": value.get("quorum"),
        "rpc_urls": value.get("rpc_urls", []),
    }


def _chain(chain: ChainRules) -> dict[str, Any]:
    return {
        "chain_id": chain.chain_id,
        "genesis": chain.genesis,
        "fork_id": None if chain.fork_id is None else chain.fork_id.hex(),
        "forks": [{"fork": fork.fork, "number": fork.number, "time": fork.time} for fork in chain.forks],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    wanted = json.dumps(chain_data(), indent=1) + "\n"
    if not parser.parse_args().check:
        TARGET.write_text(wanted, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    sys.stderr.write(f"{TARGET.relative_to(PROJECT)} is not what its sources give: run tools/web_chain_data.py\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
