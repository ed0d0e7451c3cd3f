"""What a ledger can be asked, written once for the blocking and for the awaiting client."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ledger_client.amounts import exact, minor_units, sent
from ledger_client.errors import AccountNotFoundError, decoded, error_of, header_of
from ledger_client.holds import Hold
from ledger_client.metering import Metered
from ledger_client.plans import TRIES, Listing, Plan, Request, exchange, operation

Document = dict[str, Any]


class Operations:
    """What a ledger can be asked. Amounts are integers in minor units of the account's currency."""

    url = ""
    tries = TRIES
    default_provider: str | None = None
    default_book: str | None = None
    auto_create = False

    # What everything else is made of

    def ask(self, request: Request) -> Plan[Any]:
        return exchange(request, self.tries, self.url)

    def order(
        self,
        name: str,
        /,
        *,
        idempotency_key: str | None = None,
        dry_run: bool = False,
        wait: bool = False,
        **arguments: Any,
    ) -> Plan[Document]:
        item = _item({"command": name, "idempotency_key": idempotency_key, "args": arguments})
        result = (yield from self._batch([item], atomic=False, dry_run=dry_run, wait=wait))[0]
        if "problem" in result:
            raise error_of(result["problem"], self.url)
        return {name: part for name, part in result.items() if name not in {"status", "replayed"}}

    def _batch(self, items: list[Document], *, atomic: bool, dry_run: bool, wait: bool = False) -> Plan[list[Document]]:
        body = {"atomic": atomic, "dry_run": dry_run, "commands": items}
        key = items[0]["idempotency_key"] if len(items) == 1 else None
        answer = yield from self.ask(Request("POST", "/v1/bulk", {"wait": "sealed"} if wait else {}, body, key))
        return [exact(result) for result in answer["results"]]

    def _read(self, path: str, **params: Any) -> Plan[Document]:
        given = {name: value for name, value in params.items() if value is not None}
        found: Document = exact((yield from self.ask(Request("GET", path, given))))
        return found

    @operation
    def command(self, name: str, /, **arguments: Any) -> Plan[Document]:
        """Any command of the ledger: `{"event", "entry", <what it made>, "balances"}`.

        Besides its arguments: `idempotency_key`; `dry_run=True` to be told without doing it; `wait=True` to be answered
        when the event is sealed into the log.
        """
        return (yield from self.order(name, **arguments))

    @operation
    def bulk(
        self, commands: Iterable[Mapping[str, Any]], *, atomic: bool = True, dry_run: bool = False
    ) -> Plan[list[Document]]:
        """Up to 1,000 of `{"command", "args", "idempotency_key"?}`, all or none; not `atomic`, each for itself.

        Results are in order; one that was refused is `{"status", "problem"}`.
        """
        return (yield from self._batch([_item(item) for item in commands], atomic=atomic, dry_run=dry_run))

    @operation
    def read(self, path: str, /, **places: str) -> Plan[Document]:
        """One resource by its address: `read("/v1/holds/{hold}", hold="hld_…")`."""
        named = {name: _quoted(place) for name, place in places.items()}
        return (yield from self._read(path.format_map(named)))

    # Accounts

    @operation
    def ensure_account(self, /, account: str, initial_balance: int = 0, **more: Any) -> Plan[Document]:
        """The account, opened with an initial balance if it is not there yet."""
        answer = yield from self.order("ensure_account", account=account, initial_balance=initial_balance, **more)
        return dict(answer["account"])

    create_account_if_missing = ensure_account

    @operation
    def create_account(
        self, /, name: str, initial_balance: int = 0, *, idempotency_key: str | None = None, **more: Any
    ) -> Plan[Document]:
        """A new account, with an initial balance or not at all. Refused: account_exists."""
        key = idempotency_key or _fresh()
        items = [{"command": "open_account", "idempotency_key": f"{key}:open", "args": {"name": name, **more}}]
        if minor_units(initial_balance):
            args = {"account": name, "amount": initial_balance}
            items.append({"command": "mint", "idempotency_key": f"{key}:mint", "args": args})
        results = yield from self._batch([_item(item) for item in items], atomic=True, dry_run=False)
        balance = next(row for row in results[-1]["balances"] if row["name"] == name)
        return {**results[0]["account"], "balance": balance}

    @operation
    def account(self, account: str) -> Plan[Document]:
        """The account with its balance. Refused: AccountNotFoundError."""
        return (yield from self._read(f"/v1/accounts/{_quoted(account)}"))

    @operation
    def balance(self, account: str) -> Plan[Document]:
        """Every bucket: available, held, escrowed, bonded, fee_pool, promo, credit_limit, credit_used …"""
        return (yield from self._read(f"/v1/accounts/{_quoted(account)}/balance"))

    @operation
    def get_balance(self, account: str) -> Plan[int]:
        """What the account has available."""
        return int((yield from self._read(f"/v1/accounts/{_quoted(account)}/balance"))["available"])

    @operation
    def can_pay(self, account: str, amount: int) -> Plan[bool]:
        """Whether the account could pay now, its credit line included. Advice only: only `charge` or `hold` is sure."""
        minor_units(amount)
        try:
            found = yield from self._read(f"/v1/accounts/{_quoted(account)}")
        except AccountNotFoundError:
            return False
        balance = found["balance"]
        own = balance["available"] + balance["credit_limit"] - balance["credit_used"]
        return bool(found["status"] == "open" and (found["unbounded"] or own >= amount))

    require_balance = can_pay

    def list_accounts(self, *, limit: int | None = None, **filters: Any) -> Listing[Document]:
        """Accounts by name; filters: prefix, type, currency, status."""
        return Listing(self, "/v1/accounts", filters, limit, exact)

    # Payments

    @operation
    def charge(
        self, /, payer_id: str, receiver_id: str | None = None, amount: int = 0, job_id: str | None = None, **more: Any
    ) -> Plan[Document]:
        """Pay for a job: the transfer. Charged again for the same job, it is the same transfer.

        Refused: PaymentRequiredError, AccountNotFoundError; idempotency_key_reused where the job was charged otherwise.
        """
        receiver = receiver_id or self.default_provider
        if receiver is None:
            raise TypeError("charge needs a receiver_id, or the client a default_provider_account")
        if self.auto_create:
            for name in (payer_id, receiver):
                yield from self.order("ensure_account", account=name)
        return (yield from self._transfer(payer_id, receiver, amount, job_id=job_id, **more))

    @operation
    def transfer(
        self, /, from_account: str, to_account: str, amount: int, *, job_id: str | None = None, **more: Any
    ) -> Plan[Document]:
        """Move money: `{"id", "timestamp", "from_account", "to_account", "amount", "job_id", "note", …}`."""
        return (yield from self._transfer(from_account, to_account, amount, job_id=job_id, **more))

    def _transfer(self, payer: str, receiver: str, amount: int, **more: Any) -> Plan[Document]:
        answer = yield from self.order("transfer", from_account=payer, to_account=receiver, amount=amount, **more)
        return transfer_of(answer["entry"])

    def transfers(self, account: str | None = None, *, limit: int | None = None, **filters: Any) -> Listing[Document]:
        """Transfers, newest first; filters: job_id, reference, to, and `from` in a dict."""
        return Listing(
            self, "/v1/transfers", {"account": account, **filters}, limit, lambda entry: transfer_of(exact(entry))
        )

    history = transfers

    @operation
    def get_transfers(self, account_id: str | None = None, limit: int = 100) -> Plan[list[Document]]:
        """The latest transfers as a list."""
        return (yield from self.transfers(account_id, limit=limit).collect())

    def entries(self, account: str | None = None, *, limit: int | None = None, **filters: Any) -> Listing[Document]:
        """Entries with their postings, newest first; filters as of `GET /v1/entries`."""
        return Listing(self, "/v1/entries", {"account": account, **filters}, limit, exact)

    def listing(self, path: str, *, limit: int | None = None, **filters: Any) -> Listing[Document]:
        """Any other list: `/v1/holds`, `/v1/events` …"""
        return Listing(self, path, filters, limit, exact)

    @operation
    def credit(self, /, account: str, amount: int, reason: str | None = None, **more: Any) -> Plan[Document]:
        """Issue new money into an account: a mint."""
        if reason is not None:
            more["metadata"] = {**(more.get("metadata") or {}), "reason": reason}
        return (yield from self.order("mint", account=account, amount=amount, **more))

    @operation
    def spend(self, /, account: str, amount: int, **more: Any) -> Plan[Document]:
        """Pay `to_account`, or the platform, within the budget of a `session_key`."""
        return (yield from self.order("spend", account=account, amount=amount, **more))

    @operation
    def refund(self, /, entry: str, amount: int | None = None, **more: Any) -> Plan[Document]:
        """Give back what an entry paid, whole or in part, never more than it was."""
        return (yield from self.order("refund", entry=entry, amount=amount, **more))

    @operation
    def deposit(self, /, account: str, amount: int, source: str, external_ref: str, **more: Any) -> Plan[Document]:
        """Money that came in from outside, once per source and reference. Refused: duplicate_deposit."""
        told: Document = {"account": account, "amount": amount, "source": source, "external_ref": external_ref}
        return (yield from self.order("record_deposit", **told, **more))

    @operation
    def withdraw(self, /, account: str, amount: int, destination: str, **more: Any) -> Plan[Document]:
        """Ask for an account's own money to be paid out; it is held until it is confirmed or has failed."""
        told: Document = {"account": account, "amount": amount, "destination": destination}
        return (yield from self.order("request_withdrawal", **told, **more))

    # Holds

    @operation
    def hold(self, /, payer: str, max_amount: int, **more: Any) -> Plan[Hold]:
        """Set money aside before the work: a `Hold`, which is a context manager."""
        answer = yield from self.order("place_hold", account=payer, amount=max_amount, **more)
        return Hold(self, answer["hold"])

    authorize = hold

    @operation
    def capture_hold(self, /, hold: str, amount: int | None = None, **more: Any) -> Plan[Document]:
        """Pay held money: all that is left, or `amount` of it and the rest goes back."""
        return (yield from self.order("capture_hold", hold=hold, amount=amount, **more))

    @operation
    def release_hold(self, /, hold: str, amount: int | None = None, **more: Any) -> Plan[Document]:
        """Give held money back: all that is left, or `amount` of it."""
        return (yield from self.order("release_hold", hold=hold, amount=amount, **more))

    # Usage

    @operation
    def usage(
        self,
        /,
        account: str,
        model: str,
        metrics: Mapping[str, int],
        *,
        book: str | None = None,
        request_id: str | None = None,
        **more: Any,
    ) -> Plan[Document]:
        """Record what a request used, and charge it: `{"usage", "entry", "balances", …}`.

        `request_id` is yours, once for ever; recorded again, it is the same charge. Refused: PaymentRequiredError,
        `budget_exceeded`, `unpriced_metric`, and `usage_differs` where the id was recorded otherwise.
        """
        told: Document = {"account": account, "book": self._book(book), "model": model, "metrics": dict(metrics)}
        return (yield from self.order("record_usage", **told, request_id=request_id or _fresh(), **more))

    @operation
    def quote(
        self, /, account: str, model: str, metrics: Mapping[str, int], *, book: str | None = None, at: str | None = None
    ) -> Plan[Document]:
        """What usage would cost now, at which rates, and at most; nothing is recorded."""
        told = {"account": account, "book": self._book(book), "model": model, "metrics": dict(metrics), "at": at}
        body = {name: value for name, value in told.items() if value is not None}
        return dict(exact((yield from self.ask(Request("POST", "/v1/usage/quote", {}, body)))))

    @operation
    def metered(
        self,
        /,
        account: str,
        model: str,
        *,
        book: str | None = None,
        max_input: int | None = None,
        max_output: int | None = None,
        maximum: Mapping[str, int] | None = None,
        **more: Any,
    ) -> Plan[Metered]:
        """Set the most that a request can cost aside: a `Metered`, which is a context manager.

        `max_input` and `max_output` are tokens, `maximum` other metrics. `session_key`, `expires_in`, `request_id`: as
        of `authorize_usage`. Refused: PaymentRequiredError, `budget_exceeded`.
        """
        metrics = dict(maximum or {})
        metrics |= {"input_tokens": max_input} if max_input is not None else {}
        metrics |= {"output_tokens": max_output} if max_output is not None else {}
        asked: Document = {"account": account, "book": self._book(book), "model": model, "metrics": metrics, **more}
        answer = yield from self.order("authorize_usage", **asked)
        return Metered(self, asked, answer)

    @operation
    def bill(self, /, account: str, period: str | None = None) -> Plan[Document]:
        """What an account used in a period (`2026-11`), what it cost, and how it was paid."""
        return (yield from self._read(f"/v1/accounts/{_quoted(account)}/bill", period=period))

    def _book(self, book: str | None) -> str:
        named = book or self.default_book
        if named is None:
            raise TypeError("usage needs a book, or the client a default_book")
        return named

    # x402: see `ledger_client.till` for the side that is paid

    @operation
    def pay(self, /, required: str | Mapping[str, Any], **more: Any) -> Plan[str]:
        """Authorise what a 402 asks for: its header PAYMENT-REQUIRED in, the header PAYMENT-SIGNATURE out.

        The key is one of the paying account, with the scope `x402.pay`. `session_key`, `payment_identifier`: as of
        `POST /x402/authorize`. Refused: PaymentRequiredError where the account has too little.
        """
        demand = decoded(required) if isinstance(required, str) else required
        words = {"sessionKey": more.get("session_key"), "paymentIdentifier": more.get("payment_identifier")}
        identifier = words["paymentIdentifier"] or f"pay_{uuid.uuid4().hex}"  # one payment, however often it is tried
        body = {"paymentRequirements": demand["accepts"][0], "resource": demand.get("resource"), **words}
        answer = yield from self.ask(Request("POST", "/x402/authorize", {}, {**body, "paymentIdentifier": identifier}))
        return header_of(answer)

    def payments(self, *, limit: int | None = None, **filters: Any) -> Listing[Document]:
        """Payments that the key's account authorised, newest first; filters: status, counterparty."""
        return Listing(self, "/x402/authorizations", filters, limit, exact)

    @operation
    def cancel_payment(self, nonce: str) -> Plan[Document]:
        """Take back a payment that was authorised, by its `nonce`. Refused: payment_claimed, payment_not_open."""
        request = Request("POST", f"/x402/authorizations/{_quoted(nonce)}/cancel", {}, {})
        return dict(exact((yield from self.ask(request))))

    # The log

    @operation
    def receipt(self, event: str) -> Plan[Document]:
        """The proof that an event is in the sealed log, as it is, for `ledger-verify receipt`."""
        return dict((yield from self.ask(Request("GET", f"/v1/events/{_quoted(event)}/receipt"))))


