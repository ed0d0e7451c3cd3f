"""Refusals about webhooks and the event stream."""

from ledger_project.kernel.errors import NotFound, Refusal


class WebhookNotFound(NotFound):
    """There is no such webhook."""


class DeliveryNotFound(NotFound):
    """This webhook has no such delivery; replay from its log index instead, if it is older than the delivery log."""


class UnknownEventType(Refusal):
    """No command records events of this type; `*` is all of them, `hold.*` those that begin so."""


class TooManyWebhooks(Refusal):
    """A tenant has a limited number of webhooks; delete one first."""

    status = 409
    constraint = "too_many_webhooks"


class WebhookDisabled(Refusal):
    """The webhook is disabled: enable it first, and it goes on where it stopped."""

    status = 409


class TooManyStreams(Refusal):
    """This process serves as many event streams as it may; Retry-After says when to try again."""

    status = 429
