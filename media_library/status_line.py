"""How a command shows that it gets on."""

from __future__ import annotations

import time

from django.core.management.base import BaseCommand

BAR = 30  # characters
SECONDS_PER_LINE_ON_TTY, SECONDS_PER_LINE = 0.2, 10.0


class StatusLine:
    """One line that is rewritten on a terminal; elsewhere a line when it has changed, now and then."""

    def __init__(self, command: BaseCommand) -> None:
        self._out = command.stderr
        self._is_terminal = bool(self._out.isatty())
        self._seconds_per_line = SECONDS_PER_LINE_ON_TTY if self._is_terminal else SECONDS_PER_LINE
        self._shown, self._shown_at = "", float("-inf")

    def show(self, line: str, *, at_once: bool = False) -> None:
        """Show the line if the one before has stood for long enough; in any case where it is not to be missed."""
        now = time.monotonic()
        if line != self._shown and (at_once or now - self._shown_at >= self._seconds_per_line):
            self._shown, self._shown_at = line, now
            self._write(f"\r\x1b[K{line}" if self._is_terminal else f"{line}\n")

    def clear(self) -> None:
        if self._is_terminal:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self._out.write(text, ending="", style_func=str)
        self._out.flush()


def bar(done: int, total: int) -> str:
    """`██████········`; `total` is not 0."""
    filled = BAR * done // total
    return "█" * filled + "·" * (BAR - filled)
