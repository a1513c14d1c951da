"""The incident record, format 1: what a dossier's `incident.yaml` (or `.json`) says.

The models describe the JSON form. The loader (`archive.record.load`) hands every YAML scalar over as a string, so
`revision: 1` arrives as `"1"` and is parsed here; times and decimals stay the strings their author wrote. A field that
the author leaves out stays out: `to_value` adds no defaults, so that a root never changes when the schema grows.

Rules that need more than one field are in `archive.record.rules`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

SCHEMA_VERSION = "1"
SCHEMA_ID = "urn:incident-archive:schema:incident:1"

ID_PATTERN = r"^[0-9a-z-]{1,64}$"
DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
METHOD_PATTERN = r"^[a-z][a-z0-9-]{0,62}@[1-9][0-9]{0,3}$"
PARAMETER_PATTERN = r"^[a-z][a-z0-9_]{0,63}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
ADDRESS_PATTERN = r"^0x[0-9a-f]{40}$"
LANGUAGE_PATTERN = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
MEDIA_TYPE_PATTERN = r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$"
URL_PATTERN = r'^(https?|ipfs|ar)://[^\s<>"]{1,2000}$'
EMAIL_PATTERN = r"^[^@\s]{1,64}@[^@\s]{1,255}$"
TIME_PATTERN = (
    r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])"
    r"(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{3})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?)?)?$"
)
METHOD_PATTERN = r"^[a-z][a-z0-9-]{0,63}@[1-9][0-9]{0,3}$"
MAX_INTEGER = 2**53 - 1
MAX_TEXT = 65_536

Precision = Literal["year", "month", "day", "hour", "minute", "second", "millisecond"]
PRECISIONS: tuple[Precision, ...] = ("year", "month", "day", "hour", "minute", "second", "millisecond")
ClaimStatus = Literal["asserted", "corroborated", "contradicted", "disputed", "retracted"]

# Kinds of evidence that the archive knows by name; another slug is allowed and gets a warning. Those of the first
# group have a column contract (`archive.evidence.contracts`); `raw` becomes one of them by its `mapping`.
EVIDENCE_KINDS = (
    "api-log",
    "compensation",
    "index-constituents",
    "klines",
    "ledger",
    "liquidations",
    "losses",
    "mark-price",
    "open-interest",
    "order-book",
    "positions",
    "prices",
    "reserves",
    "statement",
    "system-events",
    "trades",
    "web-capture",
    "raw",
    "account-statement",
    "announcement",
    "audio",
    "chat",
    "code",
    "dataset",
    "document",
    "fact-table",
    "image",
    "market-data",
    "messages",
    "on-chain",
    "order-log",
    "photo",
    "recording",
    "screenshot",
    "transcript",
    "video",
    "web-page",
    "other",
)
Product = Literal["spot", "margin", "usdm", "coinm", "options", "swap", "index", "pool", "other"]


def _matching(pattern: str, code: str, message: str) -> Callable[[str], str]:
    found = re.compile(pattern.removesuffix("$") + r"\Z").match

    def check(value: str) -> str:
        if not found(value):
            raise PydanticCustomError(code, message)
        return value

    return check


def _check_decimal(value: str) -> str:
    if not re.match(DECIMAL_PATTERN.removesuffix("$") + r"\Z", value):
        raise PydanticCustomError("record.decimal", "a decimal is written as plain digits, like 0.10 or -12")
    if value.startswith("-") and not value.strip("-0."):
        raise PydanticCustomError("record.decimal", "minus zero is not a number; write 0")
    return value


def _check_time(value: str) -> str:
    from archive.record.times import parse_time

    parse_time(value)
    return value


def _check_text(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("record.empty_text", "the text is empty")
    if len(value) > MAX_TEXT:
        raise PydanticCustomError("record.long_text", "the text has more than 65,536 characters")
    return value


def _check_result(value: dict[str, Any]) -> dict[str, Any]:
    """A result holds maps, lists and texts only: it then reads the same from YAML and from JSON."""
    todo: list[object] = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item
        elif not isinstance(item, str):
            raise PydanticCustomError("record.finding_result", "a result holds maps, lists and text, numbers as text")
    return value


def _parse_integer(value: object) -> object:
    if isinstance(value, str) and re.match(r"-?(0|[1-9][0-9]{0,15})\Z", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("record.integer", "a whole number is expected, written in plain digits")


def _parse_true(value: object) -> object:
    if value is True or value == "true":
        return True
    raise PydanticCustomError("record.true", "only true can stand here; leave the line out otherwise")


def _parse_flag(value: object) -> object:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise PydanticCustomError("record.flag", "true or false is expected")


def _no_empty_map(value: dict[str, str]) -> dict[str, str]:
    if not value:
        raise PydanticCustomError("record.no_language", "at least one language is needed, for example en")
    return value


def _string(pattern: str, code: str, message: str, **schema: object) -> tuple[AfterValidator, WithJsonSchema]:
    return (
        AfterValidator(_matching(pattern, code, message)),
        WithJsonSchema({"type": "string", "pattern": pattern, **schema}),
    )


Id = Annotated[str, *_string(ID_PATTERN, "record.id", "an id is 1 to 64 of the characters 0-9, a-z and -")]
Sha256 = Annotated[str, *_string(SHA256_PATTERN, "record.sha256", "a SHA-256 value is 64 lower-case hex digits")]
Address = Annotated[str, *_string(ADDRESS_PATTERN, "record.address", "an address is 0x and 40 lower-case hex digits")]
MethodName = Annotated[
    str,
    *_string(METHOD_PATTERN, "record.method", "a method is named with its version, like depeg@1"),
]
ParameterName = Annotated[
    str,
    *_string(PARAMETER_PATTERN, "record.parameter", "a parameter is named by the characters a-z, 0-9 and _"),
]
Language = Annotated[
    str,
    *_string(LANGUAGE_PATTERN, "record.language", "a language is named by its BCP 47 tag, like en, zh-Hans or ko"),
]
MediaType = Annotated[
    str, *_string(MEDIA_TYPE_PATTERN, "record.media_type", "a media type is type/subtype in lower case, like text/csv")
]
Url = Annotated[
    str,
    *_string(URL_PATTERN, "record.url", "an address starts with https://, http://, ipfs:// or ar:// and has no spaces"),
]
Email = Annotated[str, *_string(EMAIL_PATTERN, "record.email", "this is not an e-mail address")]
Decimal = Annotated[
    str,
    AfterValidator(_check_decimal),
    WithJsonSchema({"type": "string", "pattern": r"^(?!-0(\.0+)?$)" + DECIMAL_PATTERN[1:]}),
]
Time = Annotated[str, AfterValidator(_check_time), WithJsonSchema({"type": "string", "pattern": TIME_PATTERN})]
Text = Annotated[
    str,
    AfterValidator(_check_text),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "pattern": r"\S"}),
]
Localized = Annotated[
    dict[Language, Text],
    AfterValidator(_no_empty_map),
    WithJsonSchema(
        {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": LANGUAGE_PATTERN},
            "additionalProperties": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "pattern": r"\S"},
        }
    ),
]
PositiveInteger = Annotated[
    int,
    BeforeValidator(_parse_integer),
    Field(ge=1, le=MAX_INTEGER),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_INTEGER}),
]
Size = Annotated[
    int,
    BeforeValidator(_parse_integer),
    Field(ge=0, le=MAX_INTEGER),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_INTEGER}),
]
Flag = Annotated[bool, BeforeValidator(_parse_flag), WithJsonSchema({"type": "boolean"})]
OnlyTrue = Annotated[Literal[True], BeforeValidator(_parse_true), WithJsonSchema({"type": "boolean", "const": True})]
Ids = tuple[Id, ...]


class _Model(BaseModel):
    """Frozen, closed, and built only when a record is first read: importing the models stays cheap."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def _some(description: str, **more: Any) -> Any:
    """An optional field: absent unless the author writes it."""
    return Field(default=None, description=description, **more)