def transfer_of(entry: Document) -> Document:
    """A transfer's entry as one record. The payer's postings come first; what they sum to is what was paid."""
    first = entry["postings"][0]
    paid = sum(posting["amount"] for posting in entry["postings"] if posting["account"] == first["account"])
    return {
        "id": entry["id"],
        "event": entry["event"],
        "timestamp": entry["recorded_at"],
        "from_account": first["name"],
        "to_account": next(p["name"] for p in entry["postings"] if p["account"] != first["account"]),
        "amount": abs(paid),
        "currency": first["currency"],
        "job_id": entry["references"].get("job_id"),
        "note": entry["description"] or None,
        "references": entry["references"],
        "metadata": entry["metadata"],
    }


def key_of(command: str, arguments: Mapping[str, Any]) -> str:
    """The idempotency key where the caller gives none: a transfer for a job is made once, all else is made anew."""
    if command == "transfer" and arguments.get("job_id") is not None:
        parties = [arguments.get("from_account"), arguments.get("to_account"), arguments["job_id"]]
        return "job:" + hashlib.sha256(json.dumps(parties).encode()).hexdigest()
    return _fresh()


def _fresh() -> str:
    return str(uuid.uuid4())


def _item(item: Mapping[str, Any]) -> Document:
    """One command of a batch; its key is chosen here, before the first try."""
    arguments = sent(dict(item.get("args") or {}))
    key = item.get("idempotency_key") or key_of(item["command"], arguments)
    return {"command": item["command"], "idempotency_key": key, "args": arguments}


def _quoted(ref: str) -> str:
    return quote(ref, safe="")
