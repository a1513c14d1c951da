"""Each method has a picture; both forms are written and are what they claim to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.findings.plots import _CHARTS, draw
from archive.findings.registry import MODULES
from archive.record.load import load_record

ROOT = Path(__file__).resolve().parents[3]


def test_every_method_has_a_picture():
    assert set(_CHARTS) == set(MODULES)


def test_a_method_of_later_has_none(tmp_path):
    assert draw("tomorrow@1", "x", {}, tmp_path) == []


def results():
    """One result of each method that the published dossiers use."""
    found = {}
    for file in sorted((ROOT / "incidents").glob("*/incident.yaml")):
        for finding in load_record(file).value["findings"]:
            if "result" in finding:
                found.setdefault(finding["method"], finding)
    return found


@pytest.mark.parametrize("method", sorted(results()))
def test_png_and_svg_are_written(tmp_path, method):
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    png, svg = draw(method, "one", results()[method]["result"], tmp_path)
    assert png.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    text = svg.read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert method in text
    assert "NaN" not in text
