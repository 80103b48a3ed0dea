"""Builds what Python cannot: the connector's jar (javac) and the CSV kernel (cargo).

Both land in the source tree, where an editable install finds them too, and are package data of the wheel. Nothing is
built again that is newer than its sources. Two builds of the same commit by the same tools have the same bytes.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
CONNECTOR = ROOT / "datasource" / "connector"
KERNEL = ROOT / "storlets" / "kernel"
JAR = ROOT / "spark_storlets" / "jars" / "spark-storlets.jar"
LIBRARY = ROOT / "storlets" / "libstorlets_csv_kernel.so"


def main() -> None:
    """Run setuptools with the two build steps added."""
    JAR.parent.mkdir(exist_ok=True)  # a package's folder must be there before anything is built
    os.environ.setdefault("SOURCE_DATE_EPOCH", str(source_date()))  # bdist_wheel knows it
    commands = {"build_py": BuildEverything, "bdist_wheel": PlatformWheel, "sdist": SameSdist}
    setup(distclass=BinaryDistribution, cmdclass=commands)


def source_date() -> int:
    """Give the time of the commit; in an unpacked source distribution that which its files have from there."""
    if (ROOT / ".git").exists():
        done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True)
        if done.returncode == 0:
            return int(done.stdout)
    return int((ROOT / "pyproject.toml").stat().st_mtime)


class BuildEverything(build_py):
    """build_py, with the jar and the kernel made first so that they are found as package data."""

    def run(self) -> None:
        """Build what is missing or older than its sources."""
        if outdated(JAR, [*CONNECTOR.rglob("*.java"), *CONNECTOR.glob("META-INF/**/*")]):
            build_connector()
        if outdated(LIBRARY, [*KERNEL.glob("src/**/*.rs"), KERNEL / "Cargo.toml", KERNEL / "Cargo.lock"]):
            build_kernel()
        super().run()


class BinaryDistribution(Distribution):
    """A distribution that is not the same on every platform: it holds the kernel's library."""

    def has_ext_modules(self) -> bool:
        """Say so to setuptools."""
        return True


class PlatformWheel(bdist_wheel):
    """A wheel for this platform and any Python: the library has a C ABI and is loaded with ctypes."""

    def get_tag(self) -> tuple[str, str, str]:
        """Keep the platform of the usual tag only."""
        return "py3", "none", super().get_tag()[2]


class SameSdist(sdist):
    """A source distribution that tells nothing of the machine: no times, users and permissions of its files there."""

    def make_archive(self, base_name: str, format: str, *, base_dir: str, **_: object) -> str:
        """Write the archive."""
        archive, date = f"{base_name}.tar.gz", int(os.environ["SOURCE_DATE_EPOCH"])

        def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            made = tarfile.TarInfo(entry.name)
            made.size, made.type, made.mtime = entry.size, entry.type, date
            made.mode = 0o755 if entry.mode & 0o100 else 0o644
            return made

        with gzip.GzipFile(archive, "wb", mtime=date) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
            for path in sorted(Path(base_dir).rglob("*")):
                tar.add(path, recursive=False, filter=plain)
        return archive


def outdated(target: Path, sources: Iterable[Path]) -> bool:
    """Tell whether target is missing or older than one of its sources."""
    return not target.exists() or target.stat().st_mtime < max(
        (s.stat().st_mtime for s in sources if s.is_file()), default=0
    )


def build_connector() -> None:
    """Compile the connector against the jars of the installed pyspark into JAR, reproducibly."""
    import pyspark

    jars = Path(pyspark.__file__).parent / "jars"
    with tempfile.TemporaryDirectory() as classes:
        sources = sorted(map(str, CONNECTOR.rglob("*.java")))
        # -processing: Spark's jars hold annotation processors that have nothing to do here.
        # -classfile, -path: some of these jars name annotations and jars that Spark does not ship.
        lint = "-Xlint:all,-processing,-classfile,-path"
        run(
            [
                tool("javac", "a JDK 17 (Debian: openjdk-17-jdk-headless)"),
                "--release",
                "17",
                lint,
                "-Werror",
                "-proc:none",
                "-cp",
                f"{jars}/*",
                "-d",
                classes,
                *sources,
            ]
        )
        half = JAR.with_suffix(".tmp")
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as jar:
            for base in (Path(classes), CONNECTOR):
                pattern = "**/*.class" if base != CONNECTOR else "META-INF/**/*"
                for file in sorted(p for p in base.glob(pattern) if p.is_file()):
                    entry = zipfile.ZipInfo(file.relative_to(base).as_posix(), (1980, 1, 1, 0, 0, 0))
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    jar.writestr(entry, file.read_bytes())
        half.replace(JAR)


def build_kernel() -> None:
    """Build the Rust crate into LIBRARY."""
    target = ROOT / "build" / "kernel"
    cargo = tool("cargo", "Rust (Debian: cargo)")
    run(
        [
            cargo,
            "build",
            "--release",
            "--locked",
            "--offline",
            "--manifest-path",
            str(KERNEL / "Cargo.toml"),
            "--target-dir",
            str(target),
        ]
    )
    half = LIBRARY.with_suffix(".tmp")
    shutil.copyfile(target / "release" / LIBRARY.name, half)
    half.replace(LIBRARY)


def tool(name: str, package: str) -> str:
    """Find a build tool on the PATH, or say what to install."""
    path = shutil.which(name)
    if path is None and name == "javac" and "JAVA_HOME" in os.environ:
        path = shutil.which(name, path=str(Path(os.environ["JAVA_HOME"]) / "bin"))
    if path is None:
        sys.exit(f"spark-storlets: {name} is needed to build from source and was not found: install {package}")
    return path


def run(command: list[str]) -> None:
    """Run a build command; its own messages say what went wrong."""
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode:
        sys.exit(f"spark-storlets: {Path(command[0]).name} failed with exit code {done.returncode}, see above")


main()
