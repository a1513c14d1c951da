from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from rocrate.rocrate import ROCrate

from archive.site.exports import rocrate
from archive.site.model import Download, Incident

TERMS = json.loads((resources.files("rocrate") / "data" / "ro-crate.jsonld").read_text())["@context"]


def unpack(files: list[Download], folder: Path) -> Path:
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.source.read_bytes() if file.source else file.data or b"")
    return folder


def nodes_of(files: list[Download]) -> list[dict[str, Any]]:
    (metadata,) = [file.data or b"" for file in files if file.path == "ro-crate-metadata.json"]
    made: list[dict[str, Any]] = json.loads(metadata)["@graph"]
    return made


def graph_of(files: list[Download]) -> dict[str, dict[str, Any]]:
    return {node["@id"]: node for node in nodes_of(files)}


def test_the_library_reads_the_crate_and_finds_every_file(make: Callable[..., Incident], tmp_path: Path) -> None:
    files = list(rocrate.ro_crate(make(), "https://example.org/a/"))
    folder = unpack(files, tmp_path / "crate")
    crate = ROCrate(folder, version="1.1")
    assert crate.version == "1.1"
    assert crate.name == "An example & more"
    assert crate.root_dataset["datePublished"] == "2025-03-03"
    assert crate.root_dataset["license"].id == "https://creativecommons.org/licenses/by/4.0/"
    found = {Path(str(entity.source)) for entity in crate.data_entities}
    assert found == {path for path in folder.rglob("*") if path.is_file() and path.name != rocrate.METADATA}
    log = crate.get("package/evidence/log%20a.csv")
    assert log is not None
    assert log["contentSize"] == "8"
    assert log["name"] == "Order log"
    copy = tmp_path / "copy"
    crate.write(copy)
    assert (copy / "package/evidence/log a.csv").read_bytes() == b"a,b\n1,2\n"


def test_what_is_not_there_is_named(make: Callable[..., Incident]) -> None:
    graph = graph_of(list(rocrate.ro_crate(make(), None)))
    assert [entry["@id"] for entry in graph["./"]["mentions"]] == ["#far", "#withheld-one", "#post-1-text"]
    assert "not at hand" in graph["#far"]["description"]
    assert "ab" * 32 in graph["#withheld-one"]["description"]
    assert graph["#post-1-text"]["sha256"] == "cd" * 32


def check(files: list[Download]) -> None:
    graph = graph_of(files)
    nodes = nodes_of(files)
    assert [file.path for file in files] == sorted(file.path for file in files)
    assert len(nodes) == len(graph), "an @id is there twice"
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    for node in nodes:
        for key, value in node.items():
            assert key in ("@id", "@type") or key in TERMS, key
            assert value not in (None, "", [], {})
            for link in value if isinstance(value, list) else [value]:
                if isinstance(link, dict):
                    assert link["@id"] in graph or key == "url" or link["@id"] == rocrate.PROFILE, link
    assert [node["@id"] for node in nodes if node["@type"] == "File"] == [e["@id"] for e in graph["./"]["hasPart"]]


def test_every_link_leads_to_an_entity(dossier: Incident, hostile: Incident) -> None:
    for incident in (dossier, hostile):
        files = list(rocrate.ro_crate(incident, None))
        check(files)
        assert files == list(rocrate.ro_crate(incident, None))


@pytest.mark.parametrize("path", ["evidence/2025-01-example-r2.proof.json", "2025-01-example-r2.proof.json"])
def test_no_evidence_takes_the_place_of_the_bundle(make: Callable[..., Incident], path: str) -> None:
    from dataclasses import replace

    incident = make()
    first = replace(incident.current.files[0], path=path)
    revision = replace(incident.current, files=(first, *incident.current.files[1:]))
    paths = [file.path for file in rocrate.ro_crate(replace(incident, revisions=(revision,)), None)]
    assert len(set(paths)) == len(paths)
