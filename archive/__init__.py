"""Incident archive: publish evidence of an incident once, let anyone verify it for good."""

__version__ = "0.1.0"
