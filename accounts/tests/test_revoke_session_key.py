"""revoke_session_key: a budget is taken back for good."""

import pytest

from accounts.errors import SessionKeyNotFound, SessionKeyRevoked
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def key(ledger: Ledger) -> str:
    ledger.open("alice", funded=100)
    ledger.open("shop")
    return str(ledger.answer("issue_session_key", account="alice")["session_key"]["id"])


def test_a_revoked_key_spends_nothing_more(ledger: Ledger, key: str) -> None:
    ledger.run("spend", account="alice", to_account="shop", amount=3, session_key=key)

    answer = ledger.answer("revoke_session_key", session_key=key)

    assert answer["session_key"]["revoked_at"] == answer["event"]["recorded_at"]
    assert answer["session_key"]["spent_total"] == "3"
    assert ledger.tail() == ["session_key.revoked"]
    with pytest.raises(SessionKeyRevoked):
        ledger.run("spend", account="alice", to_account="shop", amount=3, session_key=key)
    assert ledger.balance("alice") == {"available": 97}


def test_a_spend_and_the_end_of_its_key_may_share_a_batch(ledger: Ledger, key: str) -> None:
    spend = {"account": "alice", "to_account": "shop", "amount": 3, "session_key": key}

    results = ledger.execute(
        ledger.call("spend", **spend), ledger.call("revoke_session_key", session_key=key), ledger.call("spend", **spend)
    )

    assert [isinstance(result, SessionKeyRevoked) for result in results] == [False, False, True]
    assert ledger.balance("shop") == {"available": 3}


def test_refusals(ledger: Ledger, key: str) -> None:
    ledger.run("revoke_session_key", session_key=key)
    before = ledger.size()

    with pytest.raises(SessionKeyRevoked):
        ledger.run("revoke_session_key", session_key=key)
    with pytest.raises(SessionKeyNotFound):
        ledger.run("revoke_session_key", session_key="ssk_" + "0" * 32)
    with pytest.raises(SessionKeyNotFound):
        Ledger().run("revoke_session_key", session_key=key)

    assert ledger.size() == before
