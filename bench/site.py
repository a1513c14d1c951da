"""`archive site build` over 1,000 generated incidents: how long, and how large the largest page and part of the index.

The records are made up word by word from a seed and lie in the benchmark's folder only: nothing of the kind may stand
under `incidents/`.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measure import Context, Row, run

INCIDENTS = 1_000
SECONDS = 60.0
PAGE_BYTES = 200_000
_SHAPE = {"timeline": 15, "claims": 25, "figures": 28, "statements": 4, "questions": 6, "findings": 6, "tables": 4}
_EN = (
    "orders price market index window venue refused reported claim spot contract margin wallet withdrawal notice users "
    "loss engine queue latency oracle reserve account balance minutes hour trading halted announced partial payment"
)
_ZH = (
    "订单价格市场指数时段平台拒绝报告主张现货合约保证金钱包提现公告"
    "用户损失引擎队列延迟储备账户余额分钟交易暂停宣布部分支付"
)
_VENUES = ("Alpha", "Borealis", "Cinder", "Delta", "Ember", "Fathom", "Granite", "Harbor", "Isthmus", "Juniper")


def make_dossiers(folder: Path, count: int = INCIDENTS, *, seed: int = 7) -> None:
    """Dossiers with generated words, the size of the smaller real ones, each with tables and findings."""
    chance = random.Random(seed)
    for number in range(count):
        record = make_record(number, chance)
        place = folder / record["id"]
        (place / "evidence").mkdir(parents=True)
        for table in range(_SHAPE["tables"]):
            lines = [f"r{row},claim,{chance.randint(1, 10**6)},source-1,{_words(chance, 5)}" for row in range(25)]
            text = "row,row_kind,value,source,note\n" + "\n".join(lines) + "\n"
            (place / "evidence" / f"table-{table}.csv").write_text(text, encoding="utf-8")
        (place / "incident.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")


def make_record(number: int, chance: random.Random) -> dict[str, Any]:
    """One generated record that `archive check` accepts."""
    day = f"{2015 + number % 11}-{1 + number % 12:02d}-{1 + number % 28:02d}"
    venue = _VENUES[number % len(_VENUES)]

    def text(words: int = 14) -> dict[str, str]:
        return {"en": _words(chance, words), "zh-Hans": _signs(chance, 2 * words)}

    def source() -> list[str]:
        return [f"source-{chance.randint(1, 4)}"]

    speakers = ["speaker-1", "speaker-2", "speaker-3", "venue-1"]
    figures = [
        {
            "id": f"f-{n}",
            "metric": f"metric {n // 2}",
            "label": text(6),
            "value": str(chance.randint(1, 10**7)),
            "unit": chance.choice(["USD", "percent", "minutes", "BTC"]),
            "bound": chance.choice(["exact", "lower", "upper", "estimate"]),
            "claimed_by": [chance.choice(speakers)],
            "sources": source(),
            **({"disputes": [f"f-{n - 1}"]} if n % 6 == 1 else {}),
        }
        for n in range(_SHAPE["figures"])
    ]
    claims: list[dict[str, Any]] = [
        {
            "id": f"c-{n}",
            "text": text(18),
            "claimed_by": [chance.choice(speakers)],
            "status": "contradicted" if n % 5 == 4 else "asserted",
            "evidence_for": [f"f-{n}"],
            **({"contradicted_by": [f"c-{n - 1}", f"f-{n - 1}"]} if n % 5 == 4 else {}),
            "relations": [{"type": "causes", "claim": f"c-{(n + 1) % _SHAPE['claims']}"}],
            "sources": source(),
        }
        for n in range(_SHAPE["claims"])
    ]
    return {
        "schema_version": "1",
        "id": f"{day}-{venue.lower()}-{number}",
        "title": {"en": f"{venue}: {_words(chance, 5)}", "zh-Hans": f"{venue}：{_signs(chance, 10)}"},
        "summary": text(90),
        "occurred": {
            "start": f"{day}T05:00:00+08:00",
            "end": f"{day}T07:00:00+08:00",
            "precision": "minute",
            "time_zone": "UTC+8",
        },
        "venues": [{"id": "venue-1", "name": {"en": venue, "zh-Hans": f"{venue}平台"}, "kind": "exchange"}],
        "parties": [
            {"id": f"speaker-{n}", "name": {"en": f"Speaker {n}", "zh-Hans": f"发言者{n}"}, "kind": "person"}
            for n in (1, 2, 3)
        ],
        "timeline": [
            {
                "id": f"t-{n}",
                "at": f"{day}T05:{n * 3:02d}:00+08:00",
                "precision": "minute",
                "text": text(16),
                "venues": ["venue-1"],
                "sources": source(),
            }
            for n in range(_SHAPE["timeline"])
        ],
        "claims": claims,
        "statements": [
            {
                "id": f"s-{n}",
                "party": "venue-1",
                "versions": [{"made_at": day, "text": text(20), "sources": source()} for _ in range(2)],
            }
            for n in range(_SHAPE["statements"])
        ],
        "figures": figures,
        "questions": [
            {"id": f"q-{n}", "by": ["speaker-1"], "text": text(12), "sources": source()}
            for n in range(_SHAPE["questions"])
        ],
        "findings": [
            {
                "id": f"n-{n}",
                "title": text(8),
                "method": "figure-consistency@1",
                "inputs": [{"evidence": "table-0", "role": "market"}],
                "parameters": {"formula": "a / b"},
                "result": {"formula": "a / b", "computed": str(n + 1), "stated": {"value": "7", "unit": "USD"}},
                "about": [f"f-{n}"],
            }
            for n in range(_SHAPE["findings"])
        ],
        "evidence": [
            {
                "id": f"table-{n}",
                "kind": "fact-table",
                "title": text(5),
                "path": f"evidence/table-{n}.csv",
                "media_type": "text/csv",
                "licence": "CC-BY-4.0",
            }
            for n in range(_SHAPE["tables"])
        ],
        "references": [{"id": f"source-{n}", "type": "report", "title": text(6)} for n in range(1, 5)],
        "revision": 1,
        "revisions": [{"revision": 1, "reason": {"en": "First publication.", "zh-Hans": "首次发布。"}}],
    }


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(_EN.split(), k=count)).capitalize() + "."


def _signs(chance: random.Random, count: int) -> str:
    return "".join(chance.choices(_ZH, k=count)) + "。"


def thousand(context: Context) -> Iterator[Row]:
    dossiers = context.once("site-dossiers", lambda folder: make_dossiers(folder))
    archive = str(Path(sys.executable).with_name("archive"))
    runs = []
    for number in range(context.rounds):
        out = context.folder / f"site-{number}"
        runs.append(
            run(
                [archive, "site", "build", str(out), "--incidents", str(dossiers), "--json"],
                environment={"ARCHIVE_WORKSPACE": str(context.folder / "no-workspace")},
            )
        )
    best = min(runs, key=lambda one: one.seconds)
    told = json.loads(best.output)
    out = Path(told["out"])
    # With the sheet and the script that every page loads; pictures are evidence.
    beside = sum((out / "assets" / name).stat().st_size for name in ("site.css", "site.js", "icon.svg"))
    page = told["largest_page"]["bytes"] + beside
    part = max(path.stat().st_size for path in (out / "search").iterdir())
    name = f"site of {INCIDENTS:,} incidents"
    yield Row(
        f"{name}: {told['pages']:,} pages, peak {best.peak_bytes / 1e6:.0f} MB",
        f"{best.seconds:.1f} s",
        f"{SECONDS:g} s",
        best.seconds / SECONDS,
        1.0,
        at_most=True,
    )
    for what, size in (("largest page with sheet and script", page), ("largest part of the search index", part)):
        yield Row(
            f"{name}: {what}",
            f"{size / 1e3:.0f} kB",
            f"{PAGE_BYTES / 1e3:g} kB",
            size / PAGE_BYTES,
            1.0,
            at_most=True,
        )
