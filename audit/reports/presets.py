"""What each law's or standard's reader gets: sections in the order of its text, and where in the text each comes from.

GDPR, article 30(1); 45 CFR 164.312, 164.314, 164.514, 164.528 (HIPAA); PCI DSS v4.0.1; PIPL (2021) with the CAC's
Provisions on Promoting and Regulating Cross-Border Data Flows (22 March 2024); AICPA TSP 100 (2017, points of 2022).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from audit.exports.manifest import product_version
from audit.reports import sections as s
from audit.reports.commands import Preset
from audit.reports.document import Document, Figures, Note, Section, Table, Tone
from audit.reports.kinds import CARD_KINDS, EEA, HIPAA, is_sensitive
from audit.reports.sections import LANGUAGES, Writing, moment, number
from audit.tabular import plain
from audit.visible import visible

CONTRACT_PERSONS, ASSESSMENT_PERSONS, ASSESSMENT_SENSITIVE = 100_000, 1_000_000, 10_000
"""Provisions of 2024, articles 5, 7 and 8: persons since the first of January."""


def document_of(preset: Preset, w: Writing) -> Document:
    """The report."""
    numbers = w.numbers
    names = ", ".join(visible(name) for name in numbers.tenants)
    tenants = w("tenants.some", names=names) if names else w("tenants.all")
    sections = _PRESETS[preset](w)
    return Document(
        language=LANGUAGES[w.language],
        title=w(f"title.{preset}"),
        subtitle=w("subtitle", month=str(numbers.period)),
        made=w("made", time=moment(numbers.made), version=product_version(), tenants=tenants),
        sections=sections,
        footer=w("footer"),
        facts=_facts(preset, w),
    )


def _gdpr(w: Writing) -> list[Section]:
    law = "GDPR, Art. 30(1)({})".format
    seen = [[visible(one.key or "–"), number(one.decisions)] for one in w.numbers.operations]
    operations = Table("operations", [w("operations.observed"), w("col.requests")], seen, frozenset({1}), w("none"))
    people = ("name", "contact", "joint_controllers", "representative", "data_protection_officer")
    oldest = Note(f"{w('gdpr.oldest')}: {moment(w.numbers.oldest)}")
    return [
        s.volume(w, ""),
        Section(w("gdpr.a"), law("a"), [w.own(*people)]),
        Section(w("gdpr.b"), law("b"), [w.own("purposes", "legal_basis"), operations]),
        s.kinds(w, w("gdpr.c"), law("c"), w.own("data_subjects")),
        s.recipients(w, w("gdpr.d"), law("d"), w.own("recipients", "processors")),
        s.recipients(w, w("gdpr.e"), law("e"), Note(w("gdpr.e_note")), w.own("safeguards"), home=EEA),
        s.distinct(w, law("e")),
        Section(w("gdpr.f"), law("f"), [w.own("retention"), oldest]),
        Section(w("gdpr.g"), law("g"), [*s.measures(w), w.own("security_measures")]),
        s.failures(w, "GDPR, Art. 32(1)(d)"),
        s.policies(w, "GDPR, Art. 24(1)"),
        s.proof(w, "GDPR, Art. 5(2)"),
    ]


def _hipaa(w: Writing) -> list[Section]:
    header = [
        "",
        w("col.identifier"),
        w("col.found"),
        w("col.clear"),
        w("col.placeholder"),
        w("col.local"),
        w("col.kept"),
    ]
    rows = []
    for letter, names in HIPAA.items():
        fates: Counter[str] = Counter()
        for name in names:
            fates.update(w.numbers.kinds.get(name, {}))
        cells = [number(fates[fate]) for fate in ("clear", "masked", "local", "kept")]
        if not names:
            cells = [w("hipaa.nothing"), "", "", ""]
        rows.append([f"({letter})", w(f"hipaa.{letter}"), number(fates.total()) if names else "–", *cells])
    table = Table("identifiers", header, rows, frozenset(range(2, 7)))
    return [
        s.volume(w, ""),
        Section(w("hipaa.associates"), "45 CFR 164.314(a), 164.504(e)",
                [w.own("name", "contact", "business_associates")]),
        Section(w("hipaa.ids"), "45 CFR 164.514(b)(2)(i)", [table, Note(w("hipaa.ids_note"))]),
        s.recipients(w, w("hipaa.disclosures"), "45 CFR 164.528", Note(w("hipaa.disclosures_note"))),
        s.distinct(w, "45 CFR 164.528"),
        s.kinds(w, w("kinds.title"), "45 CFR 164.502(b)"),
        Section(w("hipaa.audit"), "45 CFR 164.312(b), (c)(1), (e)(1)", s.measures(w)),
        s.failures(w, "45 CFR 164.308(a)(1)(ii)(D)"),
        s.policies(w, "45 CFR 164.316"),
        s.proof(w, "45 CFR 164.312(c)(2)"),
    ]  # fmt: skip


def _pci(w: Writing) -> list[Section]:
    fates: Counter[str] = Counter()
    for name in CARD_KINDS:
        fates.update(w.numbers.kinds.get(name, {}))
    year = w.numbers.period.year
    sent, masked = (s.estimate_of(w, fate=fate, kind=CARD_KINDS[0]).count for fate in ("clear", "masked"))
    cards = Figures([
        (number(fates["clear"]), w("pci.sent"), Tone.BAD if fates["clear"] else Tone.GOOD),
        (number(fates["masked"]), w("pci.masked"), Tone.GOOD),
        (number(fates["kept"]), w("pci.kept"), Tone.GOOD),
        (number(fates["local"]), w("pci.local"), Tone.PLAIN),
        (number(sent), w("pci.distinct", year=year), Tone.BAD if sent else Tone.GOOD),
        (number(masked), w("pci.distinct_masked", year=year), Tone.PLAIN),
    ])  # fmt: skip
    stored = [Note(w(f"pci.stored_{place}")) for place in (1, 2, 3)]
    return [
        s.volume(w, ""),
        Section(w("pci.cards"), "PCI DSS 3.4, 4.2, 12.5.2", [cards, Note(w("pci.cards_note"))]),
        Section(w("pci.stored"), "PCI DSS 3.3, 3.5.1, 3.5.1.1", [*stored, w.own("security_measures")]),
        s.kinds(w, w("kinds.title"), "PCI DSS 12.5.2"),
        s.recipients(w, w("recipients.title"), "PCI DSS 12.8", w.own("name", "contact", "processors")),
        Section(w("pci.logs"), "PCI DSS 10.2, 10.3, 10.5",
                [Note(w("pci.logs_note", oldest=moment(w.numbers.oldest))), *s.measures(w)]),
        s.failures(w, "PCI DSS 10.7"),
        s.policies(w, "PCI DSS 6.5.1"),
        s.distinct(w, "PCI DSS 12.5.2"),
        s.proof(w, "PCI DSS 10.3.4"),
    ]  # fmt: skip


def _pipl(w: Writing) -> list[Section]:
    law = {"en": "PIPL, article {}", "zh": "《个人信息保护法》第 {} 条"}[w.language].format
    rules = {
        "en": "Cross-border provisions 2024, articles 5, 7, 8",
        "zh": "《促进和规范数据跨境流动规定》第五、七、八条",
    }
    country = home_of(w)
    reached = thresholds(w)
    abroad = _abroad(w)
    figures = Figures([
        (number(estimate.count), f"{w(f'pipl.{name}')}, {w(f'form.{fate}')}", Tone.PLAIN)
        for fate in ("clear", "masked")
        for name, estimate in (
            ("general", s.estimate_of(w, to=abroad, fate=fate, sensitive=False)),
            ("sensitive", s.estimate_of(w, to=abroad, fate=fate, sensitive=True)),
        )
    ])  # fmt: skip
    rows = [
        [w(f"pipl.{step}"), w("yes") if reached["clear"] == step else w("no"),
         w("yes") if reached["all"] == step else w("no")]
        for step in ("small", "contract", "assessment")
    ]  # fmt: skip
    both = f"{w('form.clear')} + {w('form.masked')}"
    header = [w("pipl.reached"), w("form.clear"), both]
    sensitive = {name: fates for name, fates in w.numbers.kinds.items() if is_sensitive(name)}
    year = w.numbers.period.year
    return [
        s.volume(w, ""),
        Section(w("pipl.who"), law("52"), [w.own("name", "contact", "data_protection_officer")]),
        Section(w("pipl.thresholds", year=year), rules[w.language],
                [Note(w("pipl.home", country=visible(country))), figures, Table("thresholds", header, rows),
                 Note(w("pipl.judged"))]),
        s.distinct(w, law("38")),
        s.recipients(w, w("recipients.title"), law("39"), home=[country], abroad="abroad"),
        Section(w("pipl.kinds"), law("28"), [s.kinds_table(w, sensitive), Note(w("pipl.kinds_note"))]),
        s.kinds(w, w("kinds.title"), law("55")),
        Section(w("pipl.papers"), law("13, 38, 39, 55, 56"),
                [w.own("purposes", "legal_basis", "consent", "impact_assessment", "standard_contract", "retention")]),
        s.failures(w, law("51")),
        s.policies(w, law("51")),
        s.proof(w, law("54")),
    ]  # fmt: skip


def home_of(w: Writing) -> str:
    """The country that is not abroad: the organization's, else China."""
    said = w.organization.get("country", ())
    return said[0].upper() if said else "CN"


