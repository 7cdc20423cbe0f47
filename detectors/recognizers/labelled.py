# ruff: noqa: E501 - expressions and word lists are read line by line
"""Numbers that only their label gives away: record, account, licence, policy numbers, "MRN 0093402", "病案号 00873216".

No issuer, no checksum: the label directly before the value decides the type. Labels in English, Chinese and, for identity papers, some other
languages. The span is the value, never the label. A value has at least as many digits as its row asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.reading import Reading, Seed, windows
from detectors.recognizers.strict import GENERIC, StrictPatterns, result_of

_MARKS = r"[ \t\"'’`*_\])】>|:：=＝,，;；、#(（\[<«“「《.\-→&]"
_FILLERS = r"(?:numbers?|nummer|num|nos?|nr|n[º°]|id|codes?|ref|is|was|of|now|号码|號碼|号|號|编号|編號|为|為|是|改成|应为|應為|也是|还是)"
_NO_SPLIT = r"(?!(?<=[A-Za-z])[A-Za-z])"
"""Not in the middle of a Latin word; a Chinese label may be followed by letters at once."""
_GLUE = rf"(?: ?(?:\([^()\n]{{0,16}}\)|（[^（）\n]{{0,16}}）))?+{_MARKS}{{0,6}}+(?:{_FILLERS}{_NO_SPLIT}{_MARKS}{{0,4}}+){{0,3}}+"
"""Between label and value, possessive: what is skipped is never tried again."""
_VALUE = r"(?P<value>(?:(?-i:[A-Z]{1,4}) )?(?=[A-Z\-/.]{0,12}\d)[0-9A-Z]{1,24}(?:[-/.][0-9A-Z]{1,24}){0,5}(?: \d{2,8}){0,5}(?:[-/][0-9A-Z]{1,10})?)"


@dataclass(frozen=True, slots=True)
class Label:
    """One kind of labelled number."""

    entity: str
    words: Sequence[str]
    """Regular expressions of the label, case-insensitive."""
    digits: int
    """Digits that the value has at least."""
    value: str = _VALUE
    score: float = 0.6


LABELS: tuple[Label, ...] = (
    Label("MEDICAL_RECORD", (
        "mrn", "medical record", "patient (?:id|no|number|ref|file)", "hosp(?:ital)?(?: no| number| id)", "chart (?:no|number|#)", "accession", "case no", "encounter", "mr ?#", "chart", "specimen", "hn", "nhi", "visit ?no", "patient_?(?:id|no)", "lab (?:no|ref|number)", "cartella n",
        "病案号", "病历号", "病歷號", "病案編號", "住院号", "住院號", "门诊号", "門診號", "就诊号", "就诊卡号?", "就诊号", "检查号", "条码号?", "登记号", "标本号", "样本号", "处方号", "床号", "挂号", "病例号", "体检号", "体检编号", "受试者编号", "就诊卡", "检验号", "报告编号", "病理号", "影像号", "放射号", "门诊卡",
    ), 4),
    Label("HEALTH_INSURANCE", (
        "member (?:id|no|number)", "subscriber (?:id|no)", "health (?:insurance|card|plan)", "insurance (?:id|no|number)", "policy ?holder", "medicare", "medicaid(?: id)?", "versicherten-?(?:nr|nummer)", "insurer",
        "医保卡?号?", "医保编号", "醫保卡?號?", "社保卡?号?", "健保卡號?", "健保卡", "参保号",
    ), 5),
    Label("SOCIAL_SECURITY", ("social security", "ssn", "social insurance", "sozialversicherungs(?:nummer|nr)", "seguridad social", "sécurité sociale", "nss", "社保个人编号", "社保编号", "社会保障", "社保号码?", "社保账号"), 6),
    Label("EMPLOYEE_ID", (
        "emp(?:loyee)?[ _-]?(?:id|no|number|#)", "staff[ _-]?(?:id|no|number)", "badge", "personnel (?:no|number)", "personalnummer", "student[ _-]?(?:id|no|number)", "工号", "工號", "员工编号", "員工編號", "学号", "學號", "学籍号", "学籍辅号",
        "警号", "警號", "执业证书?号?", "执业证书编码", "职工号", "员工号", "考勤号", "胸牌号?", "军官证号?", "准考证号?", "教师资格证号?", "资格证号?", "編號",
    ), 3),
    Label("CUSTOMER_ID", (
        "customer[ _-]?(?:id|no|number|ref|#)", "cust(?:omer)? ?#", "client[ _-]?(?:no|number|ref)", "account[ _-]?ref", "membership", "member #", "policy(?: no| number| #)?", "policy", "claim(?: no| number| #| ref)?", "case (?:no|number|ref|id|#)",
        "loyalty", "frequent flyer", "ticket ?#", "file (?:no|number)", "licen[cs]e key", "matter (?:no|number)", "docket", "loan(?: no| number| #)", "meter(?: no| number)", "contract (?:no|number)", "reference (?:no|number)", "kundennummer", "kundennr", "our ref", "your ref", "crime ref", "custody ref", "crn", "case_no", "household_no", "loyalty_no", "member_no", "buyer_id", "ndis", "upn", "file number", "blue badge", "booking_?no", "policy_?no", "user_?id", "customer_?(?:no|code)",
        "客户号", "客户编号", "會員編號", "会员号", "会员卡号?", "会员编号", "保单", "保單", "申请编号", "申請編號", "報名號", "报名号", "黄手环", "登录号", "网报账号", "保险单号", "合同号", "合同编号", "合約編號", "案号", "案號", "卷宗号", "户号", "戶號", "用户号", "用户编号", "档案号", "档案编号", "常旅客号?", "贷款编号", "借据号", "理赔号", "报案号", "立案号", "受理号", "登记编号", "客戶編號", "手册编号", "账户号", "UID", "uid", "预约号", "房产证号?", "不动产权证号?", "票号",
    ), 4),
    Label("ORDER_ID", (
        "order[ _-]?(?:id|no|number|ref|#)", "order #?", "booking(?: ref| no| number| reference)?", "pnr", "invoice(?: no| number| #)", "tracking(?: no| number| #)?", "reservation(?: no| number)?", "confirmation(?: no| number| #)?", "shipment",
        "订单号?", "訂單編?號?", "订单编号", "运单号?", "快递单号?", "单号", "單號", "物流单号", "流水号", "发票号码?", "票据号", "工单号?", "回执号", "凭证号", "交易号",
    ), 5, score=0.5),
    Label("BANK_ACCOUNT", (
        "account[ _-]?(?:no|number|#|num)", "acct\\.?(?: no| number| #)?", "a/c(?: no)?", "bank (?:account|a/c)", "account", "acc", "cuenta", "口座", "郵局", "邮局", "계좌", "stk", "sort[ -]?code", "routing(?: no| number)?", "bsb", "ifsc", "konto(?:nummer|nr)?", "clabe", "rib", "swift", "bic", "compte", "checking(?: account)?", "savings(?: account)?",
        "账号", "帳號", "賬號", "帐号", "银行账户", "账户", "帳戶", "戶口", "卡号", "卡號", "银行卡号?", "收款账号", "对公账号", "开户行及账号", "匯款帳戶", "存折账?号?", "工资卡", "公积金账?号?", "打到", "汇到",
    ), 6, value=r"(?:[\u4e00-\u9fff]{2,24}(?:行|社|局)[ :：]?)?(?P<value>(?:[A-Z]{4}0[0-9A-Z]{6})|[0-9*]{2,}(?:[ \-][0-9]{1,20}){0,7})"),
    Label("PASSPORT", (
        "passports?", "passeport", "reisepass", "pasaporte", "passaporto", "pasaport", "paszport", "паспорт", "护照", "護照", "パスポート", "旅券番号", "回乡证", "回鄉證", "台胞证", "台胞證", "通行证", "通行證", "海员证", "旅行证",
    ), 5),
    Label("DRIVER_LICENSE", (
        "driv(?:er|ing)(?:'s|’s|s)?[ _-]?licen[cs]e", "driver_?licen[cs]e", "licen[cs]e (?:no|number|#)", "dln?", "dl#", "oln", "führerschein(?:nummer)?", "permis(?: de conduire)?", "patente", "prawo jazdy", "ehliyet", "rijbewijs", "运转免许", "驾驶证号?", "駕駛證", "驾照", "駕照", "驾驶证档案编号", "档案编号", "准驾",
    ), 5),
    Label("NATIONAL_ID", (
        "national id", "identity card", "id card", "id (?:no|number|card|#)", "national insurance", "personalausweis(?:nummer)?", "ausweis(?:nr|nummer)?", "carte d'identité", "cni", "dni", "nie", "cédula", "cedula", "cpf", "rg", "pesel", "kimlik(?: no)?", "personnummer", "aadhaar", "nric", "mykad", "nin", "bsn", "cnp", "egn", "tckn", "curp", "rut", "oib", "ahv", "fin", "emirates id", "dowód(?: osobisty)?", "kennitala", "cccd", "cmnd",
        "身份证号?码?", "身份證號?碼?", "身分證字?號?", "证件号码?", "證件號碼?", "公民身份号码", "居留证号?", "居留證號?", "户口本号?", "マイナンバー", "주민등록번호",
    ), 5),
    Label("TAX_ID", (
        "tax (?:id|no|number|code|file)", "tin", "ein", "utr", "vat(?: no| number| id| reg)?", "nif", "cif", "nip", "rfc", "steuer-?(?:id|nr|nummer)", "codice fiscale", "p\\.? ?iva", "partita iva", "cuit", "gstin?", "abn", "afm", "siret", "siren", "mst", "kra pin", "rnokpp",
        "税号", "稅號", "纳税人识别号", "納稅人識別號", "统一社会信用代码", "信用代码", "組織機構代碼", "统编", "統編", "統一編號", "インボイス番号",
    ), 5),
    Label("LICENSE_PLATE", ("plates?(?: no| number)?", "plaka", "车牌", "您的车", "車號", "vehicle reg(?:istration)?", "reg(?:istration)?(?: no| number|\\.)?", "kennzeichen", "targa", "matrícula", "车牌号?", "車牌號?", "车号", "車號", "号牌号码"), 2,
        value=r"(?P<value>(?-i:[0-9A-ZÄÖÜ]{1,4}(?:[ \-·][0-9A-Z]{1,6}){1,3}|(?=[A-Z]{0,4}\d)[0-9A-Z]{5,9}))"),
    Label("VIN", ("vin", "chassis(?: no| number)?", "车架号码?", "車架號碼?", "车辆识别代号"), 4, value=r"(?P<value>[0-9A-HJ-NPR-Z]{17})"),
    Label("PHONE_NUMBER", (
        "phones?", "móvil", "telemóvel", "msisdn", "caller[_ ]?id(?:_number)?", "celular", "tel", "telephone", "mobile", "cell", "cellphone", "fax", "whatsapp", "mob", "handy", "landline", "call me (?:on|at)", "reach me (?:on|at)", "phone number", "contact number", "telefono", "teléfono", "telefon", "telefone", "téléphone",
        "电话号?码?", "電話號?碼?", "手机号?码?", "手機號?碼?", "联系方式", "联系电话", "聯絡電話", "座机", "传真", "傳真", "分机", "短号",
    ), 7, value=r"(?P<value>\+?\(?[0-9](?:[ \-./()]{0,3}[0-9]){6,14})"),
)  # fmt: skip

_STOP = regex.compile(
    r"ISBN|(?:GB|ISO|IEC|DIN|EN)(?:/T)? ?\d{3,5}[-–.](?:19|20)\d\d$|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:19|20)?\d\d$|(?:19|20)\d\d[-/.年](?:0?[1-9]|1[0-2])(?:[-/.月]|$)|\d+\.\d+$|[0-9a-f]{32,}$|\d{1,3}(?:\.\d{1,3}){3}$"
)


def stem(word: str) -> str:
    """The literal beginning of a label's expression, lower case: every text with the label holds it."""
    literal = _LITERAL.match(word)
    stem = literal[0].replace("\\", "") if literal else ""
    if word[len(stem) :].startswith(("?", "*", "{")):
        stem = stem[:-1]
    if not stem:
        raise ValueError("a label must begin with a literal")
    return stem.lower()


