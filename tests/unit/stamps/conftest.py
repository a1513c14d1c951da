"""A root, authorities of our own whose keys live as long as the session, and the real vectors where they are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors"


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Real proofs and tokens; they are not part of the project."""
    if not (VECTORS / "rfc3161").is_dir():
        pytest.skip(f"the real vectors are not here ({VECTORS})")
    return VECTORS


@pytest.fixture
def root() -> str:
    return "5a" * 32


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., object]:
    """Makes an authority; the same settings give the same one."""
    from tests.support.clocks import Authority

    made: dict[str, Authority] = {}

    def make(**settings: object) -> Authority:
        key = repr(sorted(settings.items()))
        if key not in made:
            made[key] = Authority(tmp_path_factory.mktemp("tsa"), **settings)  # type: ignore[arg-type]
        return made[key]

    return make
