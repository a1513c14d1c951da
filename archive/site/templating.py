"""Jinja as this site uses it: strict, escaping, and with what is the same on every page put in only once.

Importing this needs the extra `site`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup, escape

from archive.site import i18n, text
from archive.site.model import SiteLanguage

_PLAIN_TEXT: Final = re.compile(r"\{\{ t\('([a-z0-9_-]+)'\) \}\}")


class _Environment(Environment):
    """Takes a key of a record before anything else: most of what templates ask for, and often it is not there."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict:
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


class _Texts(Extension):
    """Interface texts without holes become part of the template: a page has hundreds of them."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        language: SiteLanguage = self.environment.globals["_language"]  # type: ignore[assignment]

        def put_in(found: re.Match[str]) -> str:
            shown = str(escape(i18n.say(language, found[1])))
            return found[0] if "{" in shown else shown

        return _PLAIN_TEXT.sub(put_in, source)


def make_environment(language: SiteLanguage) -> Environment:
    made = _Environment(
        loader=PackageLoader("archive.site", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.globals |= {"_language": language, "inert": text.inert}
    made.filters["bdi"] = lambda value: Markup("<bdi>{}</bdi>").format(text.inert(value, limit=200))
    made.add_extension(_Texts)
    return made
