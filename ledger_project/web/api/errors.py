"""Refusals of the interface itself: what is wrong with a request before any command sees it."""

from ledger_project.kernel.errors import Refusal


class BadRequest(Refusal):
    """The request cannot be understood as it was sent."""

    status = 400


class MalformedJson(Refusal):
    """The body is JSON in UTF-8: one object, or what else this address takes."""

    status = 400


class NotAuthenticated(Refusal):
    """Send an API key that is known, not revoked and not expired: `Authorization: Bearer lk_…`."""

    status = 401


class MethodNotAllowed(Refusal):
    """This address does not take this method; the Allow header has those that it takes."""

    status = 405


class NotAcceptable(Refusal):
    """None of the forms that the Accept header asks for is served here."""

    status = 406


class LengthRequired(Refusal):
    """Send the body with a Content-Length instead of in chunks."""

    status = 411


class BodyTooLarge(Refusal):
    """The body is larger than one request may be."""

    status = 413


class UnsupportedMediaType(Refusal):
    """The body is sent in UTF-8 as application/json, or as what else this address takes."""

    status = 415


class RateLimited(Refusal):
    """This API key has made its requests of this minute; Retry-After has the seconds until the next."""

    status = 429


class BatchRefused(Refusal):
    """One command of an atomic batch was refused, so none was carried out; `index` and `problem` say which and why."""


class InternalError(Refusal):
    """This is our fault: it is logged under the request id. Ask or retry with the same idempotency key."""

    status = 500
