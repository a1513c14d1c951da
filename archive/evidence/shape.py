"""From the cells of a source to the columns of a contract: exact decimals, times in UTC, closed sets of words.

Each conversion first tries Arrow on the whole batch; only the cells that Arrow will not take are looked at one by one,
and those that mean nothing become NULL and a problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING, Any

from archive.errors import Severity
from archive.evidence.contracts import (
    DECIMAL_PRECISION,
    DECIMAL_SCALE,
    RAW,
    ROW,
    Column,
    ColumnType,
    Contract,
)
from archive.evidence.mapping import TIME_UNITS, CellRule

if TYPE_CHECKING:
    import pyarrow as pa

    from archive.evidence.readers.source import Source, SourceBatch
    from archive.evidence.tables import OnProblem, Table

_EMPTY_WORDS = frozenset({"", "null", "none", "nan", "nat", "n/a", "na", "-"})
_TRUE = frozenset({"true", "1", "yes", "y", "t"})
_FALSE = frozenset({"false", "0", "no", "n", "f"})
_PLAIN_DECIMAL = r"^-?\d{1,20}(\.\d{1,18})?$"
_NUMBER = re.compile(r"[+-]?(\d{1,60}\.?\d{0,60}|\.\d{1,60})([eE][+-]?\d{1,3})?\Z")
_INTEGER = re.compile(r"[+-]?\d{1,19}(\.0{1,18})?\Z")
_WHEN = re.compile(
    r"(\d{4})[-/](\d{2})[-/](\d{2})"
    r"(?:[T _](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?\Z"
)
_COUNT = re.compile(r"-?\d+(\.\d+)?\s*\Z")
_TAIL = r"(?:[.,](?P<fraction>\d+))? ?(?P<offset>Z|UTC|GMT|[+-]\d{2}:?\d{2})?$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US = 1_000
# Any time of evidence lies between 1990 and 2100; outside is a wrong unit or a wrong column.
_MIN_US, _MAX_US = 631_152_000_000_000, 4_102_444_800_000_000
_UNIT_WORDS: Mapping[str, str] = {"s": "second", "ms": "millisecond", "us": "microsecond", "ns": "microsecond"}
_WORDS_SHOWN = 60
# Words of an enum or flag are looked up once per distinct word and batch.
_INT64 = 2**63
# code, message, row, column, severity
Tell = Callable[..., None]


def arrow_schema(contract: Contract, columns: Sequence[str], *, raw: bool) -> pa.Schema:
    import pyarrow as pa

    fields = [pa.field(ROW, pa.int64(), nullable=False)]
    fields += [pa.field(name, arrow_type(contract.column(name).type)) for name in columns]
    if raw:
        fields.append(pa.field(RAW, pa.binary()))
    return pa.schema(fields)


def arrow_type(kind: ColumnType) -> pa.DataType:
    import pyarrow as pa

    if kind is ColumnType.DECIMAL:
        return pa.decimal128(DECIMAL_PRECISION, DECIMAL_SCALE)
    if kind is ColumnType.TIME:
        return pa.timestamp("us")
    if kind is ColumnType.INTEGER:
        return pa.int64()
    return pa.bool_() if kind is ColumnType.BOOLEAN else pa.string()


@dataclass(slots=True)
class _State:
    """What is learned from the first cells of a file and holds for the others."""

    counted: dict[str, bool] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Cells:
    """What turning one column needs: the column, its rule, the row numbers, whom to tell."""

    column: Column
    rule: CellRule
    rows: pa.Array
    floats: bool
    zone: str | None
    state: _State
    words: Mapping[str, str]
    tell: Tell

    def bad(self, code: str, message: str, index: int, severity: Severity = "error") -> None:
        self.tell(code, message, self.rows[index].as_py(), self.column.name, severity)


def shape(
    table: Table, columns: Sequence[str], *, raw: bool, batch_rows: int, on_problem: OnProblem
) -> Iterator[pa.RecordBatch]:
    """The batches of a table; see `archive.evidence.tables.Table.batches`."""
    from archive.evidence.kinds import KINDS
    from archive.evidence.tables import TableProblem

    kind = KINDS[table.kind]
    needed = _needed(kind, table.source, columns)
    schema = arrow_schema(table.contract, columns, raw=raw)
    state = _State()
    path = str(table.path)

    def tell(code: str, message: str, row: int, column: str | None = None, severity: Severity = "error") -> None:
        on_problem(TableProblem(code, message, path, line=row, severity=severity, row=row, column=column))

    wanted = frozenset(
        rule.column for name in needed if (rule := table.source.rules.get(name)) is not None and rule.column is not None
    )
    for batch in _read(table, needed, wanted, raw=raw, tell=tell):
        shaped = _shape_batch(table, kind, batch, needed, state, tell)
        out = _finish(table, batch, shaped, schema, columns, raw=raw)
        for start in range(0, out.num_rows, batch_rows):
            yield out.slice(start, batch_rows)


def _read(
    table: Table, needed: Sequence[str], wanted: frozenset[str], *, raw: bool, tell: Tell
) -> Iterator[SourceBatch]:
    """The source's batches; from delimited text, cells that need no care come in their type at once."""
    from archive.evidence.readers.delimited import DelimitedReader

    reader = table.source.reader
    if isinstance(reader, DelimitedReader) and not raw:
        types, times = _plain_types(table, needed)
        return reader.read(wanted, raw=raw, complain=tell, types=types, times=times)
    return reader.read(wanted, raw=raw, complain=tell)


