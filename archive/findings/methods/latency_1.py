"""latency@1: how long answers took by endpoint, and when errors came in bursts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from archive.findings.exact import EPOCH, from_microseconds, microseconds, moment, rank, ratio, text
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

_MILLION = 1_000_000
_COLUMNS = ("time", "event", "operation", "endpoint", "latency", "outcome")
_QUANTILES = (("p50", Fraction(1, 2)), ("p95", Fraction(19, 20)), ("p99", Fraction(99, 100)))


@dataclass(frozen=True, slots=True)
class _Asked:
    operation: str
    start: datetime | None
    end: datetime | None
    step: int

    @property
    def origin(self) -> int:
        return microseconds(self.start if self.start is not None else EPOCH)


@dataclass(slots=True)
class _Endpoint:
    """Counts of one endpoint: by latency, and by interval (all results, and those not accepted)."""

    latencies: Counter[Decimal] = field(default_factory=Counter)
    results: Counter[int] = field(default_factory=Counter)
    failed: Counter[int] = field(default_factory=Counter)
    count: int = 0


# Endpoint, latency, interval, whether it failed; and how many.
_Row = tuple[str, Decimal | None, int | None, bool, int]


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Count latencies and failures, then read quantiles off the counts by nearest rank."""
    asked = _Asked(
        parameters.text("operation"),
        parameters.time("start"),
        parameters.time("end"),
        parameters.integer("interval") * _MILLION,
    )
    endpoints: dict[str, _Endpoint] = {}
    for item in inputs:
        for name, latency, interval, failed, count in (_fast if engine == "fast" else _reference)(item, asked):
            found = endpoints.setdefault(name, _Endpoint())
            found.count += count
            if latency is not None:
                found.latencies[latency] += count
            if interval is not None:
                found.results[interval] += count
                found.failed[interval] += count * failed
    if not endpoints:
        raise no_rows(METHOD.id, "the log has no result of this operation in the window")
    ordered = sorted(endpoints.items(), key=lambda pair: (-pair[1].count, pair[0]))
    return {
        "operation": asked.operation,
        **present(start=moment(asked.start) if asked.start else None, end=moment(asked.end) if asked.end else None),
        "unit": "ms",
        "endpoints": [_endpoint(name, found, parameters, asked) for name, found in ordered[:MAX_LISTED]],
    }


def _reference(item: Input, asked: _Asked) -> Iterable[_Row]:
    for batch in item.open("api-log").batches(columns=_COLUMNS):
        for row in batch.to_pylist():
            if row["event"] != "result" or (asked.operation != "any" and row["operation"] != asked.operation):
                continue
            time = row["time"]
            if (asked.start or asked.end) and time is None:
                continue
            if (asked.start and time < asked.start) or (asked.end and time >= asked.end):
                continue
            interval = (microseconds(time) - asked.origin) // asked.step if time is not None else None
            # An outcome that is not told is unknown: no failure follows from it.
            failed = (row["outcome"] or "unknown") != "accepted"
            yield row["endpoint"] or "none", row["latency"], interval, failed, 1


def _fast(item: Input, asked: _Asked) -> Iterable[_Row]:
    from archive.findings.duck import query

    conditions = ["event = 'result'"]
    values: list[object] = [asked.origin, asked.step]
    if asked.operation != "any":
        conditions.append("operation = ?")
        values.append(asked.operation)
    for bound, sign in ((asked.start, ">="), (asked.end, "<")):
        if bound is not None:
            conditions.append(f"time {sign} ?")
            values.append(bound)
    sql = (
        "SELECT coalesce(nullif(endpoint, ''), 'none'), latency, (epoch_us(time) - ?) // ?, "  # noqa: S608 - fixed words
        "coalesce(outcome, 'unknown') <> 'accepted', count(*) "
        f"FROM evidence WHERE {' AND '.join(conditions)} GROUP BY ALL"
    )
    yield from query(item.open("api-log"), _COLUMNS, sql, values)


def _endpoint(name: str, found: _Endpoint, parameters: Parameters, asked: _Asked) -> Result:
    total = sum(found.latencies.values())
    return {
        "endpoint": name,
        "results": str(found.count),
        "with_latency": str(total),
        **(_quantiles(found.latencies, total) if total else {}),
        "bursts": _bursts(found, parameters, asked),
    }


def _quantiles(latencies: Counter[Decimal], total: int) -> dict[str, Result]:
    ordered = sorted(latencies)
    shown: dict[str, Result] = {}
    place = seen = 0
    for name, share in _QUANTILES:
        wanted = rank(total, share)
        while seen + latencies[ordered[place]] < wanted:
            seen += latencies[ordered[place]]
            place += 1
        shown[name] = text(ordered[place])
    return {**shown, "max": text(ordered[-1])}


def _bursts(found: _Endpoint, parameters: Parameters, asked: _Asked) -> Result:
    """Runs of intervals with enough results of which a large enough share was not accepted."""
    least, share = parameters.integer("burst_results"), parameters.decimal("burst_share")
    bad = sorted(
        interval
        for interval, count in found.results.items()
        if count >= least and Fraction(found.failed[interval], count) >= share
    )
    runs: list[list[int]] = []
    for interval in bad:
        if runs and runs[-1][-1] == interval - 1:
            runs[-1].append(interval)
        else:
            runs.append([interval])
    bursts: list[Result] = []
    for run in runs[:MAX_LISTED]:
        results, failed = (sum(counts[interval] for interval in run) for counts in (found.results, found.failed))
        bursts.append(
            {
                "start": moment(from_microseconds(asked.origin + run[0] * asked.step)),
                "end": moment(from_microseconds(asked.origin + (run[-1] + 1) * asked.step)),
                "results": str(results),
                "failed": str(failed),
                **present(share=ratio(failed, results)),
            }
        )
    return bursts


METHOD = Method(
    name="latency",
    version=1,
    title="Latency quantiles and error bursts by endpoint",
    roles=(Role("log", "api-log", "logs of requests to the venue's API"),),
    parameters=(
        Parameter("start", "time", "Results from this time on count"),
        Parameter("end", "time", "Results before this time count"),
        Parameter("operation", "text", "order, cancel, amend, query, other; or any", "any"),
        Parameter(
            "interval", "integer", "Seconds of an interval in which errors are counted, 1 or more", "60", least=1
        ),
        Parameter("burst_share", "decimal", "Share of an interval's results not accepted that makes a burst", "0.5"),
        Parameter("burst_results", "integer", "Results that an interval needs to count", "10"),
    ),
    compute=compute,
    has_fast_path=True,
)
