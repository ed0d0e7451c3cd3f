"""The cast: alice has 100, bob and the shop have nothing."""

import pytest

from holds.tests.story import Story
from ledger_project.testing.api import Api


@pytest.fixture
def books() -> Story:
    story = Story()
    story.open("alice", funded=100)
    story.open("bob", "shop")
    return story


@pytest.fixture
def agent(books: Story) -> Api:
    """Alice's own key, which may authorise and nothing else."""
    return Api(books, "x402.pay", account="alice")


@pytest.fixture
def shop(books: Story) -> Api:
    """The shop's own key, which may take payments and nothing else."""
    return Api(books, "x402.settle", account="shop")
