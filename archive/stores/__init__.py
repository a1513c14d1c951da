"""Where packages are kept: a local directory, Kubo (IPFS), Arweave, plain gateways.

What comes back from any of them is never believed: CIDs and hashes are recomputed here.
"""
