"""A seeded sample of the long runs of `make soak`: the same runs each time."""

from __future__ import annotations

import os

import pytest

from tools import services, soak
from tools.soaking.harness import Case, run_case

SEED = "make test"


@pytest.mark.parametrize("case", [case for case in soak.CASES if case.sample], ids=lambda case: str(case.name))
def test_sample_of(case: Case) -> None:
    for tool in case.tools:
        try:
            services.require(tool)
        except services.ToolMissing as missing:
            if os.environ.get("CI"):
                pytest.fail(str(missing), pytrace=False)
            pytest.skip(str(missing))
    result = run_case(case, SEED, range(case.sample))
    assert result.failures == []
    assert result.runs == case.sample
