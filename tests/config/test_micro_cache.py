"""The micro-cache: how old its values get, who computes them, and how much it holds."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread

import pytest

from config.micro_cache import MicroCache
from tests.clock import Clock


def cache_of(seconds: float = 1.0, *, most_entries: int = 100, most_bytes: int = 10_000) -> MicroCache[str, str]:
    return MicroCache(seconds=seconds, most_entries=most_entries, most_bytes=most_bytes, size_of=len)


def counted() -> Callable[[], str]:
    """Computes "1", then "2" and so on."""
    numbers = iter(range(1, 100_000))
    return lambda: str(next(numbers))


def test_a_value_is_computed_once_in_a_second(clock: Clock) -> None:
    cache, compute = cache_of(), counted()

    seen = []
    for moment in (0.0, 0.5, 0.999, 1.0, 1.5, 2.0):
        clock.now = 1000 + moment
        seen.append(cache.get("a", compute))

    assert seen == ["1", "1", "1", "2", "2", "3"]


def test_its_age_counts_from_before_the_read(clock: Clock) -> None:
    """A lock committed during a slow read is not hidden for a second after it."""
    cache = cache_of()

    def slow() -> str:
        clock.now += 0.9
        return "as it was before the lock"

    cache.get("a", slow)
    clock.now += 0.1

    assert cache.get("a", lambda: "locked") == "locked"


def test_a_read_that_took_longer_than_a_second_is_given_to_nobody_else(clock: Clock) -> None:
    cache = cache_of()

    def slow() -> str:
        clock.now += 1.1
        return "old"

    assert cache.get("a", slow) == "old"
    assert cache.get("a", lambda: "new") == "new"


def test_who_waits_for_a_read_that_gets_too_old_reads_anew(clock: Clock) -> None:
    cache, is_reading, may_end = cache_of(), Event(), Event()

    def slow() -> str:
        is_reading.set()
        may_end.wait(30)
        clock.now += 1.0
        return "as it was before the lock"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "a", slow)
        is_reading.wait(30)
        second = pool.submit(cache.get, "a", lambda: "locked")
        may_end.set()

        assert first.result(30) == "as it was before the lock"
        assert second.result(30) == "locked"


def test_a_crowd_computes_once() -> None:
    cache, together, computed = cache_of(3600.0), Barrier(16), []

    def compute() -> str:
        computed.append(1)
        return "value"

    def ask() -> str:
        together.wait(30)
        return cache.get("a", compute)

    with ThreadPoolExecutor(16) as pool:
        values = [asked.result(30) for asked in [pool.submit(ask) for _ in range(16)]]

    assert (values, len(computed)) == (["value"] * 16, 1)


def test_those_who_wait_for_a_read_that_fails_fail_with_it_and_the_next_one_reads_again() -> None:
    cache, is_reading, may_end = cache_of(3600.0), Event(), Event()

    def fail() -> str:
        is_reading.set()
        may_end.wait(30)
        raise LookupError

    def ask() -> None:
        with pytest.raises(LookupError):
            cache.get("a", fail)

    threads = [Thread(target=ask)]
    threads[0].start()
    is_reading.wait(30)
    may_end.set()
    threads[0].join(30)

    assert cache.get("a", lambda: "value") == "value"


def test_zero_seconds_keep_nothing() -> None:
    cache, compute = cache_of(0), counted()

    assert [cache.get("a", compute) for _ in range(3)] == ["1", "2", "3"]


def test_it_holds_so_many_values_and_bytes_and_the_oldest_leave(clock: Clock) -> None:
    cache = cache_of(3600.0, most_entries=3, most_bytes=100)
    for key in "abcd":
        cache.get(key, lambda: "x")
    assert [cache.get(key, lambda: "new") for key in "bcd"] == ["x", "x", "x"]

    cache.get("long", lambda: "x" * 99)
    assert cache.get("d", lambda: "new") == "x"
    assert cache.get("longer", lambda: "x" * 101) == "x" * 101
    assert cache.get("longer", lambda: "new") == "new"


def test_many_different_requests_take_no_more_memory_than_it_may_hold() -> None:
    cache = cache_of(3600.0, most_entries=1000, most_bytes=100_000)
    tracemalloc.start()
    for number in range(2000):
        cache.get(f"{number}", lambda: "x" * 100)
    before, _ = tracemalloc.get_traced_memory()

    for number in range(20_000):
        cache.get(f"{number}", lambda: "x" * 100)

    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 500_000
