"""The built wheel, installed with its dependencies in a clean environment and used far away from the checkout."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import dra_policy

ROOT = Path(__file__).resolve().parents[2]
# What pip needs to reach its index; nothing else of the caller's environment is passed on.
KEPT = ("PATH", "PIP_", "SSL_CERT", "REQUESTS_CA", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http", "https", "no_proxy")


@dataclass(frozen=True)
class Installed:
    """An environment with nothing but the wheel and its dependencies, and an empty folder to run in."""

    bin: Path
    folder: Path

    def run(self, program: str, *arguments: str, warnings: str = "error") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / program, *arguments],
            cwd=self.folder,
            env={"PATH": str(self.bin), "HOME": str(self.folder), "LANG": "C.UTF-8", "PYTHONWARNINGS": warnings},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def must(*command: str | Path, cwd: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k.startswith(KEPT)} | {"HOME": str(cwd), "LANG": "C.UTF-8"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}", pytrace=False)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a parallel run share; the first one builds and installs, the others wait."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "packaging"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            dist = folder / "dist"
            # The wheel is built from the source archive, not from the checkout.
            must(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, ROOT, cwd=folder)
            venv.create(folder / "venv", with_pip=True)
            install = (folder / "venv" / "bin" / "python", "-m", "pip", "install", "-q", "--no-compile")
            must(*install, "-c", ROOT / "requirements" / "ci.txt", *dist.glob("*.whl"), cwd=folder)
            (folder / "ready").touch()
    return folder


@pytest.fixture(scope="session")
def archive(workshop: Path) -> Path:
    (path,) = (workshop / "dist").glob("*.tar.gz")
    return path


@pytest.fixture(scope="session")
def wheel(workshop: Path) -> Path:
    (path,) = (workshop / "dist").glob("*.whl")
    return path


@pytest.fixture
def installed(workshop: Path, tmp_path: Path) -> Installed:
    return Installed(workshop / "venv" / "bin", tmp_path)


def test_the_wheel_carries_grammar_policies_library_and_adapters(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    for folder, carried in (("grammar", "_grammar"), ("policies", "_policies")):
        here = {p.relative_to(ROOT / folder).as_posix() for p in (ROOT / folder).rglob("*") if p.is_file()}
        assert here
        assert {f"dra_policy/{carried}/{name}" for name in here} <= names
    code = {p.relative_to(ROOT).as_posix() for p in (ROOT / "dra_policy").rglob("*.py")}
    code |= {p.relative_to(ROOT / "adapters").as_posix() for p in (ROOT / "adapters").rglob("*.py")}
    library = {p.relative_to(ROOT).as_posix() for p in (ROOT / "dra_policy" / "std").rglob("*.dra")}
    assert code | library | {"dra_policy/py.typed"} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    tops = {name.split("/")[0] for name in names}
    packages = {"dra_policy", "dra_policy_kubernetes", "dra_policy_simulator"}
    assert tops == {*packages, f"dra_policy-{dra_policy.__version__}.dist-info"}
    assert [name for name in names if "/decisions/" in name or "__pycache__" in name] == []


def test_the_source_archive_can_be_tested(archive: Path) -> None:
    with tarfile.open(archive) as opened:
        names = {name.split("/", 1)[1] for name in opened.getnames() if "/" in name}
    assert {"README.md", "LICENSE", "pyproject.toml", "requirements/ci.txt", "tests/packaging/test_wheel.py"} <= names


def test_the_version_is_one(installed: Installed) -> None:
    assert installed.run("dra-policy", "--version").stdout == f"dra-policy {dra_policy.__version__}\n"
    done = installed.run("python", "-c", "from importlib.metadata import version; print(version('dra-policy'))")
    assert done.stdout.strip() == dra_policy.__version__


def test_all_packages_import_from_the_wheel(installed: Installed) -> None:
    program = """
import dra_policy, dra_policy_kubernetes, dra_policy_simulator
for package in (dra_policy, dra_policy_kubernetes, dra_policy_simulator):
    print(package.__file__)
for name in dra_policy.__all__:
    getattr(dra_policy, name)
"""
    done = installed.run("python", "-c", program)
    assert done.returncode == 0, done.stderr
    places = done.stdout.split()
    assert len(places) == 3
    assert all(Path(place).is_relative_to(installed.bin.parent) for place in places)


def test_dependencies_agree(installed: Installed) -> None:
    done = installed.run("python", "-m", "pip", "check", warnings="default")
    assert done.returncode == 0, done.stdout


def test_shipped_policies_are_checked(installed: Installed) -> None:
    names = [row["name"] for row in json.loads(installed.run("dra-policy", "policies", "-o", "json").stdout)]
    assert names
    done = installed.run("dra-policy", "check", *[f"shipped:{name}" for name in names])
    assert done.returncode == 0, done.stdout + done.stderr


def test_shipped_policies_allocate(installed: Installed) -> None:
    folder = installed.run("dra-policy", "policies", "--path", "ip-camera").stdout.strip()
    assert Path(folder).is_relative_to(installed.bin.parent)
    done = installed.run("python", "-m", "dra_policy", "allocate", folder, "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    answers = json.loads(done.stdout)["answers"]
    assert any(answer["outcome"] == "allocated" for answer in answers)
