"""Log lines as JSON, each with the id of the request that it belongs to."""

import json
import logging
from datetime import UTC, datetime

from ledger_project.web.middleware import request_id


class JsonFormatter(logging.Formatter):
    """One line, one object: time, level, logger, message, request_id, and the trace of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
