"""Writes results into a record's text; everything else in it keeps every character."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archive.errors import InternalError, RefusedError
from archive.record.load import load_record_bytes
from archive.record.scaffold import quote
from archive.workspace import write_atomic


def fill(record_file: Path, before: bytes, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Put results into the record file, which must still read `before`.

    Args:
        results: finding id to result; a result that the record has already is replaced.

    Raises:
        RefusedError: `findings.record_form` for findings that are not written on lines of their own,
            `findings.changed` when the file was changed meanwhile.
    """
    after = filled(before, results, is_json=record_file.suffix.lower() == ".json", name=str(record_file))
    if record_file.read_bytes() != before:
        raise RefusedError(
            f"{record_file}: the record was changed meanwhile", code="findings.changed", hint="run the command again"
        )
    write_atomic(record_file, after, mode=stat.S_IMODE(record_file.stat().st_mode))


def filled(before: bytes, results: Mapping[str, Mapping[str, Any]], *, is_json: bool, name: str = "record") -> bytes:
    """The record's text with the results. Raises as `fill`."""
    value = load_record_bytes(before, name, json=is_json).value
    wanted = {
        **value,
        "findings": [
            {**{key: part for key, part in item.items() if key != "result"}, "result": results[item["id"]]}
            if item.get("id") in results
            else item
            for item in value.get("findings", [])
        ],
    }
    if is_json:
        after = (json.dumps(wanted, ensure_ascii=False, indent=2) + "\n").encode("utf-8")
    else:
        after = _filled_yaml(before.decode("utf-8"), results)
    if load_record_bytes(after, name, json=is_json).value != wanted:
        raise InternalError(
            f"{name}: the results could not be inserted without changing the rest",
            code="findings.insert",
            hint="write them by hand, as `archive findings --json` shows them; nothing was written",
        )
    return after


def _filled_yaml(text: str, results: Mapping[str, Mapping[str, Any]]) -> bytes:
    import yaml

    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    top: Any = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    items = next(part for key, part in top.value if key.value == "findings")
    # From the last to the first, so that the lines above keep their numbers.
    for item in reversed(items.value):
        fields = {key.value: (key, part) for key, part in item.value}
        name = fields["id"][1].value
        if name not in results:
            continue
        if item.flow_style or items.flow_style:
            raise RefusedError(
                f"the finding `{name}` is written in braces, so no result can be put into it",
                code="findings.record_form",
                hint="write its fields on lines of their own",
            )
        indent = item.value[0][0].start_mark.column
        after = max(_line_after(part) for _, part in item.value)
        block = [" " * indent + "result:" + newline]
        block += [line + newline for line in _render(results[name], indent + 2)]
        if "result" in fields:
            key, part = fields["result"]
            lines[key.start_mark.line : _line_after(part)] = block
        else:
            lines[after:after] = block
    return "".join(lines).encode("utf-8")


def _line_after(node: Any) -> int:
    """The line after a node's last one, 0-based."""
    kind = node.id
    if kind in ("mapping", "sequence") and not node.flow_style:
        parts = [part for pair in node.value for part in pair] if kind == "mapping" else node.value
        return max((_line_after(part) for part in parts), default=int(node.end_mark.line))
    mark = node.end_mark
    ended_before = kind == "scalar" and mark.column == 0 and mark.line > node.start_mark.line
    return int(mark.line) + (0 if ended_before else 1)


def _render(value: Mapping[str, Any], indent: int) -> list[str]:
    lines: list[str] = []
    for key, part in value.items():
        lines += _render_part(f"{' ' * indent}{quote(key)}:", part, indent)
    return lines


def _render_part(lead: str, part: Any, indent: int) -> list[str]:
    if isinstance(part, str):
        return [f"{lead} {quote(part)}"]
    if not part:
        return [f"{lead} {'{}' if isinstance(part, Mapping) else '[]'}"]
    if isinstance(part, Mapping):
        return [lead, *_render(part, indent + 2)]
    lines = [lead]
    for item in part:
        if isinstance(item, Mapping) and item:
            inner = _render(item, indent + 4)
            lines += [f"{' ' * (indent + 2)}- {inner[0].lstrip()}", *inner[1:]]
        else:
            lines += _render_part(f"{' ' * (indent + 2)}-", item, indent + 2)
    return lines
