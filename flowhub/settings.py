"""Settings of FlowHub. Starts on SQLite with no configuration; README.md lists the variables that change it."""

import os
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

from flowhub import __version__, env

# --- Where things are -------------------------------------------------------------------------------------------------

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.private_folder(Path(env.text("FLOWHUB_DATA", str(BASE_DIR / "var"))).expanduser().absolute())
ENVIRONMENT = env.choice("FLOWHUB_ENVIRONMENT", "local", ["local", "production"])
PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.flag("FLOWHUB_DEBUG", False)
# What pages, REST and both sides of MCP say that they are.
VERSION = __version__

PUBLIC_URL = env.text("FLOWHUB_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
if urlsplit(PUBLIC_URL).scheme not in {"http", "https"} or not urlsplit(PUBLIC_URL).hostname:
    raise ImproperlyConfigured(f"FLOWHUB_PUBLIC_URL={PUBLIC_URL!r}: write scheme and host, https://flows.example.com")
PUBLIC_HOST = str(urlsplit(PUBLIC_URL).hostname)
ALLOWED_HOSTS = env.names("FLOWHUB_ALLOWED_HOSTS", ["127.0.0.1", "localhost", PUBLIC_HOST])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# Pages of these may call MCP and REST from a browser, with a key and without cookies.
ALLOWED_ORIGINS = frozenset(env.origins("FLOWHUB_ALLOWED_ORIGINS"))

if PRODUCTION and not env.text("FLOWHUB_SECRET_KEY"):
    raise ImproperlyConfigured("FLOWHUB_SECRET_KEY is empty: in production give it 50 or more random characters.")
SECRET_KEY = env.text("FLOWHUB_SECRET_KEY") or env.kept_secret(DATA_DIR / "secret_key")

# What `{{ secrets.NAME }}` stands for is encrypted with the first of these; the others still decrypt. The kept file
# stays the oldest until it is deleted, so that a first key from outside is a rotation like any other.
VAULT_KEYS = env.names("FLOWHUB_VAULT_KEYS")
if not VAULT_KEYS or (DATA_DIR / "vault.key").exists():
    VAULT_KEYS.append(env.kept_secret(DATA_DIR / "vault.key"))
if any(len(key) < 32 for key in VAULT_KEYS):
    raise ImproperlyConfigured("FLOWHUB_VAULT_KEYS: give each key 32 or more random characters, newest key first.")

# --- Applications -----------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    # Before FlowHub, whose admin leaves out what these show there.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "flowhub.apps.FlowHubConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_filters",
    "django_htmx",
    "django_vite",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "flows",
    "executions",
    "mcp_bridge",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "flowhub.caching.no_store_middleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "flowhub.zones.zone_middleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "flows.access.acting.ActingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "flowhub.urls"
ASGI_APPLICATION = "flowhub.asgi.application"

# Where somebody edits them they are read anew for each page; else they are kept once they are compiled.
_TEMPLATE_FILES = ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": _TEMPLATE_FILES if DEBUG else [("django.template.loaders.cached.Loader", _TEMPLATE_FILES)],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "flowhub.context.version",
                "flowhub.context.signing_in",
            ],
        },
    },
]

# --- Databases --------------------------------------------------------------------------------------------------------

DATABASE_URL = env.text("FLOWHUB_DATABASE_URL", f"sqlite:///{DATA_DIR / 'flowhub.sqlite3'}")
DATABASES: dict[str, Any] = {"default": dj_database_url.parse(DATABASE_URL)}
SQLITE_SYNCHRONOUS = env.choice("FLOWHUB_SQLITE_SYNCHRONOUS", "FULL", ["FULL", "NORMAL"])
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: without it a transaction that reads before it writes fails at once when another writes.
    # auto_vacuum takes effect only before the first table exists. In a database that is there already it would make
    # every new connection write: 1 ms each, waiting while another process writes, and refused on a full disk.
    _file = Path(DATABASES["default"]["NAME"])
    _auto_vacuum = "" if _file.exists() and _file.stat().st_size else "PRAGMA auto_vacuum=INCREMENTAL; "
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            f"{_auto_vacuum}PRAGMA journal_mode=WAL; "
            f"PRAGMA synchronous={SQLITE_SYNCHRONOUS}; PRAGMA journal_size_limit=67108864; "
            # 32 MiB instead of 4: the last pages of table and indexes are written back once for many transactions.
            "PRAGMA wal_autocheckpoint=8000"
        ),
    }
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / f"test-{os.getpid()}.sqlite3")}
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["ENGINE"] = "flowhub.postgresql"
    # Beside what the address says itself, as ?sslmode=require. Who waits for a connection asks anew after `timeout`:
    # only then does a pool that has given up connecting try again.
    _pool = {"min_size": 1, "max_size": 16, "timeout": 2, "reconnect_timeout": 2}
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = _pool
    DATABASES["default"]["TEST"] = {"NAME": f"test_flowhub_{os.getpid()}"}