def _plain_types(table: Table, needed: Sequence[str]) -> tuple[dict[str, pa.DataType], frozenset[str]]:
    """The source's columns that are ours as they are: what Arrow reads without complaint is what we would read.

    Beside them, which of them are times that may count from 1970.
    """
    import pyarrow as pa

    found: dict[str, pa.DataType] = {}
    times: set[str] = set()
    how_written = {"time_offset", "time_precision"} & set(needed)
    for name in needed:
        rule = table.source.rules.get(name)
        if rule is None or rule.column is None:
            continue
        if rule.column in found:
            return {}, frozenset()
        kind = table.contract.column(name).type
        found[rule.column] = pa.binary()
        if rule.factor is None and kind in (ColumnType.DECIMAL, ColumnType.INTEGER):
            found[rule.column] = arrow_type(kind)
        elif kind is ColumnType.TEXT or kind is ColumnType.ENUM:
            found[rule.column] = pa.string()
        elif kind is ColumnType.TIME and rule.time_format is None:
            times.add(rule.column)
            if rule.time_unit is None and not how_written:
                found[rule.column] = arrow_type(kind)
    return found, frozenset(times)


def _needed(kind: Any, source: Source, columns: Sequence[str]) -> tuple[str, ...]:
    """The contract's columns that must be read to give those that are wanted."""
    needed = dict.fromkeys(columns)
    for derivation in reversed(kind.derivations):
        if any(name in needed for name in derivation.gives):
            needed.update(dict.fromkeys(derivation.needs))
    return tuple(name for name in kind.contract.names if name in needed)


def _shape_batch(
    table: Table,
    kind: Any,
    batch: SourceBatch,
    needed: Sequence[str],
    state: _State,
    tell: Tell,
) -> dict[str, pa.Array]:
    shaped: dict[str, Any] = {}
    for name in needed:
        column = table.contract.column(name)
        rule = table.source.rules.get(name)
        if rule is None or name in shaped:
            continue
        words = {**kind.values.get(name, {}), **{key.casefold(): value for key, value in rule.values.items()}}
        cells = _Cells(
            column,
            rule,
            batch.rows,
            table.source.floats,
            rule.time_zone or table.context.time_zone,
            state,
            words,
            tell,
        )
        shaped[name] = _column(cells, _source_array(batch, rule))
    _add_time_form(table, batch, needed, shaped, state)
    for early in (True, False):
        for derivation in kind.derivations:
            if derivation.early is early and any(name in needed for name in derivation.gives):
                names = (*derivation.needs, *derivation.gives)
                arrays = {name: _or_null(table.contract, shaped, name, len(batch.rows)) for name in names}
                shaped.update(derivation.make(arrays, table.context))
        if early:
            _fill(table, batch, needed, shaped)
    return shaped


def _finish(
    table: Table, batch: SourceBatch, shaped: Mapping[str, Any], schema: pa.Schema, columns: Sequence[str], *, raw: bool
) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [batch.rows, *(_or_null(table.contract, shaped, name, len(batch.rows)) for name in columns)]
    if raw:
        arrays.append(batch.raw if batch.raw is not None else pa.nulls(len(batch.rows), pa.binary()))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _or_null(contract: Contract, shaped: Mapping[str, Any], name: str, length: int) -> Any:
    import pyarrow as pa

    array = shaped.get(name)
    return array if array is not None else pa.nulls(length, arrow_type(contract.column(name).type))


