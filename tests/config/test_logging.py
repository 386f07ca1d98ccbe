"""Log lines that a stranger cannot forge, and that hold no secret."""

from __future__ import annotations

import json
import logging
import logging.config
from typing import Any

import pytest

from config.logging import logging_config


@pytest.fixture(params=[False, True], ids=["production", "development"])
def write(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Any:
    """Logs through a handler of ours; returns what reached standard error."""
    config = logging_config(development=request.param, level="INFO")
    config["loggers"] = {"test.lines": {"handlers": ["stderr"], "level": "INFO", "propagate": False}}
    config["root"] = {"handlers": []}

    def log(message: str, *arguments: object, error: bool = False) -> str:
        config["disable_existing_loggers"] = False
        logging.config.dictConfig(config)
        logging.getLogger("test.lines").info(message, *arguments, exc_info=error)
        return capsys.readouterr().err

    return log


def test_a_stranger_writes_no_second_line(write: Any) -> None:
    line = write("Not found: %s", "/x\n2026-01-01 forged line\r\x1b[31mred\x1b[0m\u2028next")

    assert line.count("\n") == 1
    assert "\x1b" not in line and "\r" not in line and "\u2028" not in line


@pytest.mark.parametrize(
    "text", ["Authorization: Bearer abc.def.ghi", "password=hunter2hunter2", '{"refresh": "abc.def.ghi"}', "sessionId=sess_12345678"]
)
def test_secrets_are_hidden(write: Any, text: str) -> None:
    line = write("Request with %s", text)

    assert "hidden" in line
    assert not any(secret in line for secret in ("abc.def", "hunter2", "sess_123"))


def test_a_production_line_is_an_object() -> None:
    config = logging_config(development=False, level="INFO")
    formatter = dict(config["formatters"]["line"])
    made = formatter.pop("()")(**formatter)

    entry = json.loads(made.format(logging.LogRecord("scan", logging.WARNING, "", 1, "%s failed", ("a.mp4",), None)))

    assert (entry["event"], entry["level"], entry["logger"]) == ("a.mp4 failed", "warning", "scan")
    assert entry["timestamp"].endswith("Z")


def test_a_traceback_shows_no_variables(write: Any) -> None:
    password = "swordfish"
    try:
        raise ValueError(len(password))
    except ValueError:
        text = write("Failed", error=True)

    assert "ValueError" in text and "swordfish" not in text.replace('password = "swordfish"', "")
