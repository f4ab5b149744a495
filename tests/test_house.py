"""The house: layers, sizes, broad excepts, what is shipped, and what the README says of settings."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from headroom_wrap import __version__, settings

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "headroom_wrap"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LINKS = ("agents", "proxy", "memory", "learn")

RANKS = {
    "settings": 0, "paths": 0, "errors": 0, "tokens": 0, "network": 0, "zstd": 0,
    "store": 1, "edits": 1,
    "compression": 2,
    "wire": 3,
    "auth": 4, "memory": 4, "library": 4,
    "proxy": 5, "mcp": 5,
    "agents": 6,
    "learn": 7,
    "wrap": 8,
    "evals": 9, "integrations": 9,
    "cli": 10,
    "__main__": 11,
}  # fmt: skip
"""A part imports parts of a lower rank, and itself. The emulator stands beside them."""
EMULATOR_USERS = {"cli", "evals"}
EMULATOR_RANK = 6

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
"""What is longer: path, or path:function, and the reason."""

BROAD_EXCEPTS = {
    "headroom_wrap/auth/aside.py:job": "handed to whoever awaits the future",
    "headroom_wrap/auth/keyrings.py:_answer": "backends raise what their system's library raises",
    "headroom_wrap/cli/main.py:main": "the last place where an error can become a sentence",
    "headroom_wrap/compression/engine.py:_try_compress": "law 5: a compressor that fails costs only its own block",
    "headroom_wrap/proxy/app.py:_prepare": "the request boundary: a fault of ours must not cost the user's call",
    "headroom_wrap/proxy/workers.py:job": "handed to whoever awaits the future",
    "headroom_wrap/store/store.py:_run_writer": "handed to whoever awaits the future",
}


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def sources(*folders: Path) -> list[Path]:
    return sorted(file for folder in folders for file in folder.rglob("*.py"))


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def text_files() -> Iterator[Path]:
    """The files of the project, without what tools leave in it."""
    for path in ROOT.iterdir():
        if path.is_file():
            yield path
    for folder in ("headroom_wrap", "tests", "scripts", ".ci"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything that a file imports, names of modules included."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(file)}:{node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def part_of(dotted: str) -> str:
    """The part of the package that a dotted name belongs to; empty for the package itself and for others."""
    package, _, rest = dotted.partition(".")
    part = rest.partition(".")[0]
    return part if package == "headroom_wrap" and (part in RANKS or part == "emulator") else ""


def may_import(part: str, other: str) -> bool:
    if part == other or not other:
        return True
    if other == "emulator":
        return part in EMULATOR_USERS
    rank = EMULATOR_RANK if part == "emulator" else RANKS[part]
    return RANKS[other] < rank or RANKS[other] == rank == 0


def test_imports_point_one_way() -> None:
    wrong = []
    for file in sources(PACKAGE):
        relative = file.relative_to(PACKAGE)
        if relative.name == "__init__.py" and len(relative.parts) == 1:
            assert list(imports(file)) == []
            continue
        part = relative.parts[0].removesuffix(".py")
        for line, name in imports(file):
            if not may_import(part, part_of(name)):
                wrong.append(f"{name_of(file)}:{line}: {part} imports {name}")
    assert wrong == []


def test_every_part_of_the_package_has_a_rank() -> None:
    found = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert found - {"__init__", "__pycache__", "emulator"} <= set(RANKS)


@pytest.mark.parametrize("name", [name for name in LINKS if (PACKAGE / name).is_dir()])
def test_a_link_at_the_top_shows_where_a_part_lives(name: str) -> None:
    assert (ROOT / name).is_symlink()
    assert (ROOT / name).readlink() == Path("headroom_wrap") / name


def test_nothing_imports_through_the_links() -> None:
    used = [
        f"{name_of(file)}:{line}: {name}"
        for file in sources(PACKAGE, ROOT / "tests")
        for line, name in imports(file)
        if name.partition(".")[0] in LINKS
    ]
    assert used == []


def test_files_are_short() -> None:
    lengths = {name_of(file): len(file.read_bytes().splitlines()) for file in sources(PACKAGE, ROOT / "tests")}
    assert {name: n for name, n in lengths.items() if n >= MAX_FILE_LINES and name not in LONG_FILES} == {}
    assert {name for name in LONG_FILES if lengths.get(name, 0) < MAX_FILE_LINES} == set()


def test_functions_are_short() -> None:
    lengths = {
        f"{name_of(file)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file in sources(PACKAGE, ROOT / "tests")
        for node in ast.walk(tree(file))
        if isinstance(node, FUNCTIONS)
    }
    assert {name: n for name, n in lengths.items() if n >= MAX_FUNCTION_LINES and name not in LONG_FUNCTIONS} == {}
    assert {name for name in LONG_FUNCTIONS if lengths.get(name, 0) < MAX_FUNCTION_LINES} == set()


def broad_excepts(node: ast.AST, function: str = "") -> Iterator[str]:
    """The functions that swallow everything somewhere."""
    for child in ast.iter_child_nodes(node):
        if swallows_everything(child):
            yield function
        yield from broad_excepts(child, child.name if isinstance(child, FUNCTIONS) else function)


def swallows_everything(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return is_broad(node.type) and not raises_again(node)
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "suppress" and any(map(is_broad, node.args))


def is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(map(is_broad, caught.elts))
    return caught is None or (isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException"))


def raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_everything_is_caught_at_named_places_only() -> None:
    found = {f"{name_of(file)}:{name}" for file in sources(PACKAGE) for name in broad_excepts(tree(file))}
    assert found == set(BROAD_EXCEPTS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("built")
    copy = folder / "copy"
    left_out = shutil.ignore_patterns(".git", "__pycache__", ".*_cache", ".hypothesis", ".venv", "dist", "tests")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=left_out)
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    return folder


def test_the_wheel_has_the_package_and_its_data_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {
        "headroom",
        "headroom_wrap",
        f"headroom_wrap-{__version__}.dist-info",
    }
    workloads = [f"evals/data/workloads/{file.name}" for file in (PACKAGE / "evals" / "data" / "workloads").iterdir()]
    assert len(workloads) == 32
    for file in ("emulator/data/demo.log", "emulator/data/system.md", "py.typed", *workloads):
        assert f"headroom_wrap/{file}" in names


def test_the_sdist_leaves_the_links_out(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames()}
    assert not tops & set(LINKS)
    assert {"headroom", "headroom_wrap", "pyproject.toml", "README.md", "LICENSE"} <= tops


FOREIGN = re.compile(r"/wor[k]/|/roo[t]/|pyp[i]\.org|pythonhoste[d]\.org|npmj[s]\.(?:org|com)|crate[s]\.io")
FOREIGN_TO_PROSE = re.compile(r"/tm[p]/")


def test_no_file_speaks_of_one_machine_or_names_a_registry() -> None:
    found = []
    for file in text_files():
        text = file.read_bytes().decode("utf-8", "replace")
        rules = (FOREIGN, FOREIGN_TO_PROSE) if file.suffix == ".md" else (FOREIGN,)
        found += [f"{name_of(file)}: {hit[0]}" for rule in rules if (hit := rule.search(text))]
    assert found == []


def declared() -> dict[str, tuple[str, str]]:
    """Variable -> name in the file and help."""
    of_the_file = {item.variable: (item.name, item.help) for item in settings.SETTINGS}
    return of_the_file | {variable: ("", text) for variable, text in settings.INTERNAL_VARIABLES.items()}


def test_every_variable_of_ours_is_declared_in_the_settings() -> None:
    used = {name for file in sources(PACKAGE) for name in re.findall(r"HEADROOM_[A-Z_]*[A-Z]", file.read_text("utf-8"))}
    assert used == set(declared())


def rows_of_settings() -> list[str]:
    rows = ["| variable | in the file | default | what it does |", "|---|---|---|---|"]
    defaults = {item.variable: item.default for item in settings.SETTINGS}
    for variable, (name, text) in declared().items():
        default = defaults.get(variable)
        text_of_it = str(default).lower() if isinstance(default, bool) else str(default)
        shown = "" if default in (None, "", ()) else f"`{text_of_it}`"
        rows.append(f"| `{variable}` | {name and f'`{name}`'} | {shown} | {text} |")
    return rows


def test_the_readme_lists_every_setting() -> None:
    assert "\n".join(rows_of_settings()) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_version_is_told_without_loading_anything_heavy() -> None:
    code = "import sys; from headroom_wrap.cli.main import main; main(['--version']); print(*sys.modules)"
    command = [sys.executable, "-c", code]
    told, loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told == f"headroom {__version__}"
    assert not {"typer", "aiohttp", "uvicorn", "psutil", "sqlite3", "splintr"} & set(loaded.split())
