"""Credentials: every kind of the table, in the surroundings in which they turn up; and what only looks like one."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import pytest
import regex

from detectors.recognizers.secrets.tokens import TOKENS

Find = Callable[[str], list[tuple[str, str]]]

_RANDOM = random.Random(7)


def noise(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_RANDOM.choice(alphabet) for _ in range(count - 2)) + ("a7" if "a" in alphabet else "77")


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"
EXAMPLES: dict[str, str] = {
    "openai": "sk-proj-" + noise(48),
    "anthropic": "sk-ant-api03-" + noise(80),
    "aws-key-id": "AKIA" + noise(16, UPPER),
    "google-api": "AIza" + noise(35),
    "google-oauth": "GOCSPX-" + noise(28),
    "github": "ghp_" + noise(36),
    "github-fine": "github_pat_" + noise(60),
    "gitlab": "glpat-" + noise(20),
    "slack": "xoxb-" + noise(12, string.digits) + "-" + noise(24),
    "stripe": "sk_live_" + noise(24),
    "twilio": "AC" + noise(32, HEX),
    "sendgrid": "SG." + noise(22) + "." + noise(43),
    "npm": "npm_" + noise(36),
    "pypi": "pypi-" + noise(120),
    "hugging-face": "hf_" + noise(34),
    "digitalocean": "dop_v1_" + noise(64, HEX),
    "shopify": "shpat_" + noise(32, HEX),
    "telegram": "123456789:AA" + noise(33),
    "discord": "M" + noise(24) + "." + noise(6) + "." + noise(30),
    "databricks": "dapi" + noise(32, HEX),
    "hashicorp-vault": "hvs." + noise(28),
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + noise(43),
    "private-key": "-----BEGIN RSA PRIVATE KEY-----\n" + noise(64) + "\n-----END RSA PRIVATE KEY-----",
    "alibaba": "LTAI" + noise(20),
    "bcrypt": "$2b$12$" + noise(53),
    "groq": "gsk_" + noise(52),
    "docker": "dckr_pat_" + noise(27),
    "linear": "lin_api_" + noise(40),
    "figma": "figd_" + noise(40),
    "grafana": "glsa_" + noise(32) + "_" + noise(8, HEX),
}
SURROUNDINGS = (
    "{}",
    "2026-03-01T10:00:00Z INFO start port=8080 sha=adbd9d0\n2026-03-01T10:00:01Z DEBUG using {} for calls\n",
    'export SERVICE_CREDENTIAL="{}"\n',
    "config:\n  port: 8080\n  value: {}\n  debug: true\n",
    '{{"a": 1, "value": "{}", "b": [2]}}',
    "密钥{}，请保密",
)


@pytest.mark.parametrize("kind", EXAMPLES)
@pytest.mark.parametrize("surrounding", SURROUNDINGS)
def test_tokens_are_found_wherever_they_stand(find: Find, kind: str, surrounding: str) -> None:
    value = EXAMPLES[kind]
    found = find(surrounding.format(value))
    assert any(entity == "SECRET" and value in text for entity, text in found)


def test_the_table_is_wide_and_its_prefilter_is_true() -> None:
    kinds = {token.kind for token in TOKENS}
    assert len(kinds) == len(TOKENS) >= 60
    assert set(EXAMPLES) <= kinds
    for token in TOKENS:
        value = EXAMPLES.get(token.kind)
        if value is not None:
            assert regex.search(token.form, value, regex.ASCII)
            assert any(literal in value for literal in token.literals)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("DATABASE_URL=postgres://app:k9!Vt-Dune42@db.internal:5432/x?sslmode=require", "k9!Vt-Dune42"),
        ("redis://:iKLruhfx6IyZKwOJ@cache:6379/0", "iKLruhfx6IyZKwOJ"),
        ("mysql -u root -pT4lisman! shop", "T4lisman!"),
        ("password: hunter2x", "hunter2x"),
        ("PASS: Test/9x!", "Test/9x!"),
        ("password: TestScheduler/9", "TestScheduler/9"),
        ('"api_key": "9f3ac71e5b2d4488"', "9f3ac71e5b2d4488"),
        ("Authorization: Bearer abcDEF123456ghiJKL789", "abcDEF123456ghiJKL789"),
        ("Authorization: Basic dXNlcjpwYXNzdzByZA==", "dXNlcjpwYXNzdzByZA=="),
        ("AWS_SECRET_ACCESS_KEY=fjISZxZ9h2nXHtsYre+oKtk7PVBmUGf1T0Ha3dz7", "fjISZxZ9h2nXHtsYre+oKtk7PVBmUGf1T0Ha3dz7"),
        ("dbPassword = 'Winter2024!'", "Winter2024!"),
        ("GET /x?token=9fK2qLx7aa11 HTTP/1.1", "9fK2qLx7aa11"),
        ("her password (Bergziege69!) leaked", "Bergziege69!"),
        ("My PIN was 7051 then", "7051"),
        ("CVV 417", "417"),
        ("<wsse:Password>Kadikoy-77-vapur</wsse:Password>", "Kadikoy-77-vapur"),
        ("curl -u anna:S3cr3tPw https://example.com", "S3cr3tPw"),
        ("machine h login bot password Xy12abZZ", "Xy12abZZ"),
        ("CREATE USER a IDENTIFIED BY 'Gr8-pass'", "Gr8-pass"),
        ("AccountName=x;AccountKey=" + "Ab1+" * 12 + "==;", "Ab1+" * 12 + "=="),
    ],
)
def test_assigned_secrets(find: Find, text: str, value: str) -> None:
    assert ("SECRET", value) in find(text)


@pytest.mark.parametrize(
    "text",
    [
        "password=None",
        "password = os.environ['DB_PASSWORD']",
        'api_key = os.getenv("OPENAI_API_KEY")',
        "password: ${DB_PASSWORD}",
        "token: {{ vault_token }}",
        "api_key: <your key>",
        'api_key="YOUR_API_KEY"',
        "OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "password: str",
        "def login(user: str, password: SecretStr) -> Token:",
        "self.password = password",
        "token = request.headers.get('X-Token')",
        "const token = await getToken();",
        "max_tokens: 4096",
        "tokenizer = AutoTokenizer.from_pretrained(name)",
        "total_tokens=1523 prompt_tokens=1200",
        'secretName: "db-credentials"',
        "password_min_length = 12",
        "postgres://user:password@localhost:5432/dbname",
        "Forgot your password? Reset it here.",
        "the password is required and must not be empty",
        "if password != confirm_password:",
        "pinned: true",
        "-v $PWD:/work",
        'placeholder="Enter password"',
        "key: value",
        "KEYWORDS = ['PASSING', 'PASSWORD', 'PLACING']",
        'auth = "Basic " + encoded',
        "credential = DefaultAzureCredential()",
        'provider(credential, "https://ai.example.com/.default")',
        "PublicKeyToken=30ad4fe6b2a6aeed",
        "--- PASS: TestScheduler/retry_on_5xx_v2 (0.00s)",
        "PASS: TestJobRunner/v2",
        "PASS: tests/test_x1.py::test_a2",
    ],
)
def test_what_only_looks_like_a_secret(find: Find, text: str) -> None:
    assert find(text) == []


MORE_EXAMPLES: dict[str, str] = {
    "asana": "1/1204567890123456:" + noise(32, HEX),
    "circleci": "CCIPAT_" + noise(22) + "_" + noise(40, HEX),
    "contentful": "CFPAT-" + noise(43),
    "dynatrace": "dt0c01." + noise(24, UPPER) + "." + noise(64, UPPER),
    "hubspot": "pat-na1-9f1c2e77-b0aa-4d6f-9c2e-77b0aa4d6f1c",
    "langsmith": "lsv2_pt_" + noise(32, HEX) + "_" + noise(10, HEX),
    "netlify": "nfp_" + noise(40),
    "plaid": "access-production-9f1c2e77-b0aa-4d6f-9c2e-77b0aa4d6f1c",
    "shippo": "shippo_live_" + noise(40, HEX),
    "sonar": "squ_" + noise(40, HEX),
    "tailscale": "tskey-auth-" + noise(12) + "-" + noise(32),
    "flutterwave": "FLWSECK_TEST-" + noise(32, HEX),
}


@pytest.mark.parametrize("kind", MORE_EXAMPLES)
@pytest.mark.parametrize("surrounding", SURROUNDINGS)
def test_more_tokens(find: Find, kind: str, surrounding: str) -> None:
    found = find(surrounding.format(MORE_EXAMPLES[kind]))
    assert any(entity == "SECRET" and MORE_EXAMPLES[kind] in text for entity, text in found)


def test_kinds_are_named_once() -> None:
    from detectors.recognizers.secrets.more_tokens import MORE_TOKENS

    kinds = [token.kind for token in (*TOKENS, *MORE_TOKENS)]
    assert len(kinds) == len(set(kinds)) > 120
    assert set(MORE_EXAMPLES) <= set(kinds)