_LITERAL = regex.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[.])*")


class LabelledNumberRecognizer(StrictPatterns):
    """One row of ``LABELS``. It looks around digit pairs only: that is part of its definition, not a prefilter."""

    SEED: ClassVar = Seed.PAIR

    def __init__(self, label: Label) -> None:
        words = "|".join(label.words)
        self._digits = label.digits
        self.stems = tuple(sorted({stem(word) for word in label.words}))
        super().__init__(
            supported_entity=label.entity,
            name=f"LabelledNumberRecognizer.{label.entity}",
            patterns=[
                Pattern(
                    "labelled",
                    rf"(?:(?<![0-9A-Za-z])|(?=[^\x00-\x7f]))(?:{words}){_NO_SPLIT}{_GLUE}(?<![0-9A-Za-z]){label.value}(?![0-9A-Za-z])",
                    label.score,
                )
            ],
        )

    def stretches(self, reading: Reading) -> list[tuple[int, int]]:
        """Around digit pairs, with and without prefilters."""
        return windows(reading.text, Seed.PAIR) if not reading.prefilter else reading.windows(Seed.PAIR)

    def can_match(self, reading: Reading) -> bool:
        """The beginning of a label must be there."""
        return not reading.prefilter or any(word in reading.lower for word in self.stems)

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Enough digits, and neither date, decimal number nor hash."""
        start, end = match.span("value")
        value = text[start:end]
        if sum(map(str.isdigit, value)) < self._digits or _STOP.match(value) or text.startswith("@", end):
            return None
        if match[0][:2].lower() == "dl" and text[match.start() - 1 : match.start()] == "/":
            return None  # mg/dL
        result = result_of(self, self.supported_entities[0], start, end, pattern.score + _longer(start - match.start()))
        result.recognition_metadata[GENERIC] = True
        return result


def _longer(label: int) -> float:
    """A longer label tells more (病案号 more than 案号), just enough to decide between two rows."""
    return min(label, 40) / 1000


def labelled_recognizers() -> list[LabelledNumberRecognizer]:
    """All rows."""
    return [LabelledNumberRecognizer(label) for label in LABELS]
