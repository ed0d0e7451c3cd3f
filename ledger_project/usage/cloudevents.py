"""Usage as CloudEvents 1.0: a batch of them, as a JSON array or as lines (NDJSON), in the words of `record_usage`.

An event's `source` and `id` name the request for ever, as the specification asks of producers; `time` is when it was,
`subject` the account unless the data names one. The data has the command's other arguments by their own names. In the
place of `model` and `metrics` it may have OpenTelemetry's attributes, as its members or together in `attributes`.
"""

from collections.abc import Mapping
from typing import Any

from ledger_project.kernel.errors import InvalidRequest, Refusal
from ledger_project.kernel.fields import Field, TextField, parse_all
from ledger_project.kernel.repeats import first_twice
from ledger_project.log.executor import MAX_BATCH
from ledger_project.usage import otel
from ledger_project.usage.commands.recording import record_usage
from ledger_project.web.api.errors import MalformedJson
from ledger_project.web.api.parsing import decoder, parse_json

# What the event itself says, as the command's arguments, so that the data has no second spelling of it.
NAMED = {"id": "request_id", "source": "source", "time": "at"}
CONTEXT: Mapping[str, Field] = {
    **{name: record_usage.fields[argument] for name, argument in NAMED.items()},
    "type": TextField(),
    "subject": TextField(),
}
CONTEXT_OPTIONAL = {"time": None, "subject": None}
DATA = {name: field for name, field in record_usage.fields.items() if name not in NAMED.values()}


def read_array(body: bytes) -> list[Any]:
    """The events of a JSON array; the refusal of one stands in its place. Refuses: MalformedJson, InvalidRequest."""
    events = parse_json(body, _decode)
    if not isinstance(events, list):
        raise MalformedJson(reason="not an array")
    return _of_fit_size(events)


def read_lines(body: bytes) -> list[Any]:
    """The events of lines, but blank ones; the refusal of one stands in its place. Refuses: InvalidRequest."""
    return [_read_line(line) for line in _of_fit_size([line for line in body.split(b"\n") if line.strip()])]


def _of_fit_size(events: list[Any]) -> list[Any]:
    if not 1 <= len(events) <= MAX_BATCH:
        raise InvalidRequest(field="events", reason=f"not 1 to {MAX_BATCH}")
    return events


def _read_line(line: bytes) -> Any:
    try:
        return parse_json(line, _decode)
    except MalformedJson as refusal:
        return refusal


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Refusal:
    """A refusal takes the place of the object that has a name twice, and of those around it."""
    refusal = next((value for _, value in pairs if isinstance(value, Refusal)), None)
    made = dict(pairs)
    if refusal is None and len(made) != len(pairs):
        return InvalidRequest(field=(first_twice(name for name, _ in pairs) or "")[:300], reason="given twice")
    return refusal or made


_decode = decoder(_object)


def arguments(event: Any, book: str | None) -> dict[str, Any]:
    """What an event says, as JSON for `record_usage`; `book` is that of data which names none.

    Attributes that are extensions are passed over, and null is "not given". Refuses: InvalidRequest and UnknownField,
    which name the place in the event, and what stands in the place of one that could not be read.
    """
    if isinstance(event, Refusal):
        raise event
    if not isinstance(event, dict):
        raise InvalidRequest(field="event", reason="not an object")
    if event.get("specversion") != "1.0":
        raise InvalidRequest(field="specversion", reason="not 1.0")
    parse_all(CONTEXT, CONTEXT_OPTIONAL, {name: event.get(name) for name in CONTEXT})
    data = {"book": book} | _told(_data_of(event))
    if "account" not in data:
        data["account"] = _account_of(event)
    parse_all(DATA, record_usage.optional, data, "data.")
    return data | {argument: event.get(name) for name, argument in NAMED.items()}


def _account_of(event: dict[str, Any]) -> str:
    if event.get("subject") is None:
        raise InvalidRequest(field="data.account", reason="missing, and there is no subject either")
    account: str = DATA["account"].parse(event["subject"], "subject")
    return account


def _data_of(event: dict[str, Any]) -> dict[str, Any]:
    """The members of the event's data, which is JSON."""
    subtype = str(event.get("datacontenttype") or "application/json").partition(";")[0].strip().lower()
    if not subtype.endswith(("/json", "+json")):
        raise InvalidRequest(field="datacontenttype", reason="not JSON")
    data = event.get("data")
    if not isinstance(data, dict):
        raise InvalidRequest(field="data", reason="not an object")
    return {name: value for name, value in data.items() if value is not None}


def _told(data: dict[str, Any]) -> dict[str, Any]:
    """The data with OpenTelemetry's attributes told as the model and the metrics."""
    attributes = _attributes_of(data)
    own = {name: value for name, value in data.items() if name != "attributes" and "." not in name}
    metrics = otel.read_metrics(attributes)
    if metrics and "metrics" in own:
        raise InvalidRequest(field="data.metrics", reason="given beside gen_ai.usage attributes; say each number once")
    told = {"model": otel.read_model(attributes), "metrics": metrics or None}
    return {name: value for name, value in told.items() if value is not None} | own


def _attributes_of(data: dict[str, Any]) -> dict[str, Any]:
    """Attributes: members whose names have a point, which no argument's has, and those of `attributes`."""
    pointed = {name: value for name, value in data.items() if "." in name}
    nested = data.get("attributes", {})
    if not isinstance(nested, dict):
        raise InvalidRequest(field="data.attributes", reason="not an object")
    for name in nested:
        if name in pointed:
            raise InvalidRequest(field=f"data.{name}"[:300], reason="given in data.attributes, too")
    return pointed | nested
