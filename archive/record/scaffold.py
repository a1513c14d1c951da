"""The first `incident.yaml` of a dossier, for an author who has never seen YAML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_DATED = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>0[1-9]|1[0-2])(?:-(?P<day>0[1-9]|[12]\d|3[01]))?)?(?:-|\Z)", re.ASCII
)
# Plain YAML text: nothing that YAML could take for something else.
_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9 ._/+()%-]*(?:[:,][A-Za-z0-9._/+()%-]+)*\Z", re.ASCII)
_TAKEN = frozenset({"null", "Null", "NULL", "~"})


@dataclass(frozen=True, slots=True)
class Start:
    """What is known when a dossier is begun; what is None stays a placeholder."""

    incident: str
    languages: tuple[str, ...]
    title: str | None = None
    summary: str | None = None
    start: str | None = None
    time_zone: str | None = None


def quote(text: str) -> str:
    """A text as a YAML scalar on one line, in double quotes where they are needed."""
    if _PLAIN.match(text) and not text.endswith(" ") and text not in _TAKEN:
        return text
    import json

    return json.dumps(text, ensure_ascii=False)


def placeholder(what: str) -> str:
    """What the check reports as still to be filled in."""
    return f"<fill in {what}>"


def date_of(incident: str) -> tuple[str, str] | None:
    """The date that an incident id starts with and its precision, if it does."""
    match = _DATED.match(incident)
    if match is None:
        return None
    parts = [part for part in match.groups() if part]
    return "-".join(parts), ("year", "month", "day")[len(parts) - 1]


def _precision(time: str) -> str:
    return {4: "year", 7: "month", 10: "day"}.get(len(time), "minute" if time[17:19] == "00" else "second")


def _localized(languages: Sequence[str], first: str | None, what: str) -> str:
    lines = []
    for number, language in enumerate(languages):
        text = first if number == 0 and first else placeholder(f"{what}, in {language}")
        lines.append(f"  {language}: {quote(text)}")
    return "\n".join(lines)


def render(start: Start) -> str:
    """The text of a new incident.yaml."""
    dated = date_of(start.incident)
    begun = start.start or (dated[0] if dated else None)
    precision = _precision(begun) if begun else "day"
    return _TEMPLATE.format(
        incident=start.incident,
        title=_localized(start.languages, start.title, "the title in one line"),
        summary=_localized(start.languages, start.summary, "the summary in a few neutral sentences"),
        start=begun or placeholder("when it started, like 2025-10-11 or 2025-10-11T05:12:00+08:00"),
        precision=precision,
        time_zone=quote(start.time_zone) if start.time_zone else "not stated",
        language=start.languages[0],
    )


_TEMPLATE = """\
# The record of one incident. Lines that start with # are help and are not read.
#
# How to write it:
#   - `name: value`, one a line. What belongs to a name is indented by two spaces below it.
#   - Lists start each item with `- `.
#   - A text that contains `: ` or ` #`, or starts with a sign such as @ or [, needs "quotes" around it.
#   - Texts for readers are written once for each language, under its tag: en, zh-Hans, zh-Hant, ko, ja ...
#   - Delete what you do not need. Leave nothing empty.
#
# Replace everything in <angle brackets>, then run `archive check` in this folder; it lists what is still to do.
# `archive add FILE` adds a file of evidence. All fields are explained in docs/record.md of the project.

schema_version: 1
id: {incident}

title:
{title}
summary:
{summary}

# When it happened: a date (2025, 2025-10, 2025-10-11), or a time with seconds and an offset
# (2025-10-11T05:12:00+08:00). precision: year month day hour minute second millisecond
occurred:
  start: {start}
  # end: 2025-10-11T07:02:00+08:00
  precision: {precision}
  time_zone: {time_zone}          # as the source states it, for example UTC+8

# Remove the # in front of the lines that you want to use.

# Where it happened. A role is always worded as alleged.
# venues:
#   - id: example-exchange
#     name:
#       {language}: Example Exchange
#     kind: exchange
#     roles:
#       - text:
#           {language}: alleged place of the refused orders
#         alleged: true

# Who takes part or speaks.
# parties:
#   - id: trader-a
#     name:
#       {language}: Trader A
#     kind: person

# What happened when, in order of time. `sources` holds ids of references, evidence, statements, parties or venues.
# timeline:
#   - id: first-refusal
#     at: 2025-10-11T05:12:00+08:00
#     precision: minute
#     text:
#       {language}: First refused order, according to Trader A.
#     sources: [trader-a]

# What somebody says is so. status: asserted corroborated contradicted disputed retracted
# claims:
#   - id: orders-refused
#     text:
#       {language}: Nearly all orders were refused.
#     claimed_by: [trader-a]
#     status: asserted
#     sources: [trader-a]

# Numbers, each with who says so. bound: exact lower upper estimate
# figures:
#   - id: loss
#     metric: loss
#     value: 4170000
#     unit: USD
#     bound: estimate
#     claimed_by: [trader-a]

# Also: statements, commitments, remedies, demands, questions, references, credits, related, includes.

# Where readers can send corrections.
# contact:
#   text:
#     {language}: Open an issue in the repository that holds this dossier.

# The number of this version of the record, and why each version was made.
revision: 1
revisions:
  - revision: 1
    reason:
      {language}: First publication.
"""
