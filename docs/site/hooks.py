"""What the site adds to the pages of `docs`: the project's front page, its stories, its changes.

MkDocs reads pages from one folder. README, CONTRIBUTING, CHANGELOG and the notebooks lie outside of
it, because readers of the repository look for them there; here they become pages all the same, and
links between all of them are made to fit. A link to a file that is no page becomes the file's name.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")

PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
PAGES |= {"CHANGELOG.md": "changelog.md"}
PAGES |= {
    f"notebooks/{path.name}": f"notebooks/{path.stem}.md"
    for path in sorted((ROOT / "notebooks").glob("*.py"))
}
"""Files of the project outside of `docs`, each with the page it becomes."""

SOURCES = {page: source for source, page in PAGES.items()}


def notebook(text: str) -> str:
    r"""Return a percent notebook as Markdown: its words as words, its code in blocks.

    Examples
    --------
    >>> print(notebook("# %% [markdown]\n# # A story\n\n# %%\nprint(1)\n"))
    # A story
    <BLANKLINE>
    ```python
    print(1)
    ```
    """
    parts = []
    for cell in re.split(r"^# %%", text, flags=re.MULTILINE)[1:]:
        kind, _, body = cell.partition("\n")
        if "[markdown]" in kind:
            parts.append(re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE))
        elif body.strip():
            parts.append(f"```python\n{body.strip()}\n```")
    return "\n\n".join(parts)


def page_of(source: str) -> str:
    """Return the page that a file of the project becomes."""
    return PAGES.get(source, source.removeprefix("docs/"))


def fitted(text: str, source: str) -> str:
    """Return a page's text with links that hold on the site.

    Examples
    --------
    >>> fitted("[how](docs/api.md#x), [tests](tests/house.py)", "README.md")
    '[how](api.md#x), `tests/house.py`'
    """
    here = PurePosixPath(source).parent
    there = PurePosixPath(page_of(source)).parent

    def link(match: re.Match[str]) -> str:
        picture, words, target = match.groups()
        name, hash_sign, anchor = target.partition("#")
        if not name or re.match(r"[a-z]+:", target):
            return match[0]
        file = os.path.normpath(here / name)
        page = PAGES.get(file) or (file[5:] if file.startswith("docs/") else None)
        if page is None or (not picture and not page.endswith(".md")):
            return words if words.startswith("`") else f"`{file}`"
        return f"{picture}[{words}]({os.path.relpath(page, there)}{hash_sign}{anchor})"

    parts, last = [], 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(link, text[last : fence.start()]), fence[0]]
        last = fence.end()
    return "".join([*parts, LINK.sub(link, text[last:])])


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie outside of `docs`."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        said = notebook(text) if source.endswith(".py") else text
        files.append(File.generated(config, page, content=said))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Make a page's links fit."""
    place = page.file.src_uri
    return fitted(markdown, SOURCES.get(place, f"docs/{place}"))
