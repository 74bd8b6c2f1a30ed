# SPDX-License-Identifier: GPL-2.0
"""pages.py: whether the links within a folder of HTML lead somewhere, and its pictures have a text."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page names, what can be named in it, and its pictures without a text."""

    def __init__(self, path):
        super().__init__()
        self.links = []
        self.anchors = {"", "top"}
        self.mute = []
        self.instead = None  # the text in place of the picture that the parser is in
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs[name] for name in ("id", "name") if attrs.get(name)}
        self.links += [
            (self.getpos()[0], attrs[name])
            for name in ("href", "src", "data")
            if attrs.get(name)
        ]
        if tag == "img" and len(attrs.get("alt") or "") < 20:
            self.mute.append((self.getpos()[0], attrs.get("src")))
        if tag == "object":
            self.instead = (self.getpos()[0], attrs.get("data"), "")

    def handle_data(self, data):
        if self.instead:
            line, name, text = self.instead
            self.instead = (line, name, text + data)

    def handle_endtag(self, tag):
        if tag == "object" and self.instead:
            line, name, text = self.instead
            # Without :alt: Sphinx gives what the picture was made from.
            if len(text.strip()) < 20 or "graph {" in text or "digraph" in text:
                self.mute.append((line, name))
            self.instead = None


def main(top):
    pages = {path.resolve(): Page(path) for path in sorted(Path(top).rglob("*.html"))}
    complaints = []
    for path, page in pages.items():
        where = path.relative_to(Path(top).resolve())
        for line, link in page.links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not target.exists():
                complaints.append(f"{where}:{line}: no {link}")
            elif target in pages and unquote(url.fragment) not in pages[target].anchors:
                complaints.append(f"{where}:{line}: no such place: {link}")
        complaints += [f"{where}:{line}: no text for {name}" for line, name in page.mute]
    print(*complaints, sep="\n")
    return 1 if complaints or not pages else 0


sys.exit(main(sys.argv[1]))
