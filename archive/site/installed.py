"""What of the explorer is there: the page of the browser verifier, the libraries. Imports none of them."""

from __future__ import annotations

from importlib import resources
from importlib.util import find_spec
from typing import Final

from archive.errors import MissingDependencyError, UsageError

VERIFIER: Final = "verifier.html"


def require_libraries() -> None:
    """Raises MissingDependencyError `site.extra` where pages cannot be made."""
    if find_spec("jinja2") is None:
        raise MissingDependencyError(
            "building a site needs Jinja2, which is not installed",
            code="site.extra",
            hint='pip install "incident-archive[site]"',
        )


def verifier_page() -> bytes:
    """The browser verifier as one HTML file; raises `site.no_verifier` where it was not built."""
    found = resources.files("archive.site") / "assets" / VERIFIER
    if not found.is_file():
        raise UsageError(
            "the browser verifier is not part of this installation",
            code="site.no_verifier",
            hint="in a clone: node web/build.mjs",
        )
    return found.read_bytes()
