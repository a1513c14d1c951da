"""Limits of format 1 (docs/format.md, section Limits). Counts are inclusive; sizes are bytes."""

from __future__ import annotations

MAX_SAFE_INTEGER = 2**53 - 1
MAX_LEAVES = 65_536
# Folders of a package in all: 65,536 paths of 512 one-letter segments would otherwise be 33 million of them.
MAX_FOLDERS = 65_536
MAX_PATH_BYTES = 1_024
MAX_SEGMENT_BYTES = 255
MAX_HEADER_BYTES = 8 * 1024
MAX_RECORD_BYTES = 4 * 1024 * 1024
MAX_MANIFEST_BYTES = 64 * 1024 * 1024
MAX_BUNDLE_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 32
# The bundle holds the record one level down and may itself be MAX_DEPTH deep.
MAX_RECORD_DEPTH = MAX_DEPTH - 1
MAX_FILE_BYTES = MAX_SAFE_INTEGER
# Lines of a withheld table that are committed to one by one.
MAX_ROWS = 2**40
MAX_RECORD_LINE_BYTES = 1024 * 1024