def thresholds(w: Writing) -> dict[str, str]:
    """Which step of the 2024 provisions is reached by the upper bounds, in the clear and in both forms."""
    reached = {}
    for name, fate in (("clear", "clear"), ("all", None)):
        general = s.estimate_of(w, to=_abroad(w), fate=fate, sensitive=False).high
        special = s.estimate_of(w, to=_abroad(w), fate=fate, sensitive=True).high
        if general >= ASSESSMENT_PERSONS or special >= ASSESSMENT_SENSITIVE:
            reached[name] = "assessment"
        else:
            reached[name] = "contract" if general >= CONTRACT_PERSONS or special else "small"
    return reached


def _abroad(w: Writing) -> Iterable[Any]:
    home = home_of(w)
    return {key[0] for key in w.numbers.distinct.known() if key[0].country != home}


def _soc2(w: Writing) -> list[Section]:
    n, t = w.numbers, w.numbers.totals
    masked, blocked = number(t.by_action["mask"]), number(t.by_action["block"])
    covered = (s.covered_by(n.newest_note) or {"size": 0})["size"]
    rows = [
        ["CC6.1", w("soc2.cc61"), w("soc2.o61", looks=number(sum(n.readers.values())), readers=number(len(n.readers)))],
        ["CC6.7", w("soc2.cc67"), w("soc2.o67", masked=masked, blocked=blocked,
                                    rerouted=number(t.by_action["reroute"]), observed=number(n.observed))],
        ["CC7.2", w("soc2.cc72"), w("soc2.o72", unresolved=number(t.unresolved),
                                    unknown=number(t.placeholders_unknown), withheld=number(t.placeholders_withheld))],
        ["CC7.4", w("soc2.cc74"), w("soc2.o74", closed=number(sum(n.failed_closed.values())))],
        ["CC8.1", w("soc2.cc81"), w("soc2.o81", changes=number(len(n.policies.changes)),
                                    used=number(len(n.policies.used)))],
        ["PI1.3", w("soc2.pi1"), w("soc2.opi", complete=number(t.complete), failed=number(t.failed),
                                   pending=number(t.pending), unresolved=number(t.unresolved))],
        ["C1.1", w("soc2.c1"), w("soc2.oc", size=number(n.ledger_size), covered=number(covered))],
    ]  # fmt: skip
    map_header = [w("col.criterion"), w("col.control"), w("col.observation")]
    readers = [[visible(name), visible(role), number(count)] for (name, role), count in n.readers.items()]
    rules = [[visible(one.key or "–"), number(one.decisions)] for one in n.rules]
    versions = [[visible(one), visible(model) or "–", number(count)] for (one, model), count in n.detectors.items()]
    reader_header = [w("col.reader"), w("col.role"), w("col.looks")]
    version_header = [w("col.detector"), w("col.model"), w("col.requests")]
    return [
        s.volume(w, ""),
        Section(w("soc2.map"), "TSP 100", [Table("criteria", map_header, rows), w.own("name", "reviewer", "notes")]),
        s.failures(w, "CC7.2, CC7.4"),
        s.policies(w, "CC8.1"),
        Section(w("soc2.readers"), "CC6.1", [Table("readers", reader_header, readers, frozenset({2}), w("none"))]),
        Section(w("soc2.rules"), "CC6.7",
                [Table("rules", [w("col.rule"), w("col.requests")], rules, frozenset({1}), w("none"))]),
        Section(w("soc2.versions"), "CC8.1", [Table("versions", version_header, versions, frozenset({2}), w("none"))]),
        s.recipients(w, w("recipients.title"), "CC6.7, CC9.2"),
        s.kinds(w, w("kinds.title"), "C1.1, P6.1"),
        s.distinct(w, "P6.1"),
        s.proof(w, "C1.1, PI1.3"),
    ]  # fmt: skip


