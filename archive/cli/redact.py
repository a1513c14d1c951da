"""`archive redact`: make a derivative that may be public, by a recipe that goes into the record; or check one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode, InvalidInputError, UsageError
from archive.workspace import resolve_workspace

if TYPE_CHECKING:
    from archive.evidence.redact import Recipe, Report

COMPLETENESS = "completeness of the log: not checked"


def register(app: typer.Typer) -> None:
    app.command("redact")(redact)


def redact(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="The originals.")],
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="FILE", help="A recipe: YAML or JSON, or a proof bundle.")
    ] = None,
    ready: Annotated[str | None, typer.Option("--ready", metavar="NAME", help="binance-log or ledger.")] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="The folder for the derivatives; else beside each.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Compare this derivative with the original instead.")
    ] = None,
    incident: Annotated[
        str | None, typer.Option("--incident", metavar="ID", help="Whose seal makes the tokens; else the dossier's.")
    ] = None,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")] = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Leave out, empty, coarsen, mask, or replace by secret tokens what must not become public.

    The recipe is printed as the record wants it. An auditor who has the original checks with --check that nothing else
    was changed. Whether the original was complete is not checked by either.
    """
    from archive.evidence.recipes import ready_recipe
    from archive.evidence.redact import Report

    if (recipe is None) == (ready is None):
        raise UsageError(
            "one of --recipe and --ready is needed", code="redact.which", hint="for example --ready ledger"
        )
    if check is not None:
        if len(files) != 1:
            raise UsageError("--check compares one derivative with one original", code="redact.which")
        how = _read_recipe(recipe, check) if recipe is not None else ready_recipe(ready or "", files[0])
        return _check(files[0], check, how, json_output=json_output)
    results = []
    for file in files:
        how = _read_recipe(recipe, None) if recipe is not None else ready_recipe(ready or "", file)
        target = (to or file.parent) / f"{file.stem}.redacted{file.suffix}"
        report = Report()
        _write(file, target, how, report, _seed(file, how, incident, workspace))
        results.append((file, target, how, report))
    if json_output:
        print_json({"redacted": [_json(*result) for result in results], "completeness": "not checked"})
        return ExitCode.DONE
    for file, target, how, report in results:
        print_result(_text(file, target, how, report))
    say(f"archive: note: {COMPLETENESS}; look through each derivative before you publish it")
    return ExitCode.DONE


def _check(original: Path, derivative: Path, recipe: Recipe, *, json_output: bool) -> ExitCode:
    from archive.evidence.redact import METHOD, Report, check

    report = Report()
    found = check(original, derivative, recipe, report)
    if json_output:
        print_json(
            {
                "same": found.same,
                "where": found.where,
                "method": METHOD,
                "tokens": found.tokens,
                "records": report.records,
                "completeness": "not checked",
            }
        )
    elif found.same:
        print_result(f"{derivative}: is what {METHOD} and this recipe make of {original}, byte for byte")
        if found.tokens:
            print_result(f"{found.tokens:,} tokens: one value, one token throughout; their keys are not disclosed")
        print_result(COMPLETENESS)
    else:
        print_result(f"{derivative}: is NOT what this recipe makes of {original}: {found.where}")
    return ExitCode.DONE if found.same else ExitCode.WRONG


def _read_recipe(path: Path, derivative: Path | None) -> Recipe:
    from archive.evidence.redact import parse_recipe

    if path.name.endswith(".proof.json"):
        return parse_recipe(_published(path, derivative))
    import yaml

    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - strings only
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInputError(f"{path}: cannot be read as a recipe: {error}", code="redact.recipe") from None
    return parse_recipe(value)


def _published(bundle: Path, derivative: Path | None) -> object:
    """The redaction that a published record states for this derivative, recognised by its hash."""
    from archive.bundle import read_bundle
    from archive.package.hashing import digest_file

    proof = read_bundle(bundle)
    wanted = digest_file(derivative).sha256 if derivative is not None else None
    ids = {entry.get("id") for entry in proof.entries if entry.get("sha256") == wanted}
    items: Any = (proof.record or {}).get("evidence", [])
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and item.get("id") in ids and "redaction" in item:
            return item["redaction"]
    raise InvalidInputError(
        f"{bundle}: its record states no redaction for this file", code="redact.not_stated", hint="name a recipe"
    )


def _seed(file: Path, recipe: Recipe, incident: str | None, workspace: Path | None) -> bytes:
    """The seed behind the tokens; where no token is made, none is needed."""
    if not recipe.tokens:
        return bytes(32)
    from archive.publish.reveal import dossier_around
    from archive.publish.seals import load_seal, new_seal, save_seal
    from archive.record.dossier import load_dossier

    if incident is None:
        folder = dossier_around(file)
        record = load_dossier(folder).record if folder is not None else None
        if record is None:
            raise UsageError(
                f"{file}: it lies in no dossier, so whose tokens to make is not known",
                code="redact.no_incident",
                hint="name the incident with --incident",
            )
        incident = record.id
    space = resolve_workspace(workspace)
    seal = load_seal(space, incident)
    if seal is None:
        seal = new_seal()
        save_seal(space, incident, seal)
    return seal.seed


def _write(source: Path, target: Path, recipe: Recipe, report: Report, seed: bytes) -> None:
    from archive.evidence.redact import SecretTokens, redact

    if target.exists():
        raise UsageError(f"{target}: is there already", code="redact.exists", hint="move it away, or choose --to")
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as handle:
            for piece in redact(source, recipe, SecretTokens(seed), report):
                handle.write(piece)
        part.replace(target)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror}", code="redact.unwritable") from None
    finally:
        part.unlink(missing_ok=True)


def _json(file: Path, target: Path, recipe: Recipe, report: Report) -> dict[str, Any]:
    from archive.evidence.redact import METHOD

    return {
        "file": str(file),
        "derivative": str(target),
        "method": METHOD,
        "recipe": recipe.to_value(),
        "records": report.records,
        "done": report.done,
    }


def _text(file: Path, target: Path, recipe: Recipe, report: Report) -> str:
    import yaml

    from archive.evidence.redact import METHOD

    done = ", ".join(f"{what} {count:,}" for what, count in sorted(report.done.items())) or "nothing was found"
    entry = {"redaction": {"method": METHOD, "recipe": recipe.to_value(), "reason": {"en": "…"}}}
    lines = yaml.safe_dump(entry, sort_keys=False, allow_unicode=True).rstrip()
    return (
        f"{target}: made of {file}, {report.records:,} records: {done}\n"
        "For the record, in the item of the derivative (and `derived_from: [id of the original]`,\n"
        "the original itself with `withheld: true`, so that only a commitment to it is published):\n"
        + "\n".join(f"    {line}" for line in lines.splitlines())
    )
