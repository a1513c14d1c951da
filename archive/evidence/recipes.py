"""Ready recipes: what to leave out of a Binance log and of a ledger, fitted to the columns that a file has."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from archive.errors import InvalidInputError, UsageError
from archive.evidence.redact import MASKABLE, Recipe

_SAMPLE_LINES = 2_000
_MAX_LINE = 1 << 20
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}


@dataclass(frozen=True, slots=True)
class _Ready:
    """Names as compared: lower case, letters and digits only."""

    drop: frozenset[str]
    tokens: Mapping[str, str]
    coarsen: Mapping[str, str]


_SECRET = frozenset(
    {"apikey", "xmbxapikey", "apisecret", "secret", "secretkey", "signature", "listenkey", "cookie", "setcookie",
     "authorization", "password", "passphrase", "token", "accesstoken", "session", "sessionid"}
)  # fmt: skip
_PERSON = frozenset(
    {"email", "mail", "phone", "mobile", "tel", "ip", "ipaddress", "clientip", "remoteaddr", "device", "deviceid",
     "fingerprint", "realname", "fullname", "firstname", "lastname", "idcard", "idnumber", "passport", "姓名", "手机",
     "手机号", "邮箱", "身份证", "身份证号"}
)  # fmt: skip
_ACCOUNTS = dict.fromkeys(
    ("uid", "userid", "user", "account", "accountid", "accountno", "subaccount", "subaccountid", "memberid", "trader",
     "customerid", "用户id"),
    "account",
)  # fmt: skip
_ORDERS = {
    **dict.fromkeys(("orderid", "ordid", "orderno", "algoid", "订单号"), "order"),
    **dict.fromkeys(
        ("clientorderid", "clordid", "origclientorderid", "newclientorderid", "clientalgoid", "orderlinkid"),
        "client-order",
    ),
}
READY: Mapping[str, _Ready] = {
    "binance-log": _Ready(_SECRET | _PERSON, {**_ACCOUNTS, **_ORDERS}, {}),
    "ledger": _Ready(
        _SECRET | _PERSON | {"name", "address", "note", "memo", "remark", "备注"},
        {**_ACCOUNTS, **_ORDERS, **dict.fromkeys(("txid", "transferid", "withdrawid", "depositid"), "transfer")},
        dict.fromkeys(("time", "timestamp", "date", "datetime", "createdat", "createtime", "updatedat"), "hour"),
    ),
}


def ready_recipe(name: str, path: Path) -> Recipe:
    """The ready recipe fitted to a file: its format is found out, and only columns that it has are named.

    Raises:
        UsageError: `redact.ready` for a name that is none.
        InvalidInputError: `redact.unreadable`.
    """
    if name not in READY:
        raise UsageError(f"--ready {name}: there are {', '.join(READY)}", code="redact.ready")
    rule = READY[name]
    try:
        with path.open("rb") as handle:
            head = handle.readline(_MAX_LINE)
            if head.startswith((b"\xff\xd8\xff", b"\x89PNG")):
                return Recipe("image", metadata="strip")
            names = _json_names([head, *(handle.readline(_MAX_LINE) for _ in range(_SAMPLE_LINES))])
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror}", code="redact.unreadable") from None
    if names is not None:
        return _fitted("jsonl", None, names, rule)
    text = head.decode("utf-8-sig", "replace").rstrip("\r\n")
    for delimiter, sign in _DELIMITERS.items():
        columns = next(csv.reader([text], delimiter=sign), [])
        if len(columns) > 1 and all(re.match(r"[^\W\d][\w .#/()-]{0,63}\Z", column.strip()) for column in columns):
            return _fitted("csv", delimiter, columns, rule)
    tokens = {"order-id": "order", "user-id": "account"}
    return Recipe("text", tokens=tokens, mask=tuple(r for r in MASKABLE if r not in tokens))


def _json_names(lines: list[bytes]) -> list[str] | None:
    """Every key of the lines, in order of appearance; None when one is no JSON object."""
    found: dict[str, None] = {}
    for line in lines:
        if line.strip():
            try:
                value = json.loads(line)
            except ValueError:
                return None
            if not isinstance(value, dict):
                return None
            _collect(value, found)
    return list(found) if found else None


def _collect(value: object, found: dict[str, None]) -> None:
    if isinstance(value, list):
        for item in value:
            _collect(item, found)
    elif isinstance(value, dict):
        for name, item in value.items():
            found[str(name)] = None
            _collect(item, found)


def _fitted(form: str, delimiter: str | None, names: list[str], rule: _Ready) -> Recipe:
    plain = {name: re.sub(r"[\W_]+", "", name.lower()) for name in names}
    return Recipe(
        form,
        delimiter,
        drop=tuple(name for name in names if plain[name] in rule.drop),
        tokens={name: rule.tokens[plain[name]] for name in names if plain[name] in rule.tokens},
        coarsen={name: rule.coarsen[plain[name]] for name in names if plain[name] in rule.coarsen},
        mask=MASKABLE,
    )
