"""One module per method and version. A version, once released, is never changed or removed."""
