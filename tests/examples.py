"""How many examples Hypothesis tries: what a test asks for, an eighth of it under the profile `few`, which `./run test --fast` takes."""

from __future__ import annotations

from hypothesis import settings

FEWEST = 10
settings.register_profile("few", max_examples=12)


def examples(wanted: int) -> int:
    """Return how many examples a test that wants so many is to try under the profile that is loaded; 100 is what Hypothesis takes by itself."""
    return min(wanted, max(FEWEST, wanted * settings().max_examples // 100))
