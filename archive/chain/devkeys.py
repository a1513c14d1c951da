"""Keys that everybody knows: the default accounts of development nodes. Whoever uses one on a public chain loses it."""

from __future__ import annotations

from typing import Final

from archive.errors import RefusedError

# The chains where a known key is refused: BSC and its test network.
PUBLIC_CHAINS: Final = frozenset({56, 97})

# Anvil, Hardhat and Foundry: mnemonic "test test … junk", the first twenty accounts.
_JUNK_MNEMONIC: Final = frozenset(
    {
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
        "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
        "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65",
        "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
        "0x976ea74026e726554db657fa54763abd0c3a0aa9",
        "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
        "0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f",
        "0xa0ee7a142d267c1f36714e4a8f75612f20a79720",
        "0xbcd4042de499d14e55001ccbb24a551f3b954096",
        "0x71be63f3384f5fb98995898a86b02fb2426c5788",
        "0xfabb0ac9d68b0b445fb7357272ff202c5651694a",
        "0x1cbd3b2770909d4e10f157cabc84c7264073c9ec",
        "0xdf3e18d64bc6a983f673ab319ccae4f1a57c7097",
        "0xcd3b766ccdd6ae721141f452c550ca635964ce71",
        "0x2546bcd3c84621e976d8185a91a922ae77ecec30",
        "0xbda5747bfd65f08deb54cb465eb87d40e51b197e",
        "0xdd2fd4581271e230360230f9337d5c0430bf44c0",
        "0x8626f6940e2eb28930efb4cef49b2d1f2c9c1199",
    }
)

# Ganache with --deterministic: the first ten accounts.
_GANACHE_MNEMONIC: Final = frozenset(
    {
        "0x90f8bf6a479f320ead074411a4b0e7944ea8c9c1",
        "0xffcf8fdee72ac11b5c542428b35eef5769c409f0",
        "0x22d491bde2303f2f43325b2108d26f1eaba1e32b",
        "0xe11ba2b4d45eaed5996cd0823791e0c93114882d",
        "0xd03ea8624c8c5987235048901fb614fdca89b117",
        "0x95ced938f7991cd0dfcb48f0a06a40fa1af46ebc",
        "0x3e5e9111ae8eb78fe1cc3bb8915d5d461f3ef9a9",
        "0x28a8746e75304c0780e011bed21c72cd78cd535e",
        "0xaca94ef8bd5ffee41947b4585a84bda5a3d3da6e",
        "0x1df62f291b2e969fb0849d99d9ce41e2f137006e",
    }
)

# Private keys 1 to 20, as eth-tester uses them.
_SMALL_KEYS: Final = frozenset(
    {
        "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf",
        "0x2b5ad5c4795c026514f8317c7a215e218dccd6cf",
        "0x6813eb9362372eef6200f3b1dbc3f819671cba69",
        "0x1eff47bc3a10a45d4b230b5d10e37751fe6aa718",
        "0xe1ab8145f7e55dc933d51a18c793f901a3a0b276",
        "0xe57bfe9f44b819898f47bf37e5af72a0783e1141",
        "0xd41c057fd1c78805aac12b0a94a405c0461a6fbb",
        "0xf1f6619b38a98d6de0800f1defc0a6399eb6d30c",
        "0xf7edc8fa1ecc32967f827c9043fcae6ba73afa5c",
        "0x4cceba2d7d2b4fdce4304d3e09a1fea9fbeb1528",
        "0x3da8d322cb2435da26e9c9fee670f9fb7fe74e49",
        "0xdbc23ae43a150ff8884b02cea117b22d1c3b9796",
        "0x68e527780872cda0216ba0d8fbd58b67a5d5e351",
        "0x5a83529ff76ac5723a87008c4d9b436ad4ca7d28",
        "0x8735015837bd10e05d9cf5ea43a2486bf4be156f",
        "0xfae394561e33e242c551d15d4625309ea4c0b97f",
        "0x252dae0a4b9d9b80f504f6418acd2d364c0c59cd",
        "0x79196b90d1e952c5a43d4847caa08d50b967c34a",
        "0x4bd1280852cadb002734647305afc1db7ddd6acb",
        "0x811da72aca31e56f770fc33df0e45fd08720e157",
    }
)
DEVELOPMENT_ADDRESSES: Final = _JUNK_MNEMONIC | _GANACHE_MNEMONIC | _SMALL_KEYS


def refuse_development_key(address: str, chain_id: int) -> None:
    """Raise `chain.development_key` when a key that everybody knows is about to be used on a public chain."""
    if chain_id in PUBLIC_CHAINS and address.lower() in DEVELOPMENT_ADDRESSES:
        raise RefusedError(
            f"{address}: this is a development key that everybody knows; it is refused on chain {chain_id}",
            code="chain.development_key",
            hint="make a key of your own with `archive wallet new`",
        )
