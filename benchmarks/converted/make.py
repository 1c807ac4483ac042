"""Makes the documents of this folder, as offices make them: a report as PDF, a manual as DOCX, a page, two lists.

    uv run --with reportlab==5.1.0 --with python-docx==1.2.0 --with openpyxl==3.1.5 benchmarks/converted/make.py

The files are kept with the repository, so that neither tests nor benchmarks need these packages. All in them is made up.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "knowledge" / "clinics"
SITES = ("Aldern", "Brook", "Castle Hill", "Dornbach", "Eastgate", "Fennside", "Grove", "Harbour")
TEXT = (
    "The Linden group runs eight clinics in two regions. This chapter reports the year 2025 beside the year before, site "
    "by site. All amounts are in thousands of euros unless a table says otherwise, and numbers may not add up to their "
    "totals because each is rounded for itself."
)


def numbers(first: int, step: int, share: int) -> list[list[str]]:
    """A row for each site: two years and the change, different for each chapter."""
    rows = []
    for i, site in enumerate(SITES):
        before = first + (i * step * 7) % 1931
        after = before + ((i * 37 + share) % 211) - 60
        rows.append([site, f"{before:,}", f"{after:,}", f"{(after / before - 1) * 100:+.1f}%"])
    return rows


CHAPTERS: list[tuple[str, str, list[str], list[list[str]], str]] = [
    (
        "Admissions",
        "Table 1: Inpatient admissions by site (patients)",
        ["Site", "2024", "2025", "Change"],
        numbers(4120, 113, 17),
        "Across the group 1,148 admissions were cancelled by the patient in 2025. Emergency admissions made up 38.4% of "
        "all admissions, most of them between Friday evening and Monday morning.",
    ),
    (
        "Length of stay",
        "Table 2: Mean length of stay by site (days)",
        ["Site", "Medicine", "Surgery", "Geriatrics"],
        [
            [site, f"{4.1 + i * 0.3:.1f}", f"{3.2 + (i * 5 % 7) * 0.4:.1f}", f"{11.5 + (i * 3 % 8) * 0.7:.1f}"]
            for i, site in enumerate(SITES)
        ],
        "The mean stay fell to 5.9 days in 2025, after 6.3 days in 2024. Waiting for a place in a nursing home accounted "
        "for 14,320 bed days.",
    ),
    (
        "Staff",
        "Table 3: Nurses and vacancies at the end of 2025, by site",
        ["Site", "Nurses", "Vacant posts", "Sick leave"],
        [
            [site, f"{212 + i * 31}", f"{6 + (i * 11) % 29}", f"{5.1 + (i * 7 % 8) * 0.3:.1f}%"]
            for i, site in enumerate(SITES)
        ],
        "The group trained 164 nursing apprentices, of whom 129 stayed after their examination. Agency staff cost "
        "€ 7.9 million in 2025.",
    ),
    (
        "Finance",
        "Table 4: Income and costs of the group (thousand euros)",
        ["Item", "2023", "2024", "2025"],
        [
            ["Inpatient income", "312,480", "321,905", "337,140"],
            ["Outpatient income", "58,310", "63,770", "71,255"],
            ["Grants", "9,140", "8,655", "8,020"],
            ["Staff costs", "241,600", "252,330", "266,910"],
            ["Drugs and supplies", "61,220", "64,905", "70,480"],
            ["Energy", "14,870", "17,240", "13,995"],
            ["Depreciation", "22,050", "22,790", "24,315"],
            ["Result", "40,190", "37,065", "40,715"],
        ],
        "The group borrowed € 18.5 million for the new wing at Harbour, at a rate of 3.65% fixed for ten years.",
    ),
    (
        "Theatres",
        "Table 5: Operations and use of the theatres by site, 2025",
        ["Site", "Operations", "Use", "Late starts"],
        [
            [site, f"{1830 + i * 241:,}", f"{71 + (i * 13) % 18}%", f"{9 + (i * 17) % 23}%"]
            for i, site in enumerate(SITES)
        ],
        "A robot was bought for the theatre at Grove for € 2.1 million; it was used in 312 operations in its first year.",
    ),
    (
        "Infections",
        "Table 6: Infections acquired in hospital per 1,000 bed days",
        ["Site", "2024", "2025", "Hand hygiene"],
        [
            [site, f"{2.4 + (i * 3 % 8) * 0.2:.1f}", f"{2.1 + (i * 5 % 8) * 0.2:.1f}", f"{74 + (i * 5) % 19}%"]
            for i, site in enumerate(SITES)
        ],
        "A point-prevalence survey on 14 May 2025 covered 2,096 patients. The group used 412 litres of disinfectant for "
        "hands per 10,000 bed days.",
    ),
    (
        "Patient experience",
        "Table 7: Answers of patients by question (share that agreed)",
        ["Question", "2024", "2025", "Answers"],
        [
            ["I was treated with respect", "91%", "92%", "6,210"],
            ["The food was good", "58%", "63%", "6,144"],
            ["I was told what would happen next", "72%", "69%", "6,187"],
            ["The ward was quiet at night", "49%", "51%", "6,093"],
            ["I would come again", "84%", "86%", "6,201"],
        ],
        "Of 1,377 complaints in 2025, 81% were answered within ten working days. Parking was the subject named most often.",
    ),
]
LEDGER = [
    [f"K-{100 + i}", site, kind, f"{2004 + (i * 7) % 21}", f"{14 + (i * 29) % 310}"]
    for i, (site, kind) in enumerate(
        (site, kind) for kind in ("X-ray", "CT", "MRI", "Ultrasound", "Dialysis", "Ventilator") for site in SITES
    )
]


def report() -> None:
    """Ten pages: a cover, seven chapters with a table each, and a table that goes over the rest."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

    style = getSampleStyleSheet()
    ruled = TableStyle(
        [("GRID", (0, 0), (-1, -1), 0.5, colors.grey), ("BACKGROUND", (0, 0), (-1, 0), colors.lightgrey)]
    )
    open_ = TableStyle(
        [("LINEABOVE", (0, 0), (-1, 0), 1, colors.black), ("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black)]
    )
    story: list[Any] = [
        Paragraph("Linden Clinics: annual report 2025", style["Title"]),
        Spacer(1, 20),
        Paragraph(TEXT, style["BodyText"]),
        Paragraph(
            "In 2025 the Linden group treated 61,870 inpatients and 214,300 outpatients with 2,940 beds. The supervisory "
            "board met six times; its chair is Dr Ada Morrow, elected in June 2023.",
            style["BodyText"],
        ),
        PageBreak(),
    ]
    for i, (title, caption, head, rows, remark) in enumerate(CHAPTERS):
        table = Table([head, *rows], repeatRows=1, colWidths=[190, 90, 90, 90])
        table.setStyle(ruled if i % 2 == 0 else open_)
        story += [Paragraph(title, style["Heading1"]), Paragraph(TEXT, style["BodyText"]), Spacer(1, 8)]
        story += [Paragraph(caption, style["BodyText"]), Spacer(1, 6), table, Spacer(1, 10)]
        story += [Paragraph(remark, style["BodyText"]), PageBreak()]
    head = ["Device", "Site", "Kind", "Installed", "Book value"]
    table = Table([head, *LEDGER], repeatRows=1, colWidths=[80, 120, 100, 80, 80])
    table.setStyle(ruled)
    story += [Paragraph("Devices", style["Heading1"])]
    story += [
        Paragraph("Table 8: Devices by site, with the book value in thousand euros", style["BodyText"]),
        Spacer(1, 6),
    ]
    story += [table]

    def foot(canvas: Any, document: Any) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(50, 30, "Linden Clinics, annual report 2025")
        canvas.drawRightString(545, 30, f"Page {document.page}")

    document = SimpleDocTemplate(
        str(FOLDER / "annual-report-2025.pdf"), pagesize=A4, title="Annual report 2025", invariant=True
    )
    document.build(story, onFirstPage=foot, onLaterPages=foot)


def manual() -> None:
    """Chapters, a list, and tables of which one has merged cells."""
    from docx import Document

    document = Document()
    document.core_properties.created = document.core_properties.modified = None or _noon()
    document.add_heading("Purchasing manual", 0)
    document.add_paragraph(
        "This manual says who may buy what at Linden Clinics, and how. It is valid from 1 March 2025."
    )
    document.add_heading("Who may sign", 1)
    document.add_paragraph("An order is signed by one person up to the limit below, above it by two:")
    _table(
        document,
        [
            ["Role", "Limit in euros", "Second signature"],
            ["Ward manager", "1,500", "Head of nursing"],
            ["Head of nursing", "12,000", "Site director"],
            ["Site director", "85,000", "Group finance"],
            ["Group finance", "400,000", "Managing board"],
        ],
    )
    document.add_heading("Tenders", 1)
    document.add_paragraph(
        "From 221,000 euros on, a purchase is put out to tender in the whole of Europe. Offers are opened by two people "
        "after at least 35 days. Between 25,000 and 221,000 euros three written offers are asked for."
    )
    document.add_heading("Delivery", 1)
    document.add_paragraph("Goods are delivered by these hours:")
    table = _table(
        document,
        [
            ["Region", "Store", "Opening hours", "Ramp"],
            ["North", "Aldern", "06:00 to 14:30", "3"],
            ["North", "Brook", "07:15 to 15:00", "1"],
            ["South", "Grove", "05:45 to 13:00", "4"],
            ["South", "Harbour", "06:30 to 18:45", "7"],
        ],
    )
    for first in (1, 3):
        table.cell(first + 1, 0).text = ""
        table.cell(first, 0).merge(table.cell(first + 1, 0))
    document.add_heading("Returns", 1)
    for line in (
        "Damaged goods are reported within 3 working days, with a photo.",
        "Cooled drugs are never taken back; they are destroyed and paid for by the supplier up to 2,400 euros.",
        "An invoice is paid after 21 days, with a discount of 2.5% after 8 days.",
    ):
        document.add_paragraph(line, style="List Bullet")
    document.save(str(FOLDER / "purchasing-manual.docx"))


def _noon() -> Any:
    from datetime import datetime

    return datetime(2025, 3, 1, 12)


def _table(document: Any, rows: list[list[str]]) -> Any:
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")
    for cells, row in zip(rows, table.rows, strict=True):
        for text, cell in zip(cells, row.cells, strict=True):
            cell.text = text
    return table


def page() -> None:
    """A page as a content management system makes it: menus, a script, pictures, a table with two rows of heads."""
    rows = "\n".join(
        f"<tr><td>{site}</td><td>{3100 + i * 413:,}</td><td>{2890 + i * 377:,}</td><td>{21 + (i * 9) % 34}%</td></tr>"
        for i, site in enumerate(SITES)
    )
    (FOLDER / "energy.html").write_text(
        f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Energy | Linden Clinics</title>
<style>.menu {{ color: green }}</style><script src="https://statistics.example/t.js">track("energy")</script></head>
<body>
<nav class="menu"><ul><li><a href="/">Home</a></li><li><a href="/jobs">Jobs</a></li></ul></nav>
<main><h1>Energy at Linden Clinics</h1>
<p>Linden Clinics used 41.6 GWh of energy in 2025, of which 27% came from its own roofs. A new heat pump at Fennside
saves 1,240 tonnes of CO₂ a year.</p>
<h2>Electricity by site</h2>
<p>Electricity used, in MWh, and the share that was made on the site:</p>
<table><thead><tr><th>Site</th><th>2024</th><th>2025</th><th>Own share</th></tr></thead>
<tbody>
{rows}
</tbody></table>
<h2>Heat</h2>
<p>Gas heated six of the eight sites in 2025. Dornbach has been on district heat since October 2024, at 118 euros a MWh.
<img src="https://pictures.example/heat.png" alt="The boiler house at Dornbach"></p>
<h2>Water</h2>
<p>The group used 512,000 m³ of water. The laundry at Castle Hill, closed in August 2025, had used 61,000 m³ a year.</p>
</main>
<footer>© Linden Clinics · <a href="/imprint">Imprint</a></footer>
</body></html>
""",
        encoding="utf-8",
    )


def beds() -> None:
    """A list with semicolons, as a spreadsheet exports it where the comma is the decimal sign; 240 rows."""
    rows = ["Ward;Site;Speciality;Beds;Occupancy"]
    kinds = ("Cardiology", "Oncology", "Neurology", "Urology", "Paediatrics", "Geriatrics")
    for i in range(240):
        site, kind = SITES[i % 8], kinds[(i // 8) % 6]
        rows.append(f"W{101 + i};{site};{kind};{12 + (i * 7) % 25};{61 + (i * 11) % 38},{(i * 3) % 10}%")
    (FOLDER / "wards.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def budget() -> None:
    """Two sheets: with a title above the table, percentages, dates and a sheet that is hidden."""
    from openpyxl import Workbook

    book = Workbook()
    book.properties.created = book.properties.modified = _noon()
    sheet = book.active
    sheet.title = "Projects"
    sheet.append(["Capital projects of Linden Clinics, plan of 2026"])
    sheet.append([])
    sheet.append(["Project", "Site", "Cost (thousand euros)", "Funded by the state", "Ready"])
    projects = [
        ("New wing", "Harbour", 46200, 0.35, date(2028, 5, 31)),
        ("Emergency department", "Aldern", 18750, 0.6, date(2027, 9, 15)),
        ("Pharmacy robot", "Grove", 1340, 0, date(2026, 4, 30)),
        ("Laboratory", "Eastgate", 7925, 0.125, date(2026, 11, 20)),
        ("Car park", "Brook", 5480, 0, date(2027, 2, 28)),
        ("Solar roofs", "Fennside", 2260, 0.42, date(2026, 8, 1)),
    ]
    for row in projects:
        sheet.append(row)
    for cells in sheet.iter_rows(min_row=4):
        cells[2].number_format = "#,##0"
        cells[3].number_format = "0.0%"
        cells[4].number_format = "yyyy-mm-dd"
    fees = book.create_sheet("Fees")
    fees.append(["Service", "Code", "Fee in euros"])
    services = [("Single room", "F-01", 74.5), ("Copy of a file", "F-02", 12), ("Parking, a day", "F-03", 9.8)]
    services += [("Television", "F-04", 4.25), ("Bed for a companion", "F-05", 58), ("Medical opinion", "F-06", 186.4)]
    for service in services:
        fees.append(service)
    for cells in fees.iter_rows(min_row=2):
        cells[2].number_format = "0.00"
    notes = book.create_sheet("Notes")
    notes.append(["Draft, not for others"])
    notes.sheet_state = "hidden"
    book.save(FOLDER / "budget-2026.xlsx")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in (report, manual, page, beds, budget):
        make()