else:
    raise ImproperlyConfigured("FLOWHUB_DATABASE_URL must start with sqlite:// or postgres://")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Live pages -------------------------------------------------------------------------------------------------------

REDIS_URL = env.text("FLOWHUB_REDIS_URL")
if REDIS_URL and urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    raise ImproperlyConfigured("FLOWHUB_REDIS_URL must start with redis://, rediss:// or unix://")
# The layer waits at Redis for as long as nothing happens, which redis-py would end after its own five seconds.
_redis_layer = {
    "BACKEND": "channels_redis.core.RedisChannelLayer",
    "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "prefix": "flowhub:", "capacity": 1000},
}
CHANNEL_LAYERS = {"default": _redis_layer if REDIS_URL else {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# --- Guesses ----------------------------------------------------------------------------------------------------------

# Wrong passwords and unknown keys are counted here; in this process alone when it shares nothing or Redis is gone.
_own_cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 20_000}}
_redis_cache = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": REDIS_URL,
    "KEY_PREFIX": "flowhub",
    # Its own pool would raise when all connections are taken.
    "OPTIONS": {
        "pool_class": "redis.BlockingConnectionPool",
        "max_connections": 8,
        "timeout": 2,
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
    },
}
CACHES = {"default": _redis_cache if REDIS_URL else _own_cache, "process": {**_own_cache, "LOCATION": "process"}}

# --- People and security ----------------------------------------------------------------------------------------------

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "account_login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
ACCOUNT_ADAPTER = "flowhub.accounts.Accounts"
ACCOUNT_FORMS = {"login": "flowhub.login.LoginForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
# An address is never demanded, nor that it is verified; who adds one may verify it.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = "FlowHub: "
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(PUBLIC_URL).scheme
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False
# Whoever sits down at an open browser cannot make the account theirs.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
# Passwords and codes are counted in flowhub.login, by the same numbers for all pages that take one.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None, "reauthenticate": None, "change_password": None}
MFA_ADAPTER = "flowhub.accounts.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
# A code is taken for half a minute longer, because clocks differ.
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = "FlowHub"

# Single sign-on with one provider. Whoever comes from it for the first time connects it to an account from within that
# account: an address that the provider names is no proof of who somebody is here.
OIDC_ISSUER = env.text("FLOWHUB_OIDC_ISSUER").rstrip("/")
OIDC_NAME = env.text("FLOWHUB_OIDC_NAME", "single sign-on")
if OIDC_ISSUER:
    if urlsplit(OIDC_ISSUER).scheme not in {"http", "https"} or not urlsplit(OIDC_ISSUER).hostname:
        raise ImproperlyConfigured(f"FLOWHUB_OIDC_ISSUER={OIDC_ISSUER!r}: write an address, https://id.example.com")
    if not env.text("FLOWHUB_OIDC_CLIENT_ID"):
        raise ImproperlyConfigured("FLOWHUB_OIDC_CLIENT_ID is empty: give it the id that FlowHub has at the provider.")
INSTALLED_APPS += ["allauth.socialaccount.providers.openid_connect"] if OIDC_ISSUER else []
_oidc: dict[str, Any] = {
    "provider_id": "sso",
    "name": OIDC_NAME,
    "client_id": env.text("FLOWHUB_OIDC_CLIENT_ID"),
    "secret": env.text("FLOWHUB_OIDC_CLIENT_SECRET"),
    "settings": {"server_url": OIDC_ISSUER, "oauth_pkce_enabled": True},
}
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [_oidc]}} if OIDC_ISSUER else {}
SOCIALACCOUNT_ADAPTER = "flowhub.accounts.SingleSignOn"
SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = "oidc"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False

