"""API keys over HTTP: the one command whose answer holds what the log must not."""

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers

from accounts.credentials import NewKey
from accounts.keys import ApiKeyStore
from accounts.models import ApiKey
from ledger_project.log.caller import Caller
from ledger_project.log.command import Command
from ledger_project.log.executor import Done
from ledger_project.web.api.commands import CommandView
from ledger_project.web.api.sight import Sight
from ledger_project.web.api.views import ListView

SECRET = {
    "type": ["string", "null"],
    "description": "The key to send, shown this once: null in a rehearsal and where the call was accepted before.",
}


class ApiKeySerializer(serializers.Serializer[ApiKey]):
    """An API key, without anything that could be used in its place."""

    id = serializers.CharField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The start of the key, and its name as an actor: `key:<prefix>`.")
    scopes = serializers.ListField(child=serializers.CharField())
    account = serializers.CharField(allow_null=True, help_text="The one account that the key is bound to.")
    lineage = serializers.ListField(
        child=serializers.CharField(), help_text="The keys above it, the root first; it ends when one of them does."
    )
    identity = serializers.CharField(help_text="The person or root key that answers for its calls.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: ApiKey) -> dict[str, Any]:
        return ApiKeyStore.columns.of(instance).document()


class KeysBelow(Sight):
    """A key sees itself and those that come from it."""

    says = "the key itself and those under it"

    def narrow(self, many: "QuerySet[ApiKey]", caller: Caller) -> "QuerySet[ApiKey]":
        return many.filter(Q(pk=caller.key) | Q(lineage__contains=[caller.key]))


class ApiKeyList(ListView):
    """The tenant's API keys, newest first, revoked ones included."""

    for_account_keys = KeysBelow()
    serializer_class = ApiKeySerializer

    def get_queryset(self) -> "QuerySet[ApiKey]":
        return ApiKey.objects.filter(tenant=self.tenant)


class IssueApiKey(CommandView):
    """Makes the secret, gives the command its hash, and shows it once: a replay answers with null in its place."""

    hidden = frozenset({"prefix", "digest"})

    def arguments(self, command: Command, body: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
        self.made = NewKey.make()
        given = super().arguments(command, body, named)
        return {**given, "prefix": self.made.prefix, "digest": self.made.digest}

    def answer(self, done: Done, caller: Caller) -> dict[str, Any]:
        shown = None if done.replayed or done.dry_run else self.made.token
        return {**super().answer(done, caller), "secret": shown}
