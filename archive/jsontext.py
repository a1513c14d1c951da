"""`json.loads` for text that somebody else wrote: deep nesting is an error, never the end of the process.

The parser recurses in C, and libraries that we use raise Python's recursion limit for the whole process (py_ecc to
100,000), so that a few hundred kilobytes of `[` overflow the stack instead of raising RecursionError.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 512

_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)


def loads(text: str | bytes, **options: Any) -> Any:
    """As `json.loads`; raises ValueError also for bytes that are not UTF-8 and for nesting deeper than `MAX_DEPTH`."""
    decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    depth = 0
    for match in _STRUCTURE.finditer(decoded):
        first = decoded[match.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        elif first in "]}":
            depth -= 1
    return json.loads(decoded, **options)
