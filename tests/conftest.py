"""Fixtures for all tests."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# linux/capability.h: version 3 of the interface; CAP_DAC_OVERRIDE is bit 1, CAP_DAC_READ_SEARCH bit 2.
_VERSION = 0x20080522
_FILE_POWERS = 0b110

# A busy machine is no fault of the code: no test depends on how long an example takes.
settings.register_profile("archive", deadline=None)
settings.load_profile("archive")


@pytest.fixture
def bound_by_file_modes() -> Iterator[None]:
    """Take from root, for one test, the power to ignore file modes; for other users nothing changes."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0, os.strerror(ctypes.get_errno())
    reduced = (ctypes.c_uint32 * 6)(*held)
    reduced[0] &= ~_FILE_POWERS
    assert libc.capset(header, reduced) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        assert libc.capset(header, held) == 0, os.strerror(ctypes.get_errno())
