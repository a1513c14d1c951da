"""The findings of the published dossiers: they come out again, rest on what sources gave, and dispute side by side."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from archive.findings.registry import MODULES
from archive.findings.run import compute_all, locate_in
from archive.record.dossier import load_dossier

# What a shared file of real data is called, by its SHA-256: where it is from is written beside it.
REAL_DATA = "data/usde-2025-10-10"


def _findings(dossier):
    return dossier.section("findings")


def test_each_result_comes_out_again_from_the_files_of_the_dossier(dossier):
    draft = load_dossier(dossier.folder)
    assert draft.record is not None
    outcomes = {outcome.id: outcome for outcome in compute_all(draft.record, locate_in(dossier.folder))}
    assert outcomes
    for name, finding in _findings(dossier).items():
        outcome = outcomes[name]
        if "not_recomputable" in finding or _by_reference(dossier, finding):
            assert (outcome.status, outcome.code) == ("unchecked", "findings.not_recomputable"), name
            assert outcome.message == "not recomputable: inputs not published"
        else:
            assert outcome.status == "same", (name, outcome.message)


def _by_reference(dossier, finding) -> bool:
    items = dossier.section("evidence")
    return any("reference" in items[item["evidence"]] for item in finding.get("inputs", []))


def test_inputs_have_a_real_provenance(dossier):
    """An input is a table transcribed from named sources, or a public file at a fixed commit; nothing made."""
    items = dossier.section("evidence")
    for name, finding in _findings(dossier).items():
        for given in finding.get("inputs", []):
            item = items[given["evidence"]]
            if "reference" in item:
                assert item["reference"]["url"].startswith("https://"), name
                assert len(item["reference"]["url"].rsplit("/", 1)[-1]) == 40, (name, "a citation pins a commit")
                continue
            assert item["kind"] == "fact-table", name
            assert item["derived_from"], name
            for source in item["derived_from"]:
                assert items[source]["reference"]["size"] > 0, (name, source)
            how = item["captured"]["how"]["en"]
            assert "Transcribed by hand" in how or "Numbers of the sources" in how or "read" in how.lower(), name


def test_a_result_has_inputs_and_a_mark_has_none(dossier):
    for name, finding in _findings(dossier).items():
        assert ("result" in finding) != ("not_recomputable" in finding), name
        assert bool(finding.get("inputs")) == ("result" in finding), name
        assert finding["method"] in MODULES, name


def test_a_marked_finding_is_about_something_that_stays_a_claim(dossier):
    for name, finding in _findings(dossier).items():
        if "not_recomputable" in finding:
            assert finding["about"], name
            assert finding["note"]["en"], name


def test_each_disputed_figure_stands_beside_the_one_it_disputes(dossier):
    figures = dossier.section("figures")
    shown = [set(finding.get("about", [])) for finding in _findings(dossier).values()]
    for name, figure in figures.items():
        for other in figure.get("disputes", []):
            assert any({name, other} <= about for about in shown), (name, other)


def test_nothing_generated_is_published(dossier):
    """Every file of a dossier is a fact table: no log, candle or position lies under incidents/."""
    paths = {item["path"] for item in dossier.value["evidence"] if "path" in item}
    there = {path.relative_to(dossier.folder).as_posix() for path in dossier.folder.rglob("*") if path.is_file()}
    assert there == {*paths, "incident.yaml"}


def test_what_the_documents_say_and_what_comes_out(liquidations):
    results = {name: finding.get("result", {}) for name, finding in _findings(liquidations).items()}
    assert results["n-window-length"]["computed"] == "110"
    assert results["n-window-length"]["stated"]["value"] == "106"
    assert results["n-xrp-gap-of-high"]["agrees"] == results["n-xrp-gap-of-low"]["agrees"] == "no"
    assert results["n-open-interest-atom"]["drop_percent"] == "43.75"
    assert results["n-open-interest-atom"]["more_than_half"] == "no"
    assert results["n-xrp-loss-per-unit"]["agrees"] == "no"
    assert results["n-total-loss"]["agrees"] == "yes"
    assert results["n-paid-shares"]["times"] == "1050"
    assert results["n-tariff-time"]["same"][0]["zone_difference_hours"] == "-4"
    assert results["n-order-of-events"]["contradictions"] == "0"


@pytest.fixture
def real_data(shared) -> list[Path]:
    folder = shared / REAL_DATA
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: the market data is referenced, not part of the project")
    pytest.importorskip("duckdb")
    return sorted(folder.glob("*.parquet"))


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_depeg_on_the_real_data(liquidations, real_data, engine):
    """0.65 at 21:54 UTC inside the window, and the pool never below 0.994; the record's result to the byte."""
    draft = load_dossier(liquidations.folder)
    assert draft.record is not None
    record = draft.record.model_copy(
        update={"findings": tuple(finding for finding in draft.record.findings if finding.id == "n-usde-depeg")}
    )
    (outcome,) = compute_all(record, locate_in(liquidations.folder, real_data), engine=engine)
    assert outcome.status == "same", outcome.message
    result = outcome.computed
    inside = result["market"][0]["inside"]
    assert (inside["low"], inside["low_time"]) == ("0.65", "2025-10-10T21:54:00Z")
    pool = result["elsewhere"][0]
    assert float(pool["inside"]["low"]) >= 0.994
    assert float(pool["outside"]["low"]) >= 0.994
    assert int(pool["inside"]["rows"]) + int(pool["outside"]["rows"]) == 2980


def test_references_are_the_files_they_name(liquidations, real_data):
    wanted = {item["reference"]["sha256"] for item in liquidations.value["evidence"] if "reference" in item}
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in real_data} <= wanted
