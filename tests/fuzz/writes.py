"""Every operation that takes a JSON body, with a body as it should be: what hostile bodies are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.conftest import OPEN, UNPUBLISHED

VISITOR, USER, ADMIN = "visitor", "USER", "MEDIA_ADMIN"
SESSION = "sess_abc123def456"


@dataclass(frozen=True)
class Write:
    """A request with nothing wrong about it."""

    operation: str  # its id in the OpenAPI document
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    role: str = VISITOR
    method: str = "POST"

    def __str__(self) -> str:
        return self.operation


WRITES = [
    Write("sign_in", "/api/auth/token", {"username": "editor", "password": "correct horse"}),
    Write("refresh_tokens", "/api/auth/token/refresh", {"refresh": "x.y.z"}),
    Write("sign_out", "/api/auth/logout", {"refresh": "x.y.z"}),
    Write("upvote_media", f"/api/media/public/{OPEN}/upvote", {"sessionId": SESSION}),
    Write("finish_media", f"/api/media/public/{OPEN}/finish", {"sessionId": SESSION}),
    Write("report_watch_time", f"/api/media/public/{OPEN}/watch-time", {"sessionId": SESSION, "seconds": 5, "position": 20}),
    Write("write_comment", "/api/media/comments", {"mediaId": OPEN, "content": "Good!", "sessionId": SESSION, "videoTimestamp": 3}),
    Write("add_reaction", "/api/reactions", {"mediaId": OPEN, "reactionType": "love", "videoTimestamp": 27}, USER),
    Write("lock_media", f"/api/media/public/{OPEN}/lock", {"reason": "rights"}, ADMIN),
    Write("edit_video", f"/api/videos/{OPEN}", {"title": "A title", "tags": ["beach"]}, ADMIN, "PATCH"),
    Write("publish_video", f"/api/videos/{UNPUBLISHED}/publish", {"category": "clips"}, ADMIN),
    Write("change_videos", "/api/videos/bulk", {"ids": [OPEN], "action": "lock", "reason": "rights"}, ADMIN),
    Write("submit_job", "/api/jobs", {"type": "hash_videos", "params": {}, "priority": 5}, ADMIN),
    Write("set_job_priority", "/api/jobs/1/priority", {"priority": 7}, ADMIN),
    Write("pause_lane", "/api/jobs/lanes/cpu/pause", {"reason": "backup"}, ADMIN),
    Write("start_pipeline", "/api/pipelines", {"recipe": "refresh_library", "params": {}, "name": "nightly"}, ADMIN),
]
OF_A_SESSION = [write for write in WRITES if "sessionId" in write.body]
