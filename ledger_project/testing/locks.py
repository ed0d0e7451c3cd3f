"""What the SQL of a migration does to tables that are big: whatever makes writers wait is found, in words."""

import re
from collections.abc import Iterable, Iterator

# Those that grow with every entry, account, hold, statement or delivery.
BIG = frozenset(
    {
        *("log_event", "log_leaf", "log_node", "log_checkpoint", "journal_entry", "journal_posting"),
        *("journal_promogrant", "journal_refundtotal", "journal_billingrecord", "journal_verifiedbalance"),
        *("journal_verifiedpoint", "journal_settledrange", "journal_issuedstatement", "journal_externalline"),
        *("journal_matchedline", "journal_matchedentry", "accounts_account", "accounts_balance", "accounts_sessionkey"),
        *("holds_hold", "holds_deposit", "holds_payout", "holds_paymentauthorization", "reserves_attestationleaf"),
        *("reserves_reservesnapshot", "webhooks_delivery", "webhooks_attempt"),
    }
)

_NO_SQL = "THIS OPERATION CANNOT BE WRITTEN AS SQL"
_NAME = r"(?:if\s+exists\s+)?(?:only\s+)?(?:public\.)?(\w+)"
_INDEX = re.compile(r"create\s+(?:unique\s+)?index\s+(?!concurrently)[^(]*?\bon\s+" + _NAME)
_ALTER = re.compile(r"alter\s+table\s+" + _NAME + r"(.*)", re.DOTALL)
_TRIGGER = re.compile(r"(?:create|drop)\s.*?\btrigger\b.*?\son\s+" + _NAME, re.DOTALL)
_ROWS = re.compile(r"(?:with\b.*?)?\b(?:update|delete\s+from|insert\s+into)\s+" + _NAME, re.DOTALL)
_WHOLE = re.compile(r"(?:truncate|lock|cluster|vacuum\s+full|reindex)\s+(?:table\s+)?(?!concurrently)" + _NAME)
_REFERENCES = re.compile(r"\breferences\s+" + _NAME)
_DROP_INDEX = re.compile(r"drop\s+index\s+(?!concurrently)")
_DEFAULT = re.compile(r"\bdefault\s+\(?(\w+)\(")
_SAME_FOR_ALL = {"now", "transaction_timestamp", "statement_timestamp", "cast", "coalesce"}

_REWRITES = re.compile(
    r"\btype\s|\bset\s+(?:un)?logged|\bset\s+tablespace|\bset\s+access\s+method|\bgenerated\b|serial\b"
)
_READS_ALL = re.compile(r"\bset\s+not\s+null|\bunique\b|\bprimary\s+key|\bexclude\b|\bcheck\b|\breferences\b")
_LATER = re.compile(r"\bnot\s+valid\b|\busing\s+index\b")


def findings(collected: Iterable[str]) -> list[str]:
    """What is wrong with statements as `sqlmigrate` shows them."""
    found: list[str] = []
    brief = False
    scripts = list(collected)
    # A constraint that is changed is dropped by its name alone, and made again on its table.
    made = [each for script in scripts for each in _statements(script) if each.startswith("create")]
    small = {name for each in made if not _is_big(_INDEX.match(each)) for name in _names(each)}
    for script in scripts:
        if _NO_SQL in script:
            found.append("is no SQL, so nobody can say what it locks")
        for statement in _statements(script):
            if statement.startswith("set local lock_timeout"):
                brief = True
            elif statement.startswith("commit"):
                brief = False
            if statement.startswith("drop index") and _names(statement) & small:
                continue
            found += [f"{wrong}: {' '.join(statement.split())[:120]}" for wrong in _judge(statement, brief=brief)]
    return found


def _names(statement: str) -> set[str]:
    """The index that a statement makes or drops."""
    found = re.match(r"(?:create\s+(?:unique\s+)?|drop\s+)index\s+" + _NAME, statement)
    return {found.group(1)} if found else set()


def _statements(script: str) -> Iterator[str]:
    """One by one, in small letters, without comments, strings, quotes, and bodies of functions."""
    script = re.sub(r"--[^\n]*", "", script.lower())
    for body in re.findall(r"\bdo\s+(\$\w*\$.*?\$\w*\$)", script, re.DOTALL):
        yield from _statements(body.replace("$", " ").replace("begin", ";").replace("then", ";"))
    script = re.sub(r"(\$\w*\$).*?\1", "", script, flags=re.DOTALL)
    script = re.sub(r"'[^']*'", "''", script).replace('"', "")
    yield from (each.strip() for each in script.split(";") if each.strip())


def _judge(statement: str, *, brief: bool) -> Iterator[str]:
    if _is_big(_INDEX.match(statement)):
        yield "an index without CONCURRENTLY keeps writers out while it is built"
    if _DROP_INDEX.match(statement):
        yield "an index dropped without CONCURRENTLY takes its table's lock"
    if _is_big(_ROWS.match(statement)):
        yield "rows of a big table are written in one statement"
    if _is_big(_WHOLE.match(statement)):
        yield "a big table is taken whole"
    altered = _ALTER.match(statement)
    if altered and _is_big(altered):
        what = altered.group(2)
        default = _DEFAULT.search(what)
        if _REWRITES.search(what) or (default and default.group(1) not in _SAME_FOR_ALL):
            yield "every row is written anew under the table's lock"
        elif _READS_ALL.search(what) and not _LATER.search(what):
            yield "every row is read under the table's lock"
        elif not brief and "validate constraint" not in what:
            yield "the table's lock is not waited for briefly"
    elif not brief and (_is_big(_TRIGGER.match(statement)) or _is_big(_REFERENCES.search(statement))):
        yield "the table's lock is not waited for briefly"


def _is_big(match: "re.Match[str] | None") -> bool:
    return match is not None and match.group(1) in BIG
