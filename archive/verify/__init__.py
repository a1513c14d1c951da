"""The verifier: `gather` reads, `checks` judges, `report` tells. Nothing here writes, signs or needs a key."""
