"""The documentation: the code of every page runs, every link works, and the reference lists every function."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import gilkit

markdown_it = pytest.importorskip("markdown_it")

ROOT = Path(__file__).resolve().parent.parent
# Names that are not functions of the reference.
OTHER = {"__version__", "array_api", "blocks", "patching", "reference", "sync"}
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("csrc/*/README.md")])


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def text_of(path):
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_code_runs(page, tmp_path):
    """Run the page as a reader would, in an empty folder; page.py says what each kind of block does."""
    for tool in ("bash", "cc", "make"):
        if re.search(f"^{tool} ", text_of(page), re.M) and not shutil.which(tool):
            pytest.skip(f"no {tool}")
    if "\nfrom distributed import" in text_of(page):
        pytest.importorskip("distributed", reason="distributed is not installed: pip install 'gilkit[dask]'")
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", ROOT / "tests" / "page.py", page],
        cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files(page):
    """Check the files that links name; the build of the site checks the anchors."""
    for token in markdown_it.MarkdownIt().enable("table").parse(text_of(page)):
        for part in token.children or ():
            target = part.attrs.get("href") or part.attrs.get("src")
            if target and not re.match(r"\w+:|#", target):
                assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_function_is_documented():
    """Every function is in the reference, and each kernel also has its own page."""
    shown = re.findall(r"^::: gilkit\.(?:\w+\.)*(\w+)$", text_of(ROOT / "docs/reference.md"), re.M)
    # A module stands for its functions.
    shown += [name for name, module in gilkit._LAZY.items() if module.rpartition(".")[2] in shown]
    assert set(gilkit.__all__) - OTHER <= set(shown)
    pages = " ".join(map(text_of, (ROOT / "docs/kernels").glob("*.md")))
    for name in gilkit.__all__:
        if getattr(getattr(gilkit, name), "__module__", "").startswith("gilkit.kernels."):
            assert f"`{name}`" in pages or f"`{name}(" in pages, name


def test_quotes_match_the_claims():
    """Each quote in "Choosing a model" is verbatim in the lab's claims, so both change together."""

    def words(text):
        return " ".join(text.split())

    claims = words(text_of(ROOT / "docs/claims.md"))
    quotes = re.findall(r"(?:^> .*\n)+", text_of(ROOT / "docs/choosing.md"), re.M)
    assert len(quotes) > 5
    for quote in quotes:
        assert words(re.sub("^> ", "", quote, flags=re.M)) in claims


def test_both_readmes_show_the_same_code():
    """Both READMEs have the same commands and the same code, except for comments."""

    def code(path):
        fences = re.findall(r"^```.*?^```$", text_of(path), re.M | re.S)
        return [re.sub(r" *#.*", "", fence) for fence in fences]

    assert code(ROOT / "README.md") == code(ROOT / "README.zh-CN.md")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```python\n1 / 0\n```", "ZeroDivisionError"),
        ("```pycon\n>>> 1 + 1\n3\n```", "output of the session differs"),
        ("```pycon\n1 + 1\n```", "begin with >>>"),
        ("```sh\ngilkit experiment no-such\n```", "no experiment 'no-such'"),
        ("```sh\ngilkit compare --nonsense\n```", "usage"),
        ("```sh\npip install '.[nonsense]'\n```", "no extra nonsense"),
        ("```sh\nrm x\n```", "does not say how"),
        ("```c\nint x;\n```", "neither run nor checked"),
        ("```\nx\n```", "neither run nor checked"),
        ("    x = 1\n", "indented code"),
        ("<!-- from csrc/exports.h -->\n```c\nnot there\n```", "verbatim"),
        ("<!-- from pyproject.toml -->\n```toml\n[project]\n```", "not in a folder that is built"),
    ],
)
def test_wrong_pages_are_detected(text, said, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(text)
    done = subprocess.run(
        [sys.executable, "-P", ROOT / "tests" / "page.py", page], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
