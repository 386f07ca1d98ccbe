"""Clauses that the job engine stands on, and for each the test that must fail without it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
COPIED = ("bin", "config", "gallery", "jobs", "media_library", "reactions", "static", "templates", "tests", "manage.py", "pyproject.toml")
CLAIMS, CONCURRENT, RUNNER = "tests/jobs/test_claims.py", "tests/jobs/test_concurrent_claims.py", "tests/jobs/test_runner.py"
PATIENCE = 300.0  # seconds for one test


@dataclass(frozen=True)
class Mutation:
    """One place of the source that says something else, or nothing."""

    name: str
    file: str
    clause: str
    instead: str
    noticed_by: str  # a test
    is_always_tried: bool = False  # by every run of the suite; the others by `python -m tests.mutations`

    def __str__(self) -> str:
        return self.name


MUTATIONS = (
    Mutation(
        "a lost lease fences nothing",
        "jobs/claims.py",
        "pk=lease.job_id, lease_token=lease.token, status=Job.Status.RUNNING",
        "pk=lease.job_id, status=Job.Status.RUNNING",
        f"{CLAIMS}::TestLease::test_whoever_lost_a_job_writes_nothing",
        is_always_tried=True,
    ),
    Mutation(
        "a lost lease does not fence completions",
        "jobs/claims.py",
        "WHERE id = %(job)s AND lease_token = %(token)s AND status = 'running' AND cancel_requested_at IS NULL",
        "WHERE id = %(job)s AND status = 'running' AND cancel_requested_at IS NULL",
        f"{CLAIMS}::TestLease::test_whoever_lost_a_job_writes_nothing",
    ),
    Mutation(
        "a lost lease does not fence beats",
        "jobs/claims.py",
        "WHERE id = %(job)s AND lease_token = %(token)s AND status = 'running' FOR NO KEY UPDATE SKIP LOCKED",
        "WHERE id = %(job)s AND status = 'running' FOR NO KEY UPDATE SKIP LOCKED",
        f"{CLAIMS}::TestLease::test_whoever_lost_a_job_writes_nothing",
    ),
    Mutation(
        "a claim waits for a locked job",
        "jobs/picking.py",
        "FOR UPDATE OF job SKIP LOCKED",
        "FOR UPDATE OF job",
        f"{CONCURRENT}::test_a_claim_does_not_wait_for_a_person_who_changes_the_job",
        is_always_tried=True,
    ),
    Mutation(
        "a claim does not look at the memory",
        "jobs/picking.py",
        "          AND need.vram <= node.vram_free\n",
        "",
        f"{CLAIMS}::TestMemory::test_a_job_whose_memory_is_taken_waits",
        is_always_tried=True,
    ),
    Mutation(
        "memory is not given back",
        "jobs/claims.py",
        "    if job.vram_reserved and job.node_id is not None:\n",
        "    if False:\n",
        f"{CLAIMS}::TestMemory::test_every_end_gives_memory_back",
    ),
    Mutation(
        "a completion does not give memory back",
        "jobs/claims.py",
        "UPDATE worker_nodes SET vram_used = vram_used - %(vram)s\n",
        "UPDATE worker_nodes SET vram_used = vram_used\n",
        f"{CLAIMS}::TestMemory::test_a_claim_reserves_memory_and_the_end_gives_it_back",
    ),
    Mutation(
        "claims of a node do not wait for each other",
        "jobs/picking.py",
        "WHERE id = %(node)s FOR NO KEY UPDATE",
        "WHERE id = %(node)s",
        f"{CONCURRENT}::test_memory_is_never_overbooked",
    ),
    Mutation(
        "nobody waits behind a starving job",
        "jobs/picking.py",
        "(need.vram > 0 OR barrier.keeps_slot)",
        "barrier.keeps_slot",
        f"{CLAIMS}::TestBarrier::test_smaller_jobs_no_longer_pass_a_starving_one",
    ),
    Mutation(
        "the slot of a starving job is taken",
        "jobs/picking.py",
        "(need.vram > 0 OR barrier.keeps_slot)",
        "need.vram > 0",
        f"{CLAIMS}::TestBarrier::test_it_keeps_its_slot_where_nothing_of_its_lane_would_give_one_back",
    ),
    Mutation(
        "the oldest is first, whatever its priority",
        "jobs/picking.py",
        "        ORDER BY job.ranked_at, job.id\n        LIMIT 1\n        FOR UPDATE",
        "        ORDER BY job.id\n        LIMIT 1\n        FOR UPDATE",
        f"{CLAIMS}::TestOrder::test_a_higher_priority_goes_first",
    ),
    Mutation(
        "jobs of one key do not wait for each other",
        "jobs/picking.py",
        "          AND {KEY_IS_FREE}\n          AND (%(limit)s",
        "          AND (%(limit)s",
        f"{CLAIMS}::TestExclusive::test_of_the_jobs_of_a_library_one_runs",
    ),
    Mutation(
        "what is cancelled completes",
        "jobs/claims.py",
        " AND status = 'running' AND cancel_requested_at IS NULL",
        " AND status = 'running'",
        f"{CLAIMS}::TestCancelling::test_a_job_that_was_cancelled_never_completes",
    ),
    Mutation(
        "outputs may have any duration",
        "jobs/verification.py",
        "    _require_duration(found, duration)\n    return inspection\n",
        "    return inspection\n",
        f"{RUNNER}::test_a_file_that_is_not_what_it_should_be_fails_the_job",
        is_always_tried=True,
    ),
    Mutation(
        "outputs need not be readable",
        "jobs/verification.py",
        "    if inspection.probe is None:\n        raise BadOutput",
        "    if False:\n        raise BadOutput",
        f"{RUNNER}::test_a_file_that_cannot_be_read_fails_the_job",
    ),
)


class Copy:
    """A copy of the repository in which something is changed, one thing at a time."""

    def __init__(self, folder: Path, *, database_url: str) -> None:
        """`database_url` leads to the database whose test database (`test_…`) is used; it is made where it is missing."""
        self._folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        self._env = kept | {"DATABASE_URL": database_url, "PYTHONDONTWRITEBYTECODE": "1"}
        for name in COPIED:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
            else:
                shutil.copyfile(source, folder / name)

    def notices(self, mutation: Mutation) -> tuple[bool, str]:
        """Whether its test fails, and what pytest said."""
        file = self._folder / mutation.file
        whole = file.read_text()
        file.write_text(mutated(whole, mutation))
        try:
            status, said = self.run(mutation.noticed_by)
        finally:
            file.write_text(whole)
        summary = said.strip().rpartition("\n")[2]
        return status == 1 and bool(re.match(r"\d+ failed", summary)) and "error" not in summary, said

    def run(self, *tests: str) -> tuple[int, str]:
        """pytest's exit status and output."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--reuse-db", *tests]
        done = subprocess.run(command, cwd=self._folder, env=self._env, capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout + done.stderr


def mutated(source: str, mutation: Mutation) -> str:
    """The source without the clause, which must be there exactly once: a clause that has moved is to be followed."""
    found = source.count(mutation.clause)
    assert found == 1, f"{mutation}: {mutation.file} has its clause {found} times; say in {__name__} where it is now: {mutation.clause!r}"
    return source.replace(mutation.clause, mutation.instead)


def tests_of(mutations: tuple[Mutation, ...]) -> Mapping[str, None]:
    return dict.fromkeys(mutation.noticed_by for mutation in mutations)
