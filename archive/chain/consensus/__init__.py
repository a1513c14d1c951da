"""Parlia, the consensus of BNB Smart Chain, checked from header bytes alone: pure, offline, with the reader's own sets.

- `rules`: what holds at which fork, for chains 56 and 97; anything newer is unknown, never guessed;
- `headers`: a header's RLP, read strictly by the rules of its fork;
- `bls`: the votes' aggregate signature, by `py_ecc` or, when it is installed, natively;
- `sets`: validator sets that the reader pinned, and which of them is in force at a block;
- `finality`: that a block is final, and that an epoch block hands over to a new set;
- `collect`, `follow`: the two modules that ask a node, for a proof and for newer sets.

Source: bnb-chain/bsc v1.7.3 (commit 3cf9043), consensus/parlia and params/config.go; BEP-126, 341, 520, 524, 590.
"""
