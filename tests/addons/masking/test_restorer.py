"""The streaming restorer: tolerance, belief, chunk invariance, escaping, counters."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.masking.grammar import MAX_SPELLING
from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.restorer import FlowRestoration, FlowRestorer, RestorationCounts
from addons.wire.types import Restoration, TextRestorer

KEY = PlaceholderKey(b"a secret of the tests, 32 bytes.", 1)
SCOPE = Scope("tenant-a/caller-1")
OTHER = Scope("tenant-b/caller-9")
MARIA = 'Maria "Mia" \\ Silva\n\x00\u2028😀'


def ticket(entity: str, value: str, scope: Scope = SCOPE) -> str:
    return KEY.placeholder(scope, entity, value)


P = ticket("PERSON", "Maria Silva")
MAIL = ticket("EMAIL_ADDRESS", "maria@example.com")
ZH = ticket("CN_PHONE_NUMBER", "13800000000")
NRP = ticket("NRP", "Martian")
LONGER = ticket("PERSON_NAME", "Ana")
STRANGER = ticket("PERSON", "Maria Silva", OTHER)
MAPPING = {P: "Maria Silva", MAIL: "maria@example.com", ZH: "13800000000", NRP: "Martian", LONGER: "Ana"}


def streamed(restorer: TextRestorer, pieces: list[str]) -> str:
    return "".join([restorer.feed(piece) for piece in pieces]) + restorer.flush()


def flow(mapping: dict[str, str] | None = None) -> FlowRestoration:
    return FlowRestoration.from_mapping(MAPPING if mapping is None else mapping)


def test_the_contract_is_kept() -> None:
    restoration: Restoration = flow()
    restorer: TextRestorer = restoration.text()
    assert restorer.feed(P) + restorer.flush() == "Maria Silva"


def aliased(token: str) -> str:
    entity, _, code = token.rpartition("_")
    return f"{entity}_{code.replace('0', 'o').replace('1', 'l')}"


@pytest.mark.parametrize(
    ("spelled", "restored", "mangled"),
    [
        (P, "Maria Silva", 0),
        (P.lower(), "Maria Silva", 1),
        (P.capitalize(), "Maria Silva", 1),
        (P.replace("_", r"\_"), "Maria Silva", 1),
        (P.replace("_", r"\\_"), "Maria Silva", 1),
        (P.replace("_", " "), "Maria Silva", 1),
        (P.replace("_", " _ "), "Maria Silva", 1),
        (P.replace("_", "_ "), "Maria Silva", 1),
        (P.replace("_", r"\u005f"), "Maria Silva", 1),
        (P.replace("_", r"\u005F"), "Maria Silva", 1),
        (P[:-3] + " " + P[-3:], "Maria Silva", 1),
        (f"{P}'s", "Maria Silva's", 0),
        (f"{P}s", "Maria Silvas", 0),
        (f"my{P}", "myMaria Silva", 0),
        (f"X{P}Y9_", "XMaria SilvaY9_", 0),
        (f"张{P}的{P}", "张Maria Silva的Maria Silva", 0),
        (f"{P}{P}", "Maria SilvaMaria Silva", 0),
        (f"PERSON_{P}", "PERSON_Maria Silva", 0),
        (f"person {P}", "person Maria Silva", 0),
        (f"**{P}** `{P}` <{P}>", "**Maria Silva** `Maria Silva` <Maria Silva>", 0),
        (MAIL.replace("_", r"\_"), "maria@example.com", 1),
        (MAIL.lower().replace("_", " "), "maria@example.com", 1),
        (aliased(MAIL), "maria@example.com", int(aliased(MAIL) != MAIL)),
        (f"{LONGER} {P}", "Ana Maria Silva", 0),
        (f"\\n{NRP[1:]}", f"\\n{NRP[1:]}", 0),
    ],
)
def test_tolerance(spelled: str, restored: str, mangled: int) -> None:
    restoration = flow()
    if spelled.startswith("\\n"):
        # Inside JSON this n belongs to the escape.
        assert restoration.whole_json(f'"{spelled}"') == f'"{restored}"'
    else:
        assert restoration.whole(spelled) == restored
    assert restoration.counts.mangled == mangled
    assert restoration.counts.seen == restoration.counts.restored


def test_crockford_aliases() -> None:
    value, token = next(
        (value, token)
        for value, token in ((f"v{i}", ticket("PERSON", f"v{i}")) for i in range(1000))
        if "0" in token[-8:] and "1" in token[-8:]
    )
    for one in "ilIL":
        spelled = "PERSON_" + token[-8:].replace("0", "o").replace("1", one)
        assert flow({token: value}).whole(spelled) == value


@pytest.mark.parametrize(
    "text",
    [
        P[:-1],
        P[:-1] + ("2" if P[-1] != "2" else "3"),
        P.replace("PERSON", "PERSN"),
        P.replace("_", ""),
        P.replace("_", "\n"),
        P[:-3] + "   " + P[-3:],
        P[:-1] + "U",
    ],
)
def test_nothing_is_guessed(text: str) -> None:
    restoration = flow()
    assert restoration.whole(text) == text
    assert restoration.counts == RestorationCounts()


def test_another_scopes_placeholder_stays_and_is_counted() -> None:
    restoration = flow()
    text = f"{STRANGER}, {STRANGER.lower()} and {P}"
    assert restoration.whole(text) == f"{STRANGER}, {STRANGER.lower()} and Maria Silva"
    assert restoration.counts == RestorationCounts(seen=1, restored=1, unknown=2, mangled=0)


def test_restorers_of_a_flow_share_its_counters() -> None:
    restoration = flow()
    one, two = restoration.text(), restoration.json()
    assert one.feed(P) == "Maria Silva"
    assert two.feed(f'"{P.lower()} {STRANGER}"') == f'"Maria Silva {STRANGER}"'
    assert restoration.counts == RestorationCounts(seen=2, restored=2, unknown=1, mangled=1)


def test_what_was_restored_is_not_looked_at_again() -> None:
    other = ticket("PERSON", "Ana")
    restoration = flow({P: other, other: P, MAIL: "PERSON_"})
    assert restoration.whole(f"{P} {other} {MAIL}{P[7:]}") == f"{other} {P} PERSON_{P[7:]}"


def test_what_is_unknown_is_counted_once_however_long_it_stays_open() -> None:
    """The stranger's placeholder is also how the name of another entity begins."""
    longer = ticket(STRANGER, "x")
    for text, restored, unknown in ((f"{STRANGER}!", f"{STRANGER}!", 1), (f"{longer}!", "x!", 0)):
        whole, cut = flow({P: "Maria", longer: "x"}), flow({P: "Maria", longer: "x"})
        assert whole.whole(text) == streamed(cut.text(), list(text)) == restored
        assert whole.counts == cut.counts
        assert whole.counts.unknown == unknown


