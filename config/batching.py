"""Work that is done for many callers at once, as databases commit in groups.

While a batch is under way, others gather and become the next. So nobody waits for company: a caller who is alone is a batch of
one, and the busier a process is the less each caller costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class _Caller(Generic[K, V]):
    """One who asks; `turn` is free once there is a reply, or a batch that this thread has to work on."""

    __slots__ = ("asked", "batch", "error", "reply", "turn")

    reply: V

    def __init__(self, asked: K) -> None:
        self.asked = asked
        self.batch: list[_Caller[K, V]] | None = None
        self.error: BaseException | None = None
        self.turn = Lock()
        self.turn.acquire()


class Batched(Generic[K, V]):
    """A function of one argument whose concurrent calls are worked on together, each by work that begins after it was called.

    `work` gets what is asked, at most `most` of it, and gives a reply for each in the same order. What it raises everybody gets
    who was in the batch, so it should fail only where it would fail for each of them.
    """

    def __init__(self, work: Callable[[Sequence[K]], Sequence[V]], *, most: int = 100) -> None:
        self._work = work
        self._most = most
        self._lock = Lock()
        self._waiting: list[_Caller[K, V]] = []
        self._is_busy = False

    def __call__(self, asked: K) -> V:
        caller: _Caller[K, V] = _Caller(asked)
        with self._lock:
            if not self._is_busy:
                self._is_busy = True
                caller.batch = [caller]
            else:
                self._waiting.append(caller)
        if caller.batch is None:
            caller.turn.acquire()
        if caller.batch is not None:
            self._do(caller.batch)
        if caller.error is not None:
            raise caller.error
        return caller.reply

    def _do(self, batch: list[_Caller[K, V]]) -> None:
        try:
            for caller, reply in zip(batch, self._work([caller.asked for caller in batch]), strict=True):
                caller.reply = reply
        except BaseException as error:  # noqa: BLE001 - raised again by everybody who waits for it
            for caller in batch:
                caller.error = error
        finally:
            self._hand_over()
            for caller in batch[1:]:
                caller.turn.release()

    def _hand_over(self) -> None:
        """Have the first of those who wait work on the next batch."""
        with self._lock:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._is_busy = bool(batch)
        if batch:
            batch[0].batch = batch
            batch[0].turn.release()
