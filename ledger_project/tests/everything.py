"""Books with a row in every table, made by commands and by the workers that act on them: for tests about all tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.budgets import alerting
from holds.models import TopUpRequest
from holds.payouts import take_on
from holds.topups import asking
from journal import promo_expiry
from journal.external.tests.story import Bank
from journal.monitors import watching
from journal.statements import issuing
from journal.tests.odd import odd_accounts
from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.log.each import Each
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import fanout, sender
from reserves.tests import story as reserves

BEFORE = datetime(2026, 8, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


def everything() -> Ledger:
    """A tenant that has done everything once, sealed in several steps."""
    with clock.stopped(BEFORE):
        ledger = Ledger()
        bank = Bank(ledger)
        ledger.run("mint", account="alice", amount=1000)
    ledger.open("bob", "shop", metadata={"team": "blue"})
    odd_accounts(ledger)
    _keys(ledger)
    _telling(ledger)
    _moving(ledger)
    sealing.seal()
    _promising(ledger)
    _outside(bank)
    _recording(ledger)
    sealing.seal()
    issuing.issue_due(clock.now(), ledger.tenant)
    reserves.register(ledger, currency="CRD", metadata={"vault": "a"})
    reserves.register(ledger, "gold", currency="CRD", unit="XAU")
    reserves.record(ledger, evidence_hash="a" * 64)
    price = {"num": 7, "den": 2, "provenance": "an exchange", "taken_at": None, "evidence_hash": "b" * 64}
    reserves.record(ledger, "gold", 3, price=price)
    ledger.run("update_reserve_asset", asset="bank", haircut_bps=100, is_eligible=True)
    reserves.attest(ledger, "CRD")
    _work(ledger)
    return ledger


def made(ledger: Ledger, command: str, noun: str, **arguments: Any) -> str:
    """Run a command; the id of what it made."""
    return str(ledger.answer(command, **arguments)[noun]["id"])


def _keys(ledger: Ledger) -> None:
    issued = {"prefix": "0" * 12, "scopes": ["journal.*"], "account": "alice", "expires_in": 3600}
    ledger.run("issue_api_key", name="a machine", digest="1" * 64, **issued)
    revoked = made(ledger, "issue_api_key", "api_key", name="an old machine", digest="2" * 64, **issued)
    ledger.run("revoke_api_key", api_key=revoked)
    caps = {"max_per_spend": 50, "max_per_day": 80, "max_total": 100, "allowed_receivers": ["shop"]}
    key = made(ledger, "issue_session_key", "session_key", account="alice", expires_in=3600, **caps)
    paid = made(ledger, "spend", "entry", account="alice", to_account="shop", amount=30, session_key=key)
    ledger.run("refund", entry=paid, amount=5)
    ledger.run("set_budget", name="blue", account_prefix="b", window="day", limit=10**6, currency="CRD")
    ledger.run("set_budget", name="alice", account="alice", window="total", limit=100, mode="soft", parent="blue")
    hold = made(ledger, "place_hold", "hold", account="alice", amount=20, session_key=key, to_account="shop")
    ledger.run("revoke_session_key", session_key=key)
    ledger.run("capture_hold", hold=hold, amount=5, to_account="shop")
    ledger.run("set_budget", name="gone", account="shop", window="hour", limit=5)
    ledger.run("end_budget", budget="gone")
    alerting.alert_due()
    rates = [{"model": "m", "metric": "requests", "tiers": [{"up_to": 2, "price": "1.5"}, {"price": "1"}]}]
    ledger.run("publish_prices", book="llm", rates=rates, currency="CRD", markup_bps=100)
    for n in range(3):
        used = {"book": "llm", "model": "m", "metrics": {"requests": 1}, "request_id": f"r{n}"}
        ledger.run("record_usage", account="alice", source="eu", metadata={"job": "j"}, **used)
    several = {"account": "alice", "book": "llm", "model": "m", "metrics": {"requests": 4}}
    hold = made(ledger, "authorize_usage", "hold", to_account="shop", **several)
    more = made(ledger, "record_usage", "usage", hold=hold, request_id="more", **several)
    less = made(ledger, "correct_usage", "usage", usage=more, metrics={"requests": 3}, reason="counted twice")
    ledger.run("correct_usage", usage=less, metrics={"requests": 5})
    ledger.run("open_account", name="small", currency="CRD")
    ledger.run("transfer", from_account="alice", to_account="small", amount=6)
    several |= {"account": "small"}
    hold = made(ledger, "authorize_usage", "hold", **several)
    owed = made(ledger, "record_usage", "usage", hold=hold, request_id="owed", **several | {"metrics": {"requests": 7}})
    ledger.run("transfer", from_account="alice", to_account="small", amount=5)
    ledger.run("collect_uncovered", usage=owed, amount=1)


def _telling(ledger: Ledger) -> None:
    hook = made(ledger, "register_webhook", "webhook", url="https://receiver.example/", types=["transfer.*"])
    ledger.run("rotate_webhook_secret", webhook=hook)
    ledger.run("update_webhook", webhook=hook, description="our receiver")
    gone = made(ledger, "register_webhook", "webhook", url="https://gone.example/", types=["*"])
    ledger.run("delete_webhook", webhook=gone)
    ledger.run("register_monitor", account="alice", operator="lt", value=900)
    ledger.run("register_monitor", account="bank", operator="gt", value=10**6)
    unwatched = made(ledger, "register_monitor", "monitor", account="bob", operator="gt", value=5)
    ledger.run("delete_monitor", monitor=unwatched)


def _moving(ledger: Ledger) -> None:
    entry = made(ledger, "transfer", "entry", from_account="alice", to_account="bob", amount=50, job_id="job-1")
    ledger.run("transfer", from_account="alice", to_account="bob", amount=120, metadata={"for": "books"})
    ledger.run("reverse_entry", entry=entry, reason="a mistake")
    ledger.run("set_credit_limit", account="poor", credit_limit=40)
    ledger.run("draw_credit", account="poor", amount=10)
    ledger.run("charge_fee", account="bob", amount=2)
    ledger.run("freeze_account", account="shop")
    ledger.run("unfreeze_account", account="shop")
    ledger.run("promo_mint", account="bob", amount=20, expires_in=3600)
    ledger.run("promo_mint", account="bob", amount=10)
    bought = made(ledger, "spend", "entry", account="bob", to_account="shop", amount=8, use_promo=True)
    ledger.run("refund", entry=bought, amount=3)
    ledger.run("promo_burn", account="bob", amount=4)
    _topping_up(ledger)
    ledger.run("grant", account="bob", amount=9, kind="paid", priority=1, models=["m"], expires_in=3600)
    void = made(ledger, "grant", "promo_grant", account="bob", amount=7, starts_at="2026-01-01T00:00:00Z")
    kept = made(ledger, "place_hold", "hold", account="bob", amount=3, expires_in=86400)
    ledger.run("void_grant", grant=void)
    ledger.run("release_hold", hold=kept)
    rolled = made(ledger, "grant", "promo_grant", account="bob", amount=7, expires_in=3600)
    ledger.run("roll_over_grant", grant=rolled, at_most=5, expires_in=1800)
    with clock.moved(2 * HOUR):
        promo_expiry.expire_due()
    # So many that the log has a subtree of its own.
    back = [ledger.call("transfer", from_account="bob", to_account="alice", amount=1) for _ in range(100)]
    forth = [ledger.call("transfer", from_account="alice", to_account="bob", amount=1) for _ in range(100)]
    ledger.execute(*forth, *back)


def _topping_up(ledger: Ledger) -> None:
    asks = {"below": 50, "to": 90, "cooldown": 0, "expires_in": 60, "at_most_per_month": 500}
    ledger.run("set_topup", account="poor", url="https://pay.example/", **asks)

    def asked() -> str:
        asking.ask_due()
        return str(TopUpRequest.objects.get(tenant=ledger.tenant, status="open"))

    ledger.run("fail_topup", topup=asked(), reason="declined")
    asked()
    with clock.moved(HOUR):  # its time is over, and there is another one
        answered = asked()
    ledger.run("record_deposit", account="poor", amount=60, source="stripe", external_ref="pi_1", topup=answered)
    ledger.run("set_topup", account="bob", below=1, amount=5)
    ledger.run("end_topup", account="bob")


def _promising(ledger: Ledger) -> None:
    hold = made(ledger, "place_hold", "hold", account="alice", to_account="shop", amount=20, references={"job": "7"})
    ledger.run("capture_hold", hold=hold, amount=5, order_id="o-1", final=False)
    ledger.run("place_hold", account="alice", amount=4, allow_overcapture=True, reason="a taxi")
    ledger.run("place_hold", account="bank", amount=1)
    escrow = made(
        ledger, "lock_escrow", "escrow", buyer="alice", seller="shop", amount=6, reference="e-1", expires_in=9
    )
    ledger.run("dispute_escrow", escrow=escrow, reason="broken")
    stake = made(ledger, "lock_stake", "stake", account="alice", amount=9, trial="t-1")
    ledger.run("slash_stake", stake=stake, amount=2)
    ledger.run("set_agent_currency", currency="CRD")
    payment = {"account": "alice", "to_account": "shop", "amount": 5, "scheme": "exact", "expires_in": 60}
    ledger.run("authorize_payment", nonce="pay_0123456789abcdef", **payment)
    ledger.run("record_deposit", account="bob", amount=40, source="base", external_ref=f"0x{'fe' * 32}")
    late = {"account": "bob", "amount": 7, "source": "base", "external_ref": "0xbeef", "confirmed": False}
    deposit = made(ledger, "record_deposit", "deposit", **late)
    ledger.run("fail_deposit", deposit=deposit, reason="never came")
    ledger.run("request_withdrawal", account="bob", amount=11, destination="0x" + "a" * 40)
    take_on()


def _outside(bank: Bank) -> None:
    bank.book(30, reference="r-1")
    bank.book(40, day=2)
    bank.book(7, day=3)
    bank.book(90, day=20)
    statement = bank.say(
        "1,30,r-1,a payment", "2,40,,another", "3,-2,,a fee", "4,5,,gift", "5,7,,found", "9,1,,rounding"
    )
    bank.match(statement, days=2)
    items = {"external_statement": statement, "reason": "a person looked"}
    match = made(bank.ledger, "resolve_external_items", "external_match", lines=[4], **items)
    bank.ledger.run("undo_external_match", external_match=match, reason="looked again")
    bank.ledger.run("resolve_external_items", lines=[4], **items)
    bank.approve(bank.propose(statement, line=3))
    bank.ledger.run("reject_adjustment", adjustment=bank.propose(statement, line=6), reason="it is nothing")
    bank.propose(statement, line=6)


def _recording(ledger: Ledger) -> None:
    paid = {"customer_id": "c-1", "amount": 100, "currency": "CRD"}
    ledger.run("record_payment", payment_intent_id="pi-1", fees=3, **paid)
    ledger.run("record_refund", refund_id="re-1", payment_intent_id="pi-1", **paid | {"amount": 10})
    ledger.run("record_dispute", dispute_id="d-1", **paid | {"amount": 5})
    ledger.run("open_clearing_account", domain="eu", currency="CRD")
    ledger.run("spend", account="alice", to_account="clearing:eu", amount=8)
    ledger.run("settle_batch", netting_batch_id="net-1", window={"to": clock.stamp(clock.now() + 3 * HOUR)})


def _work(ledger: Ledger) -> None:
    """What workers do once all of it is sealed."""
    sealing.seal()
    watching.watch()
    fanout.spread(Each("fan_out"))
    sender.deliver()
    ledger.run("request_reconciliation", reason="a test")
    sealing.seal()
