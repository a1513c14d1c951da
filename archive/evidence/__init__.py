"""Evidence: what a file is, whether it holds secrets, and, for tables, what its rows are and mean."""
