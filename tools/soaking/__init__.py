"""Long seeded runs: `tools/soak.py` runs them whole, `tests/integration/test_soak.py` a sample of each."""
