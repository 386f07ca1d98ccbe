"""The reactions to one medium, answered without Django; what they have to say is told in `reactions.api.reactions`."""

from __future__ import annotations

import hashlib
import re

from config.api.paging import LARGEST_LIMIT
from config.api.rendering import dumps
from config.api.shortcuts import Environ, NotForUs, Reply
from reactions.api.reactions import DEFAULT_LIMIT, page_reply
from reactions.listing import ReactionQuery

LIST = "/api/reactions"
OF_ONE_MEDIUM = re.compile(r"mediaId=([1-9][0-9]{0,17})(?:&limit=([1-9][0-9]{0,2}))?", re.ASCII)


class ReactionsToMedium:
    """GET /api/reactions?mediaId=…&limit=…, read anew each time: who has just reacted looks for it here."""

    method = "GET"

    def takes(self, path: str) -> bool:
        return path == LIST

    def answer(self, environ: Environ) -> Reply:
        asked = OF_ONE_MEDIUM.fullmatch(environ["QUERY_STRING"])
        if asked is None:
            raise NotForUs
        limit = min(int(asked[2] or DEFAULT_LIMIT), LARGEST_LIMIT)
        body = dumps(page_reply(ReactionQuery(media_id=int(asked[1]), limit=limit)))
        return Reply(body, f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"')  # as Django's ConditionalGetMiddleware has it
