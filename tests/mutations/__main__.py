"""Takes away one clause after the other, and tells which test notices: `python -m tests.mutations [WORD OF A NAME…]`.

The database is `DATABASE_URL`'s test database with `_mutations` in its name. Exit status 1 when something went unnoticed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.mutations.mutations import MUTATIONS, Copy, tests_of


def main() -> int:
    wanted = tuple(mutation for mutation in MUTATIONS if all(word in mutation.name for word in sys.argv[1:]))
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder), database_url=os.environ.get("DATABASE_URL", "postgres:///media") + "_mutations")
        status, said = copy.run("--create-db", *tests_of(wanted))
        if status:
            print(f"The tests fail as it is:\n{said}")  # noqa: T201
            return 1
        unnoticed = 0
        for mutation in wanted:
            began = time.monotonic()
            is_noticed, said = copy.notices(mutation)
            unnoticed += not is_noticed
            took = time.monotonic() - began
            print(f"{'noticed  ' if is_noticed else 'UNNOTICED'} {mutation}  {took:.1f} s" + ("" if is_noticed else f"\n{said}"))  # noqa: T201
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
