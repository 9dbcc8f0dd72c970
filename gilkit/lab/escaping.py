"""Escape untrusted text for HTML and SVG, for Markdown, and for a terminal.

Saved runs may come from strangers. Their text must not become markup: no tag, link, table cell or extra line.
"""

from __future__ import annotations

import html
import re
import textwrap

# Characters that XML forbids (a browser rejects an SVG file that has one), other control characters, and the private-use
# character that filled() uses as a placeholder.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ue000\ufffe\uffff]")
# Characters that start markup inside a line. The last three alternatives keep renderers from making links of plain text
# such as https://example.org, www.example.org and //example.org.
_MARKUP = re.compile(r"[\\`*_{}\[\]#<>&|~$@^]|(?<=\w)\.(?=[^\W\d])|:(?=\S)|(?<=/)/")
# CommonMark accepts a backslash before each of these, Python-Markdown only before some, and tables split at `|` first.
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"} | {each: f"&#{ord(each)};" for each in "|~$@^:/"}
# A line that starts so would become a list, a heading, a rule, a definition or an admonition.
_LINE_START = re.compile(r"^(?:(?P<number>\d+)(?P<after>[.)])|(?P<sign>[-+=:!?]))", re.M)
_CODE = re.compile(r"(?<!\\)`[^`]*`")  # escapes do not work inside code, so it must stay on one line
_SPACE = "\ue000"  # placeholder for the spaces in code


def clean(text: str) -> str:
    """Replace characters that a page cannot hold by U+FFFD, as browsers do."""
    return _UNFIT.sub("\ufffd", text)


def escape(text: str) -> str:
    """Escape text for HTML and SVG, between tags and in quoted attributes."""
    return html.escape(clean(text))


def markdown(text: str) -> str:
    """Escape text for a Markdown paragraph, heading or table cell, which then shows exactly this text on one line."""
    words = " ".join(clean(text).split())
    return _MARKUP.sub(lambda found: _ENTITIES.get(found[0]) or f"\\{found[0]}", words)


def code(text: str) -> str:
    """Return text as Markdown code, or as plain text if it has characters that code cannot hold."""
    words = " ".join(clean(text).split())
    return markdown(words) if not words or re.search(r"[`|\\]", words) else f"`{words}`"


def filled(text: str) -> str:
    """Wrap a Markdown paragraph into lines that cannot start another kind of block."""
    text = _CODE.sub(lambda found: found[0].replace(" ", _SPACE), text)
    lines = textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False)
    return _LINE_START.sub(_plain_start, lines).replace(_SPACE, " ")


def _plain_start(found: re.Match[str]) -> str:
    if found["number"]:
        return f"{found['number']}\\{found['after']}"
    return f"&#{ord(found['sign'])};"


def printable(text: str) -> str:
    """Replace control characters, which could move a terminal's cursor or set its title."""
    lines = clean(text).splitlines()
    return "\n".join("".join(each if each.isprintable() else "\ufffd" for each in line) for line in lines)
