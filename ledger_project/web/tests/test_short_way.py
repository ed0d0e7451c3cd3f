"""Under /v1/ requests skip the middleware of pages, and lose nothing by it."""

import pytest
from django.test import Client

from ledger_project.testing.api import Api


@pytest.mark.parametrize("call", ["GET /v1/api-keys", "POST /v1/mints", "GET /v1/nothing"])
def test_replies_are_whole(api: Api, call: str) -> None:
    method, address = call.split()
    response = api.post(address, {}, method=method)

    assert int(response["Content-Length"]) == len(response.content)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert len(response["X-Request-ID"]) == 32
    assert "Set-Cookie" not in response
    assert "Cookie" not in response.get("Vary", "")


def test_a_head_has_the_length_and_not_the_body(api: Api) -> None:
    response = api.post("/v1/api-keys", method="HEAD")

    assert response.status_code == 200
    assert int(response["Content-Length"]) > 0
    assert response.content == b""


def test_every_reply_to_a_key_says_what_is_left_of_its_limit(api: Api) -> None:
    for response in (api.get("/v1/api-keys"), api.post("/v1/mints", {}), api.get("/v1/api-keys?limit=x")):
        assert {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} <= response.headers.keys()


def test_pages_keep_their_middleware() -> None:
    response = Client().get("/admin/login/")

    assert response["X-Frame-Options"] == "DENY"
    assert "csrftoken" in response.cookies
