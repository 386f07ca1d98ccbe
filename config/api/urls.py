"""Sign-in, the schema, and whether the service is up."""

from django.urls import path

from config.api.documentation import docs, schema
from config.api.service import healthz, readyz
from config.api.sign_in import Me, Refresh, SignIn, SignOut

urlpatterns = [
    path("api/auth/token", SignIn.as_view()),
    path("api/auth/token/refresh", Refresh.as_view()),
    path("api/auth/logout", SignOut.as_view()),
    path("api/auth/me", Me.as_view()),
    path("api/schema", schema, name="schema"),
    path("api/docs", docs, name="docs"),
    path("healthz", healthz),
    path("readyz", readyz),
]
