"""Forty ways in which people hand evidence over; each puts one name and value among rows that are fine."""

# ruff: noqa: E501 - one line is one kind
from __future__ import annotations

import base64
import bz2
import csv
import gzip
import io
import json
import lzma
import quopri
import tarfile
import zipfile
from collections.abc import Callable
from html import escape
from urllib.parse import quote

Format = Callable[[str, str], bytes]
ROWS = [{"time": "2025-10-10T21:14:33.123Z", "symbol": "BTCUSDT", "status": "503", "price": "104512.10"},
        {"time": "2025-10-10T21:14:34.456Z", "symbol": "ETHUSDT", "status": "200", "price": "3451.07"}]  # fmt: skip


def table(key: str, value: str) -> list[dict[str, str]]:
    return [{**ROWS[0], key: ""}, {**ROWS[1], key: value}, {**ROWS[0], key: ""}]


def delimited(key: str, value: str, delimiter: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO()
    rows = table(key, value)
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def jsonl(key: str, value: str) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in [ROWS[0], {**ROWS[1], key: value}]).encode()


def log(key: str, value: str) -> bytes:
    return (
        "2025-10-10 21:14:33,123 INFO bot.trade started\n"
        f"2025-10-10 21:14:34,456 WARNING bot.http POST /fapi/v1/order failed {key}={value} status=503\n"
    ).encode()


def har(key: str, value: str) -> bytes:
    request = {
        "method": "POST",
        "headers": [{"name": "Host", "value": "fapi.binance.com"}, {"name": key, "value": value}],
    }
    return json.dumps({"log": {"entries": [{"request": request, "time": 12}]}}).encode()


def zipped(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", "Exported on 2025-10-11.\n")
        archive.writestr(name, data)
    return out.getvalue()


def tarred(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("logs/bot.log")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def docx(key: str, value: str) -> bytes:
    half = len(value) // 2
    runs = f"<w:r><w:t>{escape(key)}: {escape(value[:half])}</w:t></w:r><w:r><w:t>{escape(value[half:])}</w:t></w:r>"
    return zipped("word/document.xml", f"<w:document><w:body><w:p>{runs}</w:p></w:body></w:document>".encode())


def notebook(key: str, value: str) -> bytes:
    cell = {"cell_type": "code", "source": [f"{key} = {value!r}\n", "client.ping()\n"], "outputs": []}
    return json.dumps({"cells": [cell], "nbformat": 4}, indent=1).encode()


def mail(key: str, value: str, *, packed: bool) -> bytes:
    body = f"Hello,\n\nhere it is.\n{key}: {value}\n\nThanks\n".encode()
    if packed:
        return b"MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(body)
    return b"MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\n" + quopri.encodestring(body)


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(sign):04x}" if not sign.isalnum() and sign < "\x80" else sign for sign in text)


def entities(text: str) -> str:
    return "".join(
        f"&#{ord(sign)};" if not sign.isalnum() and sign not in " \n" and sign < "\x80" else sign for sign in text
    )


FORMATS: dict[str, Format] = {
    "CSV": delimited,
    "CSV, semicolons": lambda k, v: delimited(k, v, ";"),
    "TSV": lambda k, v: delimited(k, v, "\t"),
    "CSV of a spreadsheet": lambda k, v: b"\xef\xbb\xbf" + delimited(k, v, ",", "\r\n", csv.QUOTE_ALL),
    "JSON": lambda k, v: json.dumps({"rows": [ROWS[0], {k: v}]}).encode(),
    "JSON, indented": lambda k, v: json.dumps({"rows": [ROWS[0], {k: v}]}, indent=2, ensure_ascii=False).encode(),
    "JSON, escaped": lambda k, v: f'{{"rows": [{{"{k}": "{escaped(v)}"}}]}}'.encode(),
    "JSON lines": jsonl,
    "Python logging": log,
    "log with JSON inside a string": lambda k, v: (
        "2025-10-10 21:14:34 ERROR " + json.dumps(json.dumps({"code": -1008, k: v})) + "\n"
    ).encode(),
    "ccxt verbose": lambda k, v: f"fetch Request: binance POST https://fapi.binance.com/fapi/v1/order RequestHeaders: {({'Content-Type': 'x', k: v})!r}\n".encode(),
    "logfmt": lambda k, v: f'ts=2025-10-10T21:14:34Z level=warn msg="order refused" {k}="{v}"\n'.encode(),
    "HTTP dump": lambda k, v: f"POST /fapi/v1/order HTTP/1.1\r\nHost: fapi.binance.com\r\n{k}: {v}\r\n\r\n".encode(),
    "curl": lambda k, v: f"curl -X POST 'https://fapi.binance.com/fapi/v1/order' -H '{k}: {v}'\n".encode(),
    "HAR": har,
    "query string": lambda k, v: f"GET /fapi/v1/order?symbol=BTCUSDT&{k}={quote(v)}&recvWindow=5000\n".encode(),
    "form, encoded": lambda k, v: f"symbol=BTCUSDT&{k}={quote(v, safe='')}&timestamp=1760130000000\n".encode(),
    "INI": lambda k, v: f"[binance]\nmode = live\n{k} = {v}\n".encode(),
    "YAML": lambda k, v: f"exchange: binance\n{k}: {v}\nmode: live\n".encode(),
    "TOML": lambda k, v: f'mode = "live"\n{k} = "{v}"\n'.encode(),
    "XML": lambda k, v: f"<row><symbol>BTCUSDT</symbol><{k}>{escape(v)}</{k}></row>\n".encode(),
    "HTML": lambda k, v: f"<p>Seen on the page.</p><p>{k}: {escape(v)}</p>\n".encode(),
    "HTML, entities": lambda k, v: f"<p>{k}: {entities(v)}</p>\n".encode(),
    "Markdown table": lambda k, v: f"| time | {k} | status |\n|---|---|---|\n| 05:12 | {v} | 503 |\n".encode(),
    "Markdown": lambda k, v: f"# What happened\n\nThe bot printed `{k}: {v}` and stopped.\n".encode(),
    "chat export": lambda k, v: f"[11/10/2025, 05:14:34] Wei: 被拒了\n[11/10/2025, 05:15:02] Wei: {k}: {v}\n".encode(),
    "Python source": lambda k, v: f'import ccxt\n\nCONFIG = {{"{k}": "{v}"}}\n'.encode(),
    "JavaScript source": lambda k, v: f"const config = {{ {k!r}: '{v}' }};\n".encode(),
    "notebook": notebook,
    "UTF-16 with mark": lambda k, v: b"\xff\xfe" + log(k, v).decode().encode("utf-16-le"),
    "UTF-16 without mark": lambda k, v: log(k, v).decode().encode("utf-16-be"),
    "gzip": lambda k, v: gzip.compress(jsonl(k, v), mtime=0),
    "bzip2": lambda k, v: bz2.compress(log(k, v)),
    "xz": lambda k, v: lzma.compress(delimited(k, v)),
    "zip": lambda k, v: zipped("orders.csv", delimited(k, v)),
    "zip in a zip": lambda k, v: zipped("inner.zip", zipped("bot.log", log(k, v))),
    "tar.gz": lambda k, v: tarred(log(k, v)),
    "document of a word processor": docx,
    "mail, base64": lambda k, v: mail(k, v, packed=True),
    "mail, quoted-printable": lambda k, v: mail(k, v, packed=False),
}  # fmt: skip
