"""Downloads of an incident for other programs: citations, JSON-LD, RO-Crate, BagIt. Pure, and the same bytes each time.

None of them rates a claim, and none names a host: where the page's address is known it is given, and bytes are named by
hash. Evidence goes in only where it is open and at hand.
"""
