"""A caller of the HTTP API, for tests: a tenant, a key, and short words for requests."""

import itertools
import json
from typing import Any

from django.test import Client

from accounts.credentials import NewKey
from ledger_project.testing.ledger import Ledger


class Api:
    """One API key at work. Every call has a fresh Idempotency-Key unless it names one."""

    def __init__(self, ledger: Ledger, *scopes: str, **options: Any) -> None:
        self.ledger = ledger
        made = NewKey.make()
        done = ledger.run(
            "issue_api_key",
            name="test",
            scopes=list(scopes or ("*",)),
            prefix=made.prefix,
            digest=made.digest,
            **options,
        )
        self.id: str = done.document["result"]["api_key"]["id"]
        self.prefix, self.token = made.prefix, made.token
        self.client = Client(raise_request_exception=False)
        self._keys = (f"api-{made.prefix}-{n}" for n in itertools.count())

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers={"Authorization": f"Bearer {self.token}", **headers})

    def post(self, path: str, body: Any = None, *, key: str | None = "", method: str = "POST", **headers: str) -> Any:
        """`body` is sent as JSON, or as it is where it is bytes; `key=None` sends no Idempotency-Key."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        given = {"Authorization": f"Bearer {self.token}"}
        if key is not None:
            given["Idempotency-Key"] = key or next(self._keys)
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method, path, sent, content_type=given.pop("Content-Type", "application/json"), headers=given
        )


def refused(response: Any, status: int, code: str) -> dict[str, Any]:
    """The problem that a request was answered with, which is what was expected."""
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert response["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"/errors/{code}"
    assert problem["status"] == status
    assert problem["request_id"] == response["X-Request-ID"]
    return problem
