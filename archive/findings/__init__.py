"""Findings: numbers computed from evidence by a named, versioned method, so that anyone gets the same bytes again."""
