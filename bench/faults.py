"""How everybody else fares while something fails: rates before, during and after, over HTTP.

Callers of a tenant whose accounts are in order, callers of another tenant, readers and a health check go on at their
own pace; then something is held, frozen or stopped, often with a crowd that runs into it, and is let go again.
"""

import http.client
import json
import os
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg
from django.conf import settings

from bench.harness import chance
from bench.http import served
from ledger_project.log.executor import MAX_BATCH
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger

PACE = 0.01  # seconds between the calls of one caller
CALLERS = 6
ACCOUNTS = 3000
CROWD = 24
WAITERS = 100
PAUSE = 30.0  # seconds in which everything must be as before


@dataclass
class Group:
    """Callers of one kind: how often they were answered as hoped, and how long the slowest of each second waited."""

    name: str
    ask: Callable[[], tuple[str, str, dict[str, Any] | None]]  # method, path, body
    token: str
    callers: int = CALLERS
    pace: float = PACE
    done: list[tuple[float, float]] = field(default_factory=list)  # when, and how long it took
    told: list[tuple[float, str]] = field(default_factory=list)  # anything else

    def live(self, port: int, over: threading.Event) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=35)
        while not over.is_set():
            method, path, body = self.ask()
            began = time.monotonic()
            try:
                headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": uuid.uuid4().hex}
                if body is not None:
                    headers["Content-Type"] = "application/json"
                connection.request(method, path, json.dumps(body) if body is not None else None, headers)
                response = connection.getresponse()
                content = response.read()
                now = time.monotonic()
                if response.status in {200, 201}:
                    self.done.append((now, now - began))
                else:
                    self.told.append((now, str(json.loads(content)["code"])))
                    connection.close()  # which the server does with one that is silent for so long
                    over.wait(float(response.headers.get("Retry-After", 0)))
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.told.append((time.monotonic(), type(error).__name__))
                connection.close()
                over.wait(0.1)
            over.wait(self.pace)
        connection.close()

    def rate(self, start: float, end: float) -> float:
        return sum(start <= when < end for when, _ in self.done) / (end - start)

    def slowest(self, start: float, end: float, share: float) -> float:
        """A latency in milliseconds."""
        taken = sorted(took for when, took in self.done if start <= when < end)
        return taken[min(len(taken) - 1, int(len(taken) * share))] * 1000 if taken else float("nan")

    def codes(self, start: float, end: float) -> str:
        counted = Counter(code for when, code in self.told if start <= when < end)
        return ", ".join(f"{code} {count}" for code, count in counted.most_common(3))


@dataclass
class Fault:
    """Something that fails for a while, and who runs into it meanwhile."""

    name: str
    happens: Callable[[], AbstractContextManager[None]]
    crowd: Group | None = None


def _owner() -> psycopg.Connection[Any]:
    return psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True)


@contextmanager
def locked(ledger: Ledger, name: str) -> Iterator[None]:
    with closing(_owner()) as owner, owner.transaction():
        owner.execute(
            "SELECT FROM accounts_balance AS balance JOIN accounts_account AS account ON account.id = account_id"
            " WHERE account.tenant_id = %s AND name = %s FOR UPDATE OF balance",
            [ledger.tenant, name],
        )
        yield


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def hung() -> Iterator[None]:
    """A server process that has locked its rows and is stopped then; what PostgreSQL itself needs it does not hold."""
    with closing(_owner()) as owner:
        while True:
            found = owner.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'ledger_web' AND state = 'idle in transaction'"
            ).fetchone()
            if found is None:
                continue
            with stopped(found[0]):
                [state] = owner.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", found).fetchone() or [""]
                if state == "idle in transaction":
                    yield
                    return


def redis_frozen() -> AbstractContextManager[None]:
    servers = [
        process.pid
        for process in psutil.process_iter(["name"])
        if process.info["name"] in {"valkey-server", "redis-server"}
        and settings.LEDGER_HOME.name in " ".join([*process.cmdline(), process.cwd()])
    ]
    if not servers:
        raise SystemExit("no Redis of this run was found")
    return stopped(*servers)


@contextmanager
def read_only() -> Iterator[None]:
    with closing(_owner()) as owner:
        owner.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        owner.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        with closing(_owner()) as owner:
            owner.execute("SET default_transaction_read_only = off")
            owner.execute("ALTER SYSTEM RESET default_transaction_read_only")
            owner.execute("SELECT pg_reload_conf()")


