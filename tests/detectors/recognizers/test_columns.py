# ruff: noqa: E501 - specimens are one line each
"""Tables: a header that names the columns says what the cells are; a header that things have too says nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.recognizers.columns import COLUMNS, cells_of

Find = Callable[[str], list[tuple[str, str]]]

CSV = "customer_id,first,last,city,birth_date\nC-100482,Guadalupe,Ontiveros,El Paso,03/14/1982\nC-100519,Quynh,Tran,X,1/2/90\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CSV, [("CUSTOMER_ID", "C-100482"), ("PERSON", "Guadalupe"), ("PERSON", "Ontiveros"), ("CUSTOMER_ID", "C-100519")]),
        (CSV.replace("\n", "\r\n"), [("DATE_OF_BIRTH", "03/14/1982"), ("DATE_OF_BIRTH", "1/2/90")]),
        (CSV.replace(",", "\t"), [("PERSON", "Tran")]),
        (f"Merge these:\n\n```\n{CSV}```", [("PERSON", "Quynh")]),
        ("| 工号 | 姓名 | 部门 |\n|---|---|---|\n| A00317 | 戚薇娜 | 测试部 |\n", [("EMPLOYEE_ID", "A00317"), ("PERSON", "戚薇娜")]),
        ("考生号,姓名,分数\n0526110341,逯子衿,621\n", [("EMPLOYEE_ID", "0526110341"), ("PERSON", "逯子衿")]),
        ('"Nr.";"Name";"Handy"\n"60913";"Yılmaz-Kessler, Ebru";"0171 39200"\n', [("CUSTOMER_ID", "60913"), ("PERSON", "Yılmaz-Kessler, Ebru")]),
        (" id  | full_name | dob\n-----+-----------+-----\n 4711 | Ana Lima | 1990-01-02\n", [("CUSTOMER_ID", "4711"), ("PERSON", "Ana Lima")]),
        (
            "INSERT INTO staff (emp_no, last_name, licence) VALUES ('E-20931', 'O''Neil', 'X-40551'),\n ('E-20940', 'Mutasa', NULL);",
            [("EMPLOYEE_ID", "E-20931"), ("PERSON", "O''Neil"), ("DRIVER_LICENSE", "X-40551"), ("EMPLOYEE_ID", "E-20940")],
        ),
        ("COPY public.p (id, mrn, first_name) FROM stdin;\n1\tRN-0093317\tAbdul\n2\tRN-0093318\tBo\n\\.\n", [("MEDICAL_RECORD", "RN-0093317"), ("PERSON", "Bo")]),
        ("username,password\nliu_t1,Yt@77dolphin\nrongxf_t2,rongxf!Q2w3e\n", [("USERNAME", "rongxf_t2"), ("SECRET", "rongxf!Q2w3e")]),
    ],
)  # fmt: skip
def test_cells(find: Find, text: str, found: list[tuple[str, str]]) -> None:
    assert [pair for pair in found if pair not in find(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "id,name,price\n4711,Lamp,12.50\n4712,Chair,80.00\n",
        "name,version,license\nleft-pad,1.3.0,MIT\n",
        "| name | type | required |\n|---|---|---|\n| last_name | string | yes |\n",
        "name,datatype,nullable\nfirst_name,varchar,no\nmobile,char,yes\n",
        "| 字段 | 姓名 | 手机号 |\n|---|---|---|\n| 类型 | varchar | char |\n",
        "host,user,uptime\nweb01,root,12d\n",
        "first, last and always: read the manual, please\nthen go on, step by step, to the end\n",
        "INSERT INTO parts (id, name, price) VALUES (1, 'Lamp', 12);",
        "first_name,last_name\n",
        "id | full_name | dob\n\nNothing | of | it\n",
    ],
)
def test_no_table_of_people(find: Find, text: str) -> None:
    assert find(text) == []


def test_the_names_are_in_the_spelling_of_the_lookup() -> None:
    from detectors.recognizers.columns import name_of_column

    assert [name for name in COLUMNS if name_of_column(name) != name] == []
    assert len(COLUMNS) > 300


@given(st.text("name姓名,;|\t\n\"'()ab 1", max_size=120))
def test_cells_lie_in_the_text_and_never_overlap_a_line(text: str) -> None:
    for _, (start, end) in cells_of(text):
        assert 0 <= start <= end <= len(text)
        assert "\n" not in text[start:end].strip()
