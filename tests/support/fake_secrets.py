"""Secrets of many kinds, made anew from random letters: none stands in this repository or opens a door."""

import base64
import json
import random
import sqlite3
import string
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

import tantivy

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALPHANUMERIC = LOWER + UPPER + DIGITS
HEX = DIGITS + "abcdef"
BASE32 = UPPER + "234567"
URL_SAFE = ALPHANUMERIC + "_-"

Draw = Callable[[str, int], str]


def secrets(seed: int) -> dict[str, tuple[str, str]]:
    """Make a secret of each kind.

    Returns:
        The secret, and the lines that give it away, by kind. The secret may have several lines.
    """
    chosen = random.Random(seed)

    def draw(alphabet: str, count: int) -> str:
        # A digit, a small and a capital letter, as real ones have: a run of one letter is nobody's key.
        while True:
            text = "".join(chosen.choices(alphabet, k=count))
            if all(set(text) & set(kind) for kind in (LOWER, UPPER, DIGITS) if set(alphabet) & set(kind)):
                return text

    made = {kind: make(draw) for kind, make in _PREFIXED.items()}
    lines = {kind: (secret, f'client.login("{secret}")') for kind, secret in made.items()}
    for kind, (name, make) in _NAMED.items():
        secret = make(draw)
        lines[kind] = secret, name.format(secret)
    return {**lines, **_shaped(draw)}


def _prefixed(prefix: str, alphabet: str, count: int, end: str = "") -> Callable[[Draw], str]:
    return lambda draw: f"{prefix}{draw(alphabet, count)}{end}"


