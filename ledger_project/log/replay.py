"""How the log's own tables are watched: by the verification of the sealed log, which has no log but itself to go by."""

from ledger_project.log.rebuilt import Watched, leave_apart
from ledger_project.log.sealed import CHECKPOINTS, CONTENT, SEALED

Watched(
    table="log_event",
    held=dict.fromkeys(
        (
            *("tenant_id", "type", "command", "idempotency_key", "actor", "recorded_at", "payload", "result"),
            "content_hash",
        ),
        CONTENT.name,
    )
    | {"id": SEALED.name},
    apart={"insert_xid": "the transaction that wrote it, by which the sealer finds what is new; none may write it"},
)
Watched(table="log_leaf", held=dict.fromkeys(("log_index", "tenant_id", "event_id", "leaf_hash"), SEALED.name))
Watched(table="log_node", held=dict.fromkeys(("level", "index", "hash"), SEALED.name))
Watched(
    table="log_checkpoint",
    held=dict.fromkeys(("size", "root", "note"), CHECKPOINTS.name),
    apart={
        "id": "a number that the database gives; it orders checkpoints as their sizes do",
        "snapshot": "which events the sealer has seen: set back, it finds nothing new in them",
        "recorded_at": "when the row was written, for people",
    },
    rows="each is as good as its signature, so an older one may go and the newest stand there twice; what was anchored"
    " is compared from where it is kept",
)
Watched(
    table="log_signingkey",
    held={"public_key": CHECKPOINTS.name},
    apart={
        "kid": "a name for the key, derived from it; the key is what verifies",
        "created_at": "when the key was first used, for people",
        "retired_at": "when it signed last; the newest checkpoint must be signed by the configured key",
    },
)
leave_apart(
    {
        "log_instance": "which copy this database is; compared with what is kept outside of it before anything leaves",
        "log_sealingfinding": "alarms of the sealer; it raises them again as long as there is a reason",
        "log_anchordelivery": "checkpoints on their way elsewhere; what arrived is compared from there",
    }
)
