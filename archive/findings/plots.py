"""Pictures of results, PNG and SVG. They are drawn from the result alone, so a picture shows what a reader can check.

Numbers become floating point here and nowhere else: a picture is for looking at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archive.errors import MissingDependencyError, UsageError

WIDTH = 640
BAR = 26
MOST_BARS = 30
SCALE = 2.0
CLOCK = "%d %b %H:%M"
INK, RED, BLUE, GREY, AMBER = "#222222", "#b3362b", "#2f6690", "#9aa5ad", "#c98a1b"
_OUTCOMES = {"accepted": BLUE, "rejected": RED, "unknown": GREY}

Result = Mapping[str, Any]
_Row = dict[str, Any]


def draw(method: str, name: str, result: Result, folder: Path) -> list[Path]:
    """Write `<name>.png` and `<name>.svg`; nothing for a method that has no picture.

    Raises:
        MissingDependencyError: `findings.plots_extra` when altair is not installed.
        UsageError: `findings.plots_folder` when the folder cannot be written.
    """
    maker = _CHARTS.get(method)
    if maker is None:
        return []
    try:
        import altair as alt
        import vl_convert  # noqa: F401 - altair writes PNG and SVG through it
    except ImportError:
        raise _missing() from None
    chart = _finish(maker(result), f"{name}: {method}", alt)
    written = [folder / f"{name}.png", folder / f"{name}.svg"]
    try:
        chart.save(str(written[0]), format="png", scale_factor=SCALE)
        chart.save(str(written[1]), format="svg")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}", code="findings.plots_folder") from None
    return written


def draw_svg(method: str, name: str, result: Result) -> str | None:
    """The SVG alone, as text; None for a method that has no picture. Raises `findings.plots_extra` like `draw`."""
    maker = _CHARTS.get(method)
    if maker is None:
        return None
    try:
        import altair as alt
        import vl_convert
    except ImportError:
        raise _missing() from None
    chart = _finish(maker(result), f"{name}: {method}", alt)
    return str(vl_convert.vegalite_to_svg(chart.to_json()))


def _missing() -> MissingDependencyError:
    return MissingDependencyError(
        "drawing needs altair and vl-convert-python, which are not installed",
        code="findings.plots_extra",
        hint='pip install "incident-archive[plots]"',
    )


def _finish(chart: Any, title: str, alt: Any) -> Any:
    return (
        chart.configure(background="white", padding=14, font="Arial, Helvetica, sans-serif")
        .properties(title=alt.TitleParams(title, anchor="start", fontSize=14, color=INK, offset=12))
        .configure_view(stroke=None)
        .configure_axis(labelColor=INK, titleColor=INK, gridColor="#e6e8ea", labelLimit=260, labelFontSize=11)
        .configure_legend(orient="top", labelColor=INK, titleColor=INK, labelLimit=300)
    )


def _bars(rows: Sequence[_Row], measure: str, *, color: str | None = None, sort: Any = None, step: int = 0) -> Any:
    """Horizontal bars with their values written beside them; `name` and `value` are the fields."""
    import altair as alt

    shown = list(rows)[:MOST_BARS]
    base = alt.Chart(_data(shown)).encode(
        y=alt.Y("name:N", title=None, sort=sort, axis=alt.Axis(labelPadding=6)),
        x=alt.X("value:Q", title=measure, scale=alt.Scale(zero=True), axis=alt.Axis(tickMinStep=step)),
    )
    paint: Any = alt.value(color) if color else alt.Color("kind:N", title=None, scale=alt.Scale(range=_palette(shown)))
    bars = base.mark_bar(height={"band": 0.7}).encode(color=paint)
    labels = base.mark_text(align="left", dx=5, color=INK, fontSize=11).encode(text="label:N")
    return alt.layer(bars, labels).properties(width=WIDTH, height=_height(shown))


def _data(values: Sequence[_Row]) -> Any:
    import altair as alt

    return alt.Data(values=list(values))  # type: ignore[no-untyped-call]


def _palette(rows: Sequence[_Row]) -> list[str]:
    kinds = sorted({str(row.get("kind", "")) for row in rows})
    return [BLUE, RED, AMBER, GREY][: max(1, len(kinds))]


def _height(rows: Sequence[_Row]) -> int:
    return BAR * max(1, len(rows))


def _row(name: str, text: str, kind: str = "", unit: str = "") -> _Row:
    return {"name": name, "value": float(text), "label": f"{_short(text)}{unit}", "kind": kind}


def _short(text: str) -> str:
    """A number for people: six significant digits, groups of three."""
    number = float(text)
    return f"{number:,.0f}" if abs(number) >= 1_000_000 else f"{number:,.6g}"


def _figures(result: Result) -> Any:
    rows = [_row("computed", result["computed"], "computed")]
    stated = result.get("stated")
    unit = "value"
    if stated is not None:
        unit = stated.get("unit", unit)
        name = {"lower": "stated: more than", "upper": "stated: at most", "estimate": "stated: about"}
        rows.append(_row(name.get(result["bound"], "stated"), stated["value"], "stated"))
        if "to" in stated:
            rows.append(_row("stated: up to", stated["to"], "stated"))
    return _bars(rows, unit, sort=None)


def _times(result: Result) -> Any:
    import altair as alt

    events: dict[str, _Row] = {}
    for pair in [*result.get("same", []), *result.get("order", [])]:
        for key in ("a", "b", "first", "second"):
            said = pair.get(key)
            if said is None:
                continue
            start = said.get("start", said.get("value", ""))
            name = f"{said['row']} ({said.get('claimed_by', said['evidence'])})"
            if said.get("column"):
                name = f"{said['row']} {said['column']} ({said.get('claimed_by', '')})"
            if len(start) >= len("2025-10-11"):
                events[name] = {"name": name, "start": start, "end": said.get("end") or start, "agrees": pair["agrees"]}
    for held in result.get("evidence", []):
        if "first" in held:
            name = held["evidence"]
            events[name] = {"name": name, "start": held["first"], "end": held["last"], "agrees": held["agrees"]}
    rows = sorted(events.values(), key=lambda row: (row["start"], row["name"]))[:MOST_BARS]
    color = alt.Color("agrees:N", title="times agree", scale=alt.Scale(domain=["yes", "no"], range=[BLUE, RED]))
    base = alt.Chart(_data(rows)).encode(y=alt.Y("name:N", title=None, sort=[row["name"] for row in rows]), color=color)
    bars = base.mark_bar(height=9).encode(
        x=alt.X("start:T", title="UTC", scale=alt.Scale(type="utc", nice=True), axis=alt.Axis(format=CLOCK)), x2="end:T"
    )
    points = base.mark_point(filled=True, size=70).encode(x=alt.X("start:T"))
    return alt.layer(bars, points).properties(width=WIDTH, height=_height(rows))


def _depeg(result: Result) -> Any:
    import altair as alt

    rows: list[_Row] = []
    for place in [*result["market"], *result.get("elsewhere", [])]:
        where = " ".join(place[key] for key in ("venue", "symbol") if key in place) or "not named"
        for key in ("inside", "outside"):
            if key in place:
                rows.append(_row(f"{where}, {key} the window", place[key]["low"], f"{key} the window"))
                rows[-1]["label"] += f"  {place[key]['low_time'][:16].replace('T', ' ')}"
    marks = [{"value": float(result["peg"]), "line": "peg"}, {"value": float(result["below"]), "line": "limit"}]
    lines = alt.Chart(_data(marks))
    rule = lines.mark_rule(strokeDash=[5, 4], strokeWidth=1.5, color=INK).encode(x="value:Q", detail="line:N")
    chart = _bars(rows, "lowest price; dashed: peg, and the limit below which a row counts", sort=None)
    return alt.layer(chart, rule).properties(width=WIDTH, height=_height(rows))


def _deviation(result: Result) -> Any:
    import altair as alt

    charts = []
    for venue in result["venues"][:3]:
        for side, color in (("lows", RED), ("highs", AMBER)):
            rows = [
                {
                    "name": item["asset"],
                    "value": float(item["deviation"]) * 100,
                    "label": f"{float(item['deviation']) * 100:,.4g} % against {item['peer']}",
                }
                for item in venue[side]["furthest"]
            ]
            if rows:
                beyond = "below" if side == "lows" else "above"
                title = f"{venue['venue']}: {side} in percent {beyond} those of the peers"
                charts.append(_bars(rows, title, color=color, sort=[row["name"] for row in rows]))
    if not charts:
        rows = [_row(venue["venue"], venue["assets"], "") for venue in result["venues"]]
        return _bars(rows, "assets compared, none beyond the first threshold", color=BLUE)
    return alt.vconcat(*charts) if len(charts) > 1 else charts[0]


def _outcomes(result: Result) -> Any:
    import altair as alt

    key, title = ("start", "interval, UTC") if result.get("by_interval") else ("code", "code")
    entries = result.get("by_interval") or result["by_code"]
    rows = [
        {"name": item[key], "outcome": outcome, "count": int(item[outcome])}
        for item in entries
        for outcome in _OUTCOMES
    ]
    # The gap between intervals tells the width that a bar may have.
    size = max(2, min(60, int(WIDTH / max(1, len(entries)) * 0.8)))
    x: Any = (
        alt.X("name:T", title=title, scale=alt.Scale(type="utc", padding=size), axis=alt.Axis(format=CLOCK))
        if key == "start"
        else alt.X("name:N", title=title, sort=[item[key] for item in entries])
    )
    return (
        alt.Chart(_data(rows))
        .mark_bar(size=size)
        .encode(
            x=x,
            y=alt.Y("count:Q", title="results", stack=True),
            color=alt.Color(
                "outcome:N",
                title=None,
                scale=alt.Scale(domain=list(_OUTCOMES), range=list(_OUTCOMES.values())),
            ),
        )
        .properties(width=WIDTH, height=300)
    )


def _latency(result: Result) -> Any:
    rows = [
        _row(f"{item['endpoint']}  {name}", item[name], name, " ms")
        for item in result["endpoints"][: MOST_BARS // 3]
        for name in ("p50", "p95", "p99")
        if name in item
    ]
    return _bars(rows, "milliseconds", sort=[row["name"] for row in rows])


def _basis(result: Result) -> Any:
    import altair as alt

    rows: list[_Row] = []
    for asset in result["assets"]:
        for point in asset.get("course") or [asset["widest"]]:
            time = point["time"]
            rows += [
                {"asset": asset["asset"], "time": time, "leg": leg, "price": float(point[leg])}
                for leg in ("spot", "perp")
            ]
    return (
        alt.Chart(_data(rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("time:T", title="UTC", scale=alt.Scale(type="utc"), axis=alt.Axis(format=CLOCK)),
            y=alt.Y("price:Q", title="price", scale=alt.Scale(zero=False)),
            color=alt.Color("leg:N", title=None, scale=alt.Scale(domain=["spot", "perp"], range=[BLUE, RED])),
            facet=alt.Facet("asset:N", columns=1, title=None),
        )
        .properties(width=WIDTH, height=240)
    )


def _replay(result: Result) -> Any:
    rows = [
        _row(
            item["scenario"],
            item["liquidated"],
            "",
            f" of {result['positions']}  lowest mark {_short(item['lowest_mark'])}",
        )
        for item in result["scenarios"]
    ]
    return _bars(rows, "positions liquidated", color=RED, sort=[row["name"] for row in rows], step=1)


def _open_interest(result: Result) -> Any:
    rows: list[_Row] = []
    if "instruments" in result:
        for item in result["instruments"][: MOST_BARS // 3]:
            where = " ".join(item[key] for key in ("venue", "symbol") if key in item)
            rows += [_row(f"{where} {name}", item[name], name) for name in ("before", "lowest", "after")]
    else:
        rows = [_row(name, result[name]["value"], name) for name in ("before", "after")]
        rows[1]["label"] += f"  ({_short(result['drop_percent'])} % gone)"
    return _bars(rows, "open interest", sort=[row["name"] for row in rows])


def _parity(result: Result) -> Any:
    rows: list[_Row] = []
    for item in result["groups"]:
        share = item.get("share_percent")
        if share is None and "paid_share" in item:
            share = str(float(item["paid_share"]) * 100)
        if share is not None:
            where = {"yes": ", in the window", "no": ", outside the window"}.get(item.get("in_window", ""), "")
            rows.append(_row(f"{item['group']}{where}", share, "", " %"))
    return _bars(rows, "paid share of the loss in percent", color=BLUE, sort="-x")


def _losses(result: Result) -> Any:
    import altair as alt

    rows = [
        {
            "name": f"{item['group']} ({unit['unit']})",
            "least": float(item["loss_at_least"]),
            "most": float(item.get("loss_at_most", item["loss_at_least"])),
            "label": f"{_short(item['loss_at_least'])} to {_short(item['loss_at_most'])}"
            if "loss_at_most" in item
            else f"{_short(item['loss_at_least'])} or more",
        }
        for unit in result["units"]
        for item in unit["groups"]
    ][:MOST_BARS]
    base = alt.Chart(_data(rows)).encode(y=alt.Y("name:N", title=None))
    bars = base.mark_bar(height={"band": 0.6}, color=BLUE).encode(
        x=alt.X("least:Q", title="loss: from at least to at most"), x2="most:Q"
    )
    ticks = base.mark_tick(color=INK, thickness=2).encode(x="least:Q")
    labels = base.mark_text(align="left", dx=8, color=INK, fontSize=11).encode(x="most:Q", text="label:N")
    return alt.layer(bars, ticks, labels).properties(width=WIDTH, height=_height(rows))


def _reserves(result: Result) -> Any:
    rows = [
        _row(f"{item['asset']} {name}", item[name], name)
        for item in result["assets"][: MOST_BARS // 2]
        for name in ("liabilities", "reserves")
        if name in item
    ]
    return _bars(rows, "amount", sort=[row["name"] for row in rows])


_CHARTS: Mapping[str, Callable[[Result], Any]] = {
    "figure-consistency@1": _figures,
    "timeline-consistency@1": _times,
    "depeg@1": _depeg,
    "price-deviation@1": _deviation,
    "order-rejections@1": _outcomes,
    "latency@1": _latency,
    "spot-perp-basis@1": _basis,
    "mark-price-replay@1": _replay,
    "open-interest-drop@1": _open_interest,
    "compensation-parity@1": _parity,
    "loss-total@1": _losses,
    "reserve-coverage@1": _reserves,
}
