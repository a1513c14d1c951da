"""compensation-parity@1: which share of its loss each group was paid, inside and outside a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from archive.errors import InvalidInputError
from archive.findings import expression
from archive.findings.exact import moment, ratio, rounded, text
from archive.findings.facts import cell
from archive.findings.method import (
    FACTS,
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

_COLUMNS = ("time", "group", "unit", "loss", "paid", "accounts")
_RESERVED = frozenset({"start", "end", "least_accounts"})
# Group, unit, and whether the loss arose in the window: yes, no, or not known.
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums of one group. `accounts` of rows that say none count as one each; rows without a loss are told apart."""

    accounts: int
    loss: Decimal
    paid: Decimal
    unpaid_accounts: int
    no_loss: int
    paid_without_loss: Decimal

    def with_(self, other: _Sums) -> _Sums:
        return _Sums(
            self.accounts + other.accounts,
            self.loss + other.loss,
            self.paid + other.paid,
            self.unpaid_accounts + other.unpaid_accounts,
            self.no_loss + other.no_loss,
            self.paid_without_loss + other.paid_without_loss,
        )


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Sum losses and payments by group; or hold the shares of groups, claimed in tables, against each other."""
    rows = [item for item in inputs if item.role == "compensation"]
    if not rows:
        return _claimed(inputs, parameters)
    start, end = parameters.time("start"), parameters.time("end")
    found: dict[_Key, _Sums] = {}
    for item in rows:
        for key, sums in (_fast if engine == "fast" else _reference)(item, start, end):
            found[key] = found[key].with_(sums) if key in found else sums
    if not found:
        raise no_rows(METHOD.id, "there is no row with a payment")
    least = parameters.integer("least_accounts")
    shown = {key: sums for key, sums in found.items() if sums.accounts >= least}
    units = sorted({unit for _, unit, _ in found})
    return {
        **present(start=moment(start) if start else None, end=moment(end) if end else None),
        "groups": [_group(key, sums) for key, sums in sorted(shown.items())],
        "groups_not_shown": str(len(found) - len(shown)),
        "spread": [spread for unit in units if (spread := _spread(unit, shown)) is not None],
    }


def _reference(item: Input, start: datetime | None, end: datetime | None) -> Sequence[tuple[_Key, _Sums]]:
    found: dict[_Key, _Sums] = {}
    for batch in item.open("compensation").batches(columns=_COLUMNS):
        for row in batch.to_pylist():
            paid, loss, time = row["paid"], row["loss"], row["time"]
            if paid is None:
                continue
            accounts = row["accounts"] if row["accounts"] is not None else 1
            inside = "not-asked"
            if start is not None or end is not None:
                inside = (
                    "unknown"
                    if time is None
                    else "yes"
                    if (start is None or time >= start) and (end is None or time < end)
                    else "no"
                )
            sums = _Sums(
                accounts,
                loss if loss is not None else Decimal(0),
                paid if loss is not None else Decimal(0),
                accounts if paid == 0 else 0,
                accounts if loss is None else 0,
                paid if loss is None else Decimal(0),
            )
            key = (row["group"] or "none", row["unit"] or "none", inside)
            found[key] = found[key].with_(sums) if key in found else sums
    return list(found.items())


def _fast(item: Input, start: datetime | None, end: datetime | None) -> Sequence[tuple[_Key, _Sums]]:
    from archive.findings.duck import query

    inside, values = "'not-asked'", list[object]()
    if start is not None or end is not None:
        parts = []
        for bound, sign in ((start, ">="), (end, "<")):
            if bound is not None:
                parts.append(f"time {sign} ?")
                values.append(bound)
        inside = f"CASE WHEN time IS NULL THEN 'unknown' WHEN {' AND '.join(parts)} THEN 'yes' ELSE 'no' END"
    sql = (
        f"SELECT coalesce(nullif(\"group\", ''), 'none'), coalesce(nullif(unit, ''), 'none'), {inside}, "  # noqa: S608 - fixed words
        "CAST(sum(coalesce(accounts, 1)) AS BIGINT), coalesce(sum(loss), 0), "
        "coalesce(sum(paid) FILTER (loss IS NOT NULL), 0), "
        "CAST(coalesce(sum(coalesce(accounts, 1)) FILTER (paid = 0), 0) AS BIGINT), "
        "CAST(coalesce(sum(coalesce(accounts, 1)) FILTER (loss IS NULL), 0) AS BIGINT), "
        "coalesce(sum(paid) FILTER (loss IS NULL), 0) "
        "FROM evidence WHERE paid IS NOT NULL GROUP BY 1, 2, 3"
    )
    return [
        ((group, unit, where), _Sums(*sums))
        for group, unit, where, *sums in query(item.open("compensation"), _COLUMNS, sql, values)
    ]


def _group(key: _Key, sums: _Sums) -> Result:
    group, unit, inside = key
    return {
        "group": group,
        "unit": unit,
        **present(in_window=inside if inside != "not-asked" else None),
        "accounts": str(sums.accounts),
        "accounts_paid_nothing": str(sums.unpaid_accounts),
        "loss": text(sums.loss),
        "paid": text(sums.paid),
        **present(paid_share=ratio(sums.paid, sums.loss)),
        "accounts_without_stated_loss": str(sums.no_loss),
        "paid_without_stated_loss": text(sums.paid_without_loss),
    }


def _spread(unit: str, shown: dict[_Key, _Sums]) -> Result | None:
    """The best and the worst paid group of one unit, and how many times the one got of what the other got."""
    shares = sorted(
        (Fraction(sums.paid) / Fraction(sums.loss), key)
        for key, sums in shown.items()
        if key[1] == unit and sums.loss > 0
    )
    if len(shares) < 2:
        return None
    (low, worst), (high, best) = shares[0], shares[-1]
    return {
        "unit": unit,
        "highest": {"group": best[0], "share": rounded(high)},
        "lowest": {"group": worst[0], "share": rounded(low)},
        **present(times=rounded(high / low) if low else None),
    }


def _claimed(inputs: Sequence[Input], parameters: Parameters) -> dict[str, Result]:
    """Each parameter is a group and the formula of its share in percent over cells: 100 + c03_value."""
    tables = [item.facts() for item in inputs]
    shares: list[tuple[Fraction, str]] = []
    groups: list[Result] = []
    for name, formula in sorted(parameters.texts.items()):
        if name in _RESERVED:
            continue
        # A name in the formula is a cell with _ for the point: c03_value is c03.value.
        cells = {term: cell(tables, term.replace("_", ".", 1)) for term in expression.names(formula)}
        share = expression.evaluate(formula, lambda term, cells=cells: cells[term].number(), _no_function)  # type: ignore[misc]
        shares.append((share, name))
        groups.append(
            {
                "group": name,
                "share_percent": rounded(share),
                "formula": formula,
                "terms": [{"name": term, **found.to_json()} for term, found in cells.items()],
            }
        )
    if len(shares) < 2:
        raise InvalidInputError(
            f"{METHOD.id}: fewer than two groups are named",
            code="findings.parameter",
            hint="a parameter a group, with the formula of its share in percent: depeg_cases: 100 + c03_value",
        )
    (low, worst), (high, best) = min(shares), max(shares)
    return {
        "groups": groups,
        "highest": {"group": best, "share_percent": rounded(high)},
        "lowest": {"group": worst, "share_percent": rounded(low)},
        **present(times=rounded(high / low) if low else None),
    }


def _no_function(name: str, arguments: tuple[str, ...]) -> Fraction:
    raise InvalidInputError(
        f"{METHOD.id}: there is no function {name}", code="findings.formula", hint="+ - * / and parentheses"
    )


METHOD = Method(
    name="compensation-parity",
    version=1,
    title="Paid share of loss by group and window, and who got nothing",
    roles=(Role("compensation", "compensation", "payments by account or group", 0),),
    parameters=(
        Parameter("start", "time", "Start of the window in which the loss arose"),
        Parameter("end", "time", "End of the window"),
        Parameter("least_accounts", "integer", "Groups of fewer accounts are not shown", "1", least=1),
    ),
    compute=compute,
    free_role=FACTS,
    free_parameters=True,
    has_fast_path=True,
)
