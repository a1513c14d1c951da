"""The static explorer: pages on which anyone can read an incident and check it."""
