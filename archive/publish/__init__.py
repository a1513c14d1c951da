"""Publishing: the journal, the steps and the wiring that take a dossier to an anchored, stored, provable package."""
