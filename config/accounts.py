"""The pages behind which a visitor becomes somebody: sign in and out, a new password, and sign-up where it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView, RedirectURLMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe
from django.views.generic import FormView

from config.api.throttling import address_limit, seconds_to_wait, sign_in_limit, sign_up_limit, throttled_sign_in, too_often

if TYPE_CHECKING:
    SignUpForm = UserCreationForm[User]
    SignUpView = FormView[SignUpForm]
else:
    SignUpForm, SignUpView = UserCreationForm, FormView


class SignIn(LoginView):
    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        """Where to go on; never back to this page, which Django calls a loop."""
        asked = super().get_redirect_url()
        return "" if asked.partition("?")[0] == self.request.path else asked

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(can_sign_up=settings.SIGN_UP_IS_OPEN, **context)


@method_decorator([sensitive_post_parameters("password1", "password2"), never_cache], name="dispatch")
class SignUp(RedirectURLMixin, SignUpView):
    """Makes an account without any rights of its own and signs it in; not there at all unless `SIGN_UP_IS_OPEN`."""

    template_name = "accounts/sign_up.html"
    form_class = SignUpForm
    next_page = "gallery"

    def dispatch(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if not settings.SIGN_UP_IS_OPEN:
            raise Http404
        return super().dispatch(request, *args, **options)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(next=self.get_redirect_url(), **context)

    def post(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        wait = seconds_to_wait(address_limit(request.META))  # a form that fails tells which names are taken
        return super().post(request, *args, **options) if wait is None else too_often(request, wait)

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        wait = seconds_to_wait(sign_up_limit(self.request.META))
        if wait is not None:
            return too_often(self.request, wait)
        login(self.request, form.save())
        return super().form_valid(form)


class NewPassword(PasswordChangeView):
    """Ends every other session and token of the user."""

    template_name = "accounts/password.html"
    success_url = reverse_lazy("account")

    def post(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        limit = sign_in_limit(request.META, request.user.get_username())  # the old password can be guessed at, too
        wait = seconds_to_wait(address_limit(request.META), limit)
        return super().post(request, *args, **options) if wait is None else too_often(request, wait)

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        self.request.session["has_new_password"] = True  # said once, by the page that this leads to
        return response


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/account.html", {"has_new_password": request.session.pop("has_new_password", False)})


urlpatterns = [
    path("account", account, name="account"),
    path("account/sign-in", throttled_sign_in(SignIn.as_view()), name="sign_in"),
    path("account/sign-up", SignUp.as_view(), name="sign_up"),
    path("account/sign-out", LogoutView.as_view(next_page="gallery", http_method_names=["post"]), name="sign_out"),
    path("account/password", NewPassword.as_view(), name="new_password"),
]
