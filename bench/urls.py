"""The project's addresses, and two plain DRF views to compare with."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from django.db import connection
from django.urls import include, path
from rest_framework import serializers
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ledger_project.kernel import ids


class Plain(APIView):
    """DRF as it comes, with the ledger's key check."""

    parser_classes = (JSONParser,)
    permission_classes = ()
    throttle_classes = ()


class Nothing(Plain):
    def post(self, request: Request) -> Response:
        return Response({"id": str(uuid4()), "amount": request.data["amount"]}, status=201)


class Transfer(serializers.Serializer[dict[str, object]]):
    from_account = serializers.UUIDField()
    to_account = serializers.UUIDField()
    amount = serializers.DecimalField(max_digits=38, decimal_places=0)


class OneFunction(Plain):
    def post(self, request: Request) -> Response:
        asked = Transfer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = ids.make(datetime.now(UTC), 0)
        result = {"balances": [[0, 1, "1000000000000", "5", "0", "999999999995"], [1, 1, "1000000000005"]]}
        given = asked.validated_data
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT bench_transfer(%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    request.user.tenant,
                    made,
                    request.headers["Idempotency-Key"],
                    given["from_account"],
                    given["to_account"],
                    given["amount"],
                    json.dumps(request.data),
                    json.dumps(result),
                ),
            )
        return Response({"id": str(made), **result}, status=201)


urlpatterns = [
    path("bench/nothing", Nothing.as_view()),
    path("bench/function", OneFunction.as_view()),
    path("", include("ledger_project.urls")),
]
