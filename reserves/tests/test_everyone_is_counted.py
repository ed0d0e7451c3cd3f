"""Every account has its proof; one that is left out or counted for less finds out by its own, and nobody else does.

`make proofs` does the same with 10,000 accounts; PROOF_ACCOUNTS says how many.
"""

import os
from dataclasses import replace

from ledger_project.testing.ledger import Ledger
from reserves.tests.everyone import counted, everyone_is_counted, lie, owed_of, populate
from reserves.tests.story import attest

ACCOUNTS = int(os.environ.get("PROOF_ACCOUNTS", "150"))


def test_every_account_is_counted_and_a_lie_is_found_by_whom_it_is_about(ledger: Ledger) -> None:
    known = populate(ledger, ACCOUNTS)
    made = attest(ledger)
    given = everyone_is_counted(ledger, made, known)
    print(f"{len(given)} proofs over HTTP hold and add up to {sum(known.values())}")

    owed = owed_of(ledger, made)
    victim = owed[len(owed) // 2]
    name = f"acc_{victim.account.hex}"
    mine = next(proof for proof in given.values() if proof["account"] == name)

    without, claimed = lie(made, [each for each in owed if each is not victim])
    assert all(counted(proof, without) for proof in claimed.values())  # nobody else can know
    paths = ({**proof, "account": name, "balance": mine["balance"], "salt": mine["salt"]} for proof in claimed.values())
    assert not any(counted(proof, without) for proof in (mine, *paths))
    print(f"without one account: {len(claimed)} believe it, and the one left out does not, whatever path it is shown")

    less = replace(victim, available=victim.available - 1)
    lowered, claimed = lie(made, [less if each is victim else each for each in owed])
    assert all(counted(proof, lowered) for account, proof in claimed.items() if account != name)
    assert not counted(claimed[name] | {"balance": mine["balance"]}, lowered)
    assert not counted(mine, lowered)
    print(f"counted for 1 less: {len(claimed) - 1} believe it, and the holder, who knows what they are owed, does not")