def _source_array(batch: SourceBatch, rule: CellRule) -> Any:
    import pyarrow as pa

    if rule.value is not None:
        return pa.repeat(pa.scalar(rule.value, pa.string()), len(batch.rows))
    array = batch.columns.get(rule.column or "")
    return array if array is not None else pa.nulls(len(batch.rows), pa.binary())


def _fill(table: Table, batch: SourceBatch, needed: Sequence[str], shaped: dict[str, Any]) -> None:
    """What the file's name and the record say, where the file says nothing."""
    import pyarrow as pa

    for name in ("venue", "product", "symbol", "interval"):
        stated = getattr(table.context, name, None) or table.source.facts.get(name)
        if name not in needed or stated is None:
            continue
        kind = arrow_type(table.contract.column(name).type)
        constant = pa.scalar(int(stated) if pa.types.is_integer(kind) else stated, kind)
        array = shaped.get(name)
        shaped[name] = pa.repeat(constant, len(batch.rows)) if array is None else array.fill_null(constant)


def _column(cells: _Cells, array: Any) -> Any:
    """One typed column from the cells of the source."""
    import pyarrow as pa

    array = _decoded(cells, array)
    kind = cells.column.type
    if kind in (ColumnType.DECIMAL, ColumnType.INTEGER) and array.type == arrow_type(kind) and not cells.rule.factor:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), arrow_type(kind))
    if kind is ColumnType.TIME:
        return _time(cells, array)
    if kind is ColumnType.BOOLEAN and pa.types.is_boolean(array.type):
        return array
    text = _text(cells, array)
    if kind is ColumnType.DECIMAL:
        return _decimal(cells, text)
    if kind is ColumnType.INTEGER:
        return _integer(cells, text)
    if kind is ColumnType.BOOLEAN:
        return _words(cells, text, _flag, pa.bool_())
    if kind is ColumnType.ENUM:
        return _words(cells, text, _enum(cells), pa.string())
    if cells.words:
        return _words(cells, text, lambda word: cells.words.get(word.casefold(), word), pa.string())
    return text


