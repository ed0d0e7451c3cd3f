"""issue_session_key: a budget on an account, with caps, receivers and a life."""

from datetime import timedelta

import pytest

from accounts.errors import AccountClosed, AccountNotFound
from accounts.models import SessionKey
from ledger_project.kernel import clock
from ledger_project.kernel.errors import InvalidAmount, InvalidRequest
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("shop", "cafe")
    return ledger


def test_a_session_key_says_what_it_allows(books: Ledger) -> None:
    answer = books.answer(
        "issue_session_key",
        account="alice",
        max_per_spend=10,
        max_per_day="20",
        max_total=50,
        allowed_receivers=["shop", "cafe"],
        expires_in=3600,
    )

    key = answer["session_key"]
    stored = SessionKey.objects.get(tenant=books.tenant)
    assert key["id"] == str(stored)
    assert (key["max_per_spend"], key["max_per_day"], key["max_total"]) == ("10", "20", "50")
    assert len(key["allowed_receivers"]) == 2
    assert (key["spent_total"], key["spent_day"], key["revoked_at"]) == ("0", "0", None)
    assert clock.read(key["expires_at"]) - clock.read(key["created_at"]) == timedelta(hours=1)
    assert stored.allowed_receivers == key["allowed_receivers"]
    assert books.tail() == ["session_key.issued"]
    assert answer["entry"] is None


def test_a_key_without_caps_only_names_who_spends(books: Ledger) -> None:
    key = books.answer("issue_session_key", account="alice")["session_key"]

    caps = ("max_per_spend", "max_per_day", "max_total", "allowed_receivers", "expires_at")
    assert [key[cap] for cap in caps] == [None] * 5


def test_amounts_of_38_digits_are_kept(books: Ledger) -> None:
    most = "9" * 38

    books.run("issue_session_key", account="alice", max_total=most)

    assert SessionKey.objects.get(tenant=books.tenant).max_total == int(most)


@pytest.mark.parametrize(
    ("refusal", "arguments"),
    [
        (AccountNotFound, {"account": "nobody"}),
        (AccountClosed, {"account": "gone"}),
        (AccountNotFound, {"account": "alice", "allowed_receivers": ["shop", "nobody"]}),
        (InvalidRequest, {"account": "alice", "allowed_receivers": []}),
        (InvalidRequest, {"account": "alice", "expires_in": 0}),
        (InvalidAmount, {"account": "alice", "max_total": 0}),
        (InvalidAmount, {"account": "alice", "max_per_day": 1.5}),
    ],
)
def test_refusals_issue_nothing(books: Ledger, refusal, arguments) -> None:
    books.open("gone")
    books.run("close_account", account="gone")
    before = books.size()

    with pytest.raises(refusal):
        books.run("issue_session_key", **arguments)

    assert books.size() == before
    assert not SessionKey.objects.filter(tenant=books.tenant).exists()
