"""order-rejections@1: which share of orders was rejected, accepted, or ended in an unknown state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive.findings.exact import EPOCH, from_microseconds, microseconds, moment, ratio
from archive.findings.method import (
    MAX_LISTED,
    Engine,
    Input,
    Method,
    Parameter,
    Parameters,
    Result,
    Role,
    no_rows,
    present,
)

OUTCOMES = ("accepted", "rejected", "unknown")
_MILLION = 1_000_000
_KEYS = ("code", "http_status", "symbol", "reduce_only", "client_state", "outcome")
_FILTERS = ("event", "operation", "time", "venue", "product")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What counts: results of one operation in a window, and into which intervals they fall (microseconds; 0: none)."""

    operation: str
    start: datetime | None
    end: datetime | None
    step: int
    symbols: tuple[str, ...]

    @property
    def origin(self) -> datetime:
        return self.start if self.start is not None else EPOCH


@dataclass(frozen=True, slots=True)
class _Group:
    """What the rows of one group have in common; None where the log does not say."""

    code: int | None
    http_status: int | None
    symbol: str | None
    reduce_only: bool | None
    client_state: bool | None
    outcome: str | None
    interval: int | None


def _group(keys: Sequence[Any], interval: int | None) -> _Group:
    code, http_status, symbol, reduce_only, client_state, outcome = keys
    return _Group(code, http_status, symbol, reduce_only, client_state, outcome, interval)


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Count results by code, status, symbol, mark and interval in one pass; every share comes from these counts."""
    asked = _Asked(
        parameters.text("operation"),
        parameters.time("start"),
        parameters.time("end"),
        parameters.integer("interval") * _MILLION,
        parameters.list("symbols"),
    )
    counts: Counter[_Group] = Counter()
    for item in inputs:
        for group, count in (_fast if engine == "fast" else _reference)(item, asked):
            counts[group] += count
    if not counts:
        raise no_rows(METHOD.id, "the log has no result of this operation in the window")
    return _judge(counts, asked)


def _reference(item: Input, asked: _Asked) -> Iterable[tuple[_Group, int]]:
    counts: Counter[_Group] = Counter()
    for batch in item.open("api-log").batches(columns=(*_FILTERS, *_KEYS)):
        for row in batch.to_pylist():
            if row["event"] != "result" or (asked.operation != "any" and row["operation"] != asked.operation):
                continue
            time = row["time"]
            if (asked.start or asked.end or asked.step) and time is None:
                continue
            if (asked.start and time < asked.start) or (asked.end and time >= asked.end):
                continue
            if asked.symbols and row["symbol"] not in asked.symbols:
                continue
            interval = (microseconds(time) - microseconds(asked.origin)) // asked.step if asked.step else None
            counts[_group([row[name] for name in _KEYS], interval)] += 1
    return counts.items()


def _fast(item: Input, asked: _Asked) -> Iterable[tuple[_Group, int]]:
    from archive.findings.duck import query

    conditions = ["event = 'result'"]
    values: list[object] = []
    interval = "NULL"
    if asked.step:
        interval = "(epoch_us(time) - ?) // ?"
        values += [microseconds(asked.origin), asked.step]
    if asked.operation != "any":
        conditions.append("operation = ?")
        values.append(asked.operation)
    if asked.step:
        conditions.append("time IS NOT NULL")
    for bound, sign in ((asked.start, ">="), (asked.end, "<")):
        if bound is not None:
            conditions.append(f"time {sign} ?")
            values.append(bound)
    if asked.symbols:
        conditions.append(f"symbol IN ({', '.join('?' * len(asked.symbols))})")
        values += asked.symbols
    sql = (
        f"SELECT {', '.join(_KEYS)}, {interval} AS bucket, count(*) FROM evidence "  # noqa: S608 - fixed words
        f"WHERE {' AND '.join(conditions)} GROUP BY ALL"
    )
    for *keys, bucket, count in query(item.open("api-log"), (*_FILTERS, *_KEYS), sql, values):
        yield _group(keys, bucket), count


def _judge(counts: Mapping[_Group, int], asked: _Asked) -> dict[str, Result]:
    whole = _tally(counts, lambda group: None)[None]
    state = sum(count for group, count in counts.items() if group.client_state and group.outcome == "rejected")
    return {
        "operation": asked.operation,
        **present(start=moment(asked.start) if asked.start else None, end=moment(asked.end) if asked.end else None),
        **_shares(whole),
        # Of an unknown order nobody can say whether it failed: the share that failed is at most this.
        **present(rejected_or_unknown_share=ratio(whole["rejected"] + whole["unknown"], sum(whole.values()))),
        "rejected_client_state": str(state),
        "by_code": _listed(counts, "code", lambda group: group.code),
        "by_http_status": _listed(counts, "http_status", lambda group: group.http_status),
        "by_symbol": _listed(counts, "symbol", lambda group: group.symbol),
        "by_reduce_only": _listed(counts, "reduce_only", lambda group: group.reduce_only),
        **present(by_interval=_intervals(counts, asked) if asked.step else None),
    }


def _tally(counts: Mapping[_Group, int], by: Callable[[_Group], Any]) -> dict[Any, dict[str, int]]:
    found: dict[Any, dict[str, int]] = {}
    for group, count in counts.items():
        tally = found.setdefault(by(group), dict.fromkeys(OUTCOMES, 0))
        # An outcome that the log does not tell is unknown, never rejected.
        tally[group.outcome if group.outcome in tally else "unknown"] += count
    return found


def _shares(tally: Mapping[str, int]) -> dict[str, Result]:
    total = sum(tally.values())
    return {
        "results": str(total),
        **{name: str(tally[name]) for name in OUTCOMES},
        **present(**{f"{name}_share": ratio(tally[name], total) for name in OUTCOMES}),
    }


def _listed(counts: Mapping[_Group, int], name: str, by: Callable[[_Group], Any]) -> Result:
    """One entry a value, the most frequent first; `none` where the log has no such value."""
    tallies = _tally(counts, by)
    ordered = sorted(tallies.items(), key=lambda pair: (-sum(pair[1].values()), _word(pair[0])))
    return [{name: _word(value), **_shares(tally)} for value, tally in ordered[:MAX_LISTED]]


def _word(value: object) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _intervals(counts: Mapping[_Group, int], asked: _Asked) -> Result:
    tallies = _tally(counts, lambda group: group.interval)
    origin = microseconds(asked.origin)
    return [
        {"start": moment(from_microseconds(origin + interval * asked.step)), **_shares(tallies[interval])}
        for interval in sorted(tallies)[:MAX_LISTED]
    ]


METHOD = Method(
    name="order-rejections",
    version=1,
    title="Rate of rejected, unknown and accepted orders",
    roles=(Role("log", "api-log", "logs of requests to the venue's API"),),
    parameters=(
        Parameter("start", "time", "Results from this time on count"),
        Parameter("end", "time", "Results before this time count"),
        Parameter("operation", "text", "order, cancel, amend, query, other; or any", "order"),
        Parameter("symbols", "list", "Only these instruments, as the venue writes them"),
        Parameter("interval", "integer", "Seconds of an interval for the course over time; 0: none", "0"),
    ),
    compute=compute,
    has_fast_path=True,
)
