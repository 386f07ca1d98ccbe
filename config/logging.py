"""Logs: one JSON object a line, in development readable lines; on standard error, where the process's keeper picks them up."""

from __future__ import annotations

import re
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SECRET = re.compile(r"(?i)\b(bearer\s+|(?:password|secret|token|refresh|access|sessionid|api_?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}]+")


def logging_config(*, development: bool, level: str) -> dict[str, Any]:
    """Django's `LOGGING`."""
    renderer: Any = structlog.dev.ConsoleRenderer(colors=False) if development else structlog.processors.JSONRenderer()
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,  # plain: a traceback that shows variables shows secrets, and runs querysets
            safe_event,
            renderer,
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.request": {"level": "ERROR"},  # every 404 and 401 of the internet is no event of ours,
            "celery.worker.strategy": {"level": "WARNING"},  # every wake-up of a lane,
            "celery.app.trace": {"level": "WARNING"},  # and that it was heard
            "django.security.DisallowedHost": {"level": "CRITICAL"},  # nor is every scanner that guesses a host name
        },
    }


def safe_event(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Make what strangers write into our logs harmless: no forged lines, no terminal commands, no secrets."""
    text = _SECRET.sub(r"\1[hidden]", str(event.get("event", "")))
    event["event"] = _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
    return event
