# ruff: noqa: E501 - tables are read line by line
"""Writes ``docs/coverage.md`` from the recognizers: ``python -m tests.detectors.coverage_table``. A test holds the page to it.

Three tables: what issue 3 names, by entity; countries and where their checksums come from; kinds of credentials beside the rule names of
detect-secrets and gitleaks (names only, as their repositories list them).
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from addons.policy.entities import BUILT_IN_ACTIONS
from detectors.config import DetectorConfig
from detectors.recognizers.catalogue import build
from detectors.recognizers.national_ids import NUMBERS
from detectors.recognizers.ner import LABELS
from detectors.recognizers.presidio import SHIPPED
from detectors.recognizers.secrets.more_tokens import MORE_TOKENS
from detectors.recognizers.secrets.tokens import TOKENS

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"

NAMED: dict[str, tuple[str, ...]] = {
    "people": ("PERSON", "ADDRESS", "LOCATION", "ORGANIZATION", "USERNAME", "DATE_OF_BIRTH", "AGE"),
    "public figures": ("PUBLIC_FIGURE",),
    "e-mail, phones": ("EMAIL_ADDRESS", "PHONE_NUMBER"),
    "WeChat and QQ ids": ("USERNAME",),
    "cards, IBAN, BIC, wallets, accounts": (
        "CREDIT_CARD",
        "IBAN_CODE",
        "BIC",
        "CRYPTO",
        "BANK_ACCOUNT",
        "US_BANK_NUMBER",
        "ABA_ROUTING_NUMBER",
    ),
    "national ids, tax numbers by label": ("NATIONAL_ID", "TAX_ID", "SOCIAL_SECURITY"),
    "passports, driving licences": (
        "PASSPORT",
        "DRIVER_LICENSE",
        "US_PASSPORT",
        "UK_PASSPORT",
        "CN_PASSPORT",
        "US_DRIVER_LICENSE",
    ),
    "plates, VIN": ("LICENSE_PLATE", "VIN", "UK_VEHICLE_REGISTRATION"),
    "medical records, insurance, NPI, MBI": (
        "MEDICAL_RECORD",
        "HEALTH_INSURANCE",
        "US_NPI",
        "US_MBI",
        "MEDICAL_LICENSE",
    ),
    "records that point at a person": ("CUSTOMER_ID", "EMPLOYEE_ID", "ORDER_ID", "RECORD_ID"),
    "IP, MAC, IMEI, coordinates, URL": (
        "IP_ADDRESS",
        "PRIVATE_IP_ADDRESS",
        "MAC_ADDRESS",
        "IMEI",
        "COORDINATES",
        "URL",
    ),
    "credentials": ("SECRET",),
    "China, Hong Kong, Macao, Taiwan": (
        "CN_RESIDENT_ID",
        "CN_USCC",
        "CN_PASSPORT",
        "CN_TRAVEL_PERMIT",
        "HK_ID",
        "MO_ID",
        "TW_ID",
    ),
}
"""What the issue names -> entities."""

BESIDE_CODE = {"PUBLIC_FIGURE": "figures (after conflicts are resolved)"}
"""Entities that no recognizer proposes, and what makes them."""

OTHERS: dict[str, str] = {
    "1password": "1password-service, 1password-secret", "adafruit": "", "adobe": "adobe", "adyen": "", "age": "age", "airtable": "airtable", "algolia": "", "alibaba": "alibaba", "ansible": "ansible-vault", "anthropic": "anthropic", "artifactory": "artifactory", "asana": "asana", "atlassian": "atlassian", "authress": "", "aws": "aws-key-id", "azure": "azure-ad, azure-storage, azure-sas", "beamer": "", "bitbucket": "atlassian", "bittrex": "", "braintree": "braintree", "castai": "", "chargebee": "", "chieftools": "", "clickhouse": "clickhouse", "clojars": "clojars", "cloudflare": "cloudflare", "codecov": "", "cohere": "", "coinbase": "", "confluent": "", "contentful": "contentful", "curl": "=UrlCredentialRecognizer, AssignmentRecognizer", "databricks": "databricks", "datadog": "datadog-app", "definednetworking": "defined-networking", "digitalocean": "digitalocean", "discord": "discord", "doppler": "doppler", "droneci": "", "dropbox": "dropbox", "duffel": "duffel", "dynatrace": "dynatrace", "easypost": "easypost", "etsy": "", "facebook": "facebook", "fastly": "", "finicity": "", "finnhub": "", "flickr": "", "flutterwave": "flutterwave", "flyio": "fly", "frameio": "frameio", "freemius": "", "freshbooks": "", "gcp": "google-api, google-oauth", "generic": "=AssignmentRecognizer", "github": "github, github-fine", "gitlab": "gitlab", "gitter": "", "gocardless": "", "grafana": "grafana", "groq": "groq", "harness": "harness", "hashicorp": "terraform-cloud", "hashicorp_vault": "hashicorp-vault", "heroku": "heroku", "hubspot": "hubspot", "huggingface": "hugging-face", "infracost": "infracost", "intercom": "", "intra42": "intra42", "jfrog": "artifactory", "jwt": "jwt", "kraken": "", "kubernetes": "=AssignmentRecognizer, base64 views", "kucoin": "", "langsmith": "langsmith", "launchdarkly": "launchdarkly", "linear": "linear", "linkedin": "", "lob": "", "looker": "", "mailchimp": "mailchimp", "mailgun": "mailgun", "mapbox": "mapbox", "mattermost": "", "maxmind": "maxmind",
    "detect-secrets: aiven_token": "aiven", "detect-secrets: amazon_bedrock": "aws-bedrock", "detect-secrets: artifactory": "artifactory", "detect-secrets: aws": "aws-key-id", "detect-secrets: azure_storage_key": "azure-storage", "detect-secrets: basic_auth": "=UrlCredentialRecognizer", "detect-secrets: box": "", "detect-secrets: cloudant": "=UrlCredentialRecognizer", "detect-secrets: db2": "=AssignmentRecognizer", "detect-secrets: discord": "discord", "detect-secrets: github_token": "github", "detect-secrets: gitlab_token": "gitlab", "detect-secrets: grafana": "grafana", "detect-secrets: hashicorp_vault_token": "hashicorp-vault", "detect-secrets: high_entropy_strings": "=AssignmentRecognizer", "detect-secrets: ibm_cloud_iam": "", "detect-secrets: ibm_cos_hmac": "", "detect-secrets: ip_public": "=IpRecognizer", "detect-secrets: jwt": "jwt", "detect-secrets: keyword": "=AssignmentRecognizer", "detect-secrets: mailchimp": "mailchimp", "detect-secrets: npm": "npm", "detect-secrets: okta": "", "detect-secrets: openai": "openai", "detect-secrets: private_key": "private-key", "detect-secrets: pypi_token": "pypi", "detect-secrets: sendgrid": "sendgrid", "detect-secrets: slack": "slack, slack-webhook", "detect-secrets: softlayer": "", "detect-secrets: square_oauth": "square", "detect-secrets: stripe": "stripe", "detect-secrets: telegram_token": "telegram", "detect-secrets: twilio": "twilio",
}  # fmt: skip
"""Rule names of gitleaks (its rules' files) and detect-secrets (its plugins) -> our kinds; ``=`` names a recognizer; empty: the key has no
form of its own, so entropy and a label find it."""

MISSING = (
    "Gitleaks' rules from `messagebird` on were not compared one by one (the name list was at hand up to `maxmind`); of the well-known ones `newrelic`, `notion`, `npm`, `nuget`, `openai`, `perplexity`, `planetscale`, `postman`, `pulumi`, `pypi`, `rubygems`, `sendgrid`, `sentry`, `shopify`, `slack`, `square`, `stripe`, `telegram`, `twilio` and `yandex` have kinds here.",
    "Keys without a prefix (Algolia, Datadog, Okta, Fastly and the like) stand or fall with their label: alone in prose they are not found.",
    "Names, organizations and places outside tables and titles are the model's business; addresses outside China, too.",
    "Driving licences of most US states, plates without a telling form, and record numbers without a label or a table's header are found by the model only.",
    "National ids of countries that are not in the table below are found behind the common labels (`NATIONAL_ID`), without a checksum.",
)


def kinds() -> list[str]:
    """Kinds of credentials with a form of their own."""
    return sorted(token.kind for token in (*TOKENS, *MORE_TOKENS))


def recognizers_of() -> dict[str, set[str]]:
    """Entity -> short names of what proposes it."""
    found: dict[str, set[str]] = defaultdict(set)
    for recognizer in build(DetectorConfig()):
        for entity in recognizer.supported_entities:
            found[entity].add(recognizer.name.partition(".")[0].removesuffix("Recognizer"))
    for entity in LABELS.values():
        found[entity].add("Ner")
    for entity, maker in BESIDE_CODE.items():
        found[entity].add(maker)
    return found


def countries() -> dict[str, list[tuple[str, str]]]:
    """Country -> ``(entity, source of its checksum or form)``."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for number in NUMBERS:
        found[number.country].append((number.entity, f"`stdnum.{number.module}`"))
    for shipped in SHIPPED:
        found[shipped.country].append((shipped.name.removesuffix("Recognizer"), "Presidio"))
    found["cn"] += [
        ("CN_RESIDENT_ID", "GB 11643, ISO 7064 MOD 11-2"),
        ("CN_USCC", "GB 32100"),
        ("CN_PASSPORT, CN_TRAVEL_PERMIT, plates", "form and context"),
    ]
    found["hk"] += [("HK_ID", "MOD 11"), ("MO_ID", "form and context")]
    found["tw"] += [("TW_ID", "MOD 10")]
    return found


def page() -> str:
    """The whole page."""
    by_entity = recognizers_of()
    lines = [
        "# What is found",
        "",
        "Written by `python -m tests.detectors.coverage_table` from the recognizers; a test fails where the two differ. What is *allowed* by default is",
        "recorded all the same.",
        "",
        "| named | entity | by default | found by |",
        "| --- | --- | --- | --- |",
    ]
    for named, entities in NAMED.items():
        for entity in entities:
            action = BUILT_IN_ACTIONS.get(entity)
            lines.append(
                f"| {named} | `{entity}` | {action.value + 'ed' if action else 'masked'} | {', '.join(sorted(by_entity[entity]))} |"
            )
    nations = countries()
    lines += [
        "",
        f"## Countries: {len(nations)}",
        "",
        "| country | what | checksum or form from |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {country} | {', '.join(dict.fromkeys(what for what, _ in rows))} | {', '.join(dict.fromkeys(source for _, source in rows))} |"
        for country, rows in sorted(nations.items())
    ]
    lines += [
        "",
        f"## Credentials: {len(kinds())} kinds with a form of their own",
        "",
        ", ".join(f"`{kind}`" for kind in kinds()) + ".",
        "",
        "All others by a label or a secret-looking name and the value's entropy (`AssignmentRecognizer`, `SpokenSecretRecognizer`, `SecretPhraseRecognizer`), by their place in a URL",
        "(`UrlCredentialRecognizer`, `PersonalUrlRecognizer`), or by a table's header.",
        "",
        "### Beside other scanners",
        "",
        "Rule names of gitleaks and detect-secrets.",
        "",
        "| theirs | ours |",
        "| --- | --- |",
    ]
    for theirs, ours in OTHERS.items():
        lines.append(f"| {theirs} | {ours.removeprefix('=') if ours else 'label and entropy'} |")
    lines += ["", "## What is missing", "", *(f"- {gap}" for gap in MISSING), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
