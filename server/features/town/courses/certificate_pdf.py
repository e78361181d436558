"""A certificate as a PDF: one page, with real text, in Latin, Greek, Cyrillic and Arabic letters.

The font is DejaVu Sans, which comes with the built page. Arabic is shaped by HarfBuzz and laid out from the right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.features.town.courses.shapes import CertificateShape

FONT: Final = Path(__file__).parents[3] / "web" / "dist" / "fonts" / "DejaVuSans.ttf"
WIDTH_MM: Final = 297
HEIGHT_MM: Final = 210


def pdf_of(certificate: CertificateShape, *, site: str, address: str) -> bytes:
    """``address``: where everybody sees whether it is one."""
    from fpdf import FPDF
    from fpdf.enums import Align, XPos, YPos

    pdf = FPDF(orientation="landscape", unit="mm", format="A4")
    pdf.set_title(certificate.title)
    pdf.set_creation_date(certificate.issued_at)
    pdf.set_auto_page_break(False)
    pdf.add_page()
    pdf.add_font("certificate", fname=FONT)
    pdf.set_text_shaping(True)
    pdf.set_line_width(0.8)
    pdf.rect(10, 10, WIDTH_MM - 20, HEIGHT_MM - 20)

    def line(y: float, size: float, text: str) -> None:
        pdf.set_xy(25, y)
        pdf.set_font("certificate", size=size)
        pdf.multi_cell(
            WIDTH_MM - 50, size * 0.5, text, align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT, max_line_height=12
        )

    line(30, 14, site)
    line(48, 26, "Certificate · شهادة")
    line(82, 30, certificate.name)
    line(106, 13, "has completed the course · أتمّ الدورة")
    line(120, 20, certificate.title)
    line(160, 12, f"{certificate.issued_at:%Y-%m-%d}   ·   {certificate.code}")
    line(172, 10, address)
    return bytes(pdf.output())
