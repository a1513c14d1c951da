"""Which asset an instrument is of, so that BTCUSDT, BTC-USDT and BTC/USD are compared. Used by methods of version 1."""

from __future__ import annotations

import re

# Longest first: FDUSD ends in USD.
QUOTES = "FDUSD,USDT,USDC,USDE,BUSD,TUSD,USD"
_SUFFIX = re.compile(r"[-_/:. ]?(SWAP|PERP|PERPETUAL|SPOT)$")
_SEPARATORS = re.compile(r"[-_/:. ]")


def split_symbol(symbol: str, quotes: tuple[str, ...]) -> tuple[str, str] | None:
    """Asset and quote of an instrument; None when it ends in none of the quotes."""
    bare = _SUFFIX.sub("", symbol.upper())
    bare = _SEPARATORS.sub("", bare.partition(":")[0])
    for quote in sorted(quotes, key=lambda text: (-len(text), text)):
        if bare.endswith(quote.upper()) and len(bare) > len(quote):
            return bare[: -len(quote)], quote.upper()
    return None
