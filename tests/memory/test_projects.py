"""A project is a repository, with its subfolders and worktrees; nobody else can claim to be part of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from headroom_wrap.memory import project_of


def git(folder: Path, *words: str) -> None:
    name = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)  # noqa: S607 - the machine's


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "a" / "b").mkdir(parents=True)
    git(root, "init")
    git(root, "commit", "--allow-empty", "-m", "first")
    return root


def test_a_subfolder_belongs_to_its_repository(repository: Path) -> None:
    assert project_of(repository / "a" / "b") == project_of(repository) == repository


def test_a_worktree_belongs_to_the_main_one(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "../elsewhere")
    (tmp_path / "elsewhere" / "sub").mkdir()
    assert project_of(tmp_path / "elsewhere" / "sub") == repository


def test_a_worktree_of_a_bare_repository_belongs_to_that(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--bare", str(repository), "bare.git")
    git(tmp_path / "bare.git", "worktree", "add", "../tree")
    assert project_of(tmp_path / "tree") == tmp_path / "bare.git"


def test_a_submodule_is_a_project_of_its_own(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", str(repository), "outer")
    git(tmp_path / "outer", "submodule", "add", str(repository), "inner")
    assert project_of(tmp_path / "outer" / "inner") == tmp_path / "outer" / "inner"


def test_a_folder_without_git_is_a_project_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    assert project_of(tmp_path / "x") == tmp_path / "x"


def test_a_link_to_a_folder_is_that_folder(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository / "a")
    assert project_of(tmp_path / "link") == repository


@pytest.mark.parametrize(
    "pointer", ["gitdir: {}/.git/worktrees/elsewhere", "gitdir: {}/.git", "gitdir: /nowhere", "", "\0\udcff"]
)
def test_a_folder_cannot_claim_to_belong_to_another_project(repository: Path, tmp_path: Path, pointer: str) -> None:
    git(repository, "worktree", "add", "../elsewhere")
    thief = tmp_path / "thief"
    thief.mkdir()
    (thief / ".git").write_bytes(pointer.format(repository).encode("utf-8", "surrogateescape"))
    assert project_of(thief) == thief
