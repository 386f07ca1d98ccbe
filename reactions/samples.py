"""Reactions for the sample library: the same ones each time, most of them around one moment."""

from __future__ import annotations

import random

from django.contrib.auth.models import User

from reactions.models import ReactionType
from reactions.services import react

FEWEST, MOST = 3, 14  # reactions to one medium
WEIGHTS = {ReactionType.LIKE: 5, ReactionType.LOVE: 4, ReactionType.LAUGH: 2, ReactionType.WOW: 3, ReactionType.SAD: 1}


def send_reactions(media_id: int, *, by: User, name: str, duration: int) -> None:
    """Let a user react to moments of a medium of `duration` seconds; `name` decides to which."""
    dice = random.Random(f"reactions to {name}")
    highlight = dice.uniform(0, duration)
    for kind in dice.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=dice.randint(FEWEST, MOST)):
        moment = round(dice.gauss(highlight, duration / 5))
        react(by, media_id=media_id, reaction_type=kind, at=max(0, min(duration, moment)))