def _facts(preset: Preset, w: Writing) -> dict[str, Any]:
    n = w.numbers
    facts: dict[str, Any] = {
        "preset": str(preset),
        "month": str(n.period),
        "tenants": list(n.tenants),
        "totals": plain(n.totals),
        "callers": n.callers,
        "recipients": [
            {"recipient": to.recipient, "country": to.country, **plain(traffic)} for to, traffic in n.traffic.items()
        ],
        "kinds": {name: dict(fates) for name, fates in n.kinds.items()},
        "distinct": [
            {"recipient": key[0].recipient, "country": key[0].country, "form": key[1], "kind": key[2],
             **plain(n.distinct.of([key]))}
            for key in sorted(n.distinct.known(), key=str)
        ],
        "failed_closed": n.failed_closed,
        "errors": {one.key: one.decisions for one in n.errors},
        "observed": n.observed,
        "unsynchronized_clock": n.unsynchronized,
        "policy_changes": [
            {"time": plain(one.time), "tenant": one.tenant, "hash": one.hash, "before": one.before,
             "paths": list(one.paths)}
            for one in n.policies.changes
        ],
        "ledger": {"size": n.ledger_size, "checkpoint": n.newest_note,
                   "verdict": None if w.verdict is None else ("whole", "not whole", "cannot tell")[w.verdict.verdict]},
        "organization": {name: list(texts) for name, texts in w.organization.items()},
    }  # fmt: skip
    if preset is Preset.PIPL:
        facts["thresholds"] = thresholds(w) | {"home": home_of(w)}
    return facts


_PRESETS: dict[Preset, Callable[[Writing], list[Section]]] = {
    Preset.GDPR: _gdpr,
    Preset.HIPAA: _hipaa,
    Preset.PCI: _pci,
    Preset.PIPL: _pipl,
    Preset.SOC2: _soc2,
}
