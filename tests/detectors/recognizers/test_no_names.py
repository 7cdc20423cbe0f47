"""What the model may not call a person or an account, and what it may."""

from __future__ import annotations

import pytest

from detectors.recognizers.no_names import is_no_login, is_no_name


def _placed(marked: str) -> tuple[str, int, int]:
    start = marked.index("[[")
    end = marked.index("]]") - 2
    return marked.replace("[[", "", 1).replace("]]", "", 1), start, end


@pytest.mark.parametrize(
    "marked",
    [
        "like [[so-]]cheel",
        "[14:22:20] [[e]]: file:///builds/app",
        "[[若]]不在家，请按两次门铃",
        "| [[项]] | 负责人 |",
        "at com.example.web([[ErrorFilter.java]]:30)",
    ],
)
def test_half_words_function_words_and_files_are_no_names(marked: str) -> None:
    assert is_no_name(*_placed(marked))


@pytest.mark.parametrize(
    "marked",
    [
        "Action: [[Q]] to circulate",
        "连[[灏]]都劝不住",
        "[[王]]总说可以",
        "[[Jean-Luc]] rang",
        "notes for [[anna.md]]",
        "[[李]]",
    ],
)
def test_names_stay_names(marked: str) -> None:
    assert not is_no_name(*_placed(marked))


@pytest.mark.parametrize(
    "marked",
    [
        "I0215 1 [[eviction.go]]:88] evicting",
        "Author: [[ci-bot]] <",
        "from [[get_slots]]. When",
        "> Task :app:[[kspDebugKotlin]]",
        "docs [[a02be41]] of last week",
        "app_id=[[lt20250218]]&bank=1",
        "/home/wuma/go/src/[[kefu]]/internal/queue",
        "example.test/[[kefu]]/internal",
    ],
)
def test_programs_files_digests_and_path_parts_are_no_logins(marked: str) -> None:
    assert is_no_login(*_placed(marked))


@pytest.mark.parametrize(
    "marked",
    [
        "/home/[[wuma]]/go/src",
        "C:\\Users\\[[wuma]]\\go",
        "github.com/[[tarnhollow]]/maps",
        "https://social.example/[[tarnhollow]]/posts",
        "ask [[tarn_hollow]] about it",
        "login: [[deadbeef]] is taken",
        "id_rsa of [[run_rabbit]]",
        "user_id=[[pwojcik7]]",
        "[[robot_anna]]: hi",
    ],
)
def test_accounts_stay_accounts(marked: str) -> None:
    assert not is_no_login(*_placed(marked))
