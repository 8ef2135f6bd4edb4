"""One-page report of a result: one content, as a printable page (HTML) and as a sheet (PDF)."""
