"""Builds the image that the Docker gateway runs workers in; its recipe is in ``recipe/``."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docker.api.client import APIClient
from docker.errors import DockerException, ImageNotFound

from spark_storlets.errors import ConfigurationError

__all__ = ["DEBOOTSTRAP", "HUB_BASE", "IMAGE", "build", "is_current"]

IMAGE = "spark-storlets-sandbox:latest"
HUB_BASE = "python:3.11-slim-bookworm"
DEBOOTSTRAP = "debootstrap"  # in the place of a base's name: make one
OWN_BASE = "spark-storlets-base:bookworm"
RECIPE = Path(__file__).with_name("recipe")
LABEL = "spark-storlets-recipe"
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")


def build(url: str, base: str, image: str, say: Callable[[str], None] = lambda _: None) -> str:
    """Build the image and return its digest.

    Args:
        url: the Docker daemon's.
        base: an image with Python 3.11 and util-linux, or DEBOOTSTRAP.
        image: the name for it.
        say: told in a few words what is being done.

    Raises:
        ConfigurationError: the daemon, a program or the network is missing.
    """
    try:
        client = APIClient(url, version="auto", timeout=600)
        if base == DEBOOTSTRAP:
            base = OWN_BASE
            if not _has(client, base):
                say(f"making {base} with debootstrap")
                _bootstrap(client)
        with tempfile.TemporaryDirectory() as context:
            shutil.copy(RECIPE / "Dockerfile", context)
            say("fetching packages")
            _fetch_packages(Path(context))
            say(f"building {image} from {base}")
            options: dict[str, Any] = {"buildargs": {"BASE": base}, "rm": True, "decode": True}
            for event in client.build(context, tag=image, labels={LABEL: _recipe()}, **options):
                if "error" in event:
                    raise ConfigurationError(f"the image could not be built: {event['error'].strip()}")
        return str(client.inspect_image(image)["Id"])
    except DockerException as error:
        raise ConfigurationError(
            f"the Docker daemon at {url} cannot be used: {error}. Install docker.io and start it."
        ) from error


def is_current(url: str, image: str) -> bool:
    """Say whether the image is there and was built from the recipe as it is now.

    Raises:
        DockerException: the daemon cannot be used.
    """
    try:
        labels = APIClient(url, version="auto").inspect_image(image)["Config"]["Labels"]
    except ImageNotFound:
        return False
    return bool((labels or {}).get(LABEL) == _recipe())


def _recipe() -> str:
    """Return a name for the recipe as it is now."""
    files = sorted(file for file in RECIPE.iterdir() if file.is_file())
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _has(client: APIClient, image: str) -> bool:
    try:
        client.inspect_image(image)
    except ImageNotFound:
        return False
    return True


def _bootstrap(client: APIClient) -> None:
    name, _, tag = OWN_BASE.partition(":")
    with tempfile.NamedTemporaryFile() as archive:
        try:
            subprocess.run(
                ["sh", RECIPE / "debootstrap.sh"], stdout=archive, stderr=subprocess.PIPE, text=True, check=True
            )
        except subprocess.CalledProcessError as error:
            raise ConfigurationError(
                f"debootstrap, which needs root, the Debian package and a mirror, failed: {error.stderr.strip()[-500:]}"
            ) from error
        client.import_image_from_file(archive.name, repository=name, tag=tag)


def _fetch_packages(context: Path) -> None:
    """Put the packages of requirements.txt into the context, whatever Python runs this."""
    requirements = RECIPE / "requirements.txt"
    pure = [line for line in requirements.read_text().splitlines() if line.startswith("storlets==")]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    for command in (
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(context / "wheels"), *pure],
        [*pip, "install", "--no-deps", "--no-compile", "--target", str(context / "packages")]
        + ["--find-links", str(context / "wheels"), "--requirement", str(requirements), "--only-binary=:all:"]
        + ["--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none"]
        + [f"--platform={name}_{platform.machine()}" for name in PLATFORMS],
    ):
        made = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if made.returncode:
            raise ConfigurationError(f"pip could not fetch the image's packages: {made.stderr.strip()[-500:]}")
    shutil.rmtree(context / "wheels")