_PREFIXED: Mapping[str, Callable[[Draw], str]] = {
    "anthropic": lambda draw: f"sk-ant-api03-{draw(URL_SAFE[:-1], 93)}AA",
    "anthropic-admin": lambda draw: f"sk-ant-admin01-{draw(URL_SAFE[:-1], 93)}AA",
    "openai": lambda draw: f"sk-{draw(ALPHANUMERIC, 20)}T3BlbkFJ{draw(ALPHANUMERIC, 20)}",
    "aws-key-id": _prefixed("AKIA", BASE32, 16),
    "github-pat": _prefixed("ghp_", ALPHANUMERIC, 36),
    "github-oauth": _prefixed("gho_", ALPHANUMERIC, 36),
    "github-app": _prefixed("ghs_", ALPHANUMERIC, 36),
    "github-refresh": _prefixed("ghr_", ALPHANUMERIC, 36),
    "github-fine-grained": lambda draw: f"github_pat_{draw(ALPHANUMERIC, 22)}_{draw(ALPHANUMERIC, 59)}",
    "gitlab-pat": _prefixed("glpat-", URL_SAFE[:-2], 20),
    "gitlab-deploy": _prefixed("gldt-", ALPHANUMERIC, 20),
    "gitlab-trigger": _prefixed("glptt-", HEX, 40),
    "gitlab-runner": _prefixed("glrt-", ALPHANUMERIC, 20),
    "slack-bot": lambda draw: f"xoxb-{draw(DIGITS, 12)}-{draw(DIGITS, 12)}-{draw(ALPHANUMERIC, 24)}",
    "slack-user": lambda draw: (
        f"xoxp-{draw(DIGITS, 12)}-{draw(DIGITS, 12)}-{draw(DIGITS, 12)}-{draw(HEX, 32)}"
    ),
    "slack-app": lambda draw: f"xapp-1-A{draw(UPPER + DIGITS, 10)}-{draw(DIGITS, 13)}-{draw(HEX, 64)}",
    "slack-webhook": lambda draw: (
        "https://hooks.slack.com/services/"
        f"T{draw(UPPER + DIGITS, 10)}/B{draw(UPPER + DIGITS, 10)}/{draw(ALPHANUMERIC, 24)}"
    ),
    "stripe": _prefixed("sk_live_", ALPHANUMERIC, 24),
    "stripe-restricted": _prefixed("rk_live_", ALPHANUMERIC, 24),
    "google-api": _prefixed("AIza", ALPHANUMERIC, 35),
    "sendgrid": lambda draw: f"SG.{draw(ALPHANUMERIC, 22)}.{draw(ALPHANUMERIC, 43)}",
    "npm": _prefixed("npm_", ALPHANUMERIC, 36),
    "pypi": _prefixed("pypi-AgEIcHlwaS5vcmc", URL_SAFE, 80),
    "rubygems": _prefixed("rubygems_", HEX, 48),
    "clojars": _prefixed("CLOJARS_", LOWER + DIGITS, 60),
    "hugging-face": _prefixed("hf_", LOWER + UPPER, 34),
    "digitalocean": _prefixed("dop_v1_", HEX, 64),
    "digitalocean-oauth": _prefixed("doo_v1_", HEX, 64),
    "databricks": _prefixed("dapi", HEX, 32),
    "doppler": _prefixed("dp.pt.", ALPHANUMERIC, 43),
    "dynatrace": lambda draw: f"dt0c01.{draw(UPPER + DIGITS, 24)}.{draw(UPPER + DIGITS, 64)}",
    "easypost": _prefixed("EZAK", ALPHANUMERIC, 54),
    "duffel": _prefixed("duffel_live_", URL_SAFE[:-2], 43),
    "flutterwave": _prefixed("FLWSECK_TEST-", HEX, 32, "-X"),
    "frameio": _prefixed("fio-u-", URL_SAFE[:-2], 64),
    "grafana": lambda draw: f"glsa_{draw(ALPHANUMERIC, 32)}_{draw(HEX, 8)}",
    "vault": _prefixed("hvs.", ALPHANUMERIC, 95),
    "terraform": lambda draw: f"{draw(ALPHANUMERIC, 14)}.atlasv1.{draw(ALPHANUMERIC, 64)}",
    "linear": _prefixed("lin_api_", ALPHANUMERIC, 40),
    "notion": lambda draw: f"ntn_{draw(DIGITS, 11)}{draw(ALPHANUMERIC, 35)}",
    "planetscale": _prefixed("pscale_tkn_", ALPHANUMERIC, 43),
    "postman": lambda draw: f"PMAK-{draw(HEX, 24)}-{draw(HEX, 34)}",
    "prefect": _prefixed("pnu_", LOWER + DIGITS, 36),
    "pulumi": _prefixed("pul-", HEX, 40),
    "readme": _prefixed("rdme_", LOWER + DIGITS, 70),
    "sentry-user": _prefixed("sntryu_", HEX, 64),
    "shippo": _prefixed("shippo_live_", HEX, 40),
    "shopify": _prefixed("shpat_", HEX, 32),
    "shopify-app": _prefixed("shpss_", HEX, 32),
    "sourcegraph": _prefixed("sgp_", HEX, 40),
    "square": _prefixed("sq0atp-", ALPHANUMERIC, 22),
    "twilio": _prefixed("SK", HEX, 32),
    "1password": _prefixed("ops_eyJ", ALPHANUMERIC, 260),
    "age": _prefixed("AGE-SECRET-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "adobe": _prefixed("p8e-", HEX, 32),
    "alibaba": _prefixed("LTAI", ALPHANUMERIC, 20),
    "artifactory": _prefixed("AKCp", ALPHANUMERIC, 69),
    "airtable": lambda draw: f"pat{draw(ALPHANUMERIC, 14)}.{draw(HEX, 64)}",
    "figma": _prefixed("figd_", ALPHANUMERIC, 40),
    "groq": _prefixed("gsk_", ALPHANUMERIC, 52),
    "perplexity": _prefixed("pplx-", ALPHANUMERIC, 48),
    "replicate": _prefixed("r8_", ALPHANUMERIC, 37),
    "xai": _prefixed("xai-", ALPHANUMERIC, 80),
    "supabase": _prefixed("sbp_", HEX, 40),
    "docker-hub": _prefixed("dckr_pat_", ALPHANUMERIC, 27),
    "buildkite": _prefixed("bkua_", HEX, 40),
}

_NAMED: Mapping[str, tuple[str, Callable[[Draw], str]]] = {
    "fly": ("FLY_API_TOKEN={}", _prefixed("fo1_", ALPHANUMERIC, 43)),
    "typeform": ('typeform = "{}"', _prefixed("tfp_", ALPHANUMERIC, 59)),
    "telegram": ('telegram_bot = "{}"', lambda draw: f"{draw(DIGITS[1:], 10)}:AA{draw(ALPHANUMERIC, 33)}"),
    "new-relic": ('new_relic = "{}"', _prefixed("NRAK-", UPPER + DIGITS, 27)),
    "mapbox": ('mapbox_token = "{}"', lambda draw: f"sk.{draw(ALPHANUMERIC, 60)}.{draw(ALPHANUMERIC, 22)}"),
    "crates": ('crates_io = "{}"', _prefixed("cio", ALPHANUMERIC, 32)),
    "mailgun": ('mailgun = "{}"', _prefixed("key-", HEX, 32)),
    "password": ('password = "{}"', lambda draw: draw(ALPHANUMERIC + "!#%&", 16)),
    "settings-password": ("DB_PASSWORD={}", lambda draw: draw(ALPHANUMERIC, 20)),
    "yaml-token": ("auth_token: {}", lambda draw: draw(ALPHANUMERIC, 24)),
    "json-secret": ('{{"client_secret": "{}"}}', lambda draw: draw(ALPHANUMERIC, 32)),
    "aws-secret": ('aws_secret_access_key = "{}"', lambda draw: draw(ALPHANUMERIC + "/+", 40)),
    "private-setting": ("signing-key: '{}'", lambda draw: draw(ALPHANUMERIC, 32)),
    "url-password": ('url = "postgres://app:{}@db.internal:5432/app"', lambda draw: draw(ALPHANUMERIC, 14)),
    "redis-url": ("REDIS_URL=redis://default:{}@cache.internal:6379", lambda draw: draw(ALPHANUMERIC, 18)),
    "mongodb-url": (
        'uri = "mongodb+srv://app:{}@cluster0.abcde.mongodb.net"',
        lambda draw: draw(ALPHANUMERIC, 15),
    ),
    "basic-auth-curl": ("curl -u admin:{} https://intranet.acme.io/api", lambda draw: draw(ALPHANUMERIC, 16)),
    "bearer-curl": (
        'curl -H "Authorization: Bearer {}" https://api.acme.io',
        lambda draw: draw(ALPHANUMERIC, 40),
    ),
}


def _shaped(draw: Draw) -> dict[str, tuple[str, str]]:
    """Make secrets that have a form rather than a prefix."""
    lines = [draw(ALPHANUMERIC + "+/", 64) for _ in range(6)]

    def key(name: str) -> tuple[str, str]:
        body = "\n".join(lines)
        return body, f"-----BEGIN {name}-----\n{body}\n-----END {name}-----"

    def encode(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    head, claims = encode({"alg": "HS256", "typ": "JWT"}), encode({"sub": draw(DIGITS, 10), "role": "x"})
    token = f"{head}.{claims}.{draw(ALPHANUMERIC, 43)}"
    hidden = base64.b64encode(f"ghp_{draw(ALPHANUMERIC, 36)}".encode()).decode()
    private = "PRIVATE KEY"
    return {
        "rsa-key": key(f"RSA {private}"),
        "openssh-key": key(f"OPENSSH {private}"),
        "ec-key": key(f"EC {private}"),
        "pgp-key": key(f"PGP {private} BLOCK"),
        "pkcs8-key": key(private),
        "jwt": (token, f'session = "{token}"'),
        "base64": (hidden, f'blob = "{hidden}"'),
    }


def bytes_below(folder: Path) -> bytes:
    """Read all files below a folder, and what is packed in those that pack: what a thief would find."""
    found = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in sorted(folder.rglob("documents.sqlite")):
        with closing(sqlite3.connect(path)) as table:
            packed = [row[0] for row in table.execute("SELECT data FROM documents")]
        for data in packed:
            with suppress(zlib.error):
                found.append(zlib.decompress(data))
    for path in sorted(folder.rglob("meta.json")):
        index = tantivy.Index.open(str(path.parent))
        searcher = index.searcher()
        every = searcher.search(tantivy.Query.all_query(), limit=1_000_000).hits
        found.extend(str(searcher.doc(address).to_dict()).encode() for _, address in every)
    return b"\n".join(found)
