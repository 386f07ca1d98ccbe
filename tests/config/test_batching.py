"""Work for many callers at once: who is answered by what, and how much is asked at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from math import inf
from threading import Event

import pytest

from config import batching
from config.batching import Batched

PATIENCE = 30.0  # seconds


class Squares:
    """Squares numbers in batches that wait to be let go; remembers the batches."""

    def __init__(self, *, most: int = 100) -> None:
        self.batches: list[Sequence[int]] = []
        self.let_go = Event()
        self.ask = Batched(self._work, most=most)

    def _work(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        assert self.let_go.wait(PATIENCE)
        if 0 in numbers:
            raise ZeroDivisionError
        return [number * number for number in numbers]

    def asked_during_the_first(self, pool: ThreadPoolExecutor, *numbers: int) -> list[Future[int]]:
        """Ask all numbers in this order, and let the work go on when all of them wait but for the first."""
        asked = []
        for position, number in enumerate(numbers):
            asked.append(pool.submit(self.ask, number))
            self._wait_until(1, position)
        self.let_go.set()
        return asked

    def _wait_until(self, batches: int, waiting: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while (len(self.batches), len(self.ask._waiting)) != (batches, waiting):
            assert time.monotonic() < deadline
            time.sleep(0.001)


def test_who_is_alone_waits_for_nobody() -> None:
    squares = Squares()
    squares.let_go.set()

    assert [squares.ask(3), squares.ask(4)] == [9, 16]
    assert squares.batches == [[3], [4]]


def test_who_comes_meanwhile_is_answered_together_by_work_that_begins_later() -> None:
    squares = Squares()
    with ThreadPoolExecutor() as pool:
        asked = squares.asked_during_the_first(pool, 3, 4, 5, 4)

        assert [each.result(PATIENCE) for each in asked] == [9, 16, 25, 16]
    assert squares.batches == [[3], [4, 5, 4]]


def test_a_batch_has_its_limit() -> None:
    squares = Squares(most=2)
    with ThreadPoolExecutor() as pool:
        asked = squares.asked_during_the_first(pool, 1, 2, 3, 4, 5, 6)

        assert [each.result(PATIENCE) for each in asked] == [1, 4, 9, 16, 25, 36]
    assert squares.batches == [[1], [2, 3], [4, 5], [6]]


def test_a_failure_is_told_to_all_of_its_batch_and_to_nobody_else() -> None:
    squares = Squares(most=2)
    with ThreadPoolExecutor() as pool:
        asked = squares.asked_during_the_first(pool, 1, 2, 0, 4)

        assert [type(each.exception(PATIENCE)) for each in asked] == [type(None), ZeroDivisionError, ZeroDivisionError, type(None)]
    with pytest.raises(ZeroDivisionError):
        squares.ask(0)
    assert squares.ask(5) == 25


def test_who_comes_back_first_is_answered_with_those_who_come_a_little_later(monkeypatch: pytest.MonkeyPatch) -> None:
    squares = Squares()
    with ThreadPoolExecutor() as pool:
        wait([*squares.asked_during_the_first(pool, 1, 2, 3, 4)], PATIENCE)
        monkeypatch.setattr(batching, "PATIENCE", inf)
        monkeypatch.setattr(batching, "MOST_PATIENCE", PATIENCE)

        assert list(pool.map(squares.ask, [5, 6, 7])) == [25, 36, 49]
    assert [set(batch) for batch in squares.batches] == [{1}, {2, 3, 4}, {5, 6, 7}]


def test_nobody_waits_long_for_who_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    squares = Squares()
    with ThreadPoolExecutor() as pool:
        wait([*squares.asked_during_the_first(pool, 1, 2, 3)], PATIENCE)

    assert squares.ask(4) == 16
    monkeypatch.setattr(batching, "MOST_PATIENCE", inf)  # from now on it would be noticed
    assert squares.ask(5) == 25
    assert squares.batches[-2:] == [[4], [5]]


def test_everybody_gets_their_own_reply() -> None:
    squares = Squares(most=7)
    squares.let_go.set()
    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(squares.ask, range(1, 2000))) == [number * number for number in range(1, 2000)]
