"""The settings of Sphinx for the documentation site; `make docs` builds it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from reference_pages import convert_docstring  # noqa: E402

from vosbench.version import __version__  # noqa: E402

project = "vosbench"
author = "The vosbench maintainers"
project_copyright = author
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["files"]
smartquotes = False  # `--option` stays as it is

myst_heading_anchors = 4
myst_heading_anchors_html_ids = True  # links to headings are the same as on the repository's pages
myst_enable_extensions = ["alert", "html_image", "strikethrough"]

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
toc_object_entries = False

html_theme = "furo"
html_title = f"vosbench {release}"
html_static_path = [str(Path(__file__).with_name("static"))]
html_css_files = ["site.css"]
html_copy_source = False
html_show_search_summary = False  # it would be fetched, which a browser refuses for files
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#7cb7ff", "color-brand-content": "#7cb7ff"},
}
copybutton_exclude = ".linenos, .gp, .go"


def setup(app: Any) -> None:
    """Let docstrings be read as the plain text that they are."""
    app.connect("autodoc-process-docstring", convert_docstring)
