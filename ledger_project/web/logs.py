"""Log lines as JSON, each with the id of the request that it belongs to."""

import json
import logging
import re
from datetime import UTC, datetime

from ledger_project.web.middleware import request_id

# API keys, webhooks' secrets and the passwords of URLs, wherever they got into a line: an address, an exception's text.
_SECRETS = re.compile(
    r"(\blk_[0-9a-f]{12}_)[0-9a-f]+|(\bwhsec_)[A-Za-z0-9+/=_-]+|(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"
)


def without_secrets(text: str) -> str:
    return _SECRETS.sub(lambda found: f"{found[1] or found[2] or found[3]}…", text)


class JsonFormatter(logging.Formatter):
    """One line, one object: time, level, logger, message, request_id, and the trace of an exception; no secrets."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if current := request_id.get():
            line["request_id"] = current
        if record.exc_info:
            line["trace"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, default=str)
