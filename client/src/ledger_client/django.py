"""Paid views of Django and of Django REST framework."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from ledger_client.errors import LedgerError, PaymentRequiredError
from ledger_client.till import RESPONSE, SIGNATURE, Till

View = Callable[..., Any]
FAILED = 400


def requires_credits(
    price: int | Callable[[HttpRequest], int], *, till: Till | Callable[[], Till]
) -> Callable[[View], View]:
    """A view that is answered only when it was paid for: at most `price`, of minor units, or what the view says.

        @requires_credits(price=50, till=till)
        def scan(request):
            result = run(request)
            request.payment.cost = result.tokens
            return JsonResponse(result.document)

    Of all requests with one payment one reaches the view. A view that raises, or answers 400 or more, is not paid for.
    Methods of classes take it by Django's `method_decorator`. The answer is whole before it is paid for, so a streaming
    one is not for this.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def paid(request: Any, *args: Any, **named: Any) -> Any:
            try:
                return _answer(request, lambda: view(request, *args, **named))
            except PaymentRequiredError as unpaid:
                return respond(unpaid)

        return paid

    def _answer(request: Any, work: Callable[[], Any]) -> Any:
        where = till if isinstance(till, Till) else till()
        asked = price if isinstance(price, int) else price(request)
        payment = where.admit(request.headers.get(SIGNATURE), asked, request.build_absolute_uri())
        request.payment = payment
        try:
            response = work()
        except BaseException as error:
            _decline(payment, error)
            raise
        if response.status_code >= FAILED:
            response[RESPONSE] = payment.decline()
        else:
            response[RESPONSE] = payment.settle()
        return response

    return decorate


def respond(unpaid: PaymentRequiredError) -> HttpResponse:
    """The 402 of an exception, for views that raise it themselves."""
    body, status, headers = unpaid.to_response()
    return HttpResponse(json.dumps(body), status=status, headers=headers)


def _decline(payment: Any, error: BaseException) -> None:
    try:
        payment.decline()
    except LedgerError as refused:
        error.add_note(f"The payment was not given back, it ends by itself: {refused}")
