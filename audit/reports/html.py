"""A report as one HTML file: no outside asset, no script, styles allowed by their hash, made to be printed. Pure."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from audit.reports.document import Block, Document, Facts, Figures, Note, Section, Table

_STYLE = """
:root{--ink:#1b2330;--soft:#5b6676;--line:#d9dee6;--pale:#f5f7fa;--good:#17643b;--care:#8a5300;--bad:#a3122a;--fill:#5a3ea8}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:2.5rem 1.5rem 4rem;color:var(--ink);background:#fff;
font:15px/1.55 "Segoe UI",system-ui,-apple-system,"Noto Sans","Noto Sans CJK SC","PingFang SC",
"Microsoft YaHei",sans-serif}
header{border-bottom:3px solid var(--ink);padding-bottom:1rem;margin-bottom:1.5rem}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .3rem}
.subtitle{font-size:1.15rem;margin:0;color:var(--soft)}
.made{margin:.6rem 0 0;color:var(--soft);font-size:.85rem}
section{margin:2.1rem 0}
h2{font-size:1.15rem;margin:0 0 .7rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h2 span{float:right;font-weight:400;font-size:.8rem;color:var(--soft);padding-top:.3rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:.6rem 0;font-size:.88rem}
th{text-align:left;font-weight:600;background:var(--pale);border-bottom:1px solid var(--line)}
th,td{padding:.38rem .6rem;vertical-align:top;overflow-wrap:break-word}
td{border-bottom:1px solid var(--line)}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.none{color:var(--soft);margin:.4rem 0}
p{margin:.55rem 0;max-width:54rem}
p.plain{color:var(--soft);font-size:.88rem}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.6rem,1fr));gap:.7rem;
margin:.5rem 0 .9rem;padding:0;list-style:none}
.figures li{background:var(--pale);border:1px solid var(--line);border-radius:.4rem;padding:.6rem .8rem}
.figures b{display:block;font-size:1.45rem;line-height:1.2;font-variant-numeric:tabular-nums}
.figures span{font-size:.8rem;color:var(--soft)}
dl{display:grid;grid-template-columns:minmax(9rem,16rem) 1fr;gap:.3rem 1rem;margin:.6rem 0;font-size:.9rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.good{color:var(--good)}.care{color:var(--care)}.bad{color:var(--bad);font-weight:600}
dd.fill{color:var(--fill);font-style:italic;border-bottom:1px dashed var(--fill)}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:.8rem;color:var(--soft);font-size:.82rem}
@media print{@page{margin:16mm 14mm}body{padding:0;font-size:10.5pt;max-width:none}section{break-inside:auto}
h2{break-after:avoid}tr,li{break-inside:avoid}.wide{overflow:visible}}
"""


def page(document: Document) -> str:
    """The file's text."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    rule = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    sections = "\n".join(_section(one) for one in document.sections)
    return (
        f'<!doctype html>\n<html lang="{escape(document.language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(rule)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(document.title)} · {escape(document.subtitle)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f'<body>\n<header>\n<h1>{escape(document.title)}</h1>\n<p class="subtitle">{escape(document.subtitle)}</p>\n'
        f'<p class="made">{escape(document.made)}</p>\n</header>\n<main>\n{sections}\n</main>\n'
        f"<footer>{escape(document.footer)}</footer>\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    source = f"<span>{escape(section.source)}</span>" if section.source else ""
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f"<section>\n<h2>{source}{escape(section.title)}</h2>\n{blocks}\n</section>"


def _block(block: Block) -> str:
    if isinstance(block, Note):
        return f'<p class="{block.tone}">{escape(block.text)}</p>'
    if isinstance(block, Figures):
        items = "".join(
            f'<li><b class="{tone}">{escape(value)}</b><span>{escape(label)}</span></li>'
            for value, label, tone in block.items
        )
        return f'<ul class="figures">{items}</ul>'
    if isinstance(block, Facts):
        items = "".join(
            f'<dt>{escape(name)}</dt><dd class="{tone}">{escape(value)}</dd>' for name, value, tone in block.items
        )
        return f"<dl>{items}</dl>"
    return _table(block)


def _table(table: Table) -> str:
    if not table.rows:
        return f'<p class="none">{escape(table.empty)}</p>'

    def row(cells: object, tag: str) -> str:
        assert isinstance(cells, (list, tuple))
        told = (
            f"<{tag}{' class=n' if place in table.numbers else ''}{' scope=col' if tag == 'th' else ''}>"
            f"{escape(cell)}</{tag}>"
            for place, cell in enumerate(cells)
        )
        return f"<tr>{''.join(told)}</tr>"

    body = "\n".join(row(list(cells), "td") for cells in table.rows)
    head = row(list(table.header), "th")
    return f'<div class="wide"><table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
