"""`archive seal`: keep the seals safe, without which nothing withheld can ever be revealed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archive.cli.output import JsonOption, print_json, print_result, say
from archive.errors import ExitCode, UsageError
from archive.workspace import resolve_workspace

WorkspaceOption = Annotated[Path | None, typer.Option("--workspace", help="The workspace folder.")]
PasswordFd = Annotated[
    int | None,
    typer.Option("--password-fd", metavar="N", help="Read the password from this open file descriptor."),
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="The seals: the secret seeds behind withheld evidence. Back them up.", no_args_is_help=True
    )
    group.command("show")(show)
    group.command("backup")(backup)
    group.command("restore")(restore)
    app.add_typer(group, name="seal")


def show(workspace: WorkspaceOption = None, json_output: JsonOption = False) -> ExitCode:
    """List the seals of this workspace. The seeds are never shown."""
    from archive.publish.seals import all_seals, seal_path

    space = resolve_workspace(workspace)
    seals = all_seals(space)
    if json_output:
        print_json(
            {
                "seals": [
                    {"incident": name, "publisher": seal.publisher, "file": str(seal_path(space, name))}
                    for name, seal in seals.items()
                ]
            }
        )
        return ExitCode.DONE
    if not seals:
        print_result(f"no seals in {space.root}")
    width = max((len(name) for name in seals), default=0)
    for name, seal in seals.items():
        print_result(f"{name:<{width}}  publisher {seal.publisher or 'not set yet'}")
    return ExitCode.DONE


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; it must not exist yet.")],
    password_fd: PasswordFd = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Write all seals to one file, encrypted with a password (prompt, --password-fd or ARCHIVE_SEAL_PASSWORD)."""
    from archive.publish.passwords import read_password
    from archive.publish.seals import all_seals, encrypt_backup, refuse_existing, write_backup

    space = resolve_workspace(workspace)
    seals = all_seals(space)
    if not seals:
        raise UsageError(
            f"{space.root}: there are no seals to back up",
            code="seal.none",
            hint="a seal is made when a dossier is published, or packed with something withheld",
        )
    refuse_existing(file)
    write_backup(file, encrypt_backup(seals, read_password(descriptor=password_fd, confirm=True)))
    if json_output:
        print_json({"file": str(file), "seals": list(seals)})
    else:
        print_result(f"{file}: {len(seals)} {'seal' if len(seals) == 1 else 'seals'}, encrypted: {', '.join(seals)}")
        say("archive: hint: keep the file and the password apart, and away from this machine")
    return ExitCode.DONE


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that 'archive seal backup' wrote.")],
    password_fd: PasswordFd = None,
    workspace: WorkspaceOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Put seals from a backup into this workspace. A seal that is there is never replaced by another."""
    from archive.publish.passwords import read_password
    from archive.publish.seals import decrypt_backup, read_backup
    from archive.publish.seals import restore as put_back

    space = resolve_workspace(workspace)
    data = read_backup(file)
    new, held = put_back(space, decrypt_backup(data, read_password(descriptor=password_fd), source=str(file)))
    if json_output:
        print_json({"restored": new, "already_there": held})
    else:
        print_result(f"restored: {', '.join(new) or 'none'}")
        if held:
            print_result(f"already there: {', '.join(held)}")
    return ExitCode.DONE
