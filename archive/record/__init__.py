"""The incident record: its models, how it is read and written, and the rules between its fields. No network."""
