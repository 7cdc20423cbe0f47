"""Surrogates: stand-ins that still validate where a schema, a tool or a regex looks at a value.

Rules for this file: pure; one ``Surrogates`` per flow. It says which stand-in a value has and makes sure of what the
makers (``surrogate_*.py``) cannot know: that none is used twice, stands in a text of the caller already, is a value
itself, or holds a sign that an encoder would change. Where none is fit, the answer is None, and a token does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from stdnum.cn import ric

from addons.masking import surrogate_dates as dates
from addons.masking import surrogate_numbers as numbers
from addons.masking import surrogate_places as places
from addons.masking.grammar import fold
from addons.masking.placeholders import PlaceholderKey, Scope
from addons.masking.restorer import Original
from addons.masking.surrogate_draws import Source
from addons.masking.surrogate_index import BEFORE, Match, Rule, SurrogateIndex
from addons.masking.surrogate_names import NameBook

MAX_DRAWS = 48
_BLOCK = 4096
"""Characters of values that are looked through at once."""
MAX_VALUE = 512
"""Characters; a longer value gets a token."""
_SAFE = re.compile(r"[^\"\\{}\[\]`<>\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+")
_LOOK_AHEAD = 24
_LEAST = {Rule.WORD: 4, Rule.LITERAL: 5, Rule.EXACT: 8, Rule.HAN: 2, Rule.SURNAME: 1, Rule.AGE: 1}
"""Characters that a stand-in needs to be told from what a model says by itself."""
_LETTER = {Rule.WORD: "W", Rule.LITERAL: "L", Rule.EXACT: "E", Rule.HAN: "H", Rule.SURNAME: "S", Rule.AGE: "A"}
_RULE = {letter: rule for rule, letter in _LETTER.items()}
_MARK: Final = "~"
_UNDERSCORE: Final = "\x1f"

Aliases = Sequence[tuple[str, str]]
Maker = Callable[[str, str, Source, int], tuple[str, Aliases] | None]
"""``maker(entity, value, source, attempt)``: a stand-in, and other ways to write it with the value in the same way."""


def stored_key(entity: str, spelled: str, rule: Rule) -> str:
    """What a surrogate is called among a session's originals: ``PERSON_~W…``, in the shape of a token."""
    return f"{entity}_{_MARK}{_LETTER[rule]}{spelled.replace('_', _UNDERSCORE)}"


def is_stored_key(key: str) -> bool:
    """True for what ``stored_key`` made."""
    return key.rpartition("_")[2].startswith(_MARK)


def spelled_of(key: str) -> tuple[str, str, Rule]:
    """Entity, spelling and rule of a stored key."""
    entity, _, code = key.rpartition("_")
    return entity, code[2:].replace(_UNDERSCORE, "_"), _RULE[code[1:2]]


