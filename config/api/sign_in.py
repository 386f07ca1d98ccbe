"""Signing in and out with tokens, and who one is."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken
from rest_framework_simplejwt.tokens import BlacklistMixin
from rest_framework_simplejwt.tokens import RefreshToken as StoredRefreshToken

from config.api.authentication import BEARER, LONGEST_TOKEN, user_of
from config.api.fields import StrictSerializer, StrictTextField
from config.api.throttling import AddressWriteThrottle, SignInThrottle
from config.roles import ROLES, is_media_admin, role_of

WRONG_CREDENTIALS = "The username or the password is wrong"
REFRESH_REFUSED = "This refresh token is not valid, has expired or was used before"


class RefreshToken(StoredRefreshToken):
    """A refresh token that the database learns of when it is used up, and no longer opens anything."""

    @classmethod
    def for_user(cls, user: Any) -> RefreshToken:
        return super(BlacklistMixin, cls).for_user(user)


class CredentialsSerializer(StrictSerializer):
    username = StrictTextField(max_length=150, trim_whitespace=False)
    password = StrictTextField(max_length=1000, trim_whitespace=False)


class RefreshSerializer(StrictSerializer):
    refresh = StrictTextField(max_length=LONGEST_TOKEN, help_text="the refresh token of the last sign-in or refresh; each works once")


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="for `Authorization: Bearer`, lives 15 minutes")
    refresh = serializers.CharField()


class SuccessSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    role = serializers.ChoiceField(choices=ROLES)
    isAdmin = serializers.BooleanField()


class CredentialView(APIView):
    """A POST that carries its own proof of who is calling, so neither header nor cookie is looked at."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [AddressWriteThrottle]

    def get_authenticate_header(self, request: Request) -> str:
        return BEARER


class SignIn(CredentialView):
    throttle_classes = [SignInThrottle]

    @extend_schema(request=CredentialsSerializer, responses=TokenPairSerializer, operation_id="sign_in", tags=["auth"])
    def post(self, request: Request) -> Response:
        """Exchange username and password for a pair of tokens."""
        credentials = CredentialsSerializer(data=request.data)
        credentials.is_valid(raise_exception=True)
        # Django hashes the password for an unknown or inactive user too: both answers take the same time.
        user = authenticate(request, **credentials.validated_data)
        if not isinstance(user, User):
            raise AuthenticationFailed(WRONG_CREDENTIALS)
        return Response(_pair(user))


class Refresh(CredentialView):
    @extend_schema(request=RefreshSerializer, responses=TokenPairSerializer, operation_id="refresh_tokens", tags=["auth"])
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair; it works once."""
        token = _refresh_token(request)
        user = user_of(token)
        if user is None or not _use_up(token):
            raise AuthenticationFailed(REFRESH_REFUSED)
        return Response(_pair(user))


class SignOut(CredentialView):
    @extend_schema(request=RefreshSerializer, responses=SuccessSerializer, operation_id="sign_out", tags=["auth"])
    def post(self, request: Request) -> Response:
        """End a refresh token."""
        _use_up(_refresh_token(request))
        return Response({"success": True})


class Me(APIView):
    permission_classes = [IsAuthenticated]

    @extend_schema(responses=MeSerializer, operation_id="me", tags=["auth"])
    def get(self, request: Request) -> Response:
        """Who is signed in."""
        user = request.user
        return Response({"id": user.pk, "username": user.get_username(), "role": role_of(user), "isAdmin": is_media_admin(user)})


def _pair(user: User) -> dict[str, str]:
    refresh = RefreshToken.for_user(user)
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


def _refresh_token(request: Request) -> RefreshToken:
    """The refresh token in the body; raises `AuthenticationFailed` when it is not good any more."""
    body = RefreshSerializer(data=request.data)
    body.is_valid(raise_exception=True)
    try:
        return RefreshToken(body.validated_data["refresh"])
    except (TokenError, ValueError) as error:
        raise AuthenticationFailed(REFRESH_REFUSED) from error


def _use_up(token: RefreshToken) -> bool:
    """End the token; False when another request ended it first."""
    _, is_first = cast(tuple[BlacklistedToken, bool], token.blacklist())  # what it returns; its annotation says the row
    return is_first
