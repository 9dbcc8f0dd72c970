"""What the site has beyond the pages in docs/: pages that the repository keeps elsewhere, and signatures in their place."""

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
}
LINK = re.compile(r"\]\(([\w./-]+)(#[\w-]*)?\)")
FROM = re.compile(r"<!-- from (\S+) -->\n(\s*)```(\w+)\n")


def on_files(files, config):
    for path, name in ELSEWHERE.items():
        files.append(File.generated(config, name, content=(ROOT / path).read_text(encoding="utf-8")))


def on_page_markdown(markdown, page, config, files):
    """Links between files of the repository become links between pages; "from" comments become titles of blocks."""
    source = {name: path for path, name in ELSEWHERE.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def link(match):
        target = (ROOT / source).parent.joinpath(match[1]).resolve()
        path = target.relative_to(ROOT).as_posix()
        name = "index.md" if path == "README.md" else ELSEWHERE.get(path, path.removeprefix("docs/"))
        return f"]({'../' * page.file.src_uri.count('/')}{name}{match[2] or ''})"

    return FROM.sub(r'\2```\3 title="\1"\n', LINK.sub(link, markdown))


class Docstrings(griffe.Extension):
    """Those of Cython begin with a signature: that of a function is known without, that of a class becomes code. The
    fields of a named tuple have none worth showing; that of their class tells what they are."""

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
