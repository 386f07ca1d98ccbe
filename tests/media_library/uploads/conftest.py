"""A client that speaks tus, and a library to upload to."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

NOTHING: Mapping[str, str] = {}
PIECE = "application/offset+octet-stream"


class Tus:
    """Somebody who uploads by tus."""

    def __init__(self, user: User) -> None:
        token = AccessToken.for_user(user)
        self.client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})

    def create(self, length: object, name: str = "holiday.mp4", **headers: str) -> Any:
        return self.send("POST", "/api/uploads/", {"Upload-Length": str(length), "Upload-Metadata": metadata_of(name), **headers})

    def created(self, length: int, name: str = "holiday.mp4") -> str:
        """The address of a new upload."""
        reply = self.create(length, name)
        assert reply.status_code == 201, reply.content
        return str(reply["Location"])

    def piece(self, address: str, offset: object, data: bytes, **headers: str) -> Any:
        return self.send("PATCH", address, {"Upload-Offset": str(offset), "Content-Type": PIECE, **headers}, data)

    def head(self, address: str) -> Any:
        return self.send("HEAD", address)

    def facts(self, address: str) -> dict[str, Any]:
        facts: dict[str, Any] = self.client.get(address).json()
        return facts

    def offset(self, address: str) -> int:
        return int(self.head(address)["Upload-Offset"])

    def terminate(self, address: str) -> Any:
        return self.send("DELETE", address)

    def form(self, path: Path, name: str = "") -> Any:
        file = SimpleUploadedFile(name or path.name, path.read_bytes())
        return self.client.post("/api/videos/upload", {"file": file})

    def send(self, method: str, address: str, headers: Mapping[str, str] = NOTHING, data: bytes = b"") -> Any:
        """Any request; an empty header is left out."""
        said = {name: value for name, value in {"Tus-Resumable": "1.0.0", **headers}.items() if value}
        return self.client.generic(method, address, data, content_type=said.pop("Content-Type", ""), headers=said)


MakeTus = Callable[..., Tus]


def metadata_of(name: str) -> str:
    return f"filename {base64.b64encode(name.encode()).decode()}"


def user_of_role(role: str, **more: Any) -> User:
    user = User.objects.create_user(f"{role.lower()}-{User.objects.count()}", **more)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


@pytest.fixture
def tus(db: None, library: Path) -> Tus:
    """An administrator of an empty library."""
    return Tus(user_of_role("MEDIA_ADMIN"))


@pytest.fixture
def part_of(library: Path) -> Callable[[str], Path]:
    """The file that holds what has come of the upload at an address."""
    return lambda address: library / "inbox" / ".uploads" / f"{address.rpartition('/')[2]}.part"