@settings(deadline=None)
@given(st.text("ABCDEFGHJK_", min_size=1, max_size=12), st.text("ABCDEFGHJK_", min_size=1, max_size=12))
def test_entities_that_begin_alike_are_not_mixed_up(first: str, second: str) -> None:
    one, two = ticket("P" + first, "Maria"), ticket("P" + first + second, "Ana")
    restoration = flow({one: "Maria", two: "Ana"})
    assert restoration.whole(f"{one}{two} {two}{one}") == "MariaAna AnaMaria"


def test_an_empty_map_changes_and_holds_nothing() -> None:
    restorer = flow({}).text()
    assert [restorer.feed(text) for text in ("PERS", "ON_", P)] == ["PERS", "ON_", P]
    assert restorer.flush() == ""


def test_only_a_possible_beginning_is_held_back() -> None:
    restorer = flow().text()
    assert restorer.feed("Hello wor") == "Hello wor"
    assert restorer.feed("ld, I know PER") == "ld, I know "
    assert restorer.feed("SON") == ""
    assert restorer.feed("_" + P[7:14]) == ""
    assert restorer.feed(P[14]) == "Maria Silva"
    assert restorer.feed("'s mail: pers") == "'s mail: "
    assert restorer.feed("uasion!") == "persuasion!"
    assert restorer.feed("l") == "l"  # LOCATION is a known entity, but not one of this flow
    assert restorer.feed(P[:-1]) == ""
    assert restorer.flush() == P[:-1]
    assert restorer.feed(P[-1]) == P[-1]


@settings(deadline=None)
@given(st.lists(st.sampled_from([" ", "_", "\\", "PERSON", "person_7K", "email address ", "7 K", "Q"]), max_size=200))
def test_what_is_held_back_is_bounded(pieces: list[str]) -> None:
    restorer = flow().text()
    given_in = given_out = 0
    for piece in pieces:
        given_in += len(piece)
        given_out += len(restorer.feed(piece))
        assert given_in - given_out <= MAX_SPELLING


def test_a_flushed_restorer_is_as_new() -> None:
    restorer = flow({P: 'a"b'}).text()
    assert restorer.feed(f'["{P}"') + restorer.flush() == '["a\\"b"'
    assert restorer.feed(f'"{P}"') + restorer.flush() == '"a"b"'


PIECES = st.sampled_from(
    [
        P, P.lower(), P.replace("_", r"\_"), P.replace("_", "\\u005f"), P[:-1], P[:9], P[9:], MAIL, ZH, LONGER,
        STRANGER, MAIL.replace("_", " "), NRP, NRP.lower(), NRP[1:].lower(), "PERSON", "PERSON_NAME", "person ",
        "7KQ2", "e", "_", " ", "\\", "\\\\", '"', '\\"', "{", "}", "[", "]", ":", ",", "\n", "\\n", "\\u", "005f",
        "\\u12", "1", "true", "```json\n", "\n```\n", '{"a": "', '["', '"]', '"}', '[\\"', '{\\"k\\":\\"', "汉字",
        "İ", "ß", "😀", "\u212a",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=25).map("".join)
TRICKY = {P: MARIA, MAIL: P, ZH: "[", NRP: "", LONGER: '"'}


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.booleans(), st.data())
def test_cuts_do_not_matter(text: str, of_json: bool, data: st.DataObject) -> None:
    def opened() -> tuple[FlowRestoration, FlowRestorer]:
        restoration = flow(TRICKY)
        return restoration, restoration.json() if of_json else restoration.text()

    whole = flow(TRICKY)
    expected = whole.whole_json(text) if of_json else whole.whole(text)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    random_pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    for pieces in (list(text), random_pieces):
        restoration, restorer = opened()
        assert streamed(restorer, pieces) == expected
        assert restoration.counts == whole.counts


@pytest.mark.parametrize("of_json", [False, True])
def test_every_single_cut(of_json: bool) -> None:
    inner = json.dumps({"to": [MAIL, f"Dear {P.lower()}, 张{ZH}"], "n": 1})
    text = json.dumps({"args": inner, P: [f"\n{NRP} {STRANGER}", P[:-2]]}, ensure_ascii=False) + f" {P[:-1]}"
    whole = flow(TRICKY)
    expected = whole.whole_json(text) if of_json else whole.whole(text)
    assert MARIA not in expected
    for cut in range(len(text) + 1):
        restoration = flow(TRICKY)
        restorer = restoration.json() if of_json else restoration.text()
        assert streamed(restorer, [text[:cut], text[cut:]]) == expected
        assert restoration.counts == whole.counts
