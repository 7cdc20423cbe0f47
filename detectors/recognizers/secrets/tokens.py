# ruff: noqa: E501 - expressions and word lists are read line by line
"""Tokens with a form of their own: providers' keys, recognizable by prefix. One table.

Forms: the providers' documentation and GitHub's list of secret scanning patterns. ``literals`` are a prefilter: a text
without any of them cannot match.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import EntityRecognizer, Pattern, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from detectors.errors import DetectorError
from detectors.reading import Reading
from detectors.recognizers.strict import name_of, result_of


@dataclass(frozen=True, slots=True)
class Token:
    """One kind of token."""

    kind: str
    literals: Sequence[str]
    """Case-sensitive; one of them is in every match."""
    form: str
    """Case-sensitive; a group ``value``, if there is one, is the span."""
    score: float = 0.95


_S = r"(?<![0-9A-Za-z_])"
_E = r"(?![0-9A-Za-z_])"

TOKENS: tuple[Token, ...] = (
    Token("openai", ("sk-",), rf"{_S}sk-(?!ant-|or-|lf-)(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_\-]{{20,200}}{_E}"),
    Token("anthropic", ("sk-ant-",), rf"{_S}sk-ant-[a-z0-9]{{2,12}}-[A-Za-z0-9_\-]{{16,200}}{_E}"),
    Token("openrouter", ("sk-or-",), rf"{_S}sk-or-[A-Za-z0-9_\-]{{16,200}}{_E}"),
    Token("langfuse", ("k-lf-",), rf"{_S}[sp]k-lf-[0-9a-f\-]{{32,40}}{_E}"),
    Token("aws-key-id", ("AKIA", "ASIA", "ABIA", "ACCA", "AGPA", "AIDA", "AROA"), r"(?<![A-Za-z0-9+/])(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA)[A-Z0-9]{16}(?![A-Za-z0-9+/])"),
    Token("aws-bedrock", ("bedrock-api-key-", "ABSK"), rf"{_S}(?:bedrock-api-key-[A-Za-z0-9+/=]{{40,}}|ABSK[A-Za-z0-9+/=]{{80,}})"),
    Token("google-api", ("AIza",), rf"{_S}AIza[A-Za-z0-9_\-]{{30,40}}{_E}"),
    Token("google-oauth", ("ya29.", "GOCSPX-", "1//0"), rf"{_S}(?:ya29\.[A-Za-z0-9_\-]{{20,}}|GOCSPX-[A-Za-z0-9_\-]{{20,40}}|1//0[A-Za-z0-9_\-]{{30,}}){_E}"),
    Token("azure-storage", ("AccountKey=", "SharedAccessKey=", "SharedAccessSignature="), r"(?:AccountKey|SharedAccessKey|SharedAccessSignature)=(?P<value>[A-Za-z0-9+/%&=\-]{20,})"),
    Token("azure-sas", ("sig=",), r"[?&]sig=(?P<value>[A-Za-z0-9%+/]{20,}={0,2})"),
    Token("azure-ad", ("8Q~", "7Q~"), rf"{_S}[A-Za-z0-9_~.\-]{{3}}[78]Q~[A-Za-z0-9_~.\-]{{31,34}}{_E}"),
    Token("github", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), rf"{_S}gh[pousr]_[A-Za-z0-9]{{16,255}}{_E}"),
    Token("github-fine", ("github_pat_",), rf"{_S}github_pat_[A-Za-z0-9_]{{22,255}}{_E}"),
    Token("gitlab", ("glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-"), rf"{_S}gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_\-.]{{16,64}}{_E}"),
    Token("slack", ("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe", "xapp-"), rf"{_S}(?:xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9\-]{{10,250}}|xapp-\d-[A-Za-z0-9\-]{{20,250}}){_E}"),
    Token("slack-webhook", ("hooks.slack.com/",), r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<value>[A-Za-z0-9/]{20,120})"),
    Token("discord-webhook", ("/api/webhooks/",), r"discord(?:app)?\.com/api/webhooks/(?P<value>\d{15,20}/[A-Za-z0-9_\-]{40,100})"),
    Token("teams-webhook", ("webhook.office.com/", "/workflows/"), r"webhook\.office\.com/(?P<value>webhookb2/[A-Za-z0-9@/\-]{60,250})"),
    Token("dingtalk-webhook", ("access_token=",), r"oapi\.dingtalk\.com/robot/send\?access_token=(?P<value>[0-9a-f]{32,80})"),
    Token("wecom-webhook", ("qyapi.weixin.qq.com",), r"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=(?P<value>[0-9a-f\-]{32,40})"),
    Token("feishu-webhook", ("/open-apis/bot/",), r"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/(?P<value>[0-9a-f\-]{32,40})"),
    Token("stripe", ("k_live_", "k_test_", "whsec_"), rf"{_S}(?:[a-z]{{1,4}}k_(?:live|test)_[A-Za-z0-9]{{16,247}}|whsec_[A-Za-z0-9+/=]{{24,}}){_E}"),
    Token("square", ("sq0atp-", "sq0csp-", "EAAA"), rf"{_S}(?:sq0(?:atp|csp)-[A-Za-z0-9_\-]{{22,43}}|EAAA[A-Za-z0-9_\-]{{58,64}}){_E}"),
    Token("braintree", ("access_token$",), r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}"),
    Token("twilio", ("AC", "SK"), rf"{_S}(?:AC|SK)[0-9a-f]{{32}}{_E}"),
    Token("sendgrid", ("SG.",), rf"{_S}SG\.[A-Za-z0-9_\-]{{16,32}}\.[A-Za-z0-9_\-]{{30,60}}{_E}"),
    Token("mailgun", ("key-",), rf"{_S}key-[0-9a-f]{{32}}{_E}"),
    Token("mailchimp", ("-us",), rf"{_S}[0-9a-f]{{32}}-us\d{{1,2}}{_E}"),
    Token("npm", ("npm_",), rf"{_S}npm_[A-Za-z0-9]{{30,50}}{_E}"),
    Token("pypi", ("pypi-",), rf"{_S}pypi-[A-Za-z0-9_\-]{{50,250}}{_E}"),
    Token("rubygems", ("rubygems_",), rf"{_S}rubygems_[0-9a-f]{{48}}{_E}"),
    Token("crates-io", ("cio",), rf"{_S}cio[A-Za-z0-9]{{32}}{_E}"),
    Token("docker", ("dckr_pat_", "dckr_oat_"), rf"{_S}dckr_[po]at_[A-Za-z0-9_\-]{{24,40}}{_E}"),
    Token("hugging-face", ("hf_", "api_org_"), rf"{_S}(?:hf_|api_org_)[A-Za-z0-9]{{30,40}}{_E}"),
    Token("replicate", ("r8_",), rf"{_S}r8_[A-Za-z0-9]{{36,40}}{_E}"),
    Token("groq", ("gsk_",), rf"{_S}gsk_[A-Za-z0-9]{{40,60}}{_E}"),
    Token("xai", ("xai-",), rf"{_S}xai-[A-Za-z0-9]{{60,100}}{_E}"),
    Token("perplexity", ("pplx-",), rf"{_S}pplx-[A-Za-z0-9]{{40,60}}{_E}"),
    Token("nvidia", ("nvapi-",), rf"{_S}nvapi-[A-Za-z0-9_\-]{{50,80}}{_E}"),
    Token("digitalocean", ("dop_v1_", "doo_v1_", "dor_v1_"), rf"{_S}do[por]_v1_[0-9a-f]{{64}}{_E}"),
    Token("shopify", ("shpat_", "shpca_", "shppa_", "shpss_"), rf"{_S}shp(?:at|ca|pa|ss)_[0-9a-fA-F]{{32}}{_E}"),
    Token("telegram", (":AA",), r"(?<![0-9A-Za-z])(?:bot)?(?P<value>\d{8,10}:AA[A-Za-z0-9_\-]{32,34})(?![0-9A-Za-z_\-])"),
    Token("discord", (".",), r"(?<![0-9A-Za-z_.\-])[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}(?![0-9A-Za-z_.\-])"),
    Token("databricks", ("dapi",), rf"{_S}dapi[0-9a-f]{{32}}(?:-\d)?{_E}"),
    Token("grafana", ("glsa_", "glc_", "eyJrIjoi"), rf"{_S}(?:glsa_[A-Za-z0-9]{{32}}_[0-9a-f]{{8}}|glc_[A-Za-z0-9+/]{{32,}}={{0,2}}|eyJrIjoi[A-Za-z0-9]{{50,}}={{0,2}})"),
    Token("new-relic", ("NRAK-", "NRII-", "NRAL"), rf"{_S}NR(?:AK|II|JS|AA|IQ)-[A-Za-z0-9_\-]{{20,40}}{_E}"),
    Token("datadog-app", ("ddapp_", "ddpat_"), rf"{_S}dd(?:app|pat)_[A-Za-z0-9]{{32,60}}{_E}"),
    Token("sentry", ("sntrys_", "sntryu_"), rf"{_S}sntry[su]_[A-Za-z0-9+/=_\-]{{40,250}}"),
    Token("sentry-dsn", ("@o", "sentry"), r"https://(?P<value>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[A-Za-z0-9.\-]+/\d+"),
    Token("hashicorp-vault", ("hvs.", "hvb.", "hvr."), rf"{_S}hv[sbr]\.[A-Za-z0-9_\-]{{24,250}}{_E}"),
    Token("terraform-cloud", (".atlasv1.",), rf"{_S}[A-Za-z0-9]{{14}}\.atlasv1\.[A-Za-z0-9_\-=]{{60,70}}"),
    Token("pulumi", ("pul-",), rf"{_S}pul-[0-9a-f]{{40}}{_E}"),
    Token("doppler", ("dp.pt.", "dp.st.", "dp.ct."), rf"{_S}dp\.(?:pt|st|ct)\.[A-Za-z0-9._\-]{{40,60}}{_E}"),
    Token("linear", ("lin_api_", "lin_oauth_"), rf"{_S}lin_(?:api|oauth)_[A-Za-z0-9]{{32,64}}{_E}"),
    Token("notion", ("secret_", "ntn_"), rf"{_S}(?:secret_[A-Za-z0-9]{{43}}|ntn_[A-Za-z0-9]{{40,50}}){_E}"),
    Token("airtable", ("pat",), rf"{_S}pat[A-Za-z0-9]{{14}}\.[0-9a-f]{{64}}{_E}"),
    Token("atlassian", ("ATATT3", "ATCTT3", "ATBB"), rf"{_S}(?:AT[AC]TT3[A-Za-z0-9_\-=]{{40,250}}|ATBB[A-Za-z0-9]{{28,40}})"),
    Token("figma", ("figd_",), rf"{_S}figd_[A-Za-z0-9_\-]{{36,50}}{_E}"),
    Token("dropbox", ("sl.",), rf"{_S}sl\.(?:u\.)?[A-Za-z0-9_\-]{{100,}}{_E}"),
    Token("facebook", ("EAA",), rf"{_S}EAA[A-Za-z0-9]{{80,250}}{_E}"),
    Token("supabase", ("sbp_", "sb_secret_"), rf"{_S}(?:sbp_[0-9a-f]{{40}}|sb_secret_[A-Za-z0-9_\-]{{20,60}}){_E}"),
    Token("planetscale", ("pscale_",), rf"{_S}pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_\-.]{{30,64}}{_E}"),
    Token("postman", ("PMAK-",), rf"{_S}PMAK-[0-9a-f]{{24}}-[0-9a-f]{{34}}{_E}"),
    Token("cloudflare", ("v1.0-",), rf"{_S}v1\.0-[0-9a-f]{{24}}-[0-9a-f]{{146}}{_E}"),
    Token("heroku", ("HRKU-",), rf"{_S}HRKU-[A-Za-z0-9_\-]{{36,64}}{_E}"),
    Token("alibaba", ("LTAI",), rf"{_S}LTAI[A-Za-z0-9]{{12,26}}{_E}"),
    Token("tencent", ("AKID",), rf"{_S}AKID[A-Za-z0-9]{{13,40}}{_E}"),
    Token("age", ("AGE-SECRET-KEY-1",), rf"{_S}AGE-SECRET-KEY-1[A-Z0-9]{{50,70}}{_E}"),
    Token("vault-transit", ("vault:v",), r"vault:v\d+:[A-Za-z0-9+/=]{20,}", 0.6),
    Token("bcrypt", ("$2a$", "$2b$", "$2y$"), r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}"),
    Token("crypt", ("$1$", "$5$", "$6$", "$y$", "$apr1$"), r"\$(?:1|5|6|y|apr1)\$(?:rounds=\d+\$)?[./A-Za-z0-9]{1,32}\$[./A-Za-z0-9]{22,120}"),
    Token("ldap-hash", ("{SSHA", "{SHA", "{MD5}", "{CRYPT}", "{SMD5}"), r"\{(?:SSHA|SHA|SMD5|MD5|CRYPT)\d{0,3}\}[A-Za-z0-9+/=$.]{16,120}"),
    Token("product-key", ("-",), r"(?<![0-9A-Za-z\-])(?=[A-Z\-]{0,28}[0-9])(?=[0-9\-]{0,28}[A-Z])[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4}(?![0-9A-Za-z\-])", 0.7),
    Token("argon2", ("$argon2",), r"\$argon2(?:id|i|d)\$[A-Za-z0-9=,$+/]{40,200}"),
    Token("pbkdf2", ("pbkdf2",), r"pbkdf2[_:](?:sha1|sha256|sha512)[$:]\d+[$:][A-Za-z0-9+/=]{4,64}[$:][A-Za-z0-9+/=]{20,120}"),
    Token("jwt", ("eyJ",), r"(?<![A-Za-z0-9_\-])eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]{8,}){0,3}(?![A-Za-z0-9_\-])"),
    Token("private-key", ("PRIVATE KEY",), r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?!-----BEGIN)[\s\S]){0,12000}?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|(?=-----BEGIN)|\Z)"),
    Token("putty-key", ("PuTTY-User-Key-File",), r"Private-Lines: \d+\s+(?P<value>(?:[A-Za-z0-9+/=]{1,64}\s*){2,200})"),
    Token("wireguard", ("PrivateKey", "PresharedKey"), r"(?:PrivateKey|PresharedKey)\s*=\s*(?P<value>[A-Za-z0-9+/]{42,43}=)"),
)  # fmt: skip


_LONG_RUN = re.compile(r"[0-9A-Za-z_\-.+/=]{15}")
"""Every form has such a run: most prose has none."""


class TokenRecognizer(EntityRecognizer):
    """``SECRET``: every row of ``TOKENS``, all with one look at the text each."""

    FLAGS: ClassVar = regex.ASCII

    def __init__(self) -> None:
        self.patterns = [Pattern(token.kind, token.form, token.score) for token in TOKENS]
        self._compiled = [(token, regex.compile(token.form, self.FLAGS)) for token in TOKENS]
        super().__init__(supported_entities=["SECRET"], name="TokenRecognizer", supported_language="en")

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Presidio's entry point. Raises DetectorError on a regex time-out."""
        reading = Reading.of(text, nlp_artifacts)
        results: list[RecognizerResult] = []
        if reading.prefilter and not _LONG_RUN.search(text):
            return results
        for token, compiled in self._compiled:
            if reading.prefilter and not any(literal in text for literal in token.literals):
                continue
            try:
                for match in compiled.finditer(text, timeout=reading.regex_timeout):
                    start, end = match.span("value") if "value" in compiled.groupindex else match.span()
                    if not _is_placeholder_run(text[start:end]):
                        results.append(result_of(self, "SECRET", start, end, token.score, verified=token.score > 0.9))
            except TimeoutError:
                raise DetectorError(f"recognizer {name_of(self)} ({token.kind}) ran into the regex time-out") from None
        return results


def _is_placeholder_run(value: str) -> bool:
    """True for ``sk-xxxxxxxxxxxxxxxxxxxx`` and ``ghp_your_token_here_please``: no token is of so few characters or all words."""
    body = value[-16:].lower()
    return len(set(body)) <= 3 or (
        not any(map(str.isdigit, value[3:])) and ("your" in value.lower() or "xxxx" in value.lower())
    )
