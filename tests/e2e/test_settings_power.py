"""Settings of a board whose power goes while they are written."""

from __future__ import annotations

import pytest

from tests.e2e.power import cut_settings


@pytest.mark.usefixtures("micropython")
def test_power_that_goes_while_settings_are_written_leaves_the_old_or_the_new_ones() -> None:
    n = 10
    cuts = cut_settings([(i + 0.5) / n for i in range(n)])
    assert {cut.kept for cut in cuts} == {True, False}  # or the cuts were at no time that matters
