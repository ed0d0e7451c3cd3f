"""`ledger` as people and scripts use it."""

import json

import pytest
from click.testing import CliRunner
from ledger_client.cli import ledger as cli
from ledger_client.verbs import READS, VERBS

pytestmark = pytest.mark.slow


@pytest.fixture
def shell(server, api, monkeypatch, tmp_path):
    """`shell("balance", "alice")`, with the ledger in the environment; amounts and words as they are typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEDGER_URL", server.url)
    monkeypatch.setenv("LEDGER_API_KEY", api.token)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words, code=0):
        result = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def ask(shell):
    """The same, and what it answers as JSON."""
    return lambda *words: json.loads(shell("-o", "json", *words).stdout)


@pytest.fixture
def alice(shell):
    shell("create-account", "alice", "--balance", 100)
    shell("create-account", "provider", "--balance", 0)
    return "alice"


def test_the_mesh_ledgers_own_walk_through(shell, ledger):
    shell("create-account", "alice", "--balance", 100)
    shell("create-account", "bob", "--balance", 50)
    shell("create-account", "provider", "--balance", 0)
    shell("transfer", "alice", "provider", 10, "--job-id", "job_123")
    shell("transfer", "bob", "provider", 5)
    shell("credit", "alice", 50, "--reason", "Initial grant")

    assert "140" in shell("balance", "alice").stdout
    accounts = shell("list-accounts").stdout
    assert all(name in accounts for name in ("alice", "bob", "provider"))
    history = shell("history", "--limit", 10).stdout
    assert history.index("bob") < history.index("alice")
    assert "job_123" in shell("history", "--account", "alice", "--limit", 5).stdout
    assert "bob" not in shell("history", "--account", "alice", "--limit", 5).stdout
    refused = shell("transfer", "alice", "provider", 1000, code=1)
    assert "insufficient_funds" in refused.stderr
    assert ledger.balance("provider") == {"available": 15}


def test_a_refusal_is_told_on_stderr_and_by_the_exit_code(shell, alice, ledger):
    before = ledger.size()

    table = shell("transfer", alice, "provider", 130, code=1)
    machine = shell("-o", "json", "transfer", alice, "provider", 130, code=1)

    assert table.stdout == ""
    assert "shortfall: 30" in table.stderr
    facts = json.loads(machine.stderr)
    assert (facts["code"], facts["required"], facts["available"], facts["shortfall"]) == (
        "insufficient_funds",
        130,
        100,
        30,
    )
    assert ledger.size() == before


@pytest.mark.parametrize(
    "words",
    [("transfer", "alice", "provider", "1.5"), ("transfer", "alice"), ("no-such-verb",), ("run", "transfer", "amount")],
)
def test_wrong_usage_is_two(shell, words):
    shell(*words, code=2)


def test_without_a_ledger_it_says_how_to_name_one(shell, monkeypatch):
    monkeypatch.delenv("LEDGER_URL")

    assert "LEDGER_URL" in shell("balance", "alice", code=2).stderr


def test_a_ledger_on_this_machine_is_found_by_its_file(shell, alice, server, api, monkeypatch, tmp_path):
    (tmp_path / "up.json").write_text(json.dumps({"url": server.url, "api_key": api.token}))
    monkeypatch.delenv("LEDGER_URL")
    monkeypatch.delenv("LEDGER_API_KEY")

    assert "100" in shell("--ledger", "up.json", "balance", alice).stdout


def test_a_key_makes_a_call_once(shell, alice, ledger):
    for _ in range(2):
        shell("mint", alice, 5, "--idempotency-key", "mint-1")

    assert ledger.balance(alice) == {"available": 105}


def test_a_rehearsal_moves_nothing(ask, alice, ledger):
    assert ask("burn", alice, 5, "--dry-run")["dry_run"] is True
    assert ledger.balance(alice) == {"available": 100}


def test_a_hold_from_place_to_capture(ask, alice, ledger):
    hold = ask("hold", "place", alice, 80, "--to-account", "provider", "--references", "order=o=1")["hold"]
    ask("hold", "extend", hold["id"], 30 * 24 * 3600)
    ask("hold", "capture", hold["id"], "--amount", 30, "--no-final")
    ask("hold", "release", hold["id"])

    assert hold["references"] == {"order": "o=1"}
    assert ledger.balance(alice) == {"available": 70}
    assert ledger.balance("provider") == {"available": 30}
    assert [one["id"] for one in ask("hold", "list", "--account", alice)] == [hold["id"]]


def test_an_escrow_from_lock_to_decision(ask, alice, ledger):
    escrow = ask("escrow", "lock", alice, "provider", 50, "order-1")["escrow"]["id"]
    ask("escrow", "release", escrow, "--amount", 10)
    ask("escrow", "refund", escrow, "--amount", 10)
    ask("escrow", "dispute", escrow, "not as described")
    ask("escrow", "resolve", escrow, 20, 10)

    assert ledger.balance(alice) == {"available": 70}
    assert ledger.balance("provider") == {"available": 30}


def test_stakes_are_locked_slashed_and_released(ask, alice, ledger):
    stake = ask("stake", "lock", alice, 50, "--trial", "trial-1")["stake"]["id"]
    ask("stake", "slash", stake, 10, "--burn")
    ask("stake", "release", stake)

    assert ledger.balance(alice) == {"available": 90}


def test_cash_comes_in_and_goes_out(ask, alice, ledger):
    ask("deposit", alice, 50, "chain", "0xabc")
    announced = ask("deposit", alice, 5, "chain", "0xdef", "--no-confirmed")["deposit"]["id"]
    ask("deposits", "confirm", announced)
    withdrawal = ask("withdraw", alice, 30, "0xalice")["withdrawal"]["id"]
    ask("withdrawals", "confirm", withdrawal, "0x123")

    assert ledger.balance(alice) == {"available": 125}


def test_spend_within_a_budget_and_refund(ask, alice, ledger):
    key = ask("session-key", "issue", alice, "--max-total", 40, "--allowed-receivers", "provider")["session_key"]["id"]
    paid = ask("spend", alice, 40, "--to-account", "provider", "--session-key", key)["entry"]["id"]
    ask("refund", paid, "--amount", 15)

    assert ledger.balance(alice) == {"available": 75}


def test_credit_lines_and_supply(ask, alice, ledger):
    ask("credit-limit", alice, 50)
    ask("credit-line", "draw", alice, 20)
    ask("credit-line", "repay", alice, 5)
    ask("burn", alice, 15)

    assert ledger.balance(alice) == {"available": 100, "credit_used": 15}


def test_entries_are_posted_and_reversed(ask, alice, ledger):
    posted = ask("entry", "post", "--posting", alice, "available", 10, "--posting", "provider", "available", -10)
    assert ledger.balance("provider") == {"available": 10}
    ask("entry", "reverse", posted["entry"]["id"], "--reason", "mistake")

    assert ledger.balance(alice) == {"available": 100}
    assert ask("entry", "show", posted["entry"]["id"])["id"] == posted["entry"]["id"]


def test_the_billing_engines_records(ask, ledger):
    ask("payment", "pi_1", "carol", 100, "CRD", "--fees", 3)
    ask("payment-refund", "re_1", "carol", 20, "CRD", "--payment-intent-id", "pi_1")
    ask("dispute", "dp_1", "carol", 5, "CRD")
    ask("account", "ensure", "merchant_settlement:shop", "--initial-balance", 40)
    ask("payout", "po_1", "shop", 40, "CRD")

    assert ledger.balance("customer_balance:carol") == {"available": 77}
    assert ledger.balance("platform:cash") == {"available": 35}


def test_clearing_accounts_are_settled(ask, alice, ledger):
    for domain, amount in (("a.example", 10), ("b.example", 4)):
        ask("clearing", "open", domain)
        ask("transfer", alice, f"clearing:{domain}", amount)

    settled = ask("settle", "batch-1", "--domains", "a.example", "--domains", "b.example")["settlement"]

    assert settled["netting_batch_id"] == "batch-1"
    assert ledger.balance("clearing:a.example") == {}


def test_every_command_can_be_run_by_its_name(ask, alice, ledger):
    ask("run", "transfer", "from_account=alice", "to_account=provider", "amount=10", 'metadata={"why": "because"}')

    assert ledger.balance("provider") == {"available": 10}


def test_names_that_look_like_markup_are_shown_as_they_are(shell):
    shell("create-account", "[bold]x")

    assert "[bold]x" in shell("list-accounts").stdout


@pytest.mark.parametrize("read", [read for read in READS if read.many], ids=lambda read: read.words)
def test_every_list_can_be_read(shell, alice, read):
    shell(*read.words.split(), "--limit", 5)


def test_every_verb_explains_itself():
    for words in [line.words for line in (*VERBS, *READS)]:
        assert CliRunner().invoke(cli, [*words.split(), "--help"]).exit_code == 0


def test_the_books_are_written_to_a_file_or_refused(shell, alice, tmp_path):
    shell("export", "hledger", "--file", tmp_path / "books.journal")

    assert 'liabilities:alice:available  0 "CRD" = -100 "CRD"' in (tmp_path / "books.journal").read_text()
    assert shell("export", "csv").stdout.startswith("entry,kind,effective_at,")
    assert "invalid_request" in shell("export", "csv", "--period", "2026-13", code=1).stderr
