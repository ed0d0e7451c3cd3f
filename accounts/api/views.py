"""API keys over HTTP: the one command whose answer holds what the log must not."""

from typing import Any

from accounts.credentials import NewKey
from ledger_project.kernel.errors import Forbidden
from ledger_project.log.command import Command
from ledger_project.log.executor import Done
from ledger_project.web.authentication import Principal
from ledger_project.web.commands import CommandView
from ledger_project.web.permissions import covers


class IssueApiKey(CommandView):
    """Makes the secret, gives the command its hash, and shows it once: a replay answers with null in its place."""

    hidden = frozenset({"prefix", "digest"})

    def arguments(self, command: Command, body: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
        self.made = NewKey.make()
        given = super().arguments(command, body, named)
        return {**given, "prefix": self.made.prefix, "digest": self.made.digest}

    def authorize(self, principal: Principal, raw: dict[str, Any]) -> None:
        """Nobody hands out what they do not have. Refuses: Forbidden."""
        scopes = raw.get("scopes")
        for scope in scopes if isinstance(scopes, list) else ():
            if isinstance(scope, str) and not covers(principal.scopes, scope):
                raise Forbidden(scope=scope[:100], reason="a key cannot grant a scope that it lacks")

    def answer(self, done: Done) -> dict[str, Any]:
        shown = None if done.replayed or done.dry_run else self.made.token
        return {**super().answer(done), "secret": shown}
