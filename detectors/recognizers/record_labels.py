# ruff: noqa: E501 - expressions and word lists are read line by line
"""More labels of record and identity numbers: short or everyday words (``client``, ``ref``), so their values must look like a code.

The same recognizer as ``labelled``, with rows whose value has a form of its own: letters and digits, groups, a bank's order of parts. May import
``labelled``.
"""

from __future__ import annotations

from typing import ClassVar

import regex  # type: ignore[import-untyped]
from presidio_analyzer import Pattern, RecognizerResult

from detectors.reading import Reading, Seed
from detectors.recognizers.labelled import Label, LabelledNumberRecognizer

_CODE = r"(?P<value>(?:(?-i:[A-Z]{1,6})[-/_ ]?)?(?=[0-9A-Z]*\d)[0-9A-Z]{1,24}(?:[-/_.][0-9A-Z]{1,24}){0,5})"
"""``ACC-558120``, ``KC00871``, ``2017/1823``."""
_LETTERED = r"(?P<value>(?-i:(?=[A-Z]{0,8}[-/_ ]?\d)[A-Z]{1,8}[-/_ ]?\d[0-9A-Z]{0,20}(?:[-/_. ][0-9A-Z]{2,16}){0,4}|\d{2,10}(?:[-/]\d{1,12}){1,4}|\d{6,20}))"
"""Not any number: with letters before, in groups, or six digits and more."""
_SPACED = r"(?P<value>(?-i:[A-Z]{1,4}[- ]?)?\d(?:[ \-/.]?[0-9A-Z]){4,24})"
_NEAR = r"[ \t]{0,2}[\"'“`(（\[]?"

