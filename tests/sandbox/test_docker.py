"""What only the Docker sandbox has: the container's own settings, an image for a tenant, a daemon that may be away."""

import ast
import contextlib
import os
import signal
import tempfile
from pathlib import Path

import pytest
from sandbox_harness import Server, in_server, until

SCRIPT = """
    import os, time
    class S:
        def __init__(self, logger): pass
        def __call__(self, inputs, outputs, params):
            outputs[0].set_metadata({})
            outputs[0].write(str(eval(params["code"])).encode())
"""


def server_with(tmp_path, docker, account="AUTH_test", **conf):
    from sandbox_harness import SANDBOX

    SANDBOX.update(gateway="docker", conf={"docker_url": docker})
    server = Server(tmp_path, account, **conf)
    server.upload("script.py", SCRIPT)
    server.run = lambda code: server.answer("script.py", params={"code": code}).decode()
    return server


def containers(docker, everything=False):
    """The containers of this process, or those of all servers of ours."""
    from docker.api.client import APIClient
    from docker.errors import APIError
    from spark_storlets.sandbox.status import process_name

    client = APIClient(docker, version="auto")
    label = "spark-storlets" if everything else f"spark-storlets={process_name(os.getpid())}"
    found = []
    for container in client.containers(filters={"label": label}):
        with contextlib.suppress(APIError):  # it has just been removed
            found.append(client.inspect_container(container["Id"]))
    return found


@in_server
def test_settings_of_a_container(tmp_path, docker):
    conf = {"worker_memory_limit": 300 << 20, "worker_pids_limit": 50, "worker_cpus": 0.5, "sandbox_uid": 54321}
    assert server_with(tmp_path, docker, **conf).run("1 + 1") == "2"
    for found in containers(docker):  # the worker's, and perhaps the spare one
        check_settings(found)


def check_settings(found):
    host = found["HostConfig"]
    assert found["Config"]["User"] == "54321:54321"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges"]  # and so Docker's own seccomp filter
    assert not host["Privileged"]
    assert host["NetworkMode"] == "none"
    assert host["IpcMode"] == "none"
    assert host["PidMode"] == ""
    assert (host["Memory"], host["MemorySwap"]) == (300 << 20, 300 << 20)  # memory and swap together: no swap
    assert (host["PidsLimit"], host["NanoCpus"]) == (50, 500_000_000)
    assert list(host["Tmpfs"]) == ["/tmp"]
    assert sorted((mount["Destination"], mount["RW"]) for mount in found["Mounts"]) == [
        ("/run/worker.py", False),
        ("/run/worker.sock", False),
        ("/var/lib/storlets", False),
    ]


@in_server
def test_an_image_for_one_tenant(tmp_path, docker):
    from docker.api.client import APIClient

    digest = APIClient(docker, version="auto").inspect_image("spark-storlets-sandbox:latest")["Id"]
    conf = {"docker_image": "nothing:here", "docker_images": f"AUTH_rich={digest}, AUTH_other=sha256:{'0' * 64}"}
    assert server_with(tmp_path, docker, "AUTH_rich", **conf).run("1 + 1") == "2"
    assert {found["Image"] for found in containers(docker)} == {digest}
    for account in ("AUTH_poor", "AUTH_other"):
        server = server_with(tmp_path, docker, account, **conf)
        assert "No such image" in server.failure("script.py", params={"code": "1"})
        assert server.failed_as == "unready"


@in_server
def test_images_that_are_not_pairs(tmp_path):
    with pytest.raises(ValueError, match="ACCOUNT=IMAGE is expected, with commas between them; see 'AUTH_b'"):
        server_with(tmp_path, "", docker_images="AUTH_a=x, AUTH_b").gateway()


@in_server
def test_without_a_daemon(tmp_path):
    server = server_with(tmp_path, f"unix://{tmp_path}/nothing", pool_size=1)
    for _ in range(2):  # the place is free again
        assert "its container could not be started" in server.failure("script.py", params={"code": "1"})
        assert server.failed_as == "unready"


@in_server
def test_an_image_without_python(tmp_path, docker):
    from docker.api.client import APIClient

    # Nothing in it but a directory.
    with tempfile.TemporaryFile() as archive:
        import tarfile

        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("tmp"))
        archive.seek(0)
        APIClient(docker, version="auto").import_image_from_data(archive.read(), "spark-storlets-empty", "test")
    server = server_with(tmp_path, docker, docker_image="spark-storlets-empty:test")
    assert "its container could not be started" in server.failure("script.py", params={"code": "1"})
    until(lambda: not containers(docker))


