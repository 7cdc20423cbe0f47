# ruff: noqa: E501 - specimens are one line each
"""Numbers and accounts that are nobody's, and those beside them that may be somebody's."""

from __future__ import annotations

import pytest

from detectors.config import DetectorConfig
from detectors.detector import Detector
from detectors.recognizers.nobody import is_no_account, is_nobodys_number
from tests.detectors.test_detector import NamesModel


def marked(text: str) -> tuple[str, int, int]:
    """``a [b] c`` -> the text without the brackets, and where the value stands."""
    start, end = text.index("⟦"), text.index("⟧") - 1
    return text.replace("⟦", "").replace("⟧", ""), start, end


@pytest.mark.parametrize(
    "text",
    [
        "按照⟦GB/T 50016-2014⟧执行", "按照 GB ⟦50016-2014⟧ 执行", "依据国标⟦11643-1999⟧", "⟦JGJ 79-2012⟧ 地基规范", "certified to ⟦ISO 9001⟧", "ISO/IEC ⟦27001:2022⟧ audit", "⟦EN 60601-1⟧ applies", "DIN EN ISO ⟦13485⟧", "⟦ASTM D638-14⟧",
        "see ⟦RFC 9110⟧", "NIST SP ⟦800-63B⟧", "⟦IEEE 802.11ax⟧", "⟦MIL-STD-810H⟧", "⟦21 CFR 820⟧",
        "ISBN ⟦978-7-111-00000-0⟧", "ISSN ⟦1234-567X⟧", "doi ⟦10.1000/xyz123⟧", "⟦arXiv:2401.01234v2⟧", "fixes ⟦CVE-2024-12345⟧",
        "ICD-10: ⟦E11.9⟧", "CPT ⟦99213⟧", "HCPCS code ⟦J1885⟧", "NDC ⟦0002-8215-01⟧", "LOINC ⟦4548-4⟧", "SNOMED CT ⟦73211009⟧", "HS code ⟦8471.30⟧", "⟦UN 1203⟧ petrol", "CAS ⟦50-00-0⟧",
        "PN ⟦A-2291-04⟧", "P/N: ⟦77-4410⟧", "part no. ⟦77-4410⟧", "Part number ⟦77-4410⟧", "model ⟦XR-2200⟧", "Serial No: ⟦4C2291K⟧", "S/N ⟦0099281⟧", "⟦SN 0099281⟧", "lot ⟦L220931⟧", "Batch #⟦2291-B⟧", "cat. no. ⟦ab1791⟧", "SKU ⟦HD-77120-BLK⟧",
        "rev ⟦2291⟧", "drawing no ⟦D-22910-3⟧", "build ⟦22631.3007⟧", "plan hash value: ⟦2837161981⟧", "型号：⟦XR-2200⟧", "序列号 ⟦4C2291K⟧", "生产批号：⟦20240312A⟧", "批准文号：⟦国药准字H20193456⟧", "⟦国药准字H20193456⟧", "图号⟦D-2291⟧", "货号为⟦77120⟧",
        "trace ⟦550e8400-e29b-41d4-a716-446655440000⟧", "commit ⟦adbd9d0⟧", "⟦adbd9d00103099f49fbadb1f5853ab6dc73688fd⟧", "diff ⟦83db48f..bf2a7c1⟧", "release ⟦v1.2.3-rc.1⟧", "numpy ⟦1.26.4⟧",
        "The customer called, see ⟦RFC 9110⟧", "客户来电，依据⟦GB/T 22239-2019⟧",
    ],
)  # fmt: skip
def test_numbers_of_things(text: str) -> None:
    assert is_nobodys_number(*marked(text))