MORE: tuple[Label, ...] = (
    Label("MEDICAL_RECORD", (
        "hrn", "px id", "pat\\.?-?id", "dossier", "prontuário", "historia clínica", "nhs (?:no|number|#)", "chi (?:no|number)", "hospital #", "record locator", "mdtrt_id", "rx ?#", "rx", "biobank",
        "献血码", "保健手册号", "健康档案号?", "醫健通", "医健通", "儿童编码", "接种证号?", "mdt编号", "病历", "病歷", "病案", "血袋号?", "体检报告", "处方笺 ?no\\.?", "影像号", "病床号", "住院編號", "覆診號",
    ), 5, value=_LETTERED),
    Label("HEALTH_INSURANCE", (
        "nhis", "philhealth(?: pin)?", "med(?:ical)? aid(?: no)?", "kv-?nr", "kvnr", "krankenversicher(?:ten|ungs)nummer", "carteirinha", "insurance ?no", "subscriber ?id", "member", "ma number", "cin", "auth(?:orization)?", "carte vitale", "medicare card", "group no",
        "医保个人编号", "医保个人电脑号", "个人电脑号", "社保号", "电脑号", "psn_no", "被保险人编号", "nhsa",
    ), 6, value=_SPACED),
    Label("SOCIAL_SECURITY", ("hicn", "个人编号", "個人編號", "个人社保号", "社保电脑号", "rentenversicherungsnummer", "rv-nummer", "cuil", "nit pis", "pis/pasep", "nib", "cnss", "nassit", "ssnit"), 7, value=_SPACED),
    Label("EMPLOYEE_ID", (
        "emp\\.", "emp", "employee", "staff", "emp code", "personalnr", "pers\\. ?no", "matricule", "badge", "shield", "warrant no", "imc", "gmc", "nmc", "hcpc", "bar no", "state bar", "teacher ref(?:erence)?", "sra", "guide no", "crew id", "stud\\. ?nr", "matrikelnummer", "matrikelnr", "ucas",
        "员编", "員編", "工牌", "导游证", "信息卡号", "备案", "注册号", "报名序号", "育儿嫂证编号", "资格证书编码", "执业医师资格证书编码", "退休证号", "服务簿", "船员服务簿", "海员证", "保安员证", "从业资格证号?", "教师证", "记者证", "律师证号?", "执业号", "學生證", "學號", "员工", "服務證", "警員編號", "投标编号", "考籍号?", "学籍号填", "錄取號",
    ), 4, value=_LETTERED),
    Label("CUSTOMER_ID", (
        "cust(?:omer)?\\.? no", "cust", "client", "customer", "subscriber", "inmate", "prisoner", "pension no", "family id", "contract", "contrat", "vertrag(?:snr)?", "cliente n", "insurance file", "loyalty card", "tenant ref", "tenancy", "applicant", "registration", "donor", "nhi", "mandate", "case file", "household", "ucid", "polcy", "policy", "certificate no", "app(?:lication)? no", "usi", "uln", "ho ref", "ref",
        "会员", "會員", "保单\\(", "保险单", "借据", "争议单", "执行案号", "安葬证", "火化证编号", "发动机号", "权证号", "产证", "合同备案号", "罪犯编号", "水电气户号", "户号", "气", "电表号", "交强险单", "报名序号", "已存在客户", "证编号", "收件號", "檔案號碼", "檔號", "捐赠编号", "个案编号", "案件", "客户", "客戶", "教育金", "承包合同", "用户",
    ), 5, value=_LETTERED),
    Label("ORDER_ID", (
        "conf\\.?", "waybill", "e-ticket", "case", "ticket", "parcel", "booking", "tracking", "sendungsnummer", "pedido", "commande", "bestellung", "bestellnummer", "заказ", "注文番号", "siparis ?no", "ra", "receipt", "arn", "docket", "consignment", "cmr number", "awb", "dossier no", "claim", "complaint", "reference", "invoice", "referenz", "folio", "conf",
        "出库单", "派车单", "速遞單", "速递单", "接处警", "申诉", "派单", "确认号", "確認號", "当票号", "收件字號", "out_trade_no", "trade_no", "apply_no", "loan_no", "票号", "挂号信", "预订号", "取件单", "报修单", "顺丰(?:国际|单号)?", "快递", "包裹号?", "订单", "訂單", "图文问诊】", "编号", "編號",
    ), 5, value=_LETTERED, score=0.5),
    Label("ORDER_ID", ("pnr", "booking(?: ref(?:erence)?| code| no| number)?", "conf(?:irmation)?(?: no| number| code)?", "reservation(?: no| code)?", "record locator", "locator", "订座编号", "预订码", "預訂代號", "訂位代號"), 1,
        value=r"(?P<value>(?-i:(?=[A-Z]{0,5}\d)[A-Z0-9]{6}))", score=0.55),
    Label("BANK_ACCOUNT", (
        "isa", "bacs", "refund(?:ed)? to", "pay(?:ment)?(?: \\w{1,8})? (?:in)?to", "direct debit from", "dd from", "acct with you", "bank", "cuenta rut(?: banco estado)?", "giro", "posb", "dbs", "paylah", "offset",
        "支付至", "匯款到", "匯款至", "汇款到", "存摺", "存折", "銀行", "银行", "對公", "款打至", "普通",
    ), 7, value=r"(?P<value>(?-i:\d{2}-\d{2}-\d{2}(?: ?[,/]? ?(?:acct?|a/c)?\.? ?\d{7,8})?|\d{3}-\d{3}[ -]\d{6,9}|\d{3}-\d{4,5}-\d{1,6}(?:-\d)?|\d{2}-\d{4}-\d{7}-\d{2,3}|\d{3}-\d{8,16}|\d-\d{8}|\d{4}-\d{2,3}-\d{6,12}|\d{2} \d{3} \d{4} \d{2}|\d{4} \d{3} \d{3}|\d{9,19}))"),
    Label("PASSPORT", ("ppt", "pp", "doc(?:ument)? ?no", "docno", "travel doc(?:ument)?", "签证号", "簽證號", "visa(?: no| number)?", "usv", "seaman.s visa", "旅行證件", "kode idn  no", "cert"), 6,
        value=r"(?P<value>(?-i:[A-Z]{1,3} ?\d{6,9}[A-Z]?|[A-Z]\d{4} \d{4}))"),
    Label("PASSPORT", ("护照[:：]?[A-Z]{0,2}\\d{6,9} ?[/、,，]", "passport[:：]? ?[A-Z]{0,2}\\d{6,9} ?[/、,，;]"), 6, value=r"(?P<value>(?-i:[A-Z]{1,2} ?\d{6,9}(?: ?[/、] ?[A-Z]{1,2} ?\d{6,9}){0,4}))"),
    Label("DRIVER_LICENSE", ("licen[cs]e", "provisional", "lic", "rijbewijsnummer", "carta de conducir", "licencia", "驾照号", "驾驶证[（(]"), 6,
        value=r"(?P<value>(?-i:[A-Z]{1,3}[- ]?\d{1,8}(?:[- ]\d{1,8}){0,3}|[A-Z]{2}\d{13}|\d{9,12}|\d{3} \d{3} \d{3}))"),
    Label("NATIONAL_ID", (
        "ghana card", "philsys", "philid", "pinfl", "jshshir", "israel(?:i)? (?:tz|id)", "tz", "teudat zehut", "brp", "a#", "a-number", "alien (?:registration )?(?:no|number)", "uscis", "cin", "nat\\.? ?id", "natid", "pnc(?: id)?", "irp", "arc(?: card)?", "id_no", "resident card", "permanent resident card", "work permit", "wp", "sirb", "srn", "cdc", "discharge book", "seaman.s book", "matricule", "curp", "nuip", "ci", "rg", "tc no", "ncin", "cnic", "nid", "ktp", "nik", "huduma", "zimra", "omang", "emirates", "iqama", "civil id", "qid", "pesel(?: do umowy)?", "id checked, card", "personnr", "fnr",
        "军官证", "軍官證", "士兵证", "文职干部证", "残疾人?证", "殘疾人?證", "持证号", "港澳居民居住证", "台湾居民居住证", "台灣居民居住證", "港澳居民来往内地通行证", "台湾居民来往大陆通行证", "出生医学证明编号", "出生证号?", "永久居留身份证", "永久居留", "居住证号?", "nric", "统一证号", "統一證號", "户籍证明", "身份證明", "證件",
    ), 5, value=r"(?P<value>(?:(?-i:[A-Z]{1,4}[-/ ]?))?\d(?:[ \-/.]?\d){3,21}(?:[ ]?(?-i:[A-Z]{1,2})(?: \d{1,3})?)?)"),
    Label("TAX_ID", ("nit", "eori", "檔案號碼", "company_no", "companies house", "crn", "uid-nummer", "ust-?id(?:nr)?", "steuernr", "vies", "ird", "ic dph", "dič", "ičo", "adószám", "tva intracom"), 7,
        value=r"(?P<value>(?:(?-i:[A-Z]{2,3}) ?)?(?:\d[A-Z]\d-)?\d(?:[ .\-/]?\d){6,14}[A-Z]?)"),
    Label("LICENSE_PLATE", (
        "trailer", "truck", "tractor unit", "vehicle", "v[eé]hicule", "car(?: is)?", "voiture(?: / car)?", "van", "tag", "taxi", "rendszáma?", "targa(?: del \\w{3,12})?(?: è)?", "matrícula(?: del \\w{3,12})?", "biển số(?: xe)?(?: \\w{3,12})?", "ナンバー", "내 차", "차량(?:번호)?", "госномер", "número de placa", "placa", "plaka", "plate(?: of the \\w{2,8}| on the form)?", "p1ate", "licence plate", "index is", "reg(?:nr)?", "kenteken", "rego", "immatriculation", "车子", "車子", "货车", "挂车",
    ), 2, value=r"(?P<value>(?-i:[A-Z]{1,3}[- ]\d{1,4}[- ][A-Z]{1,3}|[A-Z]{1,3}[- ]{1,2}\d{3,5}(?:[- ][A-Z]{1,2})?|\d{3,4}[- ][A-Z]{2,3}|\d[A-Z]{3}\d{3}|\d[A-Z]{2}[- ]?\d{4}|[A-Z]{3} ?\d{3,4}(?: [A-Z])?|[A-Z]{2}\d{2} {0,2}[A-Z]{3}|[A-Z]{2} \d{2} \d{3}|NP \d{3}-\d{3}|\d{3}-[A-Z]{1,2}-\d{3,6}|\d-[A-Z]{3}-\d{3}|[A-Z]{3} ?\d{2}[A-Z]|[A-Z]{3} [A-Z]\d{2}|\d{2}-[A-Z]\d \d{3}\.\d{2}|\d{2,3}[가-힣] ?\d{4}|[\u4e00-\u9fff]{1,4} ?\d{2,3} ?[\u3040-\u309f] ?\d{1,2}-?\d{2}|\d{4,5}[- ][\u0621-\u064a][- ]\d{1,2}|[A-Z]{4}-\d{3}|[A-Z]{3}-\d{3,4}))"),
    Label("VIN", ("frame(?: no| number)?", "fahrgestellnummer", "fin", "底盘号"), 4, value=r"(?P<value>(?-i:[0-9A-HJ-NPR-Z]{17}))"),
)  # fmt: skip
"""Rows in addition to ``labelled.LABELS``."""


