"""The fixtures of the stamp commands."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.cli.stamp.conftest import archive, clocks, dossier, session_authority, workspace  # noqa: F401
