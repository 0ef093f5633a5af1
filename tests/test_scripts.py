"""What the set-up says where something is missing: one sentence that names it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fakes Linux tools through PATH")


def fake(folder: Path, name: str, script: str) -> None:
    """Put an executable into a folder that stands first on PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!{BASH}\n{script}\n", encoding="utf-8")
    os.chmod(folder / name, 0o755)


def run(script: str, *arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    command = [BASH, str(ROOT / "scripts" / script), *arguments]
    environment = {"PATH": path, "HOME": "/nonexistent", "DISPLAY": ":0"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def set_up(tmp_path: Path, python3: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up where the only Python is a given fake."""
    tools = tmp_path / "tools"
    fake(tools, "python3", python3)
    (tools / "dirname").symlink_to(shutil.which("dirname"))
    return run("set-up.sh", str(tmp_path / "venv"), path=str(tools))


def test_old_python_is_named_with_the_one_to_install(tmp_path: Path) -> None:
    result = set_up(tmp_path, '[ "$1" = --version ] && echo Python 3.9.2 || exit 1')
    assert result.returncode != 0
    assert result.stderr.splitlines() == [
        "Python 3.11 or newer is needed and python3 is Python 3.9.2; install python3.12 and run this again."
    ]


def test_missing_venv_module_is_named_with_its_package(tmp_path: Path) -> None:
    result = set_up(tmp_path, f'case "$2" in *ensurepip*) exit 1 ;; *) exec {sys.executable} "$@" ;; esac')
    version = "{}.{}".format(*sys.version_info[:2])
    assert result.returncode != 0
    assert result.stderr.splitlines() == [
        "python3 has no venv module with ensurepip; "
        f"install it (Debian, Ubuntu: apt-get install python{version}-venv) and run this again."
    ]


@pytest.fixture
def without_egl(tmp_path: Path) -> Path:
    """A system that lacks libEGL and whose apt-get writes down what it was asked."""
    tools = tmp_path / "tools"
    every_library = " ".join(
        line.split()[0]
        for line in (ROOT / "scripts" / "system-libraries.sh").read_text(encoding="utf-8").splitlines()
        if line.startswith("lib") and ".so." in line
    )
    fake(tools, "ldconfig", f"echo {every_library.replace('libEGL.so.1 ', '')}")
    fake(tools, "apt-get", f'echo "$*" >> {tmp_path}/asked; [ "$1" = update ] || [ -e {tmp_path}/updated ]')
    return tools


def test_user_is_given_the_command_that_installs_libraries(without_egl: Path) -> None:
    fake(without_egl, "id", "echo 1000")
    result = run("system-libraries.sh", path=f"{without_egl}:{os.environ['PATH']}")
    assert result.returncode != 0
    assert result.stderr.splitlines() == [
        "The window needs system libraries that are missing; run: sudo apt-get install libegl1"
    ]
    assert not (without_egl.parent / "asked").exists()


def test_root_installs_libraries_and_updates_the_list_only_after_a_failure(without_egl: Path) -> None:
    fake(without_egl, "id", "echo 0")
    install = "install --yes --quiet=2 --no-install-recommends libegl1"
    asked = without_egl.parent / "asked"

    (without_egl.parent / "updated").touch()
    assert run("system-libraries.sh", path=f"{without_egl}:{os.environ['PATH']}").returncode == 0
    assert asked.read_text(encoding="utf-8").splitlines() == [install]

    (without_egl.parent / "updated").unlink()
    asked.unlink()
    assert run("system-libraries.sh", path=f"{without_egl}:{os.environ['PATH']}").returncode != 0
    assert asked.read_text(encoding="utf-8").splitlines() == [install, "update --quiet=2", install]


def test_a_release_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "release.sh", tmp_path / "scripts")
    fake(tmp_path / "bin", "python", 'case "$*" in "-m twine"*) exit 1 ;; esac')
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "earlier.whl").touch()
    command = [BASH, str(tmp_path / "scripts" / "release.sh"), str(tmp_path / "bin" / "python")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode != 0
    assert result.stderr.splitlines() == ["Not released: the step above failed; dist/ is as it was."]
    assert result.stdout.splitlines()[-1] == "== What the package index would refuse"
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "bin",
        "dist",
        "earlier.whl",
        "python",
        "release.sh",
        "scripts",
    ]


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ('<script src="javascripts/own.js"></script> <a href="https://elsewhere.org">', ""),
        (
            '<script src="https://elsewhere.org/x.js"></script>',
            "These pages fetch something from another host.",
        ),
        (
            '<link rel="stylesheet" href="//elsewhere.org/x.css">',
            "These pages fetch a style from another host.",
        ),
        (
            '<span class="arithmatex">\\(x\\)</span>',
            "These formulas were not set; docs/formulas.py does that.",
        ),
    ],
)
def test_pages_that_need_another_host_are_refused(tmp_path: Path, page: str, complaint: str) -> None:
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    result = run("check-site.sh", str(tmp_path), path=os.environ["PATH"])
    assert (result.returncode != 0) == bool(complaint)
    assert result.stderr.splitlines()[-1:] == ([complaint] if complaint else [])
