"""Visitors for the sample library, so that its gallery looks like one that people use: the same ones each time."""

from __future__ import annotations

import random

from gallery import counters
from gallery.services.engagement import add_watch_time, finish, give_upvote

FEWEST, MOST = 5, 40  # visitors of one medium


def send_visitors(media_id: int, *, name: str, duration: int) -> None:
    """Let visitors look at a medium, watch some of its `duration` seconds, like it or not; `name` decides what they do."""
    dice = random.Random(name)
    appeal = dice.uniform(0.2, 0.9)
    for number in range(dice.randint(FEWEST, MOST)):
        session = counters.visitor(f"sample visitor {number} of {name}")
        counters.count_view(media_id, visitor=session)
        is_taken = dice.random() < appeal
        until = duration if is_taken else dice.randint(0, duration)
        if until:
            add_watch_time(media_id, session=session, seconds=until, position=until)
        if is_taken:
            finish(media_id, session=session)
        if is_taken and dice.random() < 0.6:
            give_upvote(media_id, session=session)
