"""The published dossiers as the tests see them: record values, fact tables, and the source documents where present."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archive.record.load import load_record

ROOT = Path(__file__).resolve().parents[3]
INCIDENTS = ROOT / "incidents"
SHARED = ROOT.parent / "shared"
IDS = ("2022-11-ftx-collapse", "2025-10-11-binance-liquidations", "2026-02-bithumb-btc-payout")


@dataclass(frozen=True, slots=True)
class Dossier:
    """One dossier: its folder, the record as JSON value, and its fact tables by file name."""

    folder: Path
    value: dict[str, Any]
    tables: dict[str, list[dict[str, str]]]

    def section(self, name: str) -> dict[str, dict[str, Any]]:
        """The items of a section of the record by id."""
        return {item["id"]: item for item in self.value.get(name, [])}

    def rows(self, table: str) -> dict[str, dict[str, str]]:
        """The rows of a fact table by their row id."""
        return {row["row"]: row for row in self.tables[table]}


def _read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def _load(incident: str) -> Dossier:
    folder = INCIDENTS / incident
    loaded = load_record(folder / "incident.yaml")
    assert loaded.record is not None, loaded.problems
    tables = {path.name: _read_table(path) for path in sorted((folder / "evidence").glob("*.csv"))}
    return Dossier(folder, loaded.record.to_value(), tables)


_LOADED: dict[str, Dossier] = {}


def _dossier(incident: str) -> Dossier:
    if incident not in _LOADED:
        _LOADED[incident] = _load(incident)
    return _LOADED[incident]


@pytest.fixture(params=IDS)
def dossier(request: pytest.FixtureRequest) -> Dossier:
    """Each published dossier in turn."""
    return _dossier(request.param)


@pytest.fixture
def liquidations() -> Dossier:
    return _dossier("2025-10-11-binance-liquidations")


@pytest.fixture
def ftx() -> Dossier:
    return _dossier("2022-11-ftx-collapse")


@pytest.fixture
def bithumb() -> Dossier:
    return _dossier("2026-02-bithumb-btc-payout")


@pytest.fixture
def shared() -> Path:
    """The folder of source documents beside the project; the test is skipped where it is not there."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent: the source documents are not part of the project")
    return SHARED
