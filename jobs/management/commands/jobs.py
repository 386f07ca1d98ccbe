"""The queue in a terminal: lanes, what runs, what waits."""

from __future__ import annotations

import shutil
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connection

from jobs import board

SECONDS_BETWEEN_LOOKS = 1.0
HOME, CLEAR_REST, CLEAR_LINE = "\x1b[H", "\x1b[J", "\x1b[K"
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"  # the terminal's other screen, without its cursor

Cells = Sequence[str]


class Command(BaseCommand):
    help = "Shows lanes, running and waiting jobs, and goes on showing them until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="print the table once; so it is without a terminal, too")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"] or not self.stdout.isatty():
            self.stdout.write("\n".join(table(board.read())))
            return
        self._write(ENTER)
        try:
            while True:
                self._draw()
                time.sleep(SECONDS_BETWEEN_LOOKS)
        except KeyboardInterrupt:
            pass
        finally:
            self._write(LEAVE)

    def _draw(self) -> None:
        size = shutil.get_terminal_size()
        try:
            lines = list(table(board.read(), width=size.columns))
        except (OperationalError, InterfaceError):
            connection.close()
            lines = ["The database does not answer; trying again."]
        self._write(HOME + "".join(f"{line}{CLEAR_LINE}\r\n" for line in lines[: size.lines - 1]) + CLEAR_REST)

    def _write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()


def table(state: board.QueueState, *, width: int = 0) -> Iterator[str]:
    """The lines of the table, each cut to `width` characters; 0: as long as it is."""
    for line in _lines(state):
        yield line if not width or len(line) <= width else line[: width - 1] + "…"


def _lines(state: board.QueueState) -> Iterator[str]:
    for alert in state.alerts:
        yield " ".join(filter(None, (f"! {alert.sentence}", alert.advice, alert.command)))
    lanes = [
        (card.lane, card.state_word, str(card.running), str(card.waiting), str(card.worker_count), _memory(card)) for card in state.lanes
    ]
    yield from _columns(("LANE", "STATE", "RUNNING", "WAITING", "WORKERS", "GPU MEMORY"), lanes)
    yield ""
    running = [
        (_number(row), row["job"].type, f"{row['job'].progress} %", row["speed"], row["time_left"], _where(row)) for row in state.running
    ]
    yield from _columns(("RUNNING", "TYPE", "DONE", "SPEED", "TIME", "WHERE, WHAT"), running) if running else ["Nothing runs."]
    yield ""
    waiting = [
        (_number(row), row["job"].type, str(row["position"] or "–"), str(row["job"].priority), row["reason"] or "") for row in state.waiting
    ]
    yield from _columns(("WAITING", "TYPE", "PLACE", "PRIORITY", "WHY"), waiting) if waiting else ["Nothing waits."]
    if state.waiting_count > len(state.waiting):
        yield f"… and {state.waiting_count - len(state.waiting):,} more wait."
    if state.failed_count:
        yield ""
        yield from _columns(("FAILED", "WHY", "LAST"), [(str(group.count), group.name, group.error) for group in state.failures])


def _columns(head: Cells, rows: Sequence[Cells]) -> Iterator[str]:
    """A table with columns as wide as they need to be."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _number(row: dict[str, Any]) -> str:
    return f"#{row['job'].pk}"


def _where(row: dict[str, Any]) -> str:
    node = row["job"].node
    return " ".join(filter(None, (row["job"].resource_category, f"on {node.name}" if node else "", row["about"])))


def _memory(card: board.LaneCard) -> str:
    return "; ".join(f"{node.name}: {node.words}" for node in card.nodes if node.vram_total)
