"""PDF documents, set by typst from a template beside the code that fills it.

What is filled in goes to the template as data (`json(bytes(sys.inputs.data))`), never as markup, so a name in it can
say what it likes. The same data give the same bytes, if the template sets `document(date: none)`. Fonts that templates
name are those that typst brings; letters that these lack are taken from the fonts of the machine.
"""

import json
from pathlib import Path
from typing import Any

import typst


def typeset(template: Path, data: dict[str, Any]) -> bytes:
    """The PDF of a template filled with this document."""
    given = json.dumps(data, ensure_ascii=False)
    return typst.compile(template, root=template.parent, sys_inputs={"data": given})