class Surrogates:
    """The surrogates of one flow."""

    def __init__(self, key: PlaceholderKey, scope: Scope) -> None:
        self.index = SurrogateIndex()
        self.issued: dict[str, Original] = {}
        """``stored_key`` -> what it stands for."""
        self._source = Source(key, scope)
        self._known: dict[tuple[str, str], str | None] = {}
        self._names = NameBook(self._source, self._issue_name)
        self._said: list[str] = []
        self._said_at = 0
        self._values: list[str] = []
        self._now = ""

    def begin(self, text: str, said: Sequence[str]) -> None:
        """A text is to be masked, after these have been put out."""
        self._said += map(fold, said[self._said_at :])
        self._said_at = len(said)
        self._now = fold(text)

    def note(self, value: str) -> None:
        """A value of the request, whatever stands for it."""
        folded = fold(value)
        if self._values and len(self._values[-1]) < _BLOCK:
            self._values[-1] += "\n" + folded
        else:
            self._values.append(folded)

    def recall(self, key: str, original: Original) -> bool:
        """A surrogate of stored state. False if it means something else already."""
        entity, spelled, rule = spelled_of(key)
        if not self._believe(spelled, original.text, key, rule):
            return False
        self.issued[key] = original
        self._known.setdefault((entity, original.text), spelled)
        if entity == "PERSON":
            self._names.knows(original.text, spelled)
        return True

    def stand_in(self, entity: str, value: str) -> str | None:
        """The surrogate of a value: the same for the same value. None where it has none."""
        if (entity, value) not in self._known:
            self.note(value)
            self._known[entity, value] = self._make(entity, value)
        return self._known[entity, value]

    def fits(self, stand_in: str, value: str, before: str, after: str) -> bool:
        """True if it would be read back as this value between these texts."""
        head = before[-BEFORE:]
        window = head + stand_in + after[:_LOOK_AHEAD]
        ended = len(after) <= _LOOK_AHEAD
        found = self.index.judge(window, fold(window), len(head), ended=ended)
        return isinstance(found, Match) and found.value == value and found.end == len(head) + len(stand_in)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where a text holds surrogates of this flow."""
        if not self.index:
            return
        folded = fold(text)
        start = self.index.find(folded, 0)
        while start >= 0:
            found = self.index.judge(text, folded, start, ended=True)
            end = found.end if isinstance(found, Match) else start + 1
            if isinstance(found, Match):
                yield start, end
            start = self.index.find(folded, end)

    def _make(self, entity: str, value: str) -> str | None:
        if len(value) > MAX_VALUE or not value.strip():
            return None
        if entity == "PERSON":
            made = self._names.name(value)
            return made if made is not None and made != value else None
        maker = maker_of(entity)
        if maker is None:
            return None
        rule = rule_of(entity, value)
        for attempt in range(MAX_DRAWS):
            named = self._mail_of_a_name(value) if entity == "EMAIL_ADDRESS" and attempt == 0 else None
            drawn = named or maker(entity, value, self._source, attempt)
            if drawn is None:
                return None
            stand_in, aliases = drawn
            if stand_in != value and self._issue(entity, stand_in, value, rule):
                for alias, meant in aliases:
                    if alias != meant:
                        self._issue(entity, alias, meant, rule)
                return stand_in
        return None

    def _mail_of_a_name(self, value: str) -> tuple[str, Aliases] | None:
        """``maria.gonzalez@…`` of somebody whose name has a stand-in already gets the same words."""
        local, _, domain = value.rpartition("@")
        parts = re.split(r"([._-])", local)
        words = [self._names.root(part) if at % 2 == 0 else part for at, part in enumerate(parts)]
        if not domain or not local.islower() or None in words:
            return None
        made = "".join(word.lower() for word in words if word is not None)
        return f"{made}@{places.mail_domain(domain, self._source)}", ((made, local),) if len(parts) > 1 else ()

    def _issue_name(self, stand_in: str, value: str, rule: Rule) -> bool:
        return self._issue("PERSON", stand_in, value, rule)

    def _issue(self, entity: str, stand_in: str, value: str, rule: Rule) -> bool:
        key = stored_key(entity, stand_in, rule)
        known = self.issued.get(key)
        if known is not None:
            return known.text == value
        if (
            not _tells(entity, stand_in, rule)
            or not _SAFE.fullmatch(stand_in)
            or not self._is_free(fold(stand_in), rule)
        ):
            return False
        if not self._believe(stand_in, value, key, rule):
            return False
        self.issued[key] = Original(value, 0, value)
        return True

    def _believe(self, stand_in: str, value: str, key: str, rule: Rule) -> bool:
        if not self.index.add(stand_in, value, key, rule):
            return False
        if rule is Rule.HAN:
            # Tool arguments come in ASCII from some models.
            escaped = "".join(f"\\u{ord(char):04x}" if ord(char) > 127 else char for char in stand_in)
            self.index.add(escaped, value, key, rule)
        return True

    def _is_free(self, folded: str, rule: Rule) -> bool:
        """True if nothing that was said holds it, and no value does. (A form of another case is the same root.)"""
        if folded in self.index.forms:
            return True
        if rule is Rule.AGE:
            number = re.compile(rf"(?<![0-9]){folded}(?![0-9])")
            return not any(map(number.search, (self._now, *self._said)))
        if folded in self._now:
            return False
        return not any(folded in text for text in self._said) and not any(folded in value for value in self._values)


def _tells(entity: str, stand_in: str, rule: Rule) -> bool:
    """True if a stand-in is too special for a model to say it by itself."""
    if entity == "AGE" and rule is Rule.LITERAL:
        return len(stand_in) > 2
    return len(stand_in) >= _LEAST[rule] + (stand_in.isdigit() and rule is Rule.LITERAL)


def _grouped(text: str) -> tuple[str, str, str]:
    """A number without separators, in groups of four, and with hyphens between them."""
    compact = re.sub(r"[\s-]", "", text)
    groups = [compact[at : at + 4] for at in range(0, len(compact), 4)]
    return compact, " ".join(groups), "-".join(groups)


def _card(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
    made = numbers.card(value, source.draw("card", numbers.digits_of(value), attempt=attempt))
    return None if made is None else (made, tuple(zip(_grouped(made), _grouped(value), strict=True)))


def _iban(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
    compact = re.sub(r"[\s-]", "", value).upper()
    made = numbers.iban_code(value, source.draw("iban", compact, attempt=attempt))
    return None if made is None else (made, tuple(zip(_grouped(made)[:2], _grouped(value)[:2], strict=True)))


def _phone(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
    if len(re.sub(r"[0-9\s()+./\-\u00a0\u2010-\u2015]", "", value)) > 0:
        return None
    made = numbers.phone(value, source.draw("phone", numbers.digits_of(value), attempt=attempt))
    if made is None:
        return None
    plus = "+" if value.lstrip("( ").startswith("+") else ""
    return made, ((plus + numbers.digits_of(made), plus + numbers.digits_of(value)),)


def _numbered(make: Callable[..., str | None]) -> Maker:
    """A maker of a plain number: separators stay, and the number without them is another way to write it."""

    def maker(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
        made = make(value, source.draw("number", entity, value, attempt=attempt))
        if made is None:
            return None
        plain = tuple(re.sub(r"[\s./-]", "", text) for text in (made, value))
        return made, ((plain[0], plain[1]),)

    return maker


def _identifier(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
    """An id of any kind: by what it is, else by its shape."""
    draw = source.draw("id", entity, value, attempt=attempt)
    made = places.uuid(value, draw)
    if made is None and ric.is_valid(value):
        made = numbers.resident_id(value, draw)
    if made is None and entity == "SOCIAL_SECURITY" and re.fullmatch(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", value):
        made = numbers.ssn(value, draw)
    if made is None and entity in numbers.HAS_OLD_BIRTHS:
        made = numbers.born_long_ago(entity, value, draw)
    if made is None and len(re.findall(r"[0-9A-Za-z]", value)) >= 5 and value.isascii():
        made = numbers.misfitting(entity, value, draw)
    if made is not None and entity == "VIN":  # ISO 3779 knows no I, O, Q
        made = made.translate(str.maketrans("IOQioq", "JPRjpr"))
    return None if made is None else (made, ())


def _secret(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
    """The same shape; what tells the kind of a key (``sk-``, ``ghp_``, ``AKIA``) stays."""
    draw = source.draw("secret", value, attempt=attempt)
    whole = places.uuid(value, draw)
    if whole is not None:
        return whole, ()
    kept = re.match(r"(?:[A-Za-z]{2,6}[-_](?:[a-z]{2,5}[-_])*|AKIA|ASIA|AIza|eyJ)", value)
    head = kept[0] if kept is not None and len(value) - kept.end() >= 12 else ""
    if len(value) < 8 or not value.isascii():
        return None
    made = head + draw.shaped(value[len(head) :])
    return made, ()


def _mail(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
    local, at, domain = value.rpartition("@")
    if not at or "@" in local or "." not in domain:
        return None
    draw = source.draw("mail", fold(value), attempt=attempt)
    stand_in = places.mail_local(local, draw)
    case = str.upper if local.isupper() else str
    return f"{case(stand_in)}@{places.mail_domain(domain, source)}", ((case(stand_in), local),)


def _url(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
    made = places.url(value, source, source.draw("url", value, attempt=attempt))
    return None if made is None else (made, ())


def _date(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
    return dates.date(value, source, attempt)


def _age(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
    made = dates.age(value, source, attempt)
    return None if made is None else (made, ())


def _user(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
    bare = value.removeprefix("@")
    if not re.fullmatch(r"[A-Za-z0-9._-]{2,64}", bare):
        return None
    made = places.mail_local(bare, source.draw("user", fold(bare), attempt=attempt))
    return ("@" if bare != value else "") + made, ()


def _drawn(use: str, make: Callable[..., str | None]) -> Maker:
    def maker(entity: str, value: str, source: Source, attempt: int) -> tuple[str, Aliases] | None:
        made = make(value, source.draw(use, value, attempt=attempt))
        return None if made is None else (made, ())

    return maker


_MAKERS: Final[dict[str, Maker]] = {
    "EMAIL_ADDRESS": _mail,
    "PHONE_NUMBER": _phone,
    "CN_PHONE_NUMBER": _phone,
    "CREDIT_CARD": _card,
    "CN_BANK_CARD": _card,
    "IBAN_CODE": _iban,
    "CN_RESIDENT_ID": _numbered(numbers.resident_id),
    "UK_NHS": _numbered(numbers.nhs_number),
    "UK_NINO": _numbered(numbers.nino),
    "US_SSN": _numbered(numbers.ssn),
    "IMEI": _numbered(numbers.imei),
    "DATE_OF_BIRTH": _date,
    "DATE_TIME": _date,
    "AGE": _age,
    "ADDRESS": _drawn("address", places.address),
    "CN_ADDRESS": _drawn("address", places.address),
    "URL": _url,
    "IP_ADDRESS": _drawn("ip", places.ip_address),
    "PRIVATE_IP_ADDRESS": _drawn("ip", places.ip_address),
    "MAC_ADDRESS": _drawn("mac", places.mac_address),
    "COORDINATES": _drawn("point", places.coordinates),
    "USERNAME": _user,
    "LICENSE_PLATE": _drawn("plate", places.plate),
    "CN_VEHICLE_PLATE": _drawn("plate", places.plate),
    "UK_VEHICLE_REGISTRATION": _drawn("plate", places.plate),
    "SECRET": _secret,
    "API_KEY": _secret,
    "JWT": _secret,
    "PASSWORD": _secret,
    "CREDENTIAL": _secret,
}
_WITHOUT: Final = frozenset(
    {"ORGANIZATION", "LOCATION", "NRP", "PUBLIC_FIGURE", "PLACEHOLDER", "PRIVATE_KEY", "MEDICAL_LICENSE"}
)
"""What only a token can stand for: a stand-in would be somebody's, or not be found again."""


def maker_of(entity: str) -> Maker | None:
    """Who makes the stand-ins of an entity; None if nobody does. What is not known by name is an id."""
    return None if entity in _WITHOUT else _MAKERS.get(entity, _identifier)


def has_surrogates(entity: str) -> bool:
    """True if ``style: surrogate`` means something for this entity."""
    return entity == "PERSON" or maker_of(entity) is not None


def rule_of(entity: str, value: str) -> Rule:
    """Where the stand-in of this value may stand, and how exactly it must be written."""
    if entity == "AGE":
        return Rule.AGE if value.isdigit() else Rule.LITERAL
    maker = _MAKERS.get(entity)
    return Rule.EXACT if maker is _secret else Rule.LITERAL
