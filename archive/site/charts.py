"""Pictures of findings as SVG, in the language of the page: the same bytes from the same result. Pure.

They are drawn from the result alone and shown through `<img>`, where SVG runs nothing. Numbers become floating point
for lengths only; what is written beside a bar is the decimal of the result, shortened to six digits.
Methods without a picture here are drawn by `archive.findings.plots` where its extra is installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from archive.site.i18n import say, word
from archive.site.model import SiteLanguage
from archive.site.text import visible
from archive.site.timeline import columns

WIDTH: Final = 760
_LEFT: Final = 230
_RIGHT: Final = 190
_BAR: Final = 30
_TOP: Final = 14
_BOTTOM: Final = 30
_MOST: Final = 24
_STYLE: Final = (
    "text{font:13px system-ui,-apple-system,'Segoe UI','Noto Sans','Noto Sans CJK SC','PingFang SC',sans-serif;"
    "fill:#26241f}"
    ".grid{stroke:#d9d5cb}.a,.yes{fill:#2f6690}.b,.no{fill:#b0552b}.c{fill:#8a8778}.axis{fill:#6b675d}"
    "@media(prefers-color-scheme:dark){text{fill:#e9e6df}.grid{stroke:#3b3d42}.a,.yes{fill:#7fb0d8}"
    ".b,.no{fill:#e0926a}.c{fill:#a5a294}"
    ".axis{fill:#b3afa4}}"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A bar: its name, from where to where, what is written beside it, and its paint (a, b, c)."""

    name: str
    value: float
    label: str
    paint: str = "a"
    start: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG and its size in pixels."""

    svg: bytes
    width: int
    height: int


def picture(method: str, result: Mapping[str, Any], language: SiteLanguage) -> Picture | None:
    """The picture of a result, or None where a method has none here or the result is not as it makes it."""
    maker = _MAKERS.get(method)
    if maker is None:
        return None
    try:
        return maker(result, language)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError):
        # A stranger's record: the result is shown as a table all the same.
        return None


def has_picture(method: str) -> bool:
    return method in _MAKERS


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def short(text: str) -> str:
    """A number for people: six significant digits, groups of three."""
    number = float(text)
    return f"{number:,.0f}" if abs(number) >= 1_000_000 else f"{number:,.6g}"


def _cut(text: str, most: int) -> str:
    return columns(visible(" ".join(text.split())), most)


def _svg(height: int, body: Sequence[str]) -> Picture:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
        f"<style>{_STYLE}</style>"
    )
    return Picture((head + "".join(body) + "</svg>\n").encode(), WIDTH, height)


def _bars(rows: Sequence[Row]) -> Picture | None:
    shown = list(rows)[:_MOST]
    if not shown:
        return None
    low = min(0.0, *(min(row.value, row.start) for row in shown))
    high = max(0.0, *(max(row.value, row.start) for row in shown))
    scale = (WIDTH - _LEFT - _RIGHT) / ((high - low) or 1.0)
    height = _TOP + len(shown) * _BAR + 8
    zero = _LEFT - low * scale
    body = [f'<line class="grid" x1="{zero:.1f}" y1="{_TOP - 6}" x2="{zero:.1f}" y2="{height - 4}"/>']
    for index, row in enumerate(shown):
        y = _TOP + index * _BAR
        first, last = sorted((_LEFT + (row.start - low) * scale, _LEFT + (row.value - low) * scale))
        name, label = _cut(row.name, 33), _cut(row.label, 28)
        width = max(last - first, 1.5)
        body += [
            f'<text x="{_LEFT - 10}" y="{y + 19}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{row.paint}" x="{first:.1f}" y="{y + 5}" width="{width:.1f}" height="{_BAR - 10}"/>',
            f'<text x="{last + 7:.1f}" y="{y + 19}">{escape(label)}</text>',
        ]
    return _svg(height, body)


def _figures(result: Mapping[str, Any], language: SiteLanguage) -> Picture | None:
    stated = result.get("stated")
    unit = word(stated["unit"], language) if stated and "unit" in stated else ""

    def row(key: str, text: str, paint: str) -> Row:
        return Row(say(language, key), _number(text), f"{short(text)} {unit}".strip(), paint)

    rows = [row("f_computed", result["computed"], "a")]
    if stated is not None:
        names = {"lower": "f_lower", "upper": "f_upper", "estimate": "f_estimate"}
        rows.append(row(names.get(str(result.get("bound")), "f_stated"), stated["value"], "b"))
        if "to" in stated:
            rows.append(row("f_to", stated["to"], "b"))
    return _bars(rows)


def _times(result: Mapping[str, Any], language: SiteLanguage) -> Picture | None:
    events: dict[str, tuple[float, float, str]] = {}
    for pair in [*result.get("same", []), *result.get("order", [])]:
        for key in ("a", "b", "first", "second"):
            told = pair.get(key)
            start = told.get("start", told.get("value", "")) if told else ""
            if len(start) >= len("2025-10-11"):
                who = told.get("claimed_by", told.get("evidence", ""))
                name = f"{told['row']} ({who})" if not told.get("column") else f"{told['row']} {told['column']} ({who})"
                events[name] = (_seconds(start), _seconds(told.get("end") or start), str(pair["agrees"]))
    for held in result.get("evidence", []):
        if "first" in held:
            events[held["evidence"]] = (_seconds(held["first"]), _seconds(held["last"]), str(held["agrees"]))
    rows = sorted(events.items(), key=lambda item: (item[1][0], item[0]))[:_MOST]
    if not rows:
        return None
    low, high = min(row[1][0] for row in rows), max(row[1][1] for row in rows)
    pad = max((high - low) * 0.06, 60.0)
    low, high = low - pad, high + pad
    scale = (WIDTH - _LEFT - 30) / (high - low)
    height = _TOP + len(rows) * _BAR + _BOTTOM
    body = []
    for part in range(4):
        at = low + (high - low) * (part + 0.5) / 4
        x = _LEFT + (at - low) * scale
        form = "%Y-%m-%d %H:%M" if high - low < 40 * 86400 else "%Y-%m-%d"
        body += [
            f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{height - _BOTTOM}"/>',
            f'<text class="axis" x="{x:.1f}" y="{height - 10}" text-anchor="middle">'
            f"{datetime.fromtimestamp(at, UTC):{form}}</text>",
        ]
    for index, (name, (start, end, agrees)) in enumerate(rows):
        y = _TOP + index * _BAR + _BAR / 2
        first, last = _LEFT + (start - low) * scale, _LEFT + (end - low) * scale
        paint = "no" if agrees == "no" else "yes"
        body.append(f'<text x="{_LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(_cut(name, 33))}</text>')
        body.append(f'<circle class="{paint}" cx="{first:.1f}" cy="{y:.1f}" r="6"/>')
        if last - first > 6:
            body.append(
                f'<rect class="{paint}" x="{first:.1f}" y="{y - 4:.1f}" width="{last - first:.1f}" height="8" rx="4"/>'
            )
    return _svg(height, body)


def _seconds(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _depeg(result: Mapping[str, Any], language: SiteLanguage) -> Picture | None:
    inside, outside = ("inside the window", "outside the window") if language == "en" else ("时段内最低", "时段外最低")
    rows = []
    for place in [*result["market"], *result.get("elsewhere", [])]:
        where = " ".join(str(place[key]) for key in ("venue", "symbol") if key in place)
        for key, name, paint in (("inside", inside, "b"), ("outside", outside, "c")):
            if key in place:
                low = place[key]["low"]
                rows.append(
                    Row(f"{where}, {name}", _number(low), f"{short(low)}  {place[key]['low_time'][11:16]} UTC", paint)
                )
    peg = "peg" if language == "en" else "锚定价"
    rows.append(Row(peg, _number(result["peg"]), short(result["peg"]), "a"))
    return _bars(rows)


def _open_interest(result: Mapping[str, Any], language: SiteLanguage) -> Picture | None:
    names = {"before": "before", "lowest": "lowest", "after": "after"}
    if language == "zh":
        names = {"before": "之前", "lowest": "最低", "after": "之后"}
    if "instruments" in result:
        return _bars(
            [
                Row(f"{item.get('symbol', '')} {names[key]}", _number(item[key]), short(item[key]), paint)
                for item in result["instruments"][:8]
                for key, paint in (("before", "a"), ("lowest", "b"), ("after", "c"))
            ]
        )
    return _bars(
        [
            Row(names[key], _number(result[key]["value"]), short(result[key]["value"]), paint)
            for key, paint in (("before", "a"), ("after", "b"))
        ]
    )


def _parity(result: Mapping[str, Any], language: SiteLanguage) -> Picture | None:
    rows = []
    inside = {"en": {"yes": ", in the window", "no": ", outside"}, "zh": {"yes": "，时段内", "no": "，时段外"}}[
        language
    ]
    for item in result["groups"]:
        share = item.get("share_percent")
        if share is None and "paid_share" in item:
            share = str(_number(item["paid_share"]) * 100)
        if share is not None:
            rows.append(
                Row(f"{item['group']}{inside.get(item.get('in_window', ''), '')}", _number(share), f"{short(share)} %")
            )
    return _bars(sorted(rows, key=lambda row: (-row.value, row.name)))


def _losses(result: Mapping[str, Any], language: SiteLanguage) -> Picture | None:
    more = "or more" if language == "en" else "或以上"
    rows = []
    for unit in result["units"]:
        for item in unit["groups"]:
            least, most = item["loss_at_least"], item.get("loss_at_most")
            label = f"{short(least)} – {short(most)}" if most is not None else f"{short(least)} {more}"
            rows.append(Row(f"{item['group']} ({unit['unit']})", _number(most if most is not None else least), label))
    return _bars(rows)


def _reserves(result: Mapping[str, Any], language: SiteLanguage) -> Picture | None:
    names = {"liabilities": "liabilities", "reserves": "reserves"}
    if language == "zh":
        names = {"liabilities": "负债", "reserves": "储备"}
    return _bars(
        [
            Row(f"{item['asset']} {names[key]}", _number(item[key]), short(item[key]), paint)
            for item in result["assets"][: _MOST // 2]
            for key, paint in (("liabilities", "b"), ("reserves", "a"))
            if key in item
        ]
    )


_MAKERS: Final[Mapping[str, Callable[[Mapping[str, Any], SiteLanguage], Picture | None]]] = {
    "figure-consistency@1": _figures,
    "timeline-consistency@1": _times,
    "depeg@1": _depeg,
    "open-interest-drop@1": _open_interest,
    "compensation-parity@1": _parity,
    "loss-total@1": _losses,
    "reserve-coverage@1": _reserves,
}
