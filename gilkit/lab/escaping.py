"""Texts from anywhere, made safe for the place where they are shown: HTML and SVG, Markdown, a line on a terminal.

Saved runs may come from strangers. Nothing in their texts may become markup: no tag, link, table cell or line of its own.
"""

from __future__ import annotations

import html
import re
import textwrap

# Characters that XML cannot hold (an SVG file with one of them is not read at all), and the controls beside them;
# and the one that filled() needs, which means nothing to anybody.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ue000\ufffe\uffff]")
# What begins markup inside a line. The last three are what some renderers make links of without any brackets, as in
# https://example.org, www.example.org and //example.org.
_MARKUP = re.compile(r"[\\`*_{}\[\]#<>&|~$@^]|(?<=\w)\.(?=[^\W\d])|:(?=\S)|(?<=/)/")
# CommonMark takes a backslash before each of them, Python-Markdown before few; and tables are split at `|` first.
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"} | {each: f"&#{ord(each)};" for each in "|~$@^:/"}
# What makes a list, a heading, a rule, a definition or an admonition of a line that begins with it.
_LINE_START = re.compile(r"^(?:(?P<number>\d+)(?P<after>[.)])|(?P<sign>[-+=:!?]))", re.M)
_CODE = re.compile(r"(?<!\\)`[^`]*`")  # nothing can be escaped in it, so it stays on one line
_SPACE = "\ue000"  # stands for its spaces meanwhile


def clean(text: str) -> str:
    """The text without characters that no page can hold; each becomes U+FFFD, as browsers would show it."""
    return _UNFIT.sub("\ufffd", text)


def escape(text: str) -> str:
    """For HTML and SVG: between tags, and in attributes in quotes of either kind."""
    return html.escape(clean(text))


def markdown(text: str) -> str:
    """For Markdown: a paragraph's part, a heading or a table's cell, which shows exactly this text, on one line."""
    words = " ".join(clean(text).split())
    return _MARKUP.sub(lambda found: _ENTITIES.get(found[0]) or f"\\{found[0]}", words)


def code(text: str) -> str:
    """For Markdown: the text as code, or as plain text where it has characters that code cannot hold everywhere."""
    words = " ".join(clean(text).split())
    return markdown(words) if not words or re.search(r"[`|\\]", words) else f"`{words}`"


def filled(text: str) -> str:
    """A paragraph of Markdown in lines, none of which begins anything else than a line of the paragraph."""
    text = _CODE.sub(lambda found: found[0].replace(" ", _SPACE), text)
    lines = textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False)
    return _LINE_START.sub(_plain_start, lines).replace(_SPACE, " ")


def _plain_start(found: re.Match[str]) -> str:
    if found["number"]:
        return f"{found['number']}\\{found['after']}"
    return f"&#{ord(found['sign'])};"


def printable(text: str) -> str:
    """For a terminal: lines of text without control characters, which could move the cursor or set the title."""
    lines = clean(text).splitlines()
    return "\n".join("".join(each if each.isprintable() else "\ufffd" for each in line) for line in lines)
