# SPDX-License-Identifier: GPL-2.0
"""How Sphinx builds these documents: `make htmldocs`.

What matters to the text is as in the kernel's own Documentation/conf.py: it reads the same
in either.
"""

project = "repoll"
extensions = ["sphinx.ext.graphviz"]
nitpicky = True
primary_domain = "c"
highlight_language = "none"
smartquotes_action = "q"

# Those of this tree, which scripts/htmldocs.sh puts beside the pages.
manpages_url = "man/{page}.{section}.html"

# The letters are measured by a font that is there, and wider than what a reader may have instead.
graphviz_output_format = "svg"
graphviz_dot_args = [
    f"-{what}fontname=DejaVu Sans,Verdana,sans-serif" for what in "GNE"
]

html_theme = "alabaster"
html_theme_options = {
    "description": "an eventpoll in Rust for Linux",
    "page_width": "75em",
    "body_max_width": "none",  # the diagrams are as wide as a page
    "sidebar_width": "15em",
    "fixed_sidebar": "true",
    "font_size": "inherit",
    "font_family": "serif",
}
html_sidebars = {"**": ["about.html", "searchbox.html", "navigation.html"]}
html_title = "repoll"
html_show_copyright = False
html_use_index = False
