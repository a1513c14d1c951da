"""Records to show: a small honest one, and how to put something hostile in every field that takes text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HOSTILE = (
    "<script>window.hit=1</script><img src=x onerror=window.hit=1>\"'><svg onload=window.hit=1>{{7*7}}{% raw %}"
    "\u202egpj.exe\u202c \u2066x\u2069 \x07\x1b[31m \u200bzero \U000e0041tag javascript:alert(1) "
    "</style></title> раyраl"
)


def honest(**more: Any) -> dict[str, Any]:
    return {
        "schema_version": "1",
        "id": "2025-01-example",
        "title": {"en": "An example & more", "zh-Hans": "示例事件"},
        "summary": {"en": "Orders were refused, users say.", "zh-Hans": "用户称订单被拒。"},
        "occurred": {
            "start": "2025-01-02T03:00:00+08:00",
            "end": "2025-01-02T04:00:00+08:00",
            "precision": "minute",
            "time_zone": "not stated; UTC+8 inferred",
        },
        "venues": [{"id": "venue", "name": {"en": "Venue", "zh-Hans": "平台"}, "kind": "exchange"}],
        "parties": [{"id": "trader-a", "name": {"en": "Trader A", "zh-Hans": "交易者甲"}, "kind": "person"}],
        "timeline": [
            {
                "id": "t-day",
                "at": "2024-12-30",
                "precision": "day",
                "text": {"en": "A notice."},
                "outside_occurred": True,
                "sources": ["post"],
            },
            {
                "id": "t-first",
                "at": "2025-01-02T03:12:00+08:00",
                "precision": "minute",
                "text": {"en": "First refusal.", "zh-Hans": "首次拒单。"},
                "sources": ["post"],
            },
            {
                "id": "t-span",
                "start": "2025-01-02T03:16:00+08:00",
                "end": "2025-01-02T03:56:00+08:00",
                "precision": "minute",
                "text": {"en": "Retries.", "zh-Hans": "重试。"},
                "sources": ["post"],
            },
        ],
        "claims": [
            {
                "id": "c-refused",
                "text": {"en": "All orders were refused.", "zh-Hans": "全部订单被拒。"},
                "claimed_by": ["trader-a"],
                "status": "contradicted",
                "contradicted_by": ["s-online"],
                "relations": [{"type": "causes", "claim": "c-loss"}],
                "sources": ["post"],
            },
            {
                "id": "c-loss",
                "text": {"en": "A loss followed.", "zh-Hans": "随后亏损。"},
                "claimed_by": ["trader-a"],
                "status": "asserted",
                "sources": ["post"],
            },
            {
                "id": "c-answer",
                "text": {"en": "Only some were refused.", "zh-Hans": "仅部分被拒。"},
                "claimed_by": ["venue"],
                "status": "disputed",
                "relations": [{"type": "responds_to", "claim": "c-refused"}],
            },
        ],
        "statements": [
            {
                "id": "s-online",
                "party": "venue",
                "versions": [
                    {
                        "made_at": "2025-01-03",
                        "text": {"en": "Our engine had a brief problem.", "zh-Hans": "引擎短暂故障。"},
                    },
                    {"text": {"en": "Our engine had no problem.", "zh-Hans": "引擎没有故障。"}},
                ],
            }
        ],
        "figures": [
            {
                "id": "f-all",
                "metric": "refused",
                "label": {"en": "Refused, by Trader A", "zh-Hans": "交易者甲所称拒单率"},
                "value": "100",
                "unit": "percent",
                "bound": "estimate",
                "claimed_by": ["trader-a"],
                "disputes": ["f-some"],
            },
            {
                "id": "f-some",
                "metric": "refused share",
                "label": {"en": "Refused, by the venue", "zh-Hans": "平台所称拒单率"},
                "value": "10",
                "unit": "percent",
                "bound": "exact",
                "claimed_by": ["venue"],
            },
        ],
        "remedies": [
            {
                "id": "r-fee",
                "by": ["venue"],
                "to": {"en": "those hit", "zh-Hans": "受影响者"},
                "what": {"en": "the fee", "zh-Hans": "手续费"},
                "status": "announced",
            }
        ],
        "questions": [
            {"id": "q-why", "by": ["trader-a"], "text": {"en": "Why?", "zh-Hans": "为何？"}},
            {
                "id": "q-when",
                "by": ["trader-a"],
                "text": {"en": "When?", "zh-Hans": "何时？"},
                "answers": [{"kind": "partial", "by": ["venue"], "text": {"en": "Soon.", "zh-Hans": "很快。"}}],
            },
        ],
        "findings": [
            {
                "id": "n-ratio",
                "title": {"en": "Ratio", "zh-Hans": "比率"},
                "method": "figure-consistency@1",
                "inputs": [{"evidence": "table", "role": "market"}],
                "parameters": {"formula": "a / b"},
                "result": {
                    "formula": "a / b",
                    "computed": "10",
                    "terms": [{"name": "a", "value": "10", "claimed_by": "trader-a"}],
                    "stated": {"value": "12", "unit": "minutes"},
                    "bound": "exact",
                    "agrees": "no",
                },
            }
        ],
        "evidence": [
            {
                "id": "table",
                "kind": "fact-table",
                "title": {"en": "A table", "zh-Hans": "表"},
                "path": "evidence/table.csv",
                "media_type": "text/csv",
                "custody": [{"at": "2025-02-01", "actor": "trader-a", "action": {"en": "sent", "zh-Hans": "寄出"}}],
            },
            {"id": "card", "withheld": True},
        ],
        "references": [{"id": "post", "type": "post", "title": {"en": "A post", "zh-Hans": "帖文"}}],
        "revision": 1,
        "revisions": [{"revision": 1, "reason": {"en": "First.", "zh-Hans": "首次。"}}],
        **more,
    }


def hostile(value: Any, key: str = "") -> Any:
    """The same record with the hostile text in every place that takes free text."""
    if isinstance(value, Mapping):
        return {name: hostile(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [hostile(part, key) for part in value]
    free = {
        "en",
        "zh-Hans",
        "kind",
        "unit",
        "metric",
        "time_zone",
        "actor",
        "by",
        "name",
        "formula",
        "value",
        "licence",
    }
    if key in free and isinstance(value, str) and value not in ("venue", "trader-a", "partial"):
        return "7" if key == "value" and value.isdigit() else f"{value} {HOSTILE}"
    return value
