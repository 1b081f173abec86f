"""Reports: an audit or a comparison as a document, and the document as a page, as Markdown, as a table or as JSON.

    found = KINDS["comparison"](value, Known(), made)     # the value of comparison.json, as it is or read back
    page = FORMATS["html"].write(found)

`document` is the plain value; `audit` and `comparison` fill it, `formats` writes it. No values of very few people.
"""

from __future__ import annotations

from fairdash.report import audit, comparison
from fairdash.report.formats import FORMATS
from fairdash.report.known import Known

KINDS = {"audit": audit.document, "comparison": comparison.document}

__all__ = ["FORMATS", "KINDS", "Known"]
