"""What a change of many videos came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outcome:
    """The ids that were changed, and for each other id the sentence that says why not."""

    done: tuple[int, ...] = ()
    skipped: Mapping[int, str] = field(default_factory=dict)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Each reason with how many it stopped, the most frequent first."""
        return Counter(self.skipped.values()).most_common()
