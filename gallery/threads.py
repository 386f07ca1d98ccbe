"""Comments as a conversation: replies below what they answer, where that is on the same page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self
from zlib import crc32

from gallery.comments import Commenter
from gallery.models import Comment

FACES = 8  # colours in viewer.css


@dataclass
class Said:
    """One comment with what it answers and, the oldest first, what it was answered."""

    comment: Comment
    is_own: bool
    answers: Comment | None = None  # unless it is the comment right above
    replies: list[Self] = field(default_factory=list)

    @property
    def face(self) -> int:
        """Which colour its author has, the same for the same name."""
        return crc32(self.comment.author_name.encode()) % FACES


def threads(comments: Sequence[Comment], *, reader: Commenter) -> list[Said]:
    """A page of comments, the newest first, with each reply moved into the thread that it belongs to.

    A reply to a comment of another page stands for itself; one to a comment that is gone answers nothing.
    """
    on_page = {comment.pk: Said(comment, reader.wrote(comment)) for comment in comments}
    answered = {comment.parent_id for comment in comments if comment.parent_id}
    elsewhere = Comment.objects.visible().in_bulk(answered - on_page.keys())
    beginnings = []
    for said in on_page.values():
        beginning = _beginning(said, on_page)
        parent_id = said.comment.parent_id
        if beginning is said:
            said.answers = elsewhere.get(parent_id) if parent_id else None
            beginnings.append(said)
        else:
            said.answers = on_page[parent_id].comment if parent_id and parent_id != beginning.comment.pk else None
            beginning.replies.insert(0, said)
    return beginnings


def _beginning(said: Said, on_page: dict[int, Said]) -> Said:
    """What a thread begins with, as far as the page shows it; a reply is always newer than what it answers."""
    while said.comment.parent_id and (parent := on_page.get(said.comment.parent_id)):
        said = parent
    return said
