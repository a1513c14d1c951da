from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bagit as library
import pytest

from archive.errors import InvalidInputError
from archive.site.exports import bagit
from archive.site.exports.zipped import write_zip
from archive.site.model import Download, Incident


def zipped(files: list[Download]) -> bytes:
    sink = io.BytesIO()
    write_zip(files, sink)
    return sink.getvalue()


def unpack(incident: Incident, folder: Path, url: str | None = None) -> Path:
    with zipfile.ZipFile(io.BytesIO(zipped(list(bagit.bag(incident, url))))) as archive:
        archive.extractall(folder / "bag")
    (made,) = (folder / "bag").iterdir()
    return made


def problems(folder: Path) -> list[str]:
    """All problems that the reference library finds, in its words, without the folder's own name."""
    try:
        library.Bag(str(folder)).validate()
    except library.BagValidationError as error:
        return sorted(str(detail) for detail in error.details)
    return []


def test_the_library_accepts_the_bag(make: Callable[..., Incident], tmp_path: Path) -> None:
    folder = unpack(make(), tmp_path, "https://example.org/a/")
    assert folder.name == "2025-01-example-r2"
    assert problems(folder) == []
    bag = library.Bag(str(folder))
    assert sorted(bag.algorithms) == ["sha256", "sha512"]
    assert sorted(bag.payload_files()) == [
        "data/2025-01-example-r2.proof.json",
        "data/package/evidence/log a.csv",
        "data/package/manifest.json",
        "data/package/record.json",
    ]
    assert bag.info["Bagging-Date"] == "2025-03-03"
    assert bag.info["External-Description"][:2] == ["An example & more", "示例事件"]
    assert any("55" * 32 in line for line in bag.info["External-Identifier"])
    assert len(bag.info["Not-Included"]) == 3


def test_the_dossiers_and_a_hostile_record_make_valid_bags(
    dossier: Incident, hostile: Incident, tmp_path: Path
) -> None:
    for number, incident in enumerate((dossier, hostile)):
        assert problems(unpack(incident, tmp_path / str(number))) == []
        assert zipped(list(bagit.bag(incident, None))) == zipped(list(bagit.bag(incident, None)))


def test_a_file_missing_and_a_file_more_are_both_reported(make: Callable[..., Incident], tmp_path: Path) -> None:
    folder = unpack(make(), tmp_path)
    (folder / "data/package/manifest.json").unlink()
    (folder / "data/more.txt").write_bytes(b"{}")
    found = problems(folder)
    # The sum of sizes and the count are still right, so only the manifests can tell.
    assert any(
        "data/package/manifest.json" in line and "exists in manifest but was not found" in line for line in found
    )
    assert any("data/more.txt" in line and "exists on filesystem but is not in the manifest" in line for line in found)


@pytest.mark.parametrize("name", ["data/package/record.json", "bag-info.txt", "data/2025-01-example-r2.proof.json"])
def test_a_changed_byte_is_reported(make: Callable[..., Incident], tmp_path: Path, name: str) -> None:
    folder = unpack(make(), tmp_path)
    path = folder / name
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(bytes(data))
    assert any(name in line for line in problems(folder))


def test_a_file_that_changed_since_is_refused(make: Callable[..., Incident]) -> None:
    incident = make()
    source = incident.current.files[0].source
    assert source is not None
    source.write_bytes(b"other")
    with pytest.raises(InvalidInputError) as raised:
        list(bagit.bag(incident, None))
    assert raised.value.code == "site.file_changed"


def test_names_are_encoded_as_the_rfc_says(make: Callable[..., Incident]) -> None:
    incident = make()
    first = replace(incident.current.files[0], path="evidence/100%.csv")
    files = list(bagit.bag(replace(incident, revisions=(replace(incident.current, files=(first,)),)), None))
    manifest = next(file.data or b"" for file in files if file.path.endswith("/manifest-sha256.txt")).decode()
    digest = hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    assert f"{digest}  data/package/evidence/100%25.csv\n" in manifest


def test_the_archive_is_the_same_anywhere_and_holds_no_times(make: Callable[..., Incident]) -> None:
    data = zipped(list(bagit.bag(make(), None)))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.create_system for entry in archive.infolist()} == {3}


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", "a/./b", "", "a\\b"])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        write_zip([Download(path, b"")], io.BytesIO())
    assert raised.value.code == "site.download_path"


def test_a_path_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError) as raised:
        write_zip([Download("a", b"1"), Download("a", b"2")], io.BytesIO())
    assert raised.value.code == "site.download_path"
