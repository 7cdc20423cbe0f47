"""A report as PDF, A4, with reportlab (loaded here alone). Chinese by the PDF's own CID font: nothing is embedded."""

from __future__ import annotations

import io
from typing import Any
from xml.sax.saxutils import escape

from audit.errors import AuditError
from audit.reports.document import Block, Document, Facts, Figures, Note, Table, Tone

_INK, _SOFT, _LINE, _PALE = "#1b2330", "#5b6676", "#d9dee6", "#f5f7fa"
_COLOURS = {Tone.PLAIN: _INK, Tone.GOOD: "#17643b", Tone.CARE: "#8a5300", Tone.BAD: "#a3122a", Tone.FILL: "#5a3ea8"}
_CHINESE = "STSong-Light"
_WIDTH = 175.5
"""Millimetres between the margins."""


def pdf(document: Document) -> bytes:
    """The file. Raises AuditError (``missing``) without reportlab."""
    try:
        from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
        from reportlab.lib.units import mm  # type: ignore[import-untyped]
        from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
        from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # type: ignore[import-untyped]
        from reportlab.platypus import SimpleDocTemplate  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise AuditError("missing", "PDF needs reportlab: pip install 'coatcheck[audit]'.") from None
    pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE))
    made = io.BytesIO()
    template = SimpleDocTemplate(
        made, pagesize=A4, leftMargin=15 * mm, rightMargin=15 * mm, topMargin=16 * mm, bottomMargin=18 * mm,
        title=f"{document.title} · {document.subtitle}", author="Coatcheck", lang=document.language, invariant=1,
    )  # fmt: skip
    pages = _Pages(document)

    def foot(canvas: Any, doc: Any) -> None:
        canvas.saveState()
        canvas.setFillColor(_SOFT)
        canvas.setFont(pages.font, 7.5)
        canvas.drawString(15 * mm, 10 * mm, pages.plain(document.subtitle))
        canvas.drawRightString(195 * mm, 10 * mm, str(doc.page))
        canvas.restoreState()

    template.build(pages.story(), onFirstPage=foot, onLaterPages=foot)
    return made.getvalue()


