"""The cast: alice has 100, bob and the shop have nothing."""

import pytest

from holds.tests.story import Story


@pytest.fixture
def books() -> Story:
    story = Story()
    story.open("alice", funded=100)
    story.open("bob", "shop")
    return story