_OF_THINGS = (
    "项目",
    "產品",
    "产品",
    "设备",
    "設備",
    "型号",
    "零件",
    "批次",
    "规格",
    "版本",
    "仪器",
    "标准",
    "文件",
    "物料",
    "机型",
    "资产",
    "part ",
    "model ",
    "serial ",
    "version ",
    "build ",
    "issue ",
    "error ",
    "test ",
    "use ",
    "edge ",
    "upper",
    "lower",
)
"""Before a label: it is a thing's number, or another word."""


class RecordRecognizer(LabelledNumberRecognizer):
    """A row of ``MORE``."""

    def judge(self, text: str, match: regex.Match[str], pattern: Pattern) -> RecognizerResult | None:
        """Not the number of a thing."""
        before = text[max(0, match.start() - 12) : match.start()].lower()
        return None if before.endswith(_OF_THINGS) else super().judge(text, match, pattern)


class LocatorRecognizer(RecordRecognizer):
    """A row whose value may have a single digit (``X7KQ2M``): no digit pair shows where to look."""

    SEED: ClassVar = Seed.NONE

    def stretches(self, reading: Reading) -> list[tuple[int, int]]:
        """The whole text."""
        return [(0, len(reading.text))]


def record_recognizers() -> list[RecordRecognizer]:
    """One recognizer for each row."""
    return [(LocatorRecognizer if label.digits < 2 else RecordRecognizer)(label) for label in MORE]
