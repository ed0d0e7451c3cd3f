"""Everybody asks for the proof that they are counted, and a ledger that lies is found out by whom it lies about.

Proofs come over HTTP and are checked by the offline verifier's own code, against what each account is known to be owed.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from ledger_client import verify
from ledger_client.verify import Failure

from ledger_project.log.executor import Done
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from reserves import attestation, loading
from reserves.attestation import Owed
from reserves.models import Attestation

BATCH = 500


def amount(number: int) -> int:
    """What an account is given: many small ones, some equal, a few of 20 digits."""
    return 10**19 + number if number % 1000 == 0 else number % 97 + 1


def populate(ledger: Ledger, count: int) -> dict[str, int]:
    """So many accounts with money; what each is owed, by name."""
    names = [f"agent-{number}" for number in range(count)]
    calls = [ledger.call("open_account", name=name) for name in names]
    calls += [ledger.call("mint", account=name, amount=amount(number)) for number, name in enumerate(names)]
    for start in range(0, len(calls), BATCH):
        done = ledger.execute(*calls[start : start + BATCH])
        assert all(isinstance(each, Done) for each in done)
    return {name: amount(number) for number, name in enumerate(names)}


def proofs(api: Api, names: list[str], made: Attestation) -> Iterator[dict[str, Any]]:
    for name in names:
        response = api.get(f"/attestation/reserve/proof/{name}?attestation={made}")
        assert response.status_code == 200, response.content
        yield response.json()


def counted(proof: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether the verifier believes that the document counts the account of the proof."""
    try:
        verify.require_counted(proof, document, hashlib.sha256(attestation.encode(document)).hexdigest())
    except Failure:
        return False
    return True


def everyone_is_counted(ledger: Ledger, made: Attestation, known: dict[str, int]) -> dict[str, dict[str, Any]]:
    """Each one's proof holds for what they are owed, each at a place of its own, and all add up to the total."""
    document = json.loads(made.document)
    given = dict(zip(known, proofs(Api(ledger, "read"), list(known), made), strict=True))
    assert {name: int(proof["balance"]) for name, proof in given.items()} == known
    assert all(counted(proof, document) for proof in given.values())
    assert {proof["leaf_index"] for proof in given.values()} == set(range(len(known)))
    assert document["liabilities"]["leaf_count"] == len(known)
    assert int(document["liabilities"]["total"]) == sum(known.values())
    return given


def lie(made: Attestation, owed: list[Owed]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """A document that counts these alone, without a figure that does not follow, and the proofs that fit it."""
    tree = attestation.tree_of(owed, str(made))
    document = json.loads(made.document)
    document["liabilities"] |= {
        "redeemable": str(tree.root.total), "total": str(tree.root.total), "leaf_count": tree.size,
        "sum_tree_root": tree.root.digest.hex(),
    }  # fmt: skip
    document["coverage_ratio"] = attestation.coverage(int(document["eligible_reserves_total"]), tree.root.total)
    verify.require_arithmetic(document)
    claimed = {}
    for each in owed:
        index = tree.index(each.leaf(str(made)))
        claimed[f"acc_{each.account.hex}"] = {
            "version": 1, "attestation": str(made), "account": f"acc_{each.account.hex}", "balance": str(each.total),
            "document_hash": hashlib.sha256(attestation.encode(document)).hexdigest(), "salt": each.salt.hex(),
            "leaf_index": index, "leaf_count": tree.size,
            "path": [{"digest": one.digest.hex(), "total": str(one.total)} for one in tree.path(index)],
        }  # fmt: skip
    return document, claimed


def owed_of(ledger: Ledger, made: Attestation) -> list[Owed]:
    return loading.liabilities(ledger.tenant, "CRD", made.checkpoint, loading.salts_of(made))
