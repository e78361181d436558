"""What the Dockerfile builds and runs."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from server.config import Settings
from tests.deploy.conftest import Container, get, run
from tests.deploy.image import ROOT, Image, finished, read_stages

STAGES = read_stages((ROOT / "Dockerfile").read_text())
FINAL = STAGES[-1]
INSTALLERS = {"pip", "setuptools", "wheel"}


def say(image: Image, *words: str) -> subprocess.CompletedProcess[str]:
    return finished(image.command(*words), env=image.environment({}), cwd=image.data)


def test_base_images_are_pinned_and_named_plainly() -> None:
    names = {stage.base for stage in STAGES} - {stage.name for stage in STAGES}
    assert all(re.fullmatch(r"[a-z]+:[\w.-]*\d[\w.-]*", name) for name in names), names


def test_what_is_copied_is_there() -> None:
    sources = [
        source
        for stage in STAGES
        for one in stage.all("COPY")
        if not one.words[0].startswith("--from")
        for source in one.words[:-1]
    ]
    assert sources
    assert not [source for source in sources if not (ROOT / source).exists()]


def test_the_wheel_has_every_package_that_it_names() -> None:
    copied = {one.words[0] for stage in STAGES for one in stage.all("COPY")}
    packages = re.search(r"^packages = \[(.+)\]$", (ROOT / "pyproject.toml").read_text(), re.M)
    assert packages is not None
    assert set(re.findall(r'"(\w+)"', packages[1])) <= copied


def test_the_ports_that_are_exposed_are_those_of_the_settings() -> None:
    fields = Settings.model_fields
    ports = {fields[name].default for name in ("http_port", "rtmp_port", "webrtc_port")}
    assert {int(word.partition("/")[0]) for word in FINAL.last("EXPOSE").words} == ports
    assert f"{fields['webrtc_port'].default}/udp" in FINAL.last("EXPOSE").words


def test_the_image_does_not_run_as_root() -> None:
    assert FINAL.last("USER").rest not in ("root", "0")


def test_the_locked_packages_are_those_that_it_is_tried_with() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    wanted = [Requirement(line.removesuffix(" \\")) for line in lines if "==" in line]
    assert wanted

    def is_there(one: Requirement) -> bool:
        try:
            return one.specifier.contains(version(one.name))
        except PackageNotFoundError:
            return False

    needed = [one for one in wanted if one.name not in INSTALLERS]
    due = [one for one in needed if one.marker is None or one.marker.evaluate()]
    assert not [str(one) for one in due if not is_there(one)]


def test_the_program_says_what_it_can(image: Image) -> None:
    said = say(image, "--help")
    assert said.returncode == 0, said.stderr
    assert "socialflow COMMAND" in said.stdout


def test_the_program_is_the_wheels(image: Image, tmp_path: Path) -> None:
    program = Path(image.command()[0])
    code = "import server, migrations; print(server.__file__); print(migrations.__file__)"
    asked = [str(program.with_name("python")), "-c", code]
    places = finished(asked, env=image.environment({}), cwd=tmp_path)
    assert places.returncode == 0, places.stderr
    assert all(place.startswith(str(program.parent.parent)) for place in places.stdout.split()), places.stdout


def test_an_unknown_setting_ends_the_container_with_its_name(image: Image) -> None:
    env = image.environment({"SOCIALFLOW_HTTP_PROT": "1"})
    said = finished(image.command(), env=env, cwd=image.data)
    assert said.returncode == 2
    assert "SOCIALFLOW_HTTP_PROT" in said.stderr


def test_a_ready_container_serves_the_page_that_was_built(container: Container) -> None:
    status, page = get(f"{container.url}/")
    assert status == 200
    scripts = re.findall(r'src="(/assets/[^"]+\.js)"', page)
    assert scripts
    assert all(get(container.url + script)[0] == 200 for script in scripts)


def test_the_health_check_finds_a_running_container_healthy(container: Container) -> None:
    assert container.is_healthy()


def test_the_doctor_finds_nothing_to_mend_in_a_running_container(container: Container) -> None:
    done = finished(container.image.command("doctor"), env=container.env, cwd=container.image.data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stopped_container_ends_with_zero_and_is_unhealthy(image: Image, tmp_path: Path) -> None:
    container = run(image, tmp_path)
    container.wait_until_ready()
    assert container.stop() == 0, container.log.read_text()
    assert not container.is_healthy()
