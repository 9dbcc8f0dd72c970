"""Extend the site: include pages from outside docs/, translate links, and prepare docstrings for the reference."""

import re
from pathlib import Path

import griffe
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = {
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "README.zh-CN.md": "zh.md",
    "csrc/runtime/README.md": "runtime.md",
    "csrc/sync/README.md": "sync-races.md",
}
LINK = re.compile(r"\]\(([\w./-]+)(#[\w-]*)?\)")
FROM = re.compile(r"<!-- from (\S+) -->\n(\s*)```(\w+)\n")
CHOICES = re.compile(r"^( *\w+ : )\{(.*)\}(, .*)$", re.M)
HEADING_OR_NOTES = re.compile(r'<h\d id="(?P<id>[\w.]+)"|<details class="note".*?</details>', re.S)
PARAGRAPH = re.compile(r"<p>(.*?)</p>\s*", re.S)


def on_files(files, config):
    for path, name in ELSEWHERE.items():
        files.append(File.generated(config, name, content=(ROOT / path).read_text(encoding="utf-8")))


def on_page_markdown(markdown, page, config, files):
    """Turn links between files of the repository into links between pages, and "from" comments into titles of blocks."""
    source = {name: path for path, name in ELSEWHERE.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def link(match):
        target = (ROOT / source).parent.joinpath(match[1]).resolve()
        path = target.relative_to(ROOT).as_posix()
        name = "index.md" if path == "README.md" else ELSEWHERE.get(path, path.removeprefix("docs/"))
        return f"]({'../' * page.file.src_uri.count('/')}{name}{match[2] or ''})"

    return FROM.sub(r'\2```\3 title="\1"\n', LINK.sub(link, markdown))


def on_page_content(html, page, config, files):
    """Show a paragraph of notes that several functions share once, and link to it from the others.

    The docstrings repeat it, because help() shows one function at a time.
    """
    if page.file.src_uri != "reference.md":
        return html
    first_seen = {}
    current = ""

    def notes(match):
        nonlocal current
        if match["id"]:
            current = match["id"]
            return match[0]
        name = current.rpartition(".")[2]
        elsewhere = []

        def paragraph(found):
            general = re.sub(rf"<code>(numpy\.)?{name}</code>", r"<code>\1*</code>", found[1])
            owner = first_seen.setdefault(general, current)
            if owner == current or len(general) < 60:
                return found[0]
            if owner not in elsewhere:
                elsewhere.append(owner)
            return ""

        text = PARAGRAPH.sub(paragraph, match[0])
        if elsewhere:
            links = ", ".join(f'<a href="#{owner}"><code>{owner.rpartition(".")[2]}</code></a>' for owner in elsewhere)
            text = text.replace("</details>", f"<p>See also the notes of {links}.</p></details>")
        return text

    return HEADING_OR_NOTES.sub(notes, html)


class Docstrings(griffe.Extension):
    """Adapt Cython's docstrings.

    They begin with a signature. A function's signature is known without it; a class's becomes a block of code. The fields
    of a named tuple have generated docstrings, which say nothing: the class documents them.
    """

    def on_object(self, *, obj, **_):
        if obj.docstring is None:
            return
        if obj.docstring.value.startswith("Alias for field number"):
            obj.docstring = None
            return
        first, _, rest = obj.docstring.value.partition("\n")
        if obj.is_class and first.startswith(f"{obj.name}("):
            obj.docstring.value = f"```python\n{first}\n```\n{rest}"
        elif obj.is_function and re.match(rf"([\w.]+\.)?{obj.name}\(", first):
            obj.docstring.value = rest.lstrip("\n")
        if obj.is_function:
            # For choices in braces, the parser would take the first one for the default.
            obj.docstring.value = CHOICES.sub(r"\1\2\3", obj.docstring.value)