def _many(description: str) -> Any:
    """An optional list: empty unless the author writes it."""
    return Field(default=(), description=description)


_SOURCES = (
    "Who or what says so: ids of references, evidence items, statements, parties or venues of this record. "
    "Nothing here is the archive's own finding."
)
_EVIDENCE = "Ids of the evidence items that show it."
_NOTE = "A remark for the reader: a contradiction in the source, a caveat, a conversion that was made."
_PRECISION = (
    "How precise the time is. Needed where it is coarser than it is written: 05:12:00 that is known to the minute "
    "has precision minute."
)
_TIME_FORM = (
    "2022, 2022-11, 2022-11-02, or RFC 3339 with seconds and an offset: 2025-10-11T05:12:00+08:00, "
    "2025-10-11T04:56:22.438+08:00."
)


class Period(_Model):
    """A stretch of time as a source states it."""

    start: Time = Field(description=f"When it starts. {_TIME_FORM}")
    end: Time | None = _some(f"When it ends; left out when it is not known or still going on. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)
    time_zone: Text | None = _some("The time zone in the words of the source, for example UTC+8; or `not stated`.")
    note: Localized | None = _some(_NOTE)


class Occurred(_Model):
    """When the incident took place. Timeline entries lie inside it unless they are marked."""

    start: Time = Field(description=f"When it started. {_TIME_FORM}")
    end: Time | None = _some(f"When it ended; left out when it goes on. {_TIME_FORM}")
    precision: Precision = Field(description="How precise start and end are, from year to millisecond.")
    time_zone: Text = Field(description="The time zone in the words of the source, for example UTC+8; or `not stated`.")
    note: Localized | None = _some(_NOTE)


class Include(_Model):
    """Another package that belongs to this one."""

    root: Sha256 = Field(description="The root of the other package: 64 lower-case hex digits.")
    incident: Id | None = _some("The other package's incident id.")
    publisher: Address | None = _some("The address of the other package's publisher.")
    content_id: Text | None = _some("The other package's content id (a CIDv1, bafybei…).")
    note: Localized | None = _some("Why it is included.")


class Role(_Model):
    """What a venue or party is said to have done or been in the incident. A role is always an allegation."""

    text: Localized = Field(description="The role in words, for example `operator of the venue`.")
    alleged: OnlyTrue = Field(
        description="Always true: the record repeats what sources say and finds nobody responsible."
    )
    sources: Ids = _many(_SOURCES)


class Venue(_Model):
    """A place where things traded or were kept: an exchange, a product of it, a protocol."""

    id: Id = Field(description="Its id, unique in this record.")
    name: Localized = Field(description="Its name, by language.")
    kind: Text = Field(description="What it is, in a word: exchange, protocol, lender, broker …")
    roles: tuple[Role, ...] = _many("What it is said to have done or been, each worded as alleged.")
    operator: Id | None = _some("The id of the party that runs it.")
    url: Url | None = _some("Its public address.")
    note: Localized | None = _some(_NOTE)


class Party(_Model):
    """A person, organisation or group that takes part, speaks, or is spoken of."""

    id: Id = Field(description="Its id, unique in this record.")
    name: Localized = Field(description="Its name or pseudonym as it appears in the sources, by language.")
    kind: Text = Field(description="What it is, in a word: person, organisation, regulator, media, group …")
    roles: tuple[Role, ...] = _many("What it is said to have done or been, each worded as alleged.")
    url: Url | None = _some("Its public address.")
    note: Localized | None = _some(_NOTE)


class TimelineEntry(_Model):
    """Something that, according to a source, happened at a time. Entries are listed in order of time."""

    id: Id = Field(description="Its id, unique in this record.")
    at: Time | None = _some(f"The instant; either this or start and end. {_TIME_FORM}")
    start: Time | None = _some(f"The start of an interval. {_TIME_FORM}")
    end: Time | None = _some(f"The end of an interval. {_TIME_FORM}")
    precision: Precision = Field(description="How precise the time is, from year to millisecond.")
    time_zone: Text | None = _some("The time zone in the words of the source, where it differs from `occurred`.")
    text: Localized = Field(description="What happened, neutral and attributed.")
    venues: Ids = _many("Ids of the venues concerned.")
    parties: Ids = _many("Ids of the parties concerned.")
    sources: Ids = _many(_SOURCES)
    evidence: Ids = _many(_EVIDENCE)
    outside_occurred: OnlyTrue | None = _some(
        "True for an entry that lies outside `occurred`: background or aftermath."
    )
    note: Localized | None = _some(_NOTE)


class Relation(_Model):
    """How a claim relates to another claim, in this record or in another publisher's package."""

    type: Literal["causes", "responds_to", "supports", "contradicts", "refines"] = Field(
        description="What this claim does to the other: says that it causes it, answers it, supports it, contradicts "
        "it, or makes it more exact."
    )
    claim: Id = Field(description="The id of the other claim.")
    root: Sha256 | None = _some("The root of the other package, when the other claim is not in this record.")
    incident: Id | None = _some("The incident id of the other package.")
    publisher: Address | None = _some("The address of the other package's publisher.")
    note: Localized | None = _some(_NOTE)


class Claim(_Model):
    """Something somebody says is so. The archive never says whether it is."""

    id: Id = Field(description="Its id, unique in this record.")
    text: Localized = Field(description="The claim, in neutral words.")
    quote: Localized | None = _some("The source's own words, under the language they are in.")
    claimed_by: Ids = Field(description="Ids of the parties or venues that make the claim; at least one.", min_length=1)
    status: ClaimStatus = Field(
        description="Where the claim stands: asserted, corroborated by others or by evidence, contradicted, disputed, "
        "or retracted by who made it. No judgement of truth."
    )
    evidence_for: Ids = _many("Ids of evidence items, findings, figures, statements or claims that speak for it.")
    evidence_against: Ids = _many(
        "Ids of evidence items, findings, figures, statements or claims that speak against it."
    )
    contradicted_by: Ids = _many(
        "Ids of the claims, figures, findings, statements or evidence items that contradict it; "
        "needed when the status is contradicted."
    )
    relations: tuple[Relation, ...] = _many("How it relates to other claims: causes, responds_to …")
    sources: Ids = _many(_SOURCES)
    note: Localized | None = _some(_NOTE)


class StatementVersion(_Model):
    """One wording of a statement."""

    made_at: Time | None = _some(f"When it was made, as the source says. {_TIME_FORM}")
    seen_at: Time | None = _some(f"When this wording was seen by whoever kept it. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)
    text: Localized = Field(description="What was said, in neutral words.")
    quote: Localized | None = _some("The words themselves, under the language they are in.")
    sources: Ids = _many(_SOURCES)
    evidence: Ids = _many(_EVIDENCE)
    note: Localized | None = _some(_NOTE)


class Statement(_Model):
    """A public or reported statement of a party, with the later versions of the same statement."""

    id: Id = Field(description="Its id, unique in this record.")
    party: Id = Field(description="The id of the party or venue that made it.")
    versions: tuple[StatementVersion, ...] = Field(
        description="Its wordings from the first to the last; an edited statement has more than one.", min_length=1
    )
    note: Localized | None = _some(_NOTE)


class Commitment(_Model):
    """What a venue, market maker or other party had promised, before or after."""

    id: Id = Field(description="Its id, unique in this record.")
    by: Ids = Field(
        description="Ids of the parties or venues that are said to have made it; at least one.", min_length=1
    )
    to: Localized | None = _some("To whom it was made.")
    text: Localized = Field(description="What was promised.")
    quote: Localized | None = _some("The words themselves, under the language they are in.")
    made_at: Time | None = _some(f"When it was made. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)
    window: Period | None = _some("The time for which it was to hold, or within which it was to be kept.")
    sources: Ids = _many(_SOURCES)
    evidence: Ids = _many(_EVIDENCE)
    note: Localized | None = _some(_NOTE)


class Figure(_Model):
    """A number that somebody gives. Figures that disagree stand side by side, each with who says so."""

    id: Id = Field(description="Its id, unique in this record.")
    metric: Text = Field(
        description="What is measured, in a few words or a slug, the same for figures that can be compared."
    )
    label: Localized | None = _some("The metric in words for the reader.")
    value: Decimal = Field(
        description="The number as a decimal string: 0.10, -12, 417000. No exponent, no separators, no -0."
    )
    value_to: Decimal | None = _some("The upper end, when the source gives a range; `value` is then the lower end.")
    unit: Text = Field(description="The unit: USD, USDT, BTC, percent, minutes, accounts …")
    bound: Literal["exact", "lower", "upper", "estimate"] = Field(
        description="Whether the source gives the number as exact, as a lower bound (`more than`), as an upper bound, "
        "or as an estimate."
    )
    as_of: Time | None = _some(f"The time for which the number holds. {_TIME_FORM}")
    window: Period | None = _some("The stretch of time that the number covers.")
    precision: Precision | None = _some(_PRECISION)
    venue: Id | None = _some("The id of the venue concerned.")
    instrument: Text | None = _some("The asset, pair or contract concerned, for example XRP/USDT.")
    claimed_by: Ids = _many("Ids of the parties or venues that give the number.")
    sources: Ids = _many(_SOURCES)
    evidence: Ids = _many(_EVIDENCE)
    disputes: Ids = _many("Ids of figures that this one disagrees with.")
    supersedes: Ids = _many("Ids of earlier figures that this one replaces, according to its source.")
    note: Localized | None = _some(_NOTE)


class Remedy(_Model):
    """What was offered or paid to those affected."""

    id: Id = Field(description="Its id, unique in this record.")
    by: Ids = Field(description="Ids of the parties or venues that give it; at least one.", min_length=1)
    to: Localized = Field(description="Who gets it.")
    what: Localized = Field(description="What they get.")
    window: Period | None = _some("The window in which one must have been affected, or in which it is given.")
    terms: Localized | None = _some("On which terms.")
    status: Literal["alleged", "announced", "partly_paid", "paid", "refused", "withdrawn", "unknown"] = Field(
        description="Where it stands according to the sources."
    )
    announced_at: Time | None = _some(f"When it was announced. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)
    figures: Ids = _many("Ids of the figures that give its amounts.")
    sources: Ids = _many(_SOURCES)
    evidence: Ids = _many(_EVIDENCE)
    note: Localized | None = _some(_NOTE)


class Answer(_Model):
    """An answer to a demand or question, or its refusal."""

    kind: Literal["answer", "partial", "refusal"] = Field(
        description="Whether it answers, answers in part, or refuses."
    )
    by: Ids = Field(description="Ids of the parties or venues that answer; at least one.", min_length=1)
    at: Time | None = _some(f"When. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)
    text: Localized = Field(description="What was answered.")
    sources: Ids = _many(_SOURCES)
    evidence: Ids = _many(_EVIDENCE)


class Request(_Model):
    """A demand or a question that somebody puts to somebody, with its answers when they come."""

    id: Id = Field(description="Its id, unique in this record.")
    by: Ids = Field(description="Ids of the parties that put it; at least one.", min_length=1)
    to: Ids = _many("Ids of the parties or venues to which it is put.")
    text: Localized = Field(description="The demand or question.")
    made_at: Time | None = _some(f"When it was put. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)
    about: Ids = _many("Ids of the claims, figures, commitments, remedies or timeline entries that it is about.")
    answers: tuple[Answer, ...] = _many("Answers and refusals, in order of time.")
    sources: Ids = _many(_SOURCES)
    evidence: Ids = _many(_EVIDENCE)
    note: Localized | None = _some(_NOTE)


class Capture(_Model):
    """How an evidence item came to be."""

    at: Time | None = _some(f"When it was captured. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)
    by: Text | None = _some("Who captured it: a name, pseudonym or party id.")
    how: Localized | None = _some("With what and how: program, page, export, camera.")


class CustodyStep(_Model):
    """One step in the custody of an evidence item."""

    at: Time = Field(description=f"When. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)
    actor: Text = Field(description="Who did it: a name, pseudonym or party id.")
    action: Localized = Field(description="What was done: received, copied, converted, handed on.")


class ExternalFile(_Model):
    """A file that is not part of the package and is named by its hash only."""

    sha256: Sha256 = Field(description="SHA-256 of its bytes: 64 lower-case hex digits.")
    size: Size = Field(description="Its size in bytes.")
    url: Url | None = _some("Where it was found, where that is known; never guessed.")
    retrieved_at: Time | None = _some(f"When it was fetched from there, where that is known. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)


class Recipe(_Model):
    """What `archive redact` did to a file: enough to do it again to the original, byte for byte."""

    format: Literal["csv", "jsonl", "text", "image"] = Field(
        description="How the original is read: delimited rows with a header, JSON lines, lines of text, JPEG or PNG."
    )
    delimiter: Literal["comma", "semicolon", "tab", "pipe"] | None = _some("What stands between the cells of a csv.")
    drop: tuple[Text, ...] = _many("Columns or keys that were left out.")
    empty: tuple[Text, ...] = _many("Columns or keys whose values were emptied; the place stays, and stays empty.")
    tokens: dict[Text, Id] | None = _some(
        "Columns or keys whose values were replaced by secret tokens, each with the label of the token's use: equal "
        "values under one label have equal tokens."
    )
    coarsen: dict[Text, Text] | None = _some(
        "Columns or keys that were made coarser: a time to second, minute, hour or day; a number to a step: 0.01."
    )
    mask: tuple[Text, ...] = _many("Rules of the safety scan whose hits, anywhere in the text, were masked.")
    metadata: Literal["strip"] | None = _some(
        "`strip`: EXIF, comments and all other metadata of the image were removed."
    )


class Redaction(_Model):
    """How an evidence item was made from the one in `derived_from` by leaving things out."""

    method: Annotated[
        str, *_string(METHOD_PATTERN, "record.method", "a method is its name and version, like redact@1")
    ] = Field(description="The method and its version: redact@1.")
    recipe: Recipe = Field(description="What was done.")
    reason: Localized = Field(description="Why it was done.")


class TableContext(_Model):
    """What a table is about and its file does not say. What the file says wins."""

    venue: Id | None = _some("The venue, as a slug: binance, okx, uniswap.")
    product: Product | None = _some("The venue's product; a code of an API means other things in another product.")
    symbol: Text | None = _some("The instrument as the venue writes it: BTCUSDT.")
    date: Time | None = _some("The day of lines that bear no time: 2025-10-10.")
    time_zone: Text | None = _some("The offset of times that state none: +08:00, Z.")


class ColumnSource(_Model):
    """Where one of our columns comes from: a column of the file, or a constant."""

    column: Text | None = _some("The file's column: its name in the header, a dotted path in JSON, or its number.")
    value: Text | None = _some("The same value for every row, instead of a column.")
    time_format: Text | None = _some("How a time is written, in digits: %d.%m.%Y %H:%M:%S.")
    time_zone: Text | None = _some("The offset of a time that states none: +08:00, Z.")
    unit: Text | None = _some("Unit of the file's number: s, ms, us, ns for times; s, ms, percent, bps for others.")
    scale: Decimal | None = _some("What a number is multiplied by: 0.01 for cents.")
    values: dict[Text, Text] | None = _some("Their words to ours: {B: buy, S: sell}.")


class TableMapping(_Model):
    """How the columns of somebody's own log become those of a kind; it makes a `raw` file an api-log or trades."""

    kind: Id | None = _some("The kind that a `raw` file becomes.")
    format: Literal["csv", "tsv", "jsonl", "json", "parquet"] | None = _some("The form of the file; told by itself.")
    delimiter: Text | None = _some("The character between cells, where it is not told by itself.")
    header: Flag | None = _some("Whether the first line names the columns.")
    names: tuple[Text, ...] = _many("The columns of a file without a header, in order.")
    columns: dict[Text, ColumnSource] = Field(description="Our columns, each with where it comes from.")


class EvidenceItem(_Model):
    """One file of evidence, in one of four forms.

    Open: `path`, a file that is published with the record. `held: local`: `path`, `size` and `sha256`; the file is too
    large for git and is needed only when packing. Withheld: `withheld: true` and `path`; only a commitment is
    published. By reference: `reference`, hash and size of a file that is not published. In a published record a
    withheld item is reduced to `id`, `withheld` and `commitment`.
    """

    id: Id = Field(description="Its id, unique in this record.")
    kind: Id | None = _some("Its kind: " + ", ".join(EVIDENCE_KINDS) + ", or another slug.")
    title: Localized | None = _some("What it is, for the reader.")
    path: Text | None = _some("Its path in the dossier, with / between folders: evidence/log.csv.")
    held: Literal["local"] | None = _some("`local`: the file is kept outside git; `size` and `sha256` are then needed.")
    withheld: OnlyTrue | None = _some("True: the file is not published, only a salted commitment to it.")
    rows: OnlyTrue | None = _some(
        "True, for a withheld table: its lines are committed to one by one, so that one can be shown without the rest."
    )
    commitment: Sha256 | None = _some("Only in published records: the commitment that stands for a withheld item.")
    reference: ExternalFile | None = _some("Hash and size of a file that is not part of the package.")
    media_type: MediaType | None = _some("Its media type, for example text/csv.")
    size: Size | None = _some("Its size in bytes; compared with the file when given.")
    sha256: Sha256 | None = _some("SHA-256 of its bytes; compared with the file when given.")
    language: Language | None = _some("The language it is in.")
    context: TableContext | None = _some("Of a table: the venue, product and instrument it is about.")
    mapping: TableMapping | None = _some("Of a table: how the file's own columns become those of its kind.")
    captured: Capture | None = _some("When, by whom and how it was captured.")
    derived_from: Ids = _many("Ids of the evidence items it was made from.")
    redaction: Redaction | None = _some("How it was made from the item in `derived_from` by leaving things out.")
    custody: tuple[CustodyStep, ...] = _many("Its custody chain, from the first step to the last.")
    licence: Text | None = _some("Its licence: an SPDX expression, or words such as `all rights reserved`.")
    sensitivity: Literal["public", "personal", "confidential"] | None = _some(
        "public; personal when it holds personal data; confidential when it holds secrets of others."
    )
    sources: Ids = _many(_SOURCES)
    note: Localized | None = _some(_NOTE)


class FindingInput(_Model):
    """An evidence item that a finding is computed from, and what it is for."""

    evidence: Id = Field(description="The id of the evidence item.")
    role: Id = Field(description="Its role in the method: market, peer, log … See the page of the method.")


class Finding(_Model):
    """A number computed from evidence by a named, versioned method: whoever reruns it gets the same bytes.

    `archive findings DIR` computes the results and fills them in. A number whose inputs nobody may publish stays a
    claim: the finding then has `not_recomputable` and no result.
    """

    id: Id = Field(description="Its id, unique in this record.")
    title: Localized | None = _some("What it answers, for the reader.")
    method: MethodName = Field(description="The method and its version: depeg@1. The pages are in `docs/findings/`.")
    inputs: tuple[FindingInput, ...] = _many("The evidence items it is computed from.")
    parameters: dict[ParameterName, Text] | None = _some("The method's parameters, each written as text.")
    result: (
        Annotated[
            dict[str, Any],
            AfterValidator(_check_result),
            WithJsonSchema({"type": "object", "additionalProperties": {"type": ["string", "array", "object"]}}),
        ]
        | None
    ) = _some("What came out: maps, lists and texts; numbers are texts. Filled in by `archive findings`.")
    not_recomputable: Literal["inputs not published"] | None = _some(
        "Stands in place of a result: the inputs are not held, so that the number stays a claim."
    )
    about: Ids = _many("Ids of the claims, figures and other items that it is about.")
    note: Localized | None = _some(_NOTE)


class Reference(_Model):
    """A document that the record refers to."""

    id: Id = Field(description="Its id, unique in this record.")
    type: Literal[
        "advisory",
        "announcement",
        "article",
        "dataset",
        "documentation",
        "filing",
        "post",
        "recording",
        "report",
        "other",
    ] = Field(description="What kind of document it is.")
    title: Localized = Field(description="Its title, or what it is.")
    author: Text | None = _some("Who wrote it, as it says.")
    url: Url | None = _some("Its address, where known; never guessed.")
    archived_url: Url | None = _some("The address of an archived copy.")
    published_at: Time | None = _some(f"When it was published, as it says. {_TIME_FORM}")
    retrieved_at: Time | None = _some(f"When it was read. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)
    language: Language | None = _some("The language it is in.")
    evidence: Ids = _many("Ids of the evidence items that hold it or its hash.")
    note: Localized | None = _some(_NOTE)


class Credit(_Model):
    """Somebody who worked on the record."""

    name: Text = Field(description="Name or pseudonym.")
    role: Literal["author", "finder", "reporter", "analyst", "translator", "reviewer", "other"] = Field(
        description="What they did."
    )
    contact: Text | None = _some("How to reach them, if they wish.")


class Contact(_Model):
    """Where corrections to the record can be sent; at least one field."""

    name: Text | None = _some("Who answers.")
    email: Email | None = _some("An e-mail address.")
    url: Url | None = _some("A web page, for example an issue tracker.")
    text: Localized | None = _some("In words.")


class Waiver(_Model):
    """A hit of the safety scan that a person looked at and that may be published."""

    rule: Text = Field(description="The rule that hit, as the scan names it: email.")
    place: Text = Field(
        description="Where: the path of a file, with `#` and the column for one column of it: evidence/a.csv#note. "
        "The record itself is incident.yaml."
    )
    reason: Text = Field(description="Why it may be published.")
    by: Text = Field(description="Who looked at it: a name or pseudonym.")
    at: Time | None = _some(f"When. {_TIME_FORM}")


class Review(_Model):
    """That a person looked through, or listened to, an evidence item that no program can read."""

    evidence: Id = Field(description="The id of the evidence item.")
    by: Text = Field(description="Who did: a name or pseudonym.")
    at: Time = Field(description=f"When. {_TIME_FORM}")
    what: Text = Field(
        description="What was looked at, and what was found: no faces, no names, nothing on the screen …"
    )


class Revision(_Model):
    """Why a revision was made."""

    revision: PositiveInteger = Field(description="Its number.")
    at: Time | None = _some(f"When it was written. {_TIME_FORM}")
    precision: Precision | None = _some(_PRECISION)
    reason: Localized = Field(description="The reason for this revision, for example `first publication`.")


class IncidentRecord(_Model):
    """A record of one incident at an exchange: what sources say happened, attributed, with evidence."""

    schema_version: Literal["1"] = Field(description="The version of this schema: 1.")
    id: Id = Field(description="The incident's id, for example 2025-10-11-binance-liquidations.")
    title: Localized = Field(description="The title, by language (BCP 47 tag).")
    summary: Localized = Field(description="A summary in neutral words, by language.")
    aliases: tuple[Text, ...] = _many("Other names of the incident.")
    related: tuple[Text, ...] = _many("Ids of related incidents, or web addresses.")
    includes: tuple[Include, ...] = _many("Other packages, by root, that belong to this one.")
    venues: tuple[Venue, ...] = _many("The venues concerned.")
    parties: tuple[Party, ...] = _many("The parties concerned, those who speak included.")
    occurred: Occurred = Field(description="When it took place.")
    timeline: tuple[TimelineEntry, ...] = _many("What happened when, in order of time.")
    claims: tuple[Claim, ...] = _many("What is claimed, and by whom.")
    statements: tuple[Statement, ...] = _many("What was stated, with later versions.")
    commitments: tuple[Commitment, ...] = _many("What had been promised.")
    figures: tuple[Figure, ...] = _many("The numbers that are given.")
    remedies: tuple[Remedy, ...] = _many("What was offered or paid.")
    demands: tuple[Request, ...] = _many("What is demanded, with answers and refusals.")
    questions: tuple[Request, ...] = _many("What is asked, with answers and refusals.")
    findings: tuple[Finding, ...] = _many("Numbers computed from evidence by named, versioned methods.")
    evidence: tuple[EvidenceItem, ...] = _many("The evidence items.")
    references: tuple[Reference, ...] = _many("The documents referred to.")
    credits: tuple[Credit, ...] = _many("Who worked on the record.")
    contact: Contact | None = _some("Where corrections can be sent.")
    waivers: tuple[Waiver, ...] = _many("Hits of the safety scan that were looked at and let pass.")
    reviews: tuple[Review, ...] = _many("Who looked at the items that no program can read, before they were published.")
    licence: Text | None = _some("The licence of this record, for example CC-BY-4.0.")
    revision: PositiveInteger = Field(description="The number of this revision, from 1.")
    supersedes: Sha256 | None = _some("The root of the revision that this one replaces; from revision 2.")
    revisions: tuple[Revision, ...] = Field(
        description="The reason for each revision, from 1 to the present one.", min_length=1
    )

    def to_value(self) -> dict[str, Any]:
        """The record as a JSON value, with exactly the fields that its author wrote."""
        return self.model_dump(mode="json", exclude_unset=True)
