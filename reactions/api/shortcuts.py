"""The reactions to one medium, answered without Django; what they have to say is told in `reactions.api.reactions`."""

from __future__ import annotations

import re

from config.api.paging import LARGEST_LIMIT
from config.api.shortcuts import Environ, NotForUs, Reply
from reactions.api.reactions import DEFAULT_LIMIT, page_reply
from reactions.listing import ReactionQuery

OF_ONE_MEDIUM = re.compile(r"mediaId=([1-9][0-9]{0,17})(?:&limit=([1-9][0-9]{0,2}))?", re.ASCII)


class ReactionsToMedium:
    """GET /api/reactions?mediaId=…&limit=…, read anew each time: who has just reacted looks for it here."""

    method = "GET"
    path = re.compile("/api/reactions")

    def answer(self, environ: Environ, *parts: str) -> Reply:
        asked = OF_ONE_MEDIUM.fullmatch(environ["QUERY_STRING"])
        if asked is None:
            raise NotForUs
        limit = min(int(asked[2] or DEFAULT_LIMIT), LARGEST_LIMIT)
        return Reply.to_a_get(page_reply(ReactionQuery(media_id=int(asked[1]), limit=limit)))