@in_server
def test_containers_of_a_killed_server_are_removed(tmp_path, docker):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        endless = "[outputs[0].write(bytes(100_000)), outputs[0].flush(), time.sleep(1000)]"
        call = server_with(tmp_path, docker).call("script.py", params={"code": endless})
        os.write(writer, b"1")
        signal.pause()
        os._exit(call is None)
    assert os.read(reader, 10) == b"1"
    from spark_storlets.sandbox.status import process_name

    before = {found["Id"] for found in containers(docker, everything=True)}
    assert before
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert server_with(tmp_path, docker, "AUTH_next").run("1") == "1"
    until(lambda: not before & {found["Id"] for found in containers(docker, everything=True)})
    (left,) = (Path(tmp_path) / "host/containers").iterdir()
    assert left.name == process_name(os.getpid())


def directory_of(container):
    """Where its storlet's files are on the host."""
    (found,) = (mount["Source"] for mount in container["Mounts"] if mount["Destination"] == "/var/lib/storlets")
    return Path(found)


def spares(docker):
    """The containers of this process that have not been given any files."""
    return [
        found for found in containers(docker) if directory_of(found).is_dir() and not os.listdir(directory_of(found))
    ]


SEEN = "[os.uname().nodename, os.listdir('/var/lib/storlets'), os.listdir('/tmp')]"


@in_server
def test_a_spare_container_becomes_the_next_worker_and_never_another_one(tmp_path, docker):
    used = [ast.literal_eval(server_with(tmp_path, docker, "AUTH_first").run(SEEN))[0]]
    for account in ("AUTH_second", "AUTH_third"):
        (spare,) = until(lambda: spares(docker))
        host, files, tmp = ast.literal_eval(server_with(tmp_path, docker, account).run(SEEN))
        assert spare["Id"].startswith(host)
        assert host not in used
        assert (files, tmp) == (["script.S"], [])
        used.append(host)
    first = server_with(tmp_path, docker, "AUTH_first")
    assert ast.literal_eval(first.run(SEEN))[0] == used[0]  # warm
    first.upload("script.py", SCRIPT, "2.0")
    assert ast.literal_eval(first.run(SEEN))[0] not in used  # another version is another worker


@in_server
def test_calls_at_once_share_no_spare_container(tmp_path, docker):
    import eventlet

    server_with(tmp_path, docker).run("1")
    servers = [server_with(tmp_path, docker, f"AUTH_{number}") for number in range(4)]  # while the spare one starts
    answers = [greenlet.wait() for greenlet in [eventlet.spawn(server.run, SEEN) for server in servers]]
    assert len({ast.literal_eval(answer)[0] for answer in answers}) == 4


@in_server
def test_a_spare_container_that_has_died_is_replaced(tmp_path, docker):
    from docker.api.client import APIClient

    server_with(tmp_path, docker, "AUTH_first").run("1")
    (spare,) = until(lambda: spares(docker))
    APIClient(docker, version="auto").kill(spare["Id"])
    until(lambda: not spares(docker))
    assert server_with(tmp_path, docker, "AUTH_second").run("1") == "1"
    (other,) = until(lambda: spares(docker))
    assert other["Id"] != spare["Id"]
    until(lambda: not directory_of(spare).exists())


@in_server
def test_a_spare_container_is_ended_when_idle(tmp_path, docker):
    server = server_with(tmp_path, docker, worker_idle_ttl=0.5)
    assert server.run("1") == "1"
    until(lambda: spares(docker))
    until(lambda: not containers(docker))
    until(lambda: not list((Path(tmp_path) / "host/containers").glob("*/*")))
    assert server.run("1") == "1"


@in_server
def test_containers_that_cannot_be_started_for_a_while(tmp_path, docker):
    from spark_storlets.sandbox import docker as gateway

    server = server_with(tmp_path, docker, worker_reuse="no")
    create, gateway._create = gateway._create, unable
    assert "no room" in server.failure("script.py", params={"code": "1"})
    gateway._create = create
    assert server.run("1") == "1"
    until(lambda: spares(docker))
    gateway._create = unable
    assert server.run("1") == "1"  # the spare one's; there will be no other
    until(lambda: any("no spare container" in line for line in server.logged))
    gateway._create = create
    assert server.run("1") == "1"


def unable(*_):
    raise OSError("no room")


@in_server
def test_a_server_that_is_not_root(docker):
    path = docker.removeprefix("unix://")
    if not docker.startswith("unix://"):
        pytest.skip("the daemon has no socket here")
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        os.chown(root, 12345, 12345)
        child = os.fork()
        if child == 0:
            import spark_storlets.sandbox.docker  # noqa: F401

            os.setgroups([os.stat(path).st_gid])
            os.setresgid(12345, 12345, 12345)
            os.setresuid(12345, 12345, 12345)
            good = server_with(root, docker).run("os.getuid()") == "65534"
            os._exit(0 if good else 1)
        assert os.waitpid(child, 0)[1] == 0
