"""Reports of untrusted runs: their text never becomes markup in HTML, SVG or Markdown."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gilkit.lab import drawing, report, results
from gilkit.lab.charts import Bar, Bars, Lane, Line, Lines, Point, Span, Strip, Timeline
from gilkit.lab.escaping import code, escape, filled, markdown, printable
from gilkit.lab.experiment import Outcome, Row, Setting, Verdict
from gilkit.lab.interpreters import Interpreter
from gilkit.lab.results import Result

MARKUP = [
    "<script>alert(1)</script>", "</title></svg><script>", '" onload="alert(1)', "' onload='alert(1)", "<!-- ",
    "]]>", "[x](javascript:alert(1))", "![x](https://example.org/a.png)", "<https://example.org>", "[x]: https://x.org",
    "https://example.org", "www.example.org", "//example.org", "mailto:a@example.org", "`code", "``", "```\nx\n```",
    "a | b |", "\\|", "\\", "\n\n# heading\n\n", "\r\n- item", "\u2028> quote", "1. item", "1) item", "***", "---", "===",
    "~~~", "__x__", "*x*", "&lt;b&gt;", "&#60;b&#62;", "{: onclick=x }", "!!! note", "??? note", ": term", "\x00", "\x1b[31m",
    "\ud800", "\ufffe", "$$x$$", "| --- |", "\t# x", "    indented", "[^1]", "<a\nhref=x>", "\ue000",
]  # fmt: skip
LINES = st.lists(st.sampled_from(MARKUP) | st.text(max_size=8) | st.just("word"), max_size=12)
TEXTS = LINES.map(" ".join) | LINES.map("".join)
MARKDOWN = [MarkdownIt("commonmark"), MarkdownIt("commonmark").enable(["table", "strikethrough"])]
THOROUGH = settings(deadline=None, suppress_health_check=list(HealthCheck))


def shown(text):
    """Return a text as a page shows it: runs of space become one, and impossible characters are replaced."""
    unfit = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ue000\ufffe\uffff]")
    return " ".join(unfit.sub("\ufffd", text).split())


def inline(tokens):
    """Return the text of a paragraph and the kinds of its tokens."""
    words, kinds = "", set()
    for token in tokens:
        kinds.add(token.type)
        words += {"softbreak": " ", "hardbreak": " "}.get(token.type, token.content)
    return words, kinds


def only_paragraph(text, parser):
    opening, paragraph, closing = parser.parse(text)
    assert (opening.type, closing.type) == ("paragraph_open", "paragraph_close")
    return inline(paragraph.children)


@pytest.mark.parametrize("parser", MARKDOWN, ids=["commonmark", "tables"])
@given(TEXTS)
@THOROUGH
def test_a_text_in_markdown_is_that_text(parser, text):
    for before, after in (("x ", " x"), ("", " x"), (40 * "x ", "")):
        words, kinds = only_paragraph(filled(f"{before}{markdown(text)}{after}"), parser)
        assert words.split() == f"{before}{shown(text)}{after}".split()
        assert kinds <= {"text", "softbreak"}


@given(TEXTS)
@THOROUGH
def test_code_in_markdown_is_that_text(text):
    words, kinds = only_paragraph(filled(f"x {code(text)} x"), MARKDOWN[1])
    assert words.split() == f"x {shown(text)} x".split()
    assert kinds <= {"text", "softbreak", "code_inline"}


@given(TEXTS)
@THOROUGH
def test_nothing_is_linked_by_itself(text):
    """Schemes and host names that renderers such as linkify-it and GitHub turn into links."""
    assert not re.search(r"(https?|ftp|mailto):\S|\bwww\.\S|//", markdown(text))


def stranger(text):
    """Return a run in which every text is the given one."""
    python = Interpreter(text, text, text, False, True)
    sample = {"wall": 1.0, "user": 1.0, "system": 0.1, "cpu": 1.1, "cpu_percent": 110.0, "count": 3}
    sample |= {"memory": 1 << 20, "startup": 0.1, "moved": 3, "voluntary": 1, "involuntary": 1}
    rows = [
        Row(text, "serial", python, 1, {text: text}, [sample] * 3),
        Row(text, text, python, 2, {}, [sample] * 3),
        Row(text, text, python, 2, {}, error=text),
    ]
    machine = {"processor": text, "cores": 2, "affinity": 2, "system": text, "gilkit": {"quota": None}}
    strip = [[0.1 * step, step % 3, 50.0, 100.0] for step in range(1, 20)]
    verdict = Verdict(Outcome.PARTLY, text, text)
    setting = Setting([python], 2, 2)
    name = f"compare {text}:f"
    return Result(name, text, setting, machine, text, 1.0, 3, rows, verdict, strip, [text, text], True, source="x.json")


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        # Sizes, positions and classes depend on the figures, and ids depend on names by design.
        kept = {key: value for key, value in attributes if key not in ("id", "href", "aria-labelledby", "aria-label")}
        self.found.append((tag, tuple(sorted(kept))))

    def handle_comment(self, data):
        self.found.append(("comment", ()))

    def handle_pi(self, data):
        self.found.append(("instruction", ()))


def without_words(tags):
    """Return the tags without the labels in charts, whose number depends on the length of the text."""
    return [tag for tag in tags if tag[0] not in ("text", "title")]


@given(TEXTS.filter(shown))
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@example("<script>alert(1)</script>")
@example('" onload="alert(1)')
def test_a_stranger_adds_nothing_to_an_html_report(text):
    page = report.page([stranger(text)])
    assert without_words(Tags(page).found) == without_words(Tags(report.page([stranger("plain")])).found)
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]", page)
    page.encode()
    for value in re.findall(r'(?:href|id)="([^"]*)"', page):
        assert re.fullmatch(r"#?[\w.-]+|data:,", value)


@given(TEXTS.filter(shown))
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@example("a | b\n\n# heading <script>")
def test_a_stranger_adds_nothing_to_a_markdown_report(text):
    def outline(result):
        blocks, links = [], []
        for token in MARKDOWN[1].parse(report.markdown([result])):
            blocks.append(token.type)
            for child in token.children or ():
                links += [child.attrs["href"]] if child.type == "link_open" else []
                assert child.type in (
                    "text", "softbreak", "code_inline", "link_open", "link_close", "em_open", "em_close", "strong_open",
                    "strong_close",
                )  # fmt: skip
        return blocks, links

    blocks, links = outline(stranger(text))
    expected = outline(stranger("plain"))[0]
    assert blocks == expected
    assert len(links) == 2
    assert {link.partition("#")[0] for link in links} == {"", "lab.md"}


CHARTS = [
    lambda x: Bars(x, x, [Bar(x, 1.0, 0.5, 2.0, x), Bar(x, 2.0, group=x)], 3.0, x),
    lambda x: Lines(x, x, x, [Line(x, [Point(1, 2), Point(2, 3)]), Line(x, [Point(1, 1)], True)]),
    lambda x: Timeline(x, x, [Lane(x, [Span(0, 1, x)])]),
    lambda x: Strip(x, [0.1, 0.2], [[0, 100]], [Span(0, 0.2, x)], [0.0, 0.1]),
]


@pytest.mark.parametrize("chart", CHARTS, ids=["bars", "lines", "timeline", "strip"])
@given(text=TEXTS.filter(shown))
@THOROUGH
def test_a_picture_of_any_text_is_a_whole_file(chart, text):
    def outline(words):
        root = ElementTree.fromstring(report.picture(chart(words)))
        return [(each.tag, sorted(each.attrib)) for each in root.iter()]

    assert outline(text) == outline("plain")
    assert Tags(drawing.draw(chart(text))).found == Tags(drawing.draw(chart("plain"))).found


def test_names_of_sections_and_of_pictures_stay_apart(tmp_path):
    names = ["compare a b:f", "compare a-b:f", "compare a_b:f", "compare a/b:f", "compare " + 300 * "x" + ".py:f"]
    runs = [stranger("plain") for _ in names]
    for run, name in zip(runs, names, strict=True):
        run.name = name
    anchors = [report.anchor(run) for run in runs]
    assert len(set(anchors)) == len(names)
    assert all(re.fullmatch(r"[\w.-]{1,120}", anchor) for anchor in anchors)
    assert report.write(str(tmp_path), runs) == len(names)
    assert len(list(tmp_path.iterdir())) == sum(len(report.charts(run)) for run in runs)


def test_a_report_of_characters_that_no_file_can_hold(tmp_path):
    for file in ("page.html", "page.md"):
        report.write(str(tmp_path / file), [stranger("\ud800\x00")])
        assert "\ufffd" in (tmp_path / file).read_text(encoding="utf-8")
    results.save(tmp_path / "saved.json", [stranger("\ud800")])
    assert results.load(tmp_path / "saved.json")[0].claim == "\ud800"


@pytest.mark.parametrize(
    ("text", "expected"), [("a\x1b]0;title\x07b", "a\ufffd]0;title\ufffdb"), ("two\nlines", "two\nlines"), ("", "")]
)
def test_messages_do_not_command_the_terminal(text, expected):
    assert printable(text) == expected


def test_texts_without_markup_stay_as_they_are():
    plain = "Python threads leave cores idle (160 % of 400 %); the same loop, in C: 1.5 times – fills every core!"
    assert escape(plain) == markdown(plain) == filled(markdown(plain)) == plain