def _decoded(cells: _Cells, array: Any) -> Any:
    """Dictionaries and chunks undone; bytes as text, those that are none told and emptied."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if not (pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type)):
        return array
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        values: list[str | None] = []
        for index, value in enumerate(array.to_pylist()):
            try:
                values.append(None if value is None else value.decode("utf-8"))
            except UnicodeDecodeError:
                cells.bad("table.not_utf8", "the cell is not UTF-8 text", index)
                values.append(None)
        return pa.array(values, pa.string())


def _text(cells: _Cells, array: Any) -> Any:
    """Text cells; the empty ones NULL."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(array.type):
        try:
            array = array.cast(pa.string(), safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            array = pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
    empty = pc.equal(pc.binary_length(array), 0)
    if pc.any(empty).as_py():
        return pc.if_else(empty, pa.scalar(None, pa.string()), array)
    return array


def _patched(array: Any, plain: Any, kind: pa.DataType, one: Callable[[str, int], Any]) -> Any:
    """The cells where `plain` holds by Arrow, each of the others by `one` (text, index)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    good = pc.if_else(plain, array, pa.scalar(None, pa.string())).cast(kind)
    others = pc.invert(pc.fill_null(plain, True))
    if not pc.any(others).as_py():
        return good
    places = pc.indices_nonzero(others).to_pylist()
    values = [one(array[place].as_py(), place) for place in places]
    return pc.replace_with_mask(good, others, pa.array(values, kind))


def _decimal(cells: _Cells, text: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = arrow_type(ColumnType.DECIMAL)
    if cells.rule.factor is None:
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            pass
        plain = pc.match_substring_regex(text, _PLAIN_DECIMAL)
    else:
        plain = pc.if_else(pc.is_valid(text), pa.scalar(False), pa.scalar(None, pa.bool_()))
    return _patched(text, plain, kind, lambda word, index: _one_decimal(cells, word, index))


def _one_decimal(cells: _Cells, word: str, index: int) -> Decimal | None:
    word = word.strip()
    if word.casefold() in _EMPTY_WORDS:
        return None
    if not _NUMBER.match(word):
        cells.bad("table.decimal", f"{_shown(word)} is not a number", index)
        return None
    with localcontext() as context:
        context.prec = 400
        value = Decimal(word)
        if cells.rule.factor is not None:
            value *= cells.rule.factor
        if value.adjusted() >= DECIMAL_PRECISION - DECIMAL_SCALE:
            cells.bad("table.decimal_range", f"{_shown(word)} has more than 20 digits before the point", index)
            return None
        try:
            rounded = value.quantize(Decimal(1).scaleb(-DECIMAL_SCALE), rounding=ROUND_HALF_EVEN)
        except InvalidOperation:
            cells.bad("table.decimal_range", f"{_shown(word)} is out of range", index)
            return None
        if rounded != value and not cells.floats:
            cells.bad("table.decimal_rounded", f"{_shown(word)} is rounded to 18 digits after the point", index, "note")
        if rounded.adjusted() >= DECIMAL_PRECISION - DECIMAL_SCALE:
            cells.bad("table.decimal_range", f"{_shown(word)} has more than 20 digits before the point", index)
            return None
    return rounded


def _integer(cells: _Cells, text: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return text.cast(pa.int64())
    except pa.ArrowInvalid:
        plain = pc.match_substring_regex(text, r"^-?\d{1,18}$")

    def one(word: str, index: int) -> int | None:
        word = word.strip()
        if word.casefold() in _EMPTY_WORDS:
            return None
        if _INTEGER.match(word):
            value = int(word.split(".", 1)[0])
            if -_INT64 <= value < _INT64:
                return value
        cells.bad("table.integer", f"{_shown(word)} is not a whole number of 64 bits", index)
        return None

    return _patched(text, plain, pa.int64(), one)


def _words(cells: _Cells, text: Any, meaning: Callable[[str], Any], kind: pa.DataType) -> Any:
    """Each distinct word looked up once; one that means nothing is told at each of its rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = text.dictionary_encode()
    meanings: list[Any] = []
    for code, word in enumerate(coded.dictionary.to_pylist()):
        found = None if word.strip().casefold() in _EMPTY_WORDS else meaning(word.strip())
        if found is None and word.strip().casefold() not in _EMPTY_WORDS:
            for index in pc.indices_nonzero(pc.fill_null(pc.equal(coded.indices, code), False)).to_pylist():
                cells.bad(f"table.{cells.column.type.value}", f"{_shown(word)} is none of its values", index)
        meanings.append(found)
    return pa.array(meanings, kind).take(coded.indices)


def _flag(word: str) -> bool | None:
    folded = word.casefold()
    return True if folded in _TRUE else False if folded in _FALSE else None


def _enum(cells: _Cells) -> Callable[[str], str | None]:
    values = frozenset(cells.column.values)

    def meaning(word: str) -> str | None:
        folded = word.casefold()
        found = cells.words.get(folded, folded)
        return found if found in values else None

    return meaning


def _time(cells: _Cells, array: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = arrow_type(ColumnType.TIME)
    if pa.types.is_timestamp(array.type):
        naive = array.cast(pa.timestamp("us", array.type.tz), safe=False)
        return _in_range(cells, _to_utc(naive.cast(kind), cells.zone if array.type.tz is None else None))
    if pa.types.is_date(array.type):
        return _in_range(cells, array.cast(kind))
    if (
        pa.types.is_int64(array.type)
        and cells.rule.time_format is None
        and array.null_count < len(array)
        and cells.state.counted.setdefault(cells.column.name, True)
    ):
        return _in_range(cells, _epoch_times(cells, array))
    text = _text(cells, array)
    first = _first(text)
    if first is None:
        return pa.nulls(len(text), kind)
    if cells.rule.time_format is not None:
        none_plain = pc.if_else(pc.is_valid(text), pa.scalar(False), pa.scalar(None, pa.bool_()))
        return _patched_times(text, none_plain, lambda word, index: _formatted(cells, word, index), kind, cells)
    # The first cell of a file decides, not that of a batch: where batches end must not matter.
    if cells.state.counted.setdefault(cells.column.name, _COUNT.match(first) is not None):
        return _in_range(cells, _epoch_times(cells, text))
    if "," in first:
        text = pc.replace_substring(text, ",", ".", max_replacements=1)
    for target, zone in ((pa.timestamp("us", "UTC"), None), (kind, cells.zone)):
        try:
            return _in_range(cells, _to_utc(text.cast(target).cast(kind), zone))
        except pa.ArrowInvalid:
            continue
    none_plain = pc.if_else(pc.is_valid(text), pa.scalar(False), pa.scalar(None, pa.bool_()))
    return _patched_times(text, none_plain, lambda word, index: _written(cells, word, index), kind, cells)


def _patched_times(
    text: Any, plain: Any, one: Callable[[str, int], int | None], kind: pa.DataType, cells: _Cells
) -> Any:
    import pyarrow as pa

    return _in_range(cells, _patched(text, plain, pa.int64(), one).cast(kind))


def _to_utc(array: Any, zone: str | None) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if zone is None or zone == "Z":
        return array
    return pc.subtract(array, pa.scalar(_offset(zone), pa.duration("us"))).cast(pa.timestamp("us"))


def _in_range(cells: _Cells, times: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = times.cast(pa.int64())
    outside = pc.or_(pc.less(numbers, _MIN_US), pc.greater(numbers, _MAX_US))
    if not pc.any(outside).as_py():
        return times
    for index in pc.indices_nonzero(pc.fill_null(outside, False)).to_pylist():
        cells.bad("table.time_range", "the time lies before 1990 or after 2100: another unit, or no time", index)
    return pc.if_else(outside, pa.scalar(None, times.type), times)


def _first(text: Any) -> str | None:
    for value in text:
        if value.is_valid:
            word: str = value.as_py()
            if word.strip().casefold() not in _EMPTY_WORDS:
                return word.strip()
    return None


def unit_of(number: int) -> str:
    """The unit of a count from 1970, by its size: from 1973 to 5138 each unit has its own range."""
    size = abs(number)
    return "s" if size < 10**11 else "ms" if size < 10**14 else "us" if size < 10**17 else "ns"


def _epoch_times(cells: _Cells, array: Any) -> Any:
    """Times counted from 1970, whole numbers or their text. The first cell decides the unit of the column; another
    unit later is told.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = arrow_type(ColumnType.TIME)
    name = cells.column.name
    unit = cells.rule.time_unit or cells.state.units.get(name)
    if unit is None:
        unit = unit_of(int(Decimal(_first(_text(cells, array)) or "0")))
        cells.state.units[name] = unit
    try:
        numbers = array.cast(pa.int64())
        sizes = pc.min_max(pc.abs(numbers)).as_py()
        if cells.rule.time_unit or (sizes["min"] and unit_of(sizes["min"]) == unit == unit_of(sizes["max"])):
            factor = TIME_UNITS[unit]
            if factor >= _NS_PER_US:
                return pc.multiply_checked(numbers, factor // _NS_PER_US).cast(kind)
            return pc.divide(numbers, _NS_PER_US).cast(kind)
    except pa.ArrowInvalid:
        pass

    def one(word: str, index: int) -> int | None:
        if word.strip().casefold() in _EMPTY_WORDS:
            return None
        if not re.match(r"-?\d{1,19}(\.\d{1,18})?\Z", word.strip()):
            return _written(cells, word, index)
        value = Decimal(word.strip())
        found = cells.rule.time_unit or unit_of(int(value))
        if found != unit:
            cells.bad("table.time_unit", f"{_shown(word)} counts {found} where the column began with {unit}", index)
        return int(value * TIME_UNITS[found] // _NS_PER_US)

    text = _text(cells, array)
    none_plain = pc.if_else(pc.is_valid(text), pa.scalar(False), pa.scalar(None, pa.bool_()))
    return _patched(text, none_plain, pa.int64(), lambda word, index: _fit(one(word, index))).cast(kind)


def _fit(value: int | None) -> int | None:
    return value if value is None or -_INT64 <= value < _INT64 else _MAX_US + 1


def _written(cells: _Cells, word: str, index: int) -> int | None:
    """Microseconds of a written time, or None and a problem."""
    word = word.strip()
    if word.casefold() in _EMPTY_WORDS:
        return None
    found = _WHEN.match(word)
    if found is None:
        cells.bad("table.time", f"{_shown(word)} is not a time", index)
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        when = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), min(int(second or 0), 59))
    except ValueError:
        cells.bad("table.time", f"{_shown(word)} is no day or hour that exists", index)
        return None
    micro = int((fraction or "0").ljust(6, "0")[:6])
    offset = _offset(zone or cells.zone or "Z")
    return _microseconds(when, micro) - offset // timedelta(microseconds=1)


def _formatted(cells: _Cells, word: str, index: int) -> int | None:
    if word.strip().casefold() in _EMPTY_WORDS:
        return None
    try:
        when = datetime.strptime(word.strip(), cells.rule.time_format or "")
    except ValueError:
        cells.bad("table.time", f"{_shown(word)} is not a time of the form {cells.rule.time_format}", index)
        return None
    if when.tzinfo is not None:
        return _microseconds(when.astimezone(UTC).replace(tzinfo=None, microsecond=0), when.microsecond)
    offset = _offset(cells.zone or "Z")
    return _microseconds(when.replace(microsecond=0), when.microsecond) - offset // timedelta(microseconds=1)


def _microseconds(when: datetime, micro: int) -> int:
    return (when.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) + micro


def _offset(zone: str) -> timedelta:
    if zone in ("Z", "UTC", "GMT"):
        return timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]))
    return -size if zone[0] == "-" else size


def _add_time_form(
    table: Table, batch: SourceBatch, needed: Sequence[str], shaped: dict[str, Any], state: _State
) -> None:
    """`time_offset` and `time_precision`, from how the source wrote `time`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rule = table.source.rules.get("time")
    asked = [name for name in ("time_offset", "time_precision") if name in needed and name not in shaped]
    if rule is None or not asked:
        return
    count = len(batch.rows)
    array = _source_array(batch, rule)
    zone = rule.time_zone or table.context.time_zone
    assumed = zone if zone is not None else "assumed Z"

    def constant(text: str) -> Any:
        return pa.repeat(pa.scalar(text, pa.string()), count)

    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        offset, precision = assumed if getattr(array.type, "tz", None) is None else "Z", "microsecond"
        if pa.types.is_timestamp(array.type) and array.type.unit in ("s", "ms"):
            precision = _UNIT_WORDS[array.type.unit]
        forms = {"time_offset": constant(offset), "time_precision": constant(precision)}
    elif rule.time_format is not None:
        forms = {"time_offset": constant(assumed), "time_precision": constant(_format_precision(rule.time_format))}
    elif "time" in state.units or rule.time_unit:
        unit = rule.time_unit or state.units["time"]
        forms = {"time_offset": constant("epoch"), "time_precision": constant(_UNIT_WORDS[unit])}
    else:
        text = _lenient_text(array)
        parts = pc.extract_regex(text, _TAIL)
        fraction, offsets = pc.struct_field(parts, "fraction"), pc.struct_field(parts, "offset")
        digits = pc.utf8_length(fraction)
        length = pc.utf8_length(text)
        words = pc.case_when(
            pc.make_struct(
                pc.less_equal(length, 10),
                pc.less_equal(length, 16),
                pc.equal(digits, 0),
                pc.less_equal(digits, 3),
            ),
            *(pa.scalar(word) for word in ("day", "minute", "second", "millisecond", "microsecond")),
        )
        # A date alone ends in what looks like an offset (-10).
        dated = pc.or_kleene(pc.less_equal(length, 10), pc.equal(pc.utf8_length(offsets), 0))
        forms = {
            "time_offset": pc.if_else(dated, pa.scalar(assumed), offsets),
            "time_precision": words,
        }
    valid = shaped.get("time")
    for name in asked:
        array = forms[name]
        if valid is not None:
            array = pc.if_else(pc.is_valid(valid), array, pa.scalar(None, pa.string()))
        shaped[name] = array


def _lenient_text(array: Any) -> Any:
    import pyarrow as pa

    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in array.to_pylist()], pa.string())


def _format_precision(form: str) -> str:
    for directive, word in (("%f", "microsecond"), ("%S", "second"), ("%M", "minute"), ("%H", "hour"), ("%d", "day")):
        if directive in form:
            return word
    return "month" if "%m" in form else "year"


def _shown(word: str) -> str:
    """A cell as a message may show it: short, printable, and never more than is needed to find it."""
    short = word if len(word) <= _WORDS_SHOWN else word[: _WORDS_SHOWN - 1] + "…"
    return repr(short)
