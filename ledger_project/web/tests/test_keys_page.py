"""What views declare of the keys of one account, and the table that is made of it."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.views import APIView

from ledger_project.log.command import COMMANDS
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger
from ledger_project.web.api import keys_page
from ledger_project.web.api.commands import CommandView, LightView
from ledger_project.web.api.guarded import Guarded
from ledger_project.web.api.sight import Sight
from ledger_project.webhooks.stream import EventStreamView

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(("path", "view"), list(keys_page.addresses()), ids=[path for path, _ in keys_page.addresses()])
def test_whatever_is_behind_a_key_says_what_one_account_sees(path: str, view: Any) -> None:
    """Nothing under /v1/ or /x402/ is a function, and whoever lets such keys in has a base that keeps what it says."""
    is_view = isinstance(view, type) and issubclass(view, APIView)
    assert is_view or not path.startswith(("/v1/", "/x402/"))
    said = getattr(view, "for_account_keys", None)
    if said is not None:
        assert isinstance(said, Sight)
        light = issubclass(view, LightView) and "GET" in view().light_methods
        assert light or issubclass(view, Guarded)


# A repair is for the back office or a shell; a webhook is disabled by a PATCH of `enabled`.
BULK_ONLY = {"disable_webhook", "repair_balance"}


def test_every_command_of_callers_has_an_address() -> None:
    callers = {name for name, command in COMMANDS.items() if not command.internal}
    sent = {name for _, view in keys_page.views() if issubclass(view, CommandView) for name in view.commands.values()}
    missing = callers - sent - BULK_ONLY
    assert not missing, f"no address: add a path_of(...) line for {sorted(missing)} to the urls.py of its app"


def test_the_table_in_the_docs_is_what_the_code_declares() -> None:
    """Write it anew with `python manage.py describe_keys > docs/keys.md`."""
    assert (ROOT / "docs/keys.md").read_text("utf-8") == keys_page.page()


def test_a_view_of_the_short_way_that_says_nothing_is_the_tenants(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.open("alice")
    monkeypatch.delattr(EventStreamView, "for_account_keys")

    refused(Api(ledger, account="alice").get("/v1/events/stream"), 403, "forbidden")
    with_all = Api(ledger).get("/v1/events/stream")
    assert with_all.status_code == 200
    with_all.close()
