"""What the toolkit leaves to its users: who may still get a token, and what of refreshes that come together."""

import hashlib
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, RefreshToken, refresh_token_expire_timedelta
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError

from mcp_bridge.models import ConnectedClient, hash_key


class Validator(OAuth2Validator):  # type: ignore[misc]
    """The toolkit's validator, with people, connections and retries looked at."""

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether a code is good, and its person still is; one that comes twice ends what it has given.

        OAuth 2.1, 4.1.3: a code that is used more than once must be refused, and should revoke its tokens.
        """
        grant = Grant.objects.filter(code=code, application=client).first()
        hashed = hash_key(code)
        if grant is None:
            for replayed in ConnectedClient.objects.filter(application=client, code_hash=hashed):
                replayed.disconnect()
            return False
        return ConnectedClient.objects.usable().of_token(grant) is not None and super().validate_code(
            client_id, code, client, request, *args, **kwargs
        )

    def invalidate_authorization_code(self, client_id: str, code: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """Use a code up, and remember it with what it has given."""
        grant = Grant.objects.filter(code=code, application=request.client).first()
        super().invalidate_authorization_code(client_id, code, request, *args, **kwargs)
        if grant is not None and (client := ConnectedClient.objects.of_token(grant)) is not None:
            client.code_hash = hash_key(code)
            client.save(update_fields=["code_hash"])

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether a refresh token is good, and its person and connection still are.

        One that was used up a moment ago is good once more: clients refresh in several places at once. What of these
        holds is decided by one reading of the token. Between two, another refresh may use it up, and the toolkit would
        take this one for a replay.
        """
        checksum = hashlib.sha256(refresh_token.encode()).hexdigest()  # as the toolkit stores it
        rows = RefreshToken.objects.filter(token_checksum=checksum, application=client).select_related("access_token")
        found = rows.order_by(F("revoked").desc(nulls_first=True)).first()
        if found is None or (found.revoked is not None and not _is_retry(found)):
            # It refuses, and ends the family of a token that comes again.
            return bool(super().validate_refresh_token(refresh_token, client, request, *args, **kwargs))
        if found.revoked is None:
            given = found.access_token
            if given is None or given.expires + refresh_token_expire_timedelta() <= timezone.now():
                return False
        request.user, request.refresh_token, request.refresh_token_instance = found.user, refresh_token, found
        return ConnectedClient.objects.usable().of_token(found) is not None

    def _check_and_set_request_resource(self, request: Any) -> None:
        """Compare without the final slash, as it was stored."""
        if isinstance(getattr(request, "resource", None), str):
            sent = [value for name, value in request.decoded_body or () if name == "resource" and value]
            request.resource = [value.removesuffix("/") for value in sent]
        super()._check_and_set_request_resource(request)

    def _save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        """Store a pair. In the transaction of the toolkit, which has each refresh of a token wait for the one before.

        A retry gives a pair of its own, of the same family: the one before is known by its hash alone.
        """
        used = getattr(request, "refresh_token_instance", None)
        if used is not None:
            locked = RefreshToken.objects.select_for_update().filter(pk=used.pk).first()
            if locked is None or (locked.revoked is not None and not _is_retry(locked)):
                raise InvalidGrantError(request=request)
            AccessToken.objects.filter(source_refresh_token=locked).update(source_refresh_token=None)
        super()._save_bearer_token(token, request, *args, **kwargs)


def _is_retry(token: RefreshToken) -> bool:
    """Whether a token was used up a moment ago, and what it gave was neither used up nor revoked since."""
    grace = timedelta(seconds=settings.OAUTH_REFRESH_GRACE_SECONDS)
    is_young = token.revoked is not None and token.revoked > timezone.now() - grace
    return is_young and AccessToken.objects.filter(source_refresh_token=token).exists()
