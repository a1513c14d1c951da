"""loss-total@1: sums of losses with their bounds; groups of few accounts are not shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from archive.findings.exact import text
from archive.findings.method import Engine, Input, Method, Parameter, Parameters, Result, Role, no_rows, present

_COLUMNS = ("account", "group", "unit", "amount", "amount_to", "bound", "accounts")
_ZERO = Decimal(0)
_Key = tuple[str, str]


@dataclass(slots=True)
class _Sums:
    """Sums of one group and unit: what is lost at least and, where every row has an upper end, at most.

    `named`: pseudonyms, so that an account with several rows counts once; `others`: accounts without one.
    """

    rows: int = 0
    others: int = 0
    least: Decimal = _ZERO
    most: Decimal = _ZERO
    open_ended: int = 0
    estimated: Decimal = _ZERO

    def add(self, other: _Sums) -> None:
        self.rows += other.rows
        self.others += other.others
        self.least += other.least
        self.most += other.most
        self.open_ended += other.open_ended
        self.estimated += other.estimated


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Sum by group and unit, count accounts once, and hide groups of fewer than k accounts."""
    found: dict[_Key, _Sums] = {}
    named: dict[_Key, set[str]] = {}
    for item in inputs:
        sums, accounts = (_fast if engine == "fast" else _reference)(item)
        for key, part in sums.items():
            found.setdefault(key, _Sums()).add(part)
        for key, names in accounts.items():
            named.setdefault(key, set()).update(names)
    if not found:
        raise no_rows(METHOD.id, "there is no loss in the files")
    units = sorted({unit for unit, _ in found})
    return {
        "least_accounts": parameters.text("k"),
        "units": [_unit(unit, found, named, parameters.integer("k")) for unit in units],
    }


_Scan = tuple[dict[_Key, _Sums], dict[_Key, set[str]]]


def _reference(item: Input) -> _Scan:
    sums: dict[_Key, _Sums] = {}
    named: dict[_Key, set[str]] = {}
    for batch in item.open("losses").batches(columns=_COLUMNS):
        for row in batch.to_pylist():
            amount, to, bound = row["amount"], row["amount_to"], row["bound"]
            if amount is None:
                continue
            key = (row["unit"] or "none", row["group"] or "none")
            if row["account"]:
                named.setdefault(key, set()).add(row["account"])
            others = 0 if row["account"] else row["accounts"] if row["accounts"] is not None else 1
            upper = to if to is not None else amount
            sums.setdefault(key, _Sums()).add(
                _Sums(
                    1,
                    others,
                    _ZERO if bound == "upper" else amount,
                    upper,
                    int(bound == "lower" and to is None),
                    amount if bound == "estimate" and to is None else _ZERO,
                )
            )
    return sums, named


def _fast(item: Input) -> _Scan:
    from archive.findings.duck import query

    group = "coalesce(nullif(unit, ''), 'none'), coalesce(nullif(\"group\", ''), 'none')"
    sql = (
        f"SELECT {group}, count(*), "  # noqa: S608 - fixed words
        "CAST(coalesce(sum(coalesce(accounts, 1)) FILTER (account IS NULL OR account = ''), 0) AS BIGINT), "
        "coalesce(sum(amount) FILTER (bound IS DISTINCT FROM 'upper'), 0), sum(coalesce(amount_to, amount)), "
        "count(*) FILTER (bound = 'lower' AND amount_to IS NULL), "
        "coalesce(sum(amount) FILTER (bound = 'estimate' AND amount_to IS NULL), 0) "
        "FROM evidence WHERE amount IS NOT NULL GROUP BY 1, 2"
    )
    names = (
        f"SELECT DISTINCT {group}, account FROM evidence "  # noqa: S608 - fixed words
        "WHERE amount IS NOT NULL AND account IS NOT NULL AND account <> ''"
    )
    sums = {(unit, name): _Sums(*values) for unit, name, *values in query(item.open("losses"), _COLUMNS, sql)}
    named: dict[_Key, set[str]] = {}
    for unit, name, account in query(item.open("losses"), _COLUMNS, names):
        named.setdefault((unit, name), set()).add(account)
    return sums, named


def _unit(unit: str, found: dict[_Key, _Sums], named: dict[_Key, set[str]], k: int) -> Result:
    groups = {name: sums for (of, name), sums in found.items() if of == unit}
    accounts = {name: sums.others + len(named.get((unit, name), ())) for name, sums in groups.items()}
    hidden = set(_hidden(accounts, k))
    total = _Sums()
    for sums in groups.values():
        total.add(sums)
    everybody = {account for (of, _), names in named.items() if of == unit for account in names}
    number = total.others + len(everybody)
    shown: dict[str, Result] = {"unit": unit, "groups_not_shown": str(len(hidden))}
    if number >= k:
        shown |= _shown(total, number)
    shown["groups"] = [
        {"group": name, **_shown(groups[name], accounts[name])} for name in sorted(groups) if name not in hidden
    ]
    return shown


def _hidden(accounts: dict[str, int], k: int) -> Iterator[str]:
    """Groups below k, and one more where a single one would follow from the total by subtraction."""
    small = [name for name, count in accounts.items() if count < k]
    yield from small
    rest = sorted((count, name) for name, count in accounts.items() if count >= k)
    if small and sum(accounts[name] for name in small) < k and rest:
        yield rest[0][1]


def _shown(sums: _Sums, accounts: int) -> dict[str, Result]:
    return {
        "accounts": str(accounts),
        "rows": str(sums.rows),
        "loss_at_least": text(sums.least),
        # With an open end there is no upper bound.
        **present(loss_at_most=text(sums.most) if not sums.open_ended else None),
        "rows_open_ended": str(sums.open_ended),
        "of_it_estimated": text(sums.estimated),
    }


METHOD = Method(
    name="loss-total",
    version=1,
    title="Sums of losses with bounds",
    roles=(Role("losses", "losses", "losses by account or group"),),
    parameters=(Parameter("k", "integer", "Groups of fewer accounts are not shown", "5", least=1),),
    compute=compute,
    has_fast_path=True,
)
