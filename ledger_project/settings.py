"""Settings, all from the environment; docs/settings.md describes each."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from celery.schedules import crontab
from psycopg.conninfo import conninfo_to_dict

from ledger_project import env
from ledger_project.embedded import home as embedded

BASE_DIR = Path(__file__).resolve().parent.parent
LEDGER_HOME = embedded.home()

DEBUG = env.flag("DEBUG", default=False)
# There is no default: Django refuses to read an empty one, and what serves, works or signs does not start without.
SECRET_KEY = env.text("DJANGO_SECRET_KEY", default="") or embedded.secret_key(LEDGER_HOME)
# Keys that were replaced and still open what they closed: sessions, and the stored secrets of webhooks.
SECRET_KEY_FALLBACKS = env.words("DJANGO_SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
PUBLIC_URL = env.origin("PUBLIC_URL")  # for links in pages; else as each request came
SECURITY_CONTACT = env.contacts("SECURITY_CONTACT")

# Behind a proxy that terminates TLS and always sets X-Forwarded-Proto itself. Off for the embedded default, which is
# plain HTTP on one machine.
HTTPS = env.flag("HTTPS", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked from within, past the proxy
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
if HTTPS:  # a name that browsers take from this very host over TLS only, so no neighbour can plant one
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SESSION_COOKIE_AGE = 12 * 3600  # a working day
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Whether other hosts below this one speak TLS too, and for ever, is for the domain's owner to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "ledger_project.admin_site.LedgerAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "ledger_project.embedded",
    "ledger_project.log",
    "ledger_project.web",
    "ledger_project.webhooks",
    "ledger_project.usage",
    "accounts",
    "journal",
    "holds",
    "reserves",
]

MIDDLEWARE = [
    "ledger_project.web.metrics.Counted",
    "ledger_project.web.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "ledger_project.web.middleware.ShortWay",
    "ledger_project.web.pages.policy.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "ledger_project.urls"
WSGI_APPLICATION = "ledger_project.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# The app connects with the rights of `ledger_app`, which owns nothing; migrations use the owner's login.
APP_ROLE = "ledger_app"
DATABASE_URL = env.text("DATABASE_URL", default=embedded.database_url(LEDGER_HOME, user="ledger_web"))
DATABASE_OWNER_URL = env.text(
    "DATABASE_OWNER_URL",
    default=DATABASE_URL if env.given("DATABASE_URL") else embedded.database_url(LEDGER_HOME, user="ledger"),
)
# What seals the log connects with rights that no request has; a process that is not given this address cannot seal.
SEALER_ROLE = "ledger_sealer"
DATABASE_SEALER_URL = env.text(
    "DATABASE_SEALER_URL",
    default="" if env.given("DATABASE_URL") else embedded.database_url(LEDGER_HOME, user="ledger_worker"),
)


def _database(url: str, **settings: str) -> dict[str, Any]:
    """Django's form of a libpq URL, parsed by libpq itself; `settings` are PostgreSQL's, for the session."""
    parts = conninfo_to_dict(url)
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    config: dict[str, Any] = {django: str(parts.pop(libpq, "")) for libpq, django in named.items()}
    session = " ".join(f"-c {name}={value}" for name, value in settings.items())
    options = f"{parts.pop('options', '')} {session}".strip()
    return config | {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # A server that is frozen takes connections and never answers; libpq would wait two minutes for each.
        "OPTIONS": {"connect_timeout": "5", **parts, "options": options, "prepare_threshold": 5},
    }


_PATIENCE = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "30s"}
# Seconds that one statement may take; 0, as tasks need it that read everything, leaves it to the database.
STATEMENT_SECONDS = env.integer("STATEMENT_SECONDS", default=0)
_BOUND = {"statement_timeout": f"{STATEMENT_SECONDS}s"} if STATEMENT_SECONDS else {}
DATABASES = {
    "default": _database(DATABASE_URL, role=APP_ROLE, **_BOUND, **_PATIENCE),
    "owner": _database(DATABASE_OWNER_URL, lock_timeout="10s"),
}
if DATABASE_SEALER_URL:
    DATABASES["sealer"] = _database(DATABASE_SEALER_URL, role=SEALER_ROLE, **_PATIENCE)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# One REDIS_URL in redis-py's form; Celery spells a socket's address differently.
REDIS_URL = env.text("REDIS_URL", default=embedded.redis_url(LEDGER_HOME))


def _celery_url(redis_url: str) -> str:
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    return f"redis+socket://{parts.path}?virtual_host={parse_qs(parts.query).get('db', ['0'])[0]}"


CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {
            "serializer": "ledger_project.web.remembering.Json",  # whoever can write to Redis runs nothing here
            "socket_timeout": 0.5,  # nothing in it is worth a longer wait
            "socket_connect_timeout": 0.5,
        },
    }
}
CELERY_BROKER_URL = _celery_url(REDIS_URL)
# Seconds for an answer of the broker, which is asked once: nobody who sends a task waits longer for a Redis that hangs.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 1, "socket_connect_timeout": 1, "max_retries": 0}
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # the worker and beat, which can do nothing else, look for it for ever
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 3600
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A run that waited for its worker longer than until the next one is dropped.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "expire-promos": {"task": "journal.tasks.expire_promos", "schedule": 60, "options": {"expires": 60}},
    "alert-budgets": {"task": "accounts.tasks.alert_budgets", "schedule": 1, "options": {"expires": 2}},
    "request-topups": {"task": "holds.tasks.request_topups", "schedule": 2, "options": {"expires": 2}},
    "pay-withdrawals": {"task": "holds.tasks.pay_withdrawals", "schedule": 10, "options": {"expires": 10}},
    "watch-balances": {"task": "journal.tasks.watch_balances", "schedule": 1, "options": {"expires": 2}},
    "deliver-webhooks": {
        "task": "ledger_project.webhooks.tasks.deliver_webhooks",
        "schedule": 1,
        "options": {"expires": 2},
    },
    "publish-events": {
        "task": "ledger_project.webhooks.tasks.publish_events",
        "schedule": 1,
        "options": {"expires": 2},
    },
    "prune-webhooks": {"task": "ledger_project.webhooks.tasks.prune_webhooks", "schedule": 3600},
    "anchor": {"task": "ledger_project.log.tasks.anchor", "schedule": 10, "options": {"expires": 10}},
    "read-reserves": {
        "task": "reserves.tasks.read_reserves",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 240},
    },
    "attest": {"task": "reserves.tasks.attest", "schedule": crontab(minute="7"), "options": {"expires": 3600}},
    "request-reconciliations": {
        "task": "journal.tasks.request_reconciliations",
        "schedule": crontab(hour="3", minute="47"),
    },
    "reconcile": {"task": "journal.tasks.reconcile", "schedule": 5, "options": {"expires": 5}},
    "issue-statements": {"task": "journal.tasks.issue_statements", "schedule": crontab(hour="0", minute="27")},
    "verify-log": {"task": "ledger_project.log.tasks.verify_log", "schedule": crontab(hour="3", minute="17")},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["ledger_project.web.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["ledger_project.web.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["ledger_project.web.api.parsing.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "ledger_project.web.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["ledger_project.web.api.filters.StrictFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["ledger_project.web.api.throttling.KeyThrottle"],
    "DEFAULT_SCHEMA_CLASS": "ledger_project.web.api.openapi.LedgerSchema",
    "EXCEPTION_HANDLER": "ledger_project.web.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is a parameter like any other: known, or refused by name
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Ledger",
    "DESCRIPTION": "An event-sourced, double-entry ledger. Amounts are integers in minor units; every call that changes"
    " something carries an Idempotency-Key; every error is an RFC 9457 problem whose `code` is stable.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "GET_MOCK_REQUEST": "ledger_project.web.api.openapi.mock_request",
    "POSTPROCESSING_HOOKS": ["ledger_project.web.api.openapi.add_components"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "displayRequestDuration": True, "validatorUrl": None},
}

# What the web layer needs of the apps above it, which it does not import.
API_CREDENTIALS = "accounts.credentials.find"
API_ANSWERS = "accounts.answers.answers"
# What is said besides to who is refused for want of money.
API_SHORT = "holds.topups.telling.where_to_top_up"
API_ACCOUNTS = "accounts.queries.require_own"
LANDING_FIGURES = [
    "ledger_project.web.pages.landing.sealed",
    "accounts.landing.accounts",
    "ledger_project.web.pages.landing.checkpoint",
    "reserves.landing.coverage",
]
# What `seed_demo` posts for whoever starts the ledger for the first time, each a function of the tenant.
DEMO_STORIES = ["holds.demo.stories", "reserves.demo.stories"]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
# Staff show a one-time password, too (web/backoffice/second_factor.py): not in the demo of one machine, which speaks no
# TLS.
STAFF_SECOND_FACTOR = env.flag("STAFF_SECOND_FACTOR", default=HTTPS)
OTP_TOTP_ISSUER = "Ledger " + env.text("LEDGER_ENVIRONMENT", default="development")

# The back office (web/backoffice/site.py). The badge tells staff which of several ledgers they have in front of them.
ENVIRONMENT = env.text("LEDGER_ENVIRONMENT", default="development")
UNFOLD = {
    "SITE_TITLE": "Ledger",
    "SITE_HEADER": "Ledger",
    "SITE_SYMBOL": "account_balance",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "ledger_project.web.backoffice.theme.favicon"}],
    "LOGIN": {"form": "ledger_project.web.backoffice.logins.LoginForm"},
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": [ENVIRONMENT, {"production": "danger", "staging": "warning"}.get(ENVIRONMENT.lower(), "info")],
    "COLORS": {"primary": "ledger_project.web.backoffice.theme.primary_colour"},
    "STYLES": ["ledger_project.web.backoffice.theme.stylesheet"],
    "SCRIPTS": ["ledger_project.web.backoffice.theme.script"],
    "COMMAND": {"search_callback": "ledger_project.web.backoffice.site.find_anything"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": "ledger_project.web.backoffice.site.navigation",
    },
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
STATIC_URL = "/static/"
STATIC_ROOT = LEDGER_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# Single calls that wait at the same moment in one process are executed as one batch (docs/concurrency.md).
GROUP_COMMIT = env.flag("GROUP_COMMIT", default=True)
GROUP_LIMIT = env.integer("GROUP_LIMIT", default=128, minimum=1)
# Microseconds in which a caller who was answered is back with the next call; HTTP takes more (gunicorn.conf.py).
GROUP_PATIENCE = env.integer("GROUP_PATIENCE", default=100, minimum=0)

# Seconds that a call may take; a Request-Timeout may say less.
CALL_SECONDS = env.integer("CALL_SECONDS", default=20, minimum=1)
# Calls of one process that may wait for rows that others hold, half of them of one tenant; 0: any number.
PARKED_CALLS = env.integer("PARKED_CALLS", default=0)

# The sealed log. The key signs checkpoints: PEM in LEDGER_SIGNING_KEY, or a file, which `rotate_signing_key` replaces.
# The origin is the log's name for ever; one that starts anew, as after a restore from a backup, needs a new one.
SIGNING_KEY: str | Path = (
    Path(os.environ["LEDGER_SIGNING_KEY_FILE"])
    if os.environ.get("LEDGER_SIGNING_KEY_FILE")
    else env.text("LEDGER_SIGNING_KEY", default="") or LEDGER_HOME / "signing_key.pem"
)
# Which copy of the database this is, kept outside of it (log/fence.py): a file that the sealer writes, or a text.
INSTANCE_FILE = Path(os.environ.get("LEDGER_INSTANCE_FILE") or LEDGER_HOME / "instance_id")
INSTANCE = "" if os.environ.get("LEDGER_INSTANCE_FILE") else env.text("LEDGER_INSTANCE", default="")
LOG_ORIGIN = env.text("LEDGER_LOG_ORIGIN", default="ledger.local/log")
# Seconds; then a log that has not grown is signed again, which shows that it has not.
CHECKPOINT_MAX_AGE = env.integer("CHECKPOINT_MAX_AGE", default=600, minimum=1)
SEAL_WAIT = env.integer("SEAL_WAIT", default=5, minimum=1)  # s that `?wait=sealed` waits at most
SEAL_WAITERS = env.integer("SEAL_WAITERS", default=100)  # calls of one process that wait for it at a time
SEAL_MAX_LAG = env.integer("SEAL_MAX_LAG", default=30, minimum=1)  # s; an event that waits longer is an alarm
# Where checkpoints are kept out of the database's reach (log/anchors.py), how often each place gets one, and for how
# long one may wait before it is an alarm; in seconds.
ANCHORS = env.words("LEDGER_ANCHORS")
ANCHOR_EVERY = env.integer("LEDGER_ANCHOR_EVERY", default=60)
ANCHOR_MAX_AGE = env.integer("LEDGER_ANCHOR_MAX_AGE", default=900, minimum=1)

# What `run_timer` does beside sealing, with the seconds between two runs: it needs no broker.
TIMED = {"holds.expiry.expire_due": 5}

# Withdrawals: who pays them (holds/executors.py), and where the HTTP executor posts them.
WITHDRAWAL_EXECUTOR = env.text("WITHDRAWAL_EXECUTOR", default="holds.executors.ManualExecutor")
WITHDRAWAL_EXECUTOR_URL = env.text("WITHDRAWAL_EXECUTOR_URL", default="")
WITHDRAWAL_EXECUTOR_TOKEN = env.text("WITHDRAWAL_EXECUTOR_TOKEN", default="")

# Tasks that read the sealed log; each has its schedule, and is woken when something was sealed.
LOG_READERS = [
    "journal.tasks.watch_balances",
    "ledger_project.webhooks.tasks.deliver_webhooks",
    "ledger_project.webhooks.tasks.publish_events",
]
# Attestations of reserves: how they are signed (EdDSA, or Ed25519 as RFC 9864 names the same signature), and whose the
# public address shows: the tenant of this slug, or the first that attested.
ATTESTATION_ALG = env.text("ATTESTATION_ALG", default="EdDSA")
ATTESTATION_TENANT = env.text("ATTESTATION_TENANT", default="")

# Whom a reconciliation that found differences is mailed to, and the server that takes the mail.
OPERATOR_EMAILS = env.words("OPERATOR_EMAILS")
EMAIL_HOST = env.text("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", default=25, minimum=1)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=False)
EMAIL_TIMEOUT = 20  # s
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", default="ledger@localhost")

# Where reserve assets are read from (reserves/sources.py). These credentials show the operator's own balances, so they
# are used for the assets of ATTESTATION_TENANT alone. Tokens of other feeds: host=token, separated by commas.
FAL_BALANCE_URL = env.text("FAL_BALANCE_URL", default="https://api.fal.ai/v1/account/billing?expand=credits")
FAL_ADMIN_KEY = env.text("FAL_ADMIN_KEY", default="")
GEMINI_BALANCE_URL = env.text("GEMINI_BALANCE_URL", default="")
GEMINI_BALANCE_TOKEN = env.text("GEMINI_BALANCE_TOKEN", default="")
RESERVE_FEED_TOKENS = env.words("RESERVE_FEED_TOKENS")

# Webhooks and feeds of reserves go to https on the public internet. Addresses in these networks are trusted, at any
# port and over plain http: for development, and for what stands in a private network that is the operator's own.
WEBHOOK_ALLOWED_NETWORKS = env.networks("WEBHOOK_ALLOWED_NETWORKS")
WEBHOOK_ALLOWED_PORTS = frozenset(env.integers("WEBHOOK_ALLOWED_PORTS"))  # beside 80 and 443
WEBHOOK_THREADS = env.integer("WEBHOOK_THREADS", default=16, minimum=1)  # endpoints that are sent to at once
WEBHOOK_DISABLE_AFTER_DAYS = env.integer("WEBHOOK_DISABLE_AFTER_DAYS", default=5, minimum=1)  # without one success
WEBHOOK_KEEP_DAYS = env.integer("WEBHOOK_KEEP_DAYS", default=30, minimum=1)  # the log of deliveries
# Each event stream (SSE) occupies a thread of its web process: the most of them per process, and how long one lasts.
EVENT_STREAMS = env.integer("EVENT_STREAMS", default=4)
EVENT_STREAM_SECONDS = env.integer("EVENT_STREAM_SECONDS", default=300, minimum=1)
EVENT_STREAM_LENGTH = env.integer("EVENT_STREAM_LENGTH", default=10_000, minimum=1)  # of the Redis stream, in events

# Where `make up` says which of its processes keep dying (embedded/children.py); only there is such a file.
RESTLESS = embedded.restless(LEDGER_HOME)

# Who may read /metrics; without a token nobody may.
METRICS_TOKEN = env.text("METRICS_TOKEN", default="") or embedded.metrics_token(LEDGER_HOME)

BODY_LIMIT = 1024 * 1024  # bytes of one request; 413 above
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_LIMIT
API_REQUESTS_PER_MINUTE = env.integer("API_REQUESTS_PER_MINUTE", default=120_000, minimum=1)
API_KEY_CACHE_SECONDS = env.integer("API_KEY_CACHE_SECONDS", default=2)
X402_MAX_SECONDS = env.integer("X402_MAX_SECONDS", default=3600, minimum=1)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "ledger_project.web.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", default="INFO")},
    # Django would print these a second time, in a form of its own.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # It warns of every reply above 399, and a refusal is an everyday answer.
        "django.request": {"level": "ERROR"},
    },
}