@pytest.mark.parametrize(
    "text",
    [
        "case ⟦2291-B⟧", "MRN ⟦0093402⟧", "⟦KC00871⟧ was late", "编号⟦20240312⟧", "ref ⟦77-4410⟧",
        "patient serial no ⟦4C2291K⟧", "Patient Jo Roe, lot ⟦L220931⟧", "customer model ⟦XR-2200⟧", "employee build ⟦22631⟧", '{"userId": "⟦550e8400-e29b-41d4-a716-446655440000⟧"}', "customer_id=⟦550e8400-e29b-41d4-a716-446655440000⟧",
        "患者序列号 ⟦4C2291K⟧", "客户王某，批号⟦20240312A⟧", "工号⟦SN0099281⟧", "病历号 ⟦UN 1203⟧", "张三 姓名后 序列号 ⟦4C2291K⟧",
        "RUT ⟦12.345.678⟧", "call ⟦701.555.0128⟧", "⟦31.12.84⟧", "⟦24.12.2000⟧", "a1b2c3d ⟦a1b2c3d⟧", "salutation ⟦22910⟧", "remodel ⟦22910⟧", "modelled ⟦22910⟧", "serial murders ⟦22910⟧", "UN ⟦120333⟧",
    ],
)  # fmt: skip
def test_numbers_that_may_be_a_persons(text: str) -> None:
    assert not is_nobodys_number(*marked(text))


@pytest.mark.parametrize(
    "text",
    [
        'import x from "⟦@ant-design⟧/icons"', 'import x from "@⟦ant-design⟧/icons"', "npm i ⟦@types/node⟧", "⟦@MockBean⟧\nUserService users;", "    @⟦Test⟧\n    public void runs() {}", "+    ⟦@property⟧\n+    def x(self)"[1:].replace("+", ""),
        "⟦@Autowired⟧ private Foo foo;", "save(⟦@RequestBody⟧ UserDto dto)", "⟦@app.route⟧('/x')", "⟦@Override⟧\n@Test\npublic void foo() {", "⟦@media⟧ (min-width: 1px) {", "a { color: red }\n⟦@font-face⟧ {", "@⟦tailwind⟧ base;",
        "user ⟦gunicorn⟧ started", "chown ⟦www-data⟧", "⟦root⟧ logged in", "以 ⟦nginx⟧ 用户运行",
    ],
)  # fmt: skip
def test_accounts_of_nobody(text: str) -> None:
    assert is_no_account(*marked(text))


@pytest.mark.parametrize(
    "text",
    [
        "⟦@anna_k⟧ can you look", "thanks ⟦@anna_k⟧!", "@⟦anna_k⟧\nplease review this", "https://example.com/⟦@anna⟧/post", "⟦root⟧@bastion", "⟦anna⟧ logged in", "mail anna⟦@ant⟧/x", "⟦@MariaG⟧ and I", "⟦@MariaG⟧\nAnna said so", "/billing/ ⟦@amsalu⟧ @nbelk\n/docs/", "⟦@amsalu⟧ @nbelk please", "⟦@amsalu⟧\n@nbelk\n", "⟦@MariaG⟧ private message me (now)", "⟦@anna⟧ final data export, open it", "⟦@MariaG⟧ Thank you, all", "(⟦@MariaG⟧ Best wishes, all)", "hi, ⟦@MariaG⟧ Thank you, all",
        "请 ⟦@李雷_02⟧ 处理",
    ],
)  # fmt: skip
def test_accounts_of_somebody(text: str) -> None:
    assert not is_no_account(*marked(text))


def test_the_models_proposals_are_held_to_it() -> None:
    model = NamesModel(**{"4C2291K": "ID", "RFC 9110": "ID", "@MockBean": "USERNAME", "@anna_k": "USERNAME"})
    detector = Detector(DetectorConfig(), model=model)
    texts = ["serial no 4C2291K, RFC 9110", "patient serial no 4C2291K", "@MockBean\nFoo foo;", "thanks @anna_k"]
    found = [
        [text[span.start : span.end] for span in spans]
        for text, spans in zip(texts, detector.detect(texts), strict=True)
    ]
    assert found == [[], ["4C2291K"], [], ["@anna_k"]]
