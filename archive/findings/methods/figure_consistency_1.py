"""figure-consistency@1: a claimed ratio, total or length against the figures that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from archive.errors import InvalidInputError
from archive.findings import expression
from archive.findings.exact import ratio, rounded
from archive.findings.facts import FACT_HINT, Cell, FactTable, cell
from archive.findings.method import FACTS, Engine, Input, Method, Parameter, Parameters, Result, present
from archive.findings.spans import Span, span_of

_MICROSECOND = timedelta(microseconds=1)
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_RESERVED = frozenset({"formula", "stated", "bound", "tolerance"})
_BOUNDS = ("exact", "lower", "upper", "estimate")


def compute(inputs: Sequence[Input], parameters: Parameters, engine: Engine) -> dict[str, Result]:
    """Evaluate the formula over the named cells and hold it against the stated figure, where one is named."""
    tables = [item.facts() for item in inputs]
    formula = parameters.text("formula")
    cells = _terms(tables, formula, parameters)
    computed = expression.evaluate(
        formula, lambda name: cells[name].number(), lambda name, arguments: _length(name, arguments, cells)
    )
    result: dict[str, Result] = {
        "formula": formula,
        "computed": rounded(computed),
        "terms": [{"name": name, **found.to_json()} for name, found in cells.items()],
    }
    stated = parameters.maybe("stated")
    if stated is not None:
        result |= _hold(computed, cell(tables, stated), parameters)
    return result


def _terms(tables: Sequence[FactTable], formula: str, parameters: Parameters) -> dict[str, Cell]:
    names = expression.names(formula)
    given = set(parameters.texts) - _RESERVED
    for name in names:
        if name not in given:
            raise InvalidInputError(
                f"the formula names {name!r}, and no parameter says which cell that is",
                code="findings.term",
                hint=FACT_HINT,
            )
    if unused := sorted(given - set(names)):
        raise InvalidInputError(
            f"figure-consistency@1: the formula does not use {unused[0]!r}",
            code="findings.parameter",
            hint="delete it, or use it in the formula",
        )
    return {name: cell(tables, parameters.text(name)) for name in names}


def _length(name: str, arguments: tuple[str, ...], cells: dict[str, Cell]) -> Fraction:
    """`minutes(a, b)` and the like: from the start of one time to the start of another."""
    if name not in (*_SECONDS, "days_counted") or len(arguments) != 2:
        raise InvalidInputError(
            f"there is no function {name} of {len(arguments)} terms",
            code="findings.formula",
            hint="seconds, minutes, hours, days, days_counted; each of two times",
        )
    first, second = (_clock(cells[argument]) for argument in arguments)
    seconds = Fraction((second - first) // _MICROSECOND, 1_000_000)
    if name == "days_counted":
        return seconds / _SECONDS["days"] + 1
    return seconds / _SECONDS[name]


def _clock(found: Cell) -> datetime:
    span: Span = span_of(found.text, f"{found.evidence} {found.row}.{found.column}")
    return span.written


def _hold(computed: Fraction, stated: Cell, parameters: Parameters) -> dict[str, Result]:
    """The stated figure beside the computed one, and whether it agrees at the places that it shows."""
    low = stated.number()
    upper_text = stated.fields.get(f"{stated.column}_to", "")
    high = Fraction(upper_text) if upper_text else low
    bound = parameters.maybe("bound") or stated.fields.get("bound") or "exact"
    if bound not in _BOUNDS:
        raise InvalidInputError(
            f"figure-consistency@1: {bound!r} is not a bound",
            code="findings.parameter",
            hint=f"one of {', '.join(_BOUNDS)}",
        )
    places = max(_places(stated.text), _places(upper_text))
    shown = Fraction(rounded(computed, places))
    if bound == "lower":
        agrees = computed >= low
    elif bound == "upper":
        agrees = computed <= high
    elif bound == "estimate":
        slack = parameters.decimal("tolerance")
        agrees = low - abs(low) * slack <= computed <= high + abs(high) * slack
    else:
        agrees = low <= shown <= high
    return {
        "stated": present(to=upper_text or None, **stated.to_json()),
        "bound": bound,
        "difference": rounded(computed - low),
        **present(relative_difference=ratio(computed - low, abs(low))),
        "agrees": "yes" if agrees else "no",
    }


def _places(text: str) -> int:
    return len(text.partition(".")[2])


METHOD = Method(
    name="figure-consistency",
    version=1,
    title="Claimed ratios and totals against the figures they rest on",
    roles=(),
    parameters=(
        Parameter("formula", "text", "The formula over named terms: (before - after) / before * 100", required=True),
        Parameter("stated", "text", "The cell of the claimed figure: m03.value"),
        Parameter("bound", "text", "How the figure is claimed, where the row does not say: exact, lower, upper …"),
        Parameter("tolerance", "decimal", "Share by which an estimate may be off and still agree", "0.05"),
    ),
    compute=compute,
    free_role=FACTS,
    free_parameters=True,
)
