"""What webhooks add to replay: who is told of what is as commands left it; how the telling goes is the sender's."""

from ledger_project.log.checks import Check
from ledger_project.log.rebuilt import Told, last, leave_apart, rebuild
from ledger_project.webhooks.models import Cursor, Delivery, Endpoint, Secret
from ledger_project.webhooks.rows import EndpointStore

WEBHOOKS = Check("webhooks_equal_log", "every webhook, its secrets and its deliveries are as commands and the log say")
_WEBHOOKS = last("webhook", "webhook.*")
rebuild(
    WEBHOOKS,
    Endpoint,
    _WEBHOOKS,
    prefix="wbh",
    columns={
        **EndpointStore.columns.told(),
        "types": "ARRAY(SELECT json_array_elements_text(state -> 'types'))",
        "ordered": "coalesce((state ->> 'ordered')::boolean, true)",  # older events do not say
        "enabled": "state ->> 'status' = 'enabled'",
        "disabled_reason": "coalesce(state ->> 'disabled_reason', '')",
    },
    apart={"slot": "which of a tenant's fifty places it takes; constraints keep it free, in range, and given back"},
)
rebuild(
    WEBHOOKS,
    Secret,
    # The last two generations, and none of a webhook that was deleted.
    Told(
        lambda scope: (
            f"""
        SELECT told.*, generation
          FROM ({_WEBHOOKS.query(scope)}) AS told,
               generate_series(greatest(1, (state ->> 'secret_generation')::int - 1),
                               (state ->> 'secret_generation')::int) AS generation
         WHERE state ->> 'deleted_at' IS NULL"""
        )
    ),
    key=("endpoint_id", "generation"),
    prefix="wbh",
    columns={"endpoint_id": "told.id", "generation": "told.generation"},
    apart={"sealed": "a secret, encrypted, and so kept out of the log; another one's signatures fail at the receiver"},
)
rebuild(
    WEBHOOKS,
    Cursor,
    Told(lambda scope: f"SELECT * FROM ({_WEBHOOKS.query(scope)}) AS told"),
    key=("endpoint_id",),
    prefix="wbh",
    columns={"endpoint_id": "told.id"},
    apart={
        "next_index": "how far this webhook has read the log; set back, it is told again, under the same ids",
        **dict.fromkeys(("due_at", "rest_until"), "when the sender comes next; webhooks_not_stuck looks at it"),
        **dict.fromkeys(
            ("failures", "failing_since", "last_success_at", "milliseconds"),
            "how the receiver has fared with the sender",
        ),
        **dict.fromkeys(("lease", "lease_until"), "which sender has it now; a lease ends by itself"),
    },
)
rebuild(
    WEBHOOKS,
    Delivery,
    # What is delivered where follows from the place in the log.
    Told(
        lambda scope: (
            f"""
        SELECT leaf.tenant_id, endpoint.id AS endpoint_id, leaf.log_index, leaf.event_id, event.type,
               encode(substr(sha256('webhook delivery\\000'::bytea || uuid_send(endpoint.id)
                                    || uuid_send(leaf.event_id)), 1, 16), 'hex') AS name
          FROM webhooks_delivery AS delivery
          JOIN webhooks_endpoint AS endpoint ON endpoint.id = delivery.endpoint_id
          JOIN log_leaf AS leaf ON leaf.log_index = delivery.log_index AND leaf.tenant_id = endpoint.tenant_id
          JOIN log_event AS event ON event.id = leaf.event_id
         WHERE {scope.of("leaf.tenant_id")}"""
        )
    ),
    key=("endpoint_id", "log_index"),
    prefix="wbh",
    columns={
        "id": "told.name",
        "endpoint_id": "told.endpoint_id",
        "log_index": "told.log_index",
        "event": "told.event_id",
        "type": "told.type",
    },
    apart=dict.fromkeys(
        ("state", "attempts", "due_at", "created_at", "settled_at"),
        "how the sender fares with it",
    ),
    rows="settled deliveries are forgotten after a time, and a replay of the webhook makes them again",
)
leave_apart(
    {
        "webhooks_attempt": "what came of each request, to be read by people; forgotten after a time",
        "webhooks_outlet": "how far the Redis stream has got; the stream itself says where it ends",
    }
)
