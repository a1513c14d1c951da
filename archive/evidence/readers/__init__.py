"""Readers: one module per form of file. Each turns a stream into batches of text columns with row numbers."""
