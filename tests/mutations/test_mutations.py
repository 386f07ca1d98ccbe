"""What the job engine stands on is tested: where a clause is taken away, a test fails.

`MUTATIONS=all` tries them all, as `python -m tests.mutations` does; without it, those without which jobs are lost or done twice.
"""

from __future__ import annotations

import os

import pytest
from django.db import connection

from tests.chaos.workers import database_url
from tests.mutations.mutations import MUTATIONS, REPOSITORY, Copy, Mutation, mutated

TRIED = [mutation for mutation in MUTATIONS if mutation.is_always_tried or os.environ.get("MUTATIONS") == "all"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Copy:
    """A copy that uses our own test database, which nobody else uses meanwhile."""
    name = str(connection.settings_dict["NAME"])
    return Copy(tmp_path_factory.mktemp("copy"), database_url=database_url().removesuffix(name) + name.removeprefix("test_"))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_every_clause_is_where_it_is_said_to_be(mutation: Mutation) -> None:
    source = (REPOSITORY / mutation.file).read_text()

    assert mutated(source, mutation) != source


@pytest.mark.django_db(transaction=True)  # it is the copy that uses the database
@pytest.mark.parametrize("mutation", TRIED, ids=str)
def test_a_clause_that_is_taken_away_is_missed(copy: Copy, mutation: Mutation) -> None:
    is_noticed, said = copy.notices(mutation)

    assert is_noticed, said
