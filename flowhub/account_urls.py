"""The addresses at which people sign in and look after their accounts; most of the pages are django-allauth's.

What shows a page is imported when somebody first asks for it: second factors and single sign-on bring libraries that a
process without them never needs. So the table says itself which pages are open to strangers.
"""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.utils.module_loading import import_string

from flows.access.acting import acts


def page(name: str, *, is_open: bool = False) -> Any:
    """The view of a dotted name, a class or a function; only an open one is shown to who is not signed in."""

    @cache
    def found() -> Any:
        view: Any = import_string(name)
        return view.as_view() if hasattr(view, "as_view") else view

    @acts(None)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer: HttpResponseBase = found()(request, *args, **kwargs)
        return answer

    shown.login_required = not is_open  # type: ignore[attr-defined]
    return shown


def _open(address: str, view: str, name: str) -> URLPattern:
    pattern: URLPattern = path(address, page(view, is_open=True), name=name)
    return pattern


def _own(address: str, view: str, name: str) -> URLPattern:
    pattern: URLPattern = path(address, page(view), name=name)
    return pattern


_ACCOUNT = "allauth.account.views"
_PASSKEYS = "allauth.mfa.webauthn.views"

urlpatterns = [
    _open("login/", "flowhub.login.Login", "account_login"),
    _open("logout/", f"{_ACCOUNT}.logout", "account_logout"),
    _own("account/", "flowhub.second_factor.Account", "account"),
    # The names that allauth leads to.
    _own("account/", "flowhub.second_factor.Account", "mfa_index"),
    _open("account/inactive/", f"{_ACCOUNT}.account_inactive", "account_inactive"),
    _open("account/signup/", f"{_ACCOUNT}.signup", "account_signup"),
    _own("account/confirm/", "flowhub.login.Reauthenticate", "account_reauthenticate"),
    _own("account/email/", f"{_ACCOUNT}.email", "account_email"),
    _open("account/email/sent/", f"{_ACCOUNT}.email_verification_sent", "account_email_verification_sent"),
    _open("account/email/confirm/<str:key>/", f"{_ACCOUNT}.confirm_email", "account_confirm_email"),
    _own("account/password/", "flowhub.login.ChangePassword", "account_change_password"),
    _own("account/password/set/", f"{_ACCOUNT}.password_set", "account_set_password"),
    _open("account/password/reset/", f"{_ACCOUNT}.password_reset", "account_reset_password"),
    _open("account/password/reset/sent/", f"{_ACCOUNT}.password_reset_done", "account_reset_password_done"),
    _open(
        "account/password/reset/done/",
        f"{_ACCOUNT}.password_reset_from_key_done",
        "account_reset_password_from_key_done",
    ),
    re_path(
        r"^account/password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        page(f"{_ACCOUNT}.password_reset_from_key", is_open=True),
        name="account_reset_password_from_key",
    ),
    _own("account/sessions/", "flowhub.sessions.Sessions", "usersessions_list"),
    _open("account/2fa/", "flowhub.second_factor.Code", "mfa_authenticate"),
    _own("account/2fa/confirm/", "flowhub.second_factor.ConfirmByCode", "mfa_reauthenticate"),
    _own("account/2fa/totp/", "allauth.mfa.totp.views.activate_totp", "mfa_activate_totp"),
    _own("account/2fa/totp/remove/", "allauth.mfa.totp.views.deactivate_totp", "mfa_deactivate_totp"),
    _own("account/2fa/codes/", "allauth.mfa.recovery_codes.views.view_recovery_codes", "mfa_view_recovery_codes"),
    _own(
        "account/2fa/codes/new/",
        "allauth.mfa.recovery_codes.views.generate_recovery_codes",
        "mfa_generate_recovery_codes",
    ),
    _own(
        "account/2fa/codes/file/",
        "allauth.mfa.recovery_codes.views.download_recovery_codes",
        "mfa_download_recovery_codes",
    ),
    _own("account/passkeys/", f"{_PASSKEYS}.list_webauthn", "mfa_list_webauthn"),
    _own("account/passkeys/new/", "flowhub.second_factor.AddPasskey", "mfa_add_webauthn"),
    _own("account/passkeys/confirm/", f"{_PASSKEYS}.reauthenticate_webauthn", "mfa_reauthenticate_webauthn"),
    _own("account/passkeys/<int:pk>/", f"{_PASSKEYS}.edit_webauthn", "mfa_edit_webauthn"),
    _own("account/passkeys/<int:pk>/remove/", f"{_PASSKEYS}.remove_webauthn", "mfa_remove_webauthn"),
    _open("login/passkey/", f"{_PASSKEYS}.login_webauthn", "mfa_login_webauthn"),
    _own("account/oidc/", "flowhub.sign_on.Connections", "socialaccount_connections"),
    _open("account/oidc/signup/", "allauth.socialaccount.views.signup", "socialaccount_signup"),
    _open("account/oidc/cancelled/", "allauth.socialaccount.views.login_cancelled", "socialaccount_login_cancelled"),
    _open("account/oidc/error/", "allauth.socialaccount.views.login_error", "socialaccount_login_error"),
    _open("account/oidc/<str:provider_id>/login/", "flowhub.sign_on.begin", "openid_connect_login"),
    _open("account/oidc/<str:provider_id>/login/callback/", "flowhub.sign_on.finish", "openid_connect_callback"),
]
