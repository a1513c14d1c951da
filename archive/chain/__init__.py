"""The chain: networks, the embedded chain, registry reader and writer, keystores, inclusion proofs."""