def main(rounds: int, seconds: float) -> None:
    """`seconds` before and after each fault, and five times as many during it."""
    first, second = Ledger(), Ledger()
    names = [f"holder-{n}" for n in range(ACCOUNTS)]
    for ledger in (first, second):
        ledger.open("held", funded=10**9)
        for start in range(0, ACCOUNTS, MAX_BATCH):
            opening = [
                ledger.call("ensure_account", account=name, initial_balance=10**9)
                for name in names[start : start + MAX_BATCH]
            ]
            ledger.execute(*opening)
    keys = {ledger: Api(ledger).token for ledger in (first, second)}

    def pays(payer: str | None, query: str = "") -> Callable[[], tuple[str, str, dict[str, Any] | None]]:
        def ask() -> tuple[str, str, dict[str, Any] | None]:
            one, other = chance.sample(names, 2)
            return "POST", f"/v1/transfers{query}", {"from_account": payer or one, "to_account": other, "amount": "1"}

        return ask

    def crowd(payer: str | None, query: str, callers: int) -> Group:
        return Group("crowd", pays(payer, query), keys[first], callers)

    faults = [
        Fault("a row locked", lambda: locked(first, "held"), crowd("held", "", CROWD)),
        Fault("a server process hangs", hung),
        Fault("Redis frozen", redis_frozen),
        Fault("nobody seals, 100 wait", nullcontext, crowd(None, "?wait=sealed", WAITERS)),
        Fault("database read-only", read_only),
    ]
    for fault in faults:
        groups = [
            Group("same tenant", pays(None), keys[first]),
            Group("other tenant", pays(None), keys[second]),
            Group("readers", lambda: ("GET", "/v1/accounts/holder-0/balance", None), keys[second], 1),
            Group("/healthz", lambda: ("GET", "/healthz", None), "", 1),
        ]
        with served() as port:
            _try(fault, groups, port, seconds)


def _try(fault: Fault, groups: list[Group], port: int, seconds: float) -> None:
    over, calm = threading.Event(), threading.Event()
    threads = [threading.Thread(target=group.live, args=(port, over)) for group in groups for _ in range(group.callers)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    before = time.monotonic()
    time.sleep(seconds)
    began = time.monotonic()
    crowd = fault.crowd
    pushing = [threading.Thread(target=crowd.live, args=(port, calm)) for _ in range(crowd.callers)] if crowd else []
    with fault.happens():
        for thread in pushing:
            thread.start()
        time.sleep(5 * seconds)
        ended = time.monotonic()
        calm.set()
    # How long until everybody is at the old pace again.
    after = ended
    while time.monotonic() < ended + PAUSE:
        time.sleep(0.5)
        after = time.monotonic() - 1
        if all(group.rate(after, after + 1) >= 0.9 * group.rate(before, began) for group in groups):
            break
    time.sleep(seconds)
    last = time.monotonic()
    over.set()
    for thread in [*threads, *pushing]:
        thread.join()
    print(f"\n{fault.name}: {ended - began:.0f} s, all as before {max(0.0, after - ended):.1f} s after its end")
    print(f"{'':14}{'before':>9}{'during':>9}{'after':>9}{'ratio':>7}{'p99 ms':>17}{'slowest ms':>12}  told meanwhile")
    for group in groups:
        rates = [group.rate(*span) for span in ((before, began), (began, ended), (last - seconds, last))]
        tail = [group.slowest(*span, 0.99) for span in ((before, began), (began, ended))]
        worst = group.slowest(began, ended, 1)
        print(
            f"{group.name:14}{rates[0]:9.0f}{rates[1]:9.0f}{rates[2]:9.0f}{rates[1] / max(rates[0], 0.1):7.2f}"
            f"{tail[0]:8.0f} ->{tail[1]:6.0f}{worst:12.0f}  {group.codes(began, ended)}"
        )
    if crowd:
        rate, slowest = crowd.rate(began, ended), crowd.slowest(began, last, 1)
        print(f"{'crowd':14}{'':9}{rate:9.1f}{'':25} slowest {slowest:.0f} ms; {crowd.codes(began, last)}")
