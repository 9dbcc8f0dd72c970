"""The report: one self-contained HTML file, also checked in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from gilkit.lab import cli, compare, drawing, experiments, report, results
from gilkit.lab.charts import Bar, Bars, Lane, Line, Lines, Point, Span, Strip, Timeline
from gilkit.lab.errors import LabError
from gilkit.lab.experiment import Row, Setting
from gilkit.lab.interpreters import Interpreter
from gilkit.lab.results import Result

GIL = Interpreter("python3", "CPython", "3.13.0", False, True, running=True)
MACHINE = {
    "processor": "A <fast> one",
    "cores": 2,
    "affinity": 2,
    "system": "Linux",
    "threads_per_core": 1,
    "gilkit": {},
}
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def row(label, strategy, threads, arguments=None, **figures):
    figures = {"wall": 1.0, "user": 1.0, "system": 0.1, "cpu": 1.1, "cpu_percent": 110.0} | figures
    figures |= {"voluntary": 3, "involuntary": 4}
    rounds = [{**figures, "wall": figures["wall"] * factor} for factor in (0.9, 1.0, 1.1)]
    return Row(label, strategy, GIL, threads, arguments or {}, rounds)


def result(name, rows):
    setting = Setting([GIL], 2, 2)
    experiment = compare.Comparison("spin") if name.startswith(compare.PREFIX) else experiments.get(name)
    strip = [[0.1 * step, step % len(rows), 50.0, 100.0] for step in range(1, 50)]
    verdict = experiment.judge(rows, setting)
    return Result(name, experiment.claim, setting, MACHINE, "2026-01-01", 1.0, 3, rows, verdict, strip, ["A note."])


@pytest.fixture
def runs():
    busy = [row(f"{count} threads", "threads", count, loops=100 * count) for count in (1, 2)]
    busy += [row("gilkit.spin, 2 threads", "gilkit", 2, loops=9000, cpu_percent=200.0)]
    busy += [Row("broken & <lost>", "threads", GIL, 4, error="it <broke>")]
    spans = [[0, 0, 0.0, 0.2], [1, 1, 0.0, 0.1], [2, 2, 0.0, 0.2], [3, 3, 0.0, 0.2], [4, 1, 0.1, 0.3]]
    pool = [row("5 tasks on 4 threads", "schedule", 4, {"kind": "threads"}, spans=spans, count=5, each=0.1)]
    pool += [row(f"size {count}", "size", count, each=0.1) for count in (1, 2, 4)]
    switches = [row(f"{count} threads", "threads", count, each=1e-6 * count) for count in (2, 16, 128)]
    contenders = [row("plain Python", "serial", 1), row("gilkit", "gilkit", 2, wall=0.02, memory=1 << 24)]
    return [
        result("cpu-percent", busy),
        result("pool", pool),
        result("switch-cost", switches),
        result("compare spin", contenders),
    ]


class Page(HTMLParser):
    """Collects what the tests check of a page: balanced tags, unique ids and outside references."""

    VOID = ("meta", "link", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.counts = [], [], [], {}
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        if tag == "title" and self.open[-1:] == ["rect"]:
            tag = "hint"  # the tooltip of a part of a chart
        self.counts[tag] = self.counts.get(tag, 0) + 1
        for key, value in attributes:
            if key == "id":
                self.ids.append(value)
            if key in ("src", "href", "xlink:href", "data", "action"):
                self.links.append(value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        opened = self.open.pop()
        assert tag == ("title" if opened == "hint" else opened)


def test_the_page_is_complete_and_links_nowhere(runs):
    text = report.page(runs)
    page = Page(text)
    assert len(set(page.ids)) == len(page.ids)
    assert all(link.startswith(("#", "data:,")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert not re.search(r"https?://|@import|url\(", text)
    assert "script" not in page.counts
    assert page.counts["svg"] >= 8
    assert page.counts["title"] == 1 + page.counts["svg"]
    assert page.counts["desc"] == page.counts["svg"]


def test_the_verdicts_come_first(runs):
    text = report.page(runs)
    assert text.index("The verdicts") < text.index("<svg")
    for run in runs:
        assert text.count(f'href="#{run.name.replace(" ", "-")}"') == 1
    assert "it &lt;broke&gt;" in text
    assert "A &lt;fast&gt; one" in text
    assert "A note." in text
    assert "Advice: choose gilkit" in text


def test_nothing_measured_is_still_a_page():
    empty = [Result("pool", "c", Setting([GIL], 2, 2), MACHINE, "", 1.0, 1, interrupted=True)]
    text = report.page(empty)
    Page(text)
    assert "was interrupted" in text
    Page(report.page([]))


CHARTS = [
    Bars("bars", "%", [Bar("a", 50, 40, 60), Bar("b", 200, group="g"), Bar("nothing", 0)], 200, "all"),
    Bars("log", "s", [Bar("a", 1e-9, 9e-10, 2e-9), Bar("b", 2.0)], log=True),
    Bars("none", "s", []),
    Lines("lines", "x", "y", [Line("l", [Point(1, 2, 1, 3), Point(128, 4)]), Line("i", [Point(1, 1)], True)], True),
    Lines("log", "x", "y", [Line("l", [Point(1, 0.001), Point(2, 1000.0)])], log_y=True),
    Lines("none", "x", "y", [Line("l", [])]),
    Lines("flat", "x", "y", [Line("l", [Point(1, 0.0)])], True, True),
    Lines("one decade", "x", "y", [Line("l", [Point(1, 10.0), Point(2, 10.0)])], log_y=True),
    Lines("many decades", "x", "y", [Line("l", [Point(1, 1e-9), Point(2, 1e3)]), Line("none", [])], log_y=True),
    Lines("noisy", "x", "y", [Line("l", [Point(x, 0.2) for x in (1, 2, 3, 500, 501, 999, 1000)])]),
    Timeline("time", "s", [Lane("w", [Span(0, 1, "task"), Span(1, 2, "other")])]),
    Timeline("none", "s", []),
    Strip("strip", [0.1, 0.2], [[0, 100], [50, 120]], [Span(0, 0.2, "case <1>")], [0.0, 0.1]),
    Strip("none", [], []),
]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: f"{type(chart).__name__}-{chart.title}")
def test_every_picture_is_valid(chart):
    text = drawing.draw(chart)
    page = Page(text)
    assert page.counts["svg"] == 1
    assert "nan" not in text
    assert "inf" not in text.replace("information", "")
    width = drawing.WIDTH
    for x in re.findall(r' x="(-?[\d.]+)"', text):
        assert -1 <= float(x) <= width + 1
    assert 'role="img"' in text


def test_descriptions_hold_the_values():
    assert drawing.describe(CHARTS[0]) == "a: 50 %. g, b: 200 %. nothing: 0 %. all: 200 %."
    described = {chart.title: drawing.describe(chart) for chart in CHARTS if chart.title in ("time", "strip")}
    assert "w: task from 0 s to 1.00 s" in described["time"]
    assert "Core 1: 85 % on average" in described["strip"]
    assert "l: 2.00 y at 1 x, 4.00 y at 128" in drawing.describe(CHARTS[3])


@pytest.mark.parametrize(
    ("number", "unit", "words"),
    [(2.0, "×", "2×"), (0.5, "×", "0.5×"), (10.0, "s", "10 s"), (0.001, "s", "1 ms"), (100, "%", "100 %"), (0, "s", "0"),
     (1000, "", "1,000"), (0.25, "", "0.25")],
)  # fmt: skip
def test_round_values_on_axes(number, unit, words):
    assert drawing.round_value(number, unit) == words


def test_labels_do_not_run_into_one_another():
    (chart,) = [each for each in CHARTS if each.title == "noisy"]
    words = re.findall(r">([\d,]+)</text>", drawing.draw(chart))
    assert [word for word in words if word in ("1", "2", "3", "500", "501", "999", "1000")] == ["1", "500", "999"]


def test_log_axes_are_marked():
    for chart in CHARTS:
        words = drawing.draw(chart)
        if isinstance(chart, Bars):
            assert (">log scale<" in words) is (chart.log and bool(chart.bars))
    labels = re.findall(
        r">(\w+ \(log scale\))<", drawing.draw(Lines("l", "x", "y", [Line("l", [Point(1, 2.0)])], True, True))
    )
    assert labels == ["x (log scale)", "y (log scale)"]
    assert "log scale" not in drawing.draw(Lines("flat", "x", "y", [Line("l", [Point(0, 0.0)])], True, True))


def test_labels_of_rounds_and_cases_do_not_run_into_one_another():
    times = [0.1 * step for step in range(1, 101)]
    spans = [Span(start, start + 2.5, "case") for start in (0.0, 2.5, 5.0, 7.5)]
    drawn = drawing.draw(Strip("s", times, [[50.0] * 100], spans, [0.0, 0.2, 5.0, 5.1, 9.9]))
    places = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>(round \d|case)<', drawn)
    assert [words for *_, words in places if words != "case"] == ["round 1", "round 3"]
    assert len({y for _, y, words in places if words == "case"} & {y for _, y, words in places if words != "case"}) == 0
    rounds = [float(x) for x, _, words in places if words != "case"]
    assert all(after - before >= 50 for before, after in zip(rounds, rounds[1:], strict=False))


def test_times_of_a_short_run_are_no_ticks():
    """The axis of a run of half a second had labels such as 0.0353878 and 0.0822732, which overlapped."""
    points = [Point(x, 1.0) for x in (0.0353878, 0.0822732, 0.136897, 0.199936, 0.264035, 0.327833, 0.37922)]
    drawn = drawing.draw(Lines("l", "seconds", "", [Line("cores", points)]))
    assert re.findall(r'text-anchor="middle">([^<]+)<', drawn) == ["0", "0.1", "0.2", "0.3", "seconds"]
    assert "0.0353878<" not in drawn
    threads = drawing.draw(Lines("l", "threads", "", [Line("rate", [Point(x, 1.0) for x in (1, 20, 40)])]))
    assert ">40<" in threads and ">1<" in threads


def test_many_points_have_round_labels_and_no_marks():
    points = [Point(0.292042 + 0.271 * step, 1.0) for step in range(60)]
    drawn = drawing.draw(Lines("l", "seconds", "", [Line("cores", points)]))
    assert re.findall(r'text-anchor="middle">([^<]+)<', drawn) == ["0", "5", "10", "15", "seconds"]
    assert "<circle" not in drawn
    few = drawing.draw(Lines("l", "threads", "", [Line("cores", [Point(x, 1.0) for x in (1, 2, 4, 8, 17)])]))
    assert few.count("<circle") == 5
    assert ">17<" in few


@pytest.mark.parametrize("power", range(-320, 308, 7))
@pytest.mark.parametrize("digits", [1.0, 3.999999999999999, 4.0, 9.999999999999999])
def test_there_are_a_few_ticks_whatever_the_size(power, digits):
    found = drawing.ticks(digits * 10.0**power)
    assert 2 <= len(found) <= 6 or digits * 10.0**power < 1e-307  # denormal numbers, where steps are not exact


@pytest.mark.parametrize(("high", "expected"), [(1.0, [0, 0.5, 1.0]), (200, [0, 50, 100, 150, 200]), (7, [0, 2, 4, 6])])
def test_ticks(high, expected):
    assert drawing.ticks(high) == pytest.approx(expected)


def test_from_saved_runs_on_the_command_line(runs, tmp_path, capsys):
    saved, page = tmp_path / "run.json", tmp_path / "report.html"
    results.save(saved, runs)
    assert cli.main(["report", str(page), "--from", str(saved)]) == 0
    Page(page.read_text())
    saved.write_text(json.dumps({"format": "other"}))
    assert cli.main(["report", str(page), "--from", str(saved)]) == 2
    assert cli.main(["report", str(tmp_path / "no" / "folder.html"), "--from", str(saved)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_run_made_again_takes_the_place_of_the_other(runs, tmp_path, capsys):
    """Two results of one name would share an id."""
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    again = result("pool", [row("5 tasks", "fresh", 4, {"kind": "threads"}, each=0.7)])
    again.warnings = ["The second run."]
    results.save(first, runs)
    results.save(second, [again])
    page = tmp_path / "report.html"
    assert cli.main(["report", str(page), "--from", str(first), "--from", str(second)]) == 0
    text = page.read_text()
    assert text.count('id="pool"') == 1
    assert "The second run." in text
    assert [each.name for each in report.latest([*runs, again])] == [each.name for each in runs]
    assert "4 results" in capsys.readouterr().err


def test_the_verdicts_as_markdown(runs, tmp_path):
    path = tmp_path / "claims.md"
    assert report.write(str(path), runs) == 4
    text = path.read_text()
    assert "| [`pool`](#pool) | 4 workers start 4 of 5 tasks" in text
    assert "\n## switch-cost\n" in text
    assert "\n**Is not decided for" in text  # the made-up runs leave much undecided
    assert "Note: A note." in text
    assert "\nWhy: A worker takes the next task when it is free" in text
    assert "Interpreters: 3.13.0 (GIL). Command: `gilkit experiment pool`, 2026-01-01." in text
    assert "Command: `gilkit compare spin`" in text
    again = result("lost-updates", [row("2 threads", "no lock", 2, runs=1, wrong=0, count=9, each=1.0)])
    again.rows[0].interpreter = Interpreter("python2", "CPython", "2.7.18", False, True)
    assert "Command: `gilkit experiment lost-updates --python python2.7`" in report.markdown([again]).replace("\n", " ")
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 110


def test_the_pictures_as_files(runs, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    assert cli.main(["report", str(folder), "--from", str(save(runs, tmp_path))]) == 0
    files = sorted(file.name for file in folder.iterdir())
    assert "cpu-percent-1.svg" in files
    assert "compare-spin-1.svg" in files
    for file in folder.iterdir():
        root = ElementTree.parse(file).getroot()  # a complete XML file, unlike the charts in the page
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.find("{*}title").text
        assert root.find("{*}desc").text
        assert "prefers-color-scheme: dark" in root.find("{*}style").text


def save(runs, folder):
    results.save(folder / "saved.json", runs)
    return folder / "saved.json"


def test_an_unknown_experiment_in_a_saved_run(runs, tmp_path):
    runs[0].name = "from-the-future"
    with pytest.raises(LabError, match="no experiment 'from-the-future'"):
        report.page(runs)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")
def test_in_a_real_browser(runs, tmp_path):
    """The browser draws every chart, logs no error, and makes no network request."""
    page, log = tmp_path / "report.html", tmp_path / "net.json"
    report.write(str(page), runs)
    command = [
        BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
        f"--log-net-log={log}", "--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr
    assert done.stdout.count("<svg") == page.read_text().count("<svg")
    requested = set(re.findall(r'"url":"([^"]+)"', log.read_text()))
    ours = {url for url in requested if not url.startswith(("file:", "data:", "chrome", "about:", "devtools:"))}
    browser = re.compile(r"https?://[\w.-]*(google|gstatic|googleapis|gvt1)\.\w+")  # the browser's own requests
    assert not {url for url in ours if not browser.match(url)}


def test_pages_that_cannot_be_written(runs, tmp_path):
    for path in (tmp_path / "missing" / "page.html", tmp_path / "missing" / "page.md"):
        with pytest.raises(LabError, match=r"page\.\w+' cannot be written: No such file"):
            report.write(str(path), runs)


def test_a_run_without_a_verdict_as_markdown():
    text = report.markdown([Result("pool", "The claim.", Setting([GIL], 2, 2), MACHINE, "", 1.0, 1, interrupted=True)])
    assert "| [`pool`](#pool) | The claim. | – |" in text
    assert "## pool\n\n*The claim.*\n\nWhy: " in text


def test_the_strip_names_what_it_can(runs):
    """A saved run may name more cases than it holds."""
    run = runs[0]
    run.strip[:] = [[1.0, 0, 50.0], [2.0, 0, 50.0], [3.0, len(run.rows), 50.0]]
    (strip,) = report.strip(run)
    assert [(span.start, span.end, span.label) for span in strip.spans] == [
        (0.0, 2.0, run.rows[0].label),
        (2.0, 3.0, ""),
    ]