PASSWORD_HASHERS = [*global_settings.PASSWORD_HASHERS, "mcp_bridge.keys.client_secrets.ClientSecretHasher"]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = env.flag("FLOWHUB_SSL_REDIRECT", True)
    SECURE_HSTS_SECONDS = env.integer("FLOWHUB_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    # Set only when a proxy in front strips the header from what clients send.
    if env.flag("FLOWHUB_BEHIND_PROXY", False):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Clients that sign in (OAuth 2.1) ---------------------------------------------------------------------------------

# A client may name itself by the address of a document, which FlowHub then fetches. Where there is no way out to the
# internet this stays off: clients prefer it, and one whose document cannot be fetched waits for ever.
OAUTH_CIMD = env.flag("FLOWHUB_OAUTH_CIMD", False)
# How long a refresh token that was used already still gives a pair: clients refresh in several places at once.
OAUTH_REFRESH_GRACE_SECONDS = 30
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2_provider.Application"
OAUTH2_PROVIDER: dict[str, Any] = {
    # The bare origin, as clients compare it letter by letter.
    "OIDC_ISS_ENDPOINT": f"{urlsplit(PUBLIC_URL).scheme}://{urlsplit(PUBLIC_URL).netloc}",
    "OAUTH2_VALIDATOR_CLASS": "mcp_bridge.oauth.validator.Validator",
    "SCOPES": {"mcp:call": "Call tools, and use prompts and resources"},
    "DEFAULT_SCOPES": ["mcp:call"],
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 30 * 86_400,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "CLIENT_SECRET_HASHER": "client_secret",
    "PKCE_REQUIRED": True,
    # `http` for this machine alone, and single programs' own schemes: mcp_bridge.oauth.registration looks closer.
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https", "http", "cursor", "vscode", "vscode-insiders"],
    "ALLOW_LOCALHOST_LOOPBACK": True,
    "CIMD_ENABLED": OAUTH_CIMD,
    "CIMD_METADATA_FETCHER": "mcp_bridge.oauth.documents.GuardedFetcher",
    # All that RFC 9700 asks for, but for schemes: with that no `http` is left for programs on the own machine.
    **{
        f"COMPLIANT_BCP_RFC9700_{gate}": True
        for gate in (
            "ACCESS_TOKEN_TRANSPORT",
            "AUTHZ_RESPONSE_ISS",
            "IMPLICIT_GRANT",
            "PASSWORD_GRANT",
            "PKCE_METHOD",
            "PKCE_REQUIRED",
            "REDIRECT_URI_MATCHING",
            "REFRESH_TOKEN",
            "TOKEN_STORAGE",
        )
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "media-src": [SELF, "data:"],
        "connect-src": [SELF],
        # An answer that is drawn is in a frame with a stricter policy of its own (executions.pages.answer_frame).
        "frame-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- Mail -------------------------------------------------------------------------------------------------------------

# Where no server is named, a mail is printed where FlowHub runs.
_mail = urlsplit(env.text("FLOWHUB_EMAIL_URL"))
if _mail.scheme not in {"", "smtp", "smtps"} or (_mail.scheme and not _mail.hostname):
    raise ImproperlyConfigured(
        "FLOWHUB_EMAIL_URL: write smtp://NAME:PASSWORD@HOST:587 or smtps://NAME:PASSWORD@HOST:465"
    )
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if _mail.scheme else 'console'}.EmailBackend"
EMAIL_HOST = _mail.hostname or "localhost"
EMAIL_PORT = _mail.port or (465 if _mail.scheme == "smtps" else 587)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
# A name and a password go over an encrypted line alone.
EMAIL_USE_TLS = _mail.scheme == "smtp" and bool(_mail.username)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("FLOWHUB_EMAIL_FROM", f"flowhub@{PUBLIC_HOST}")

# --- Language, time, files --------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = env.text("FLOWHUB_TIME_ZONE", "UTC")
USE_I18N = False
USE_TZ = True
STATIC_URL = "static/"
# Empty unless somebody runs collectstatic; WhiteNoise warns when the folder is missing.
STATIC_ROOT = env.private_folder(DATA_DIR / "static")
# What `make run` builds from frontend/builder; without it pages show the server's own drawing.
_BUILT = BASE_DIR / "dist"
STATICFILES_DIRS = [BASE_DIR / "static", *([_BUILT] if _BUILT.is_dir() else [])]
DJANGO_VITE = {
    "default": {"manifest_path": _BUILT / "builder" / ".vite" / "manifest.json", "static_url_prefix": "builder"}
}
# Plain http leads back to programs on the own machine alone, which mcp_bridge.oauth.registration sees to.
SILENCED_SYSTEM_CHECKS = ["django_vite.W001", "oauth2_provider.W008"]
# Finders serve the files from where they are, so there is no collectstatic step to forget.
WHITENOISE_USE_FINDERS = True
# Vite puts a hash of 8 characters into the names of these files, so that they never change.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/builder/.+-[\w-]{8}\.(js|css)$"

# WhiteNoise hands files over as synchronous iterators; Django copes and says so for every file.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators", category=Warning)

# --- REST -------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "mcp_bridge.keys.rest_auth.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "flows.api.openapi.ScopedSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "FlowHub",
    "DESCRIPTION": "Flows, published as MCP tools, and every execution of them.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {"RoleEnum": "flows.access.roles.Role", "MemberRoleEnum": "flows.api.members.OF_MEMBERS"},
}

# --- Flows and calls --------------------------------------------------------------------------------------------------

OUTBOUND_ALLOW = env.text("FLOWHUB_OUTBOUND_ALLOW")
# The answer of one execution, as bytes of JSON.
MAX_ANSWER_BYTES = env.integer("FLOWHUB_MAX_ANSWER_BYTES", 5 * 1024 * 1024, least=1024)
# The outputs of all nodes of one execution together, as bytes of JSON.
MAX_OUTPUTS_BYTES = env.integer("FLOWHUB_MAX_OUTPUTS_BYTES", 64 * 1024 * 1024, least=1024)
# A message to MCP: a file of 5 MiB fits as base64. A process holds at most eight messages of this size at a time.
MAX_BODY_BYTES = env.integer("FLOWHUB_MAX_BODY_BYTES", 8 * 1024 * 1024, least=1024)
# Sessions of clients that begin with a handshake, in one process; beyond that, the longest idle end.
MAX_SESSIONS = env.integer("FLOWHUB_MAX_SESSIONS", 10_000, least=1)
# Calls that somebody without an API key may make from one address to one server, in a minute.
MAX_STRANGER_CALLS_PER_MINUTE = env.integer("FLOWHUB_MAX_STRANGER_CALLS_PER_MINUTE", 60, least=1)
# Calls from one such address that may be under way in a process.
MAX_STRANGER_CALLS_AT_ONCE = env.integer("FLOWHUB_MAX_STRANGER_CALLS_AT_ONCE", 10, least=1)
# Executions of other flows that one call of a stranger may start in all.
MAX_STRANGER_FAMILY = env.integer("FLOWHUB_MAX_STRANGER_FAMILY", 100, least=1)
# Executions that may wait for answers from one such address.
MAX_STRANGER_WAITING = env.integer("FLOWHUB_MAX_STRANGER_WAITING", 10, least=1)
# Calls of one API key, or of one person, that may be under way in a process, so that others do not starve.
MAX_KEY_CALLS_AT_ONCE = env.integer("FLOWHUB_MAX_KEY_CALLS_AT_ONCE", 200, least=1)
# Proxies in front, each of which adds to X-Forwarded-For who asked it; without them the header is not believed.
TRUSTED_PROXIES = env.integer("FLOWHUB_TRUSTED_PROXIES", 0)
# How long a process may go without a heartbeat (one every 5 s) before others take it for dead and end its executions.
RUNNER_STALE_SECONDS = env.integer("FLOWHUB_RUNNER_STALE_SECONDS", 30, least=6)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("FLOWHUB_LOG_LEVEL", "INFO").upper()},
    "loggers": {
        "mcp": {"level": "WARNING"},
        # It quotes what other servers answer; what went wrong is in the execution.
        "mcp.client": {"level": "CRITICAL"},
        "httpx2": {"level": "WARNING"},
    },
}
