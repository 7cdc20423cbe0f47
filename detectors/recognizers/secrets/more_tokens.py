# ruff: noqa: E501 - expressions and word lists are read line by line
"""More providers' keys with a form of their own, in addition to ``tokens.TOKENS``. Table only.

Forms: the providers' documentation of their prefixes. May import ``tokens``.
"""

from __future__ import annotations

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern

from detectors.recognizers.secrets.tokens import Token, TokenRecognizer

_S = r"(?<![0-9A-Za-z_])"
_E = r"(?![0-9A-Za-z_])"
_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"

MORE_TOKENS: tuple[Token, ...] = (
    Token("1password-service", ("ops_eyJ",), rf"{_S}ops_eyJ[A-Za-z0-9+/]{{200,2000}}={{0,2}}"),
    Token("1password-secret", ("A3-",), rf"{_S}A3-[A-Z0-9]{{6}}-(?:[A-Z0-9]{{11}}|[A-Z0-9]{{6}}-[A-Z0-9]{{5}})(?:-[A-Z0-9]{{5}}){{3}}{_E}"),
    Token("adobe", ("p8e-", "p8eC"), rf"{_S}p8e[-C][A-Za-z0-9_\-]{{30,40}}{_E}"),
    Token("aiven", ("AVNS_",), rf"{_S}AVNS_[A-Za-z0-9_\-]{{16,40}}{_E}"),
    Token("ansible-vault", ("$ANSIBLE_VAULT;",), r"\$ANSIBLE_VAULT;1\.[12];AES256[^\n]{0,40}\n(?:[ \t]*[0-9a-f]{20,100}\n?){1,400}"),
    Token("artifactory", ("AKCp", "cmVmdGtu"), rf"{_S}(?:AKCp[A-Za-z0-9]{{60,72}}|cmVmdGtu[A-Za-z0-9]{{48,72}}){_E}"),
    Token("asana", ("/",), rf"{_S}[12]/\d{{15,17}}(?:/\d{{15,17}})?:[0-9a-f]{{32}}{_E}"),
    Token("buildkite", ("bkua_",), rf"{_S}bkua_[0-9a-f]{{40}}{_E}"),
    Token("langsmith", ("lsv2_",), rf"{_S}lsv2_(?:pt|sk)_[0-9a-f]{{32}}_[0-9a-f]{{10}}{_E}"),
    Token("circleci", ("CCIPAT_",), rf"{_S}CCIPAT_[A-Za-z0-9]{{16,32}}_[0-9a-f]{{40}}{_E}"),
    Token("clickhouse", ("4b1d",), rf"{_S}4b1d[A-Za-z0-9]{{38}}{_E}"),
    Token("clojars", ("CLOJARS_",), rf"{_S}CLOJARS_[0-9a-z]{{60}}{_E}"),
    Token("cloudinary", ("cloudinary://",), r"cloudinary://(?P<value>\d{10,20}:[A-Za-z0-9_\-]{20,40})@"),
    Token("contentful", ("CFPAT-",), rf"{_S}CFPAT-[A-Za-z0-9_\-]{{40,48}}{_E}"),
    Token("defined-networking", ("dnkey-",), rf"{_S}dnkey-[A-Za-z0-9=_\-]{{26}}-[A-Za-z0-9=_\-]{{52}}{_E}"),
    Token("duffel", ("duffel_",), rf"{_S}duffel_(?:test|live)_[A-Za-z0-9_\-=]{{40,48}}{_E}"),
    Token("dynatrace", ("dt0c01.", "dt0s0"), rf"{_S}dt0[a-z]\d\d\.[A-Z0-9]{{24}}\.[A-Z0-9]{{64}}{_E}"),
    Token("easypost", ("EZAK", "EZTK"), rf"{_S}EZ[AT]K[A-Za-z0-9]{{54}}{_E}"),
    Token("elevenlabs", ("sk_",), rf"{_S}sk_[0-9a-f]{{48}}{_E}"),
    Token("fly", ("FlyV1 ", "fm1", "fm2_", "fo1_"), rf"{_S}(?:FlyV1 )?(?:fm1[ar]_|fm2_|fo1_)[A-Za-z0-9+/=,_\-]{{40,800}}"),
    Token("flutterwave", ("FLWSECK", "FLWPUBK"), rf"{_S}FLW(?:SECK|PUBK)(?:_TEST|_LIVE)?-[0-9a-fA-F]{{12,40}}(?:-X)?{_E}"),
    Token("frameio", ("fio-u-",), rf"{_S}fio-u-[A-Za-z0-9_\-=]{{64}}{_E}"),
    Token("harness", ("pat.", "sat."), rf"{_S}[ps]at\.[A-Za-z0-9_\-]{{22}}\.[0-9a-f]{{24}}\.[A-Za-z0-9]{{20}}{_E}"),
    Token("hubspot", ("pat-na", "pat-eu"), rf"{_S}pat-(?:na|eu)\d-{_UUID}{_E}"),
    Token("infracost", ("ico-",), rf"{_S}ico-[A-Za-z0-9]{{32}}{_E}"),
    Token("intra42", ("s-s4t2",), rf"{_S}s-s4t2(?:ud|af)-[0-9a-f]{{64}}{_E}"),
    Token("launchdarkly", ("api-", "sdk-", "mob-"), rf"{_S}(?:api|sdk|mob)-{_UUID}{_E}"),
    Token("mapbox", ("sk.eyJ",), rf"{_S}sk\.eyJ[A-Za-z0-9_\-]{{60,120}}\.[A-Za-z0-9_\-]{{20,30}}{_E}"),
    Token("maxmind", ("_mmk",), rf"{_S}[A-Za-z0-9]{{6}}_[A-Za-z0-9]{{29}}_mmk{_E}"),
    Token("neon", ("napi_",), rf"{_S}napi_[0-9a-z]{{60,70}}{_E}"),
    Token("netlify", ("nfp_", "nfc_", "nfo_"), rf"{_S}nf[pco]_[A-Za-z0-9]{{36,44}}{_E}"),
    Token("nuget", ("oy2",), rf"{_S}oy2[a-z0-9]{{43}}{_E}"),
    Token("octopus", ("API-",), rf"{_S}API-[A-Z0-9]{{25,32}}{_E}"),
    Token("openshift", ("sha256~",), rf"{_S}sha256~[A-Za-z0-9_\-]{{43}}{_E}"),
    Token("pinecone", ("pcsk_",), rf"{_S}pcsk_[A-Za-z0-9_]{{40,80}}{_E}"),
    Token("plaid", ("access-",), rf"{_S}access-(?:sandbox|development|production)-{_UUID}{_E}"),
    Token("posthog", ("phx_",), rf"{_S}phx_[A-Za-z0-9]{{40,60}}{_E}"),
    Token("prefect", ("pnu_", "pnb_"), rf"{_S}pn[ub]_[A-Za-z0-9]{{36}}{_E}"),
    Token("readme", ("rdme_",), rf"{_S}rdme_[a-z0-9]{{70}}{_E}"),
    Token("resend", ("re_",), rf"{_S}re_[A-Za-z0-9]{{8}}_[A-Za-z0-9]{{24}}{_E}"),
    Token("scalingo", ("tk-us-",), rf"{_S}tk-us-[A-Za-z0-9_\-]{{48}}{_E}"),
    Token("sendinblue", ("xkeysib-", "xsmtpsib-"), rf"{_S}x(?:key|smtp)sib-[0-9a-f]{{64}}-[A-Za-z0-9]{{16}}{_E}"),
    Token("settlemint", ("sm_aat_", "sm_pat_", "sm_sat_"), rf"{_S}sm_[aps]at_[A-Za-z0-9]{{16}}{_E}"),
    Token("shippo", ("shippo_",), rf"{_S}shippo_(?:live|test)_[0-9a-f]{{40}}{_E}"),
    Token("sonar", ("squ_", "sqp_", "sqa_"), rf"{_S}sq[upa]_[0-9a-f]{{40}}{_E}"),
    Token("sourcegraph", ("sgp_", "slk_"), rf"{_S}(?:sgp_(?:[0-9a-fA-F]{{16}}_|local_)?[0-9a-fA-F]{{40}}|slk_[0-9a-f]{{64}}){_E}"),
    Token("tailscale", ("tskey-",), rf"{_S}tskey-(?:auth|api|client|webhook)-[A-Za-z0-9]{{8,24}}-[A-Za-z0-9]{{20,40}}{_E}"),
    Token("typeform", ("tfp_",), rf"{_S}tfp_[A-Za-z0-9_.=\-]{{40,64}}{_E}"),
    Token("vercel", ("vercel_blob_rw_",), rf"{_S}vercel_blob_rw_[A-Za-z0-9]{{16}}_[A-Za-z0-9]{{30,40}}{_E}"),
    Token("volcengine", ("AKLT",), rf"{_S}AKLT[A-Za-z0-9_\-=]{{36,60}}{_E}"),
    Token("yandex", ("AQVN", "t1.9", "YCAJE"), rf"{_S}(?:AQVN[A-Za-z0-9_\-]{{35,38}}|t1\.9eu[A-Za-z0-9_\-.=]{{60,400}}|YCAJE[A-Za-z0-9_\-]{{15,25}}){_E}"),
    Token("zhipu", (".",), rf"{_S}[0-9a-f]{{32}}\.(?=[A-Za-z]*\d)(?=[A-Za-z0-9]*[A-Z])[A-Za-z0-9]{{16}}{_E}", 0.7),
)  # fmt: skip


class MoreTokenRecognizer(TokenRecognizer):
    """``SECRET``: every row of ``MORE_TOKENS``."""

    name: str

    def __init__(self) -> None:
        super().__init__()
        self.name = "MoreTokenRecognizer"
        self.patterns = [Pattern(token.kind, token.form, token.score) for token in MORE_TOKENS]
        self._compiled = [(token, regex.compile(token.form, self.FLAGS)) for token in MORE_TOKENS]