class _Pages:
    """Turns the document's blocks into reportlab's."""

    def __init__(self, document: Document) -> None:
        from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]

        self._document = document
        chinese = document.language.startswith("zh")
        self.font = _CHINESE if chinese else "Helvetica"
        bold = _CHINESE if chinese else "Helvetica-Bold"
        self._style = ParagraphStyle
        wrap = {"wordWrap": "CJK"} if chinese else {"splitLongWords": 1}
        base = {"fontName": self.font, "textColor": _INK, **wrap}
        self._title = ParagraphStyle("title", **{**base, "fontName": bold}, fontSize=17, leading=21)
        self._subtitle = ParagraphStyle("subtitle", **{**base, "textColor": _SOFT}, fontSize=11, leading=15)
        self._head = ParagraphStyle(
            "head", **{**base, "fontName": bold}, fontSize=11.5, leading=15, spaceBefore=11, spaceAfter=3
        )
        self._source = ParagraphStyle("source", **{**base, "textColor": _SOFT}, fontSize=7.5, leading=10, spaceAfter=3)
        self._text = ParagraphStyle("text", **base, fontSize=8.5, leading=12, spaceBefore=3, spaceAfter=3)
        self._soft = ParagraphStyle(
            "soft", **{**base, "textColor": _SOFT}, fontSize=8, leading=11, spaceBefore=3, spaceAfter=3
        )
        self._cell = ParagraphStyle("cell", **base, fontSize=7.8, leading=10.2)
        self._right = ParagraphStyle("right", parent=self._cell, alignment=2)
        self._top = ParagraphStyle("top", parent=self._cell, fontName=bold)
        self._top_right = ParagraphStyle("top_right", parent=self._top, alignment=2)
        self._figure = ParagraphStyle("figure", **{**base, "fontName": bold}, fontSize=14, leading=17)

    def plain(self, text: str) -> str:
        """Text for drawing directly."""
        return text if self.font == _CHINESE else "".join(c if ord(c) < 256 else "?" for c in text)

    def marked(self, text: str) -> str:
        """Text for a paragraph: no markup of its own; what Helvetica lacks is set in the Chinese font."""
        if self.font == _CHINESE:
            return escape(text)
        told: list[str] = []
        run = ""
        for character in text:
            if _in_helvetica(character):
                if run:
                    told.append(f'<font name="{_CHINESE}">{escape(run)}</font>')
                    run = ""
                told.append(escape(character))
            else:
                run += character
        if run:
            told.append(f'<font name="{_CHINESE}">{escape(run)}</font>')
        return "".join(told)

    def story(self) -> list[Any]:
        """All that stands on the pages."""
        from reportlab.platypus import HRFlowable, KeepTogether, Paragraph, Spacer

        document = self._document
        story: list[Any] = [
            Paragraph(self.marked(document.title), self._title),
            Paragraph(self.marked(document.subtitle), self._subtitle),
            Paragraph(self.marked(document.made), self._source),
            Spacer(1, 4),
            HRFlowable(width="100%", thickness=1.5, color=_INK),
        ]
        for section in document.sections:
            head = [Paragraph(self.marked(section.title), self._head)]
            if section.source:
                head.append(Paragraph(self.marked(section.source), self._source))
            blocks = [one for block in section.blocks for one in self._block(block)]
            story.append(KeepTogether([*head, *blocks[:1]]))
            story += blocks[1:]
        story += [Spacer(1, 10), HRFlowable(width="100%", thickness=0.5, color=_LINE)]
        story.append(Paragraph(self.marked(document.footer), self._source))
        return story

    def _block(self, block: Block) -> list[Any]:
        from reportlab.platypus import Paragraph

        if isinstance(block, Note):
            return [Paragraph(self.marked(block.text), self._soft if block.tone is Tone.PLAIN else self._text)]
        if isinstance(block, Figures):
            return self._figures(block)
        if isinstance(block, Facts):
            rows = [
                [Paragraph(self.marked(name), self._soft), Paragraph(self._toned(value, tone), self._cell)]
                for name, value, tone in block.items
            ]
            return [self._grid(rows, [55, _WIDTH - 55], head=False)]
        return self._table(block)

    def _figures(self, block: Figures) -> list[Any]:
        from reportlab.platypus import Paragraph

        made = []
        for start in range(0, len(block.items), 4):
            part = block.items[start : start + 4]
            cells = [
                [Paragraph(self._toned(value, tone), self._figure), Paragraph(self.marked(label), self._source)]
                for value, label, tone in part
            ]
            cells += [[] for _ in range(4 - len(part))]
            made.append(self._grid([cells], [_WIDTH / 4] * 4, head=False))
        return made

    def _table(self, table: Table) -> list[Any]:
        from reportlab.platypus import Paragraph

        if not table.rows:
            return [Paragraph(self.marked(table.empty), self._soft)]
        head = [
            Paragraph(self.marked(cell), self._top_right if place in table.numbers else self._top)
            for place, cell in enumerate(table.header)
        ]
        rows = [
            [
                Paragraph(self.marked(cell), self._right if place in table.numbers else self._cell)
                for place, cell in enumerate(cells)
            ]
            for cells in table.rows
        ]
        return [self._grid([head, *rows], _widths(table), head=True)]

    def _toned(self, text: str, tone: Tone) -> str:
        return f'<font color="{_COLOURS[tone]}">{self.marked(text)}</font>'

    def _grid(self, rows: list[list[Any]], widths: list[float], *, head: bool) -> Any:
        from reportlab.lib.units import mm
        from reportlab.platypus import Table as Grid

        style: list[tuple[Any, ...]] = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 3),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
            ("TOPPADDING", (0, 0), (-1, -1), 2.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ]
        if head:
            style.append(("BACKGROUND", (0, 0), (-1, 0), _PALE))
        return Grid(rows, [one * mm for one in widths], style=style, repeatRows=1 if head else 0, hAlign="LEFT")


def _widths(table: Table) -> list[float]:
    """Millimetres: by the longest text of each column, within bounds."""
    columns = list(zip(table.header, *table.rows, strict=True))
    # A Chinese character takes the room of two Latin ones.
    wanted = [
        min(46, 4 + max(6, *(sum(2 if ord(c) > 0x2E80 else 1 for c in cell) for cell in column))) for column in columns
    ]
    return [_WIDTH * one / sum(wanted) for one in wanted]


def _in_helvetica(character: str) -> bool:
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
