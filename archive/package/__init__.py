"""The package: canonical JSON, Merkle tree, manifest, seal, UnixFS hashing and CAR. Pure: no network."""
