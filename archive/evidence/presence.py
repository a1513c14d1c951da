"""Whether a piece of text holds this or that word: asked for some hundred words, each before its pattern is tried.

Lines of logs and tables differ in their digits, hex and little else. With nothing left but the letters from g on, and
each line once, a piece of a megabyte becomes a text of a few hundred bytes, in which most words, cut down alike, are
not; only those that are get looked for in the piece itself.
"""

from __future__ import annotations

import functools

_NOISE = bytes(byte for byte in range(128) if not ord("g") <= byte <= ord("z") and byte != ord("\n"))
_SMALL_BYTES = 4096


class Presence:
    """Answers for one piece of text in lower case."""

    __slots__ = ("_lines", "_lowered", "_seen")

    def __init__(self, lowered: bytes) -> None:
        self._lowered = lowered
        self._lines = lowered if len(lowered) < _SMALL_BYTES else None
        self._seen: dict[bytes, bool] = {}

    def has(self, word: bytes) -> bool:
        """Whether the word, in lower case and without a line end, stands anywhere in the text."""
        found = self._seen.get(word)
        if found is None:
            if self._lines is None:
                self._lines = b"\n".join(set(self._lowered.translate(None, _NOISE).split(b"\n")))
            found = self._lines is self._lowered or _cut_down(word) in self._lines
            found = found and word in self._lowered
            self._seen[word] = found
        return found


@functools.cache
def _cut_down(word: bytes) -> bytes:
    return word.translate(None, _NOISE)
