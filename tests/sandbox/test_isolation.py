"""What a storlet can see and do in the bubblewrap sandbox: each promise is a test that tries to break it."""

import os
import socket
import sys
from pathlib import Path

import pytest
from sandbox_harness import SANDBOX, Server, in_each_sandbox, in_server

# Runs the parameter as code and answers with the value of its last name, "result".
PROBE = """
    import ctypes, errno, json, os, socket, subprocess, sys
    from pathlib import Path
    libc = ctypes.CDLL(None, use_errno=True)
    def denied(action, *arguments):
        try:
            action(*arguments)
        except OSError as error:
            return errno.errorcode[error.errno]
        return "allowed"
    class S:
        def __init__(self, logger): pass
        def __call__(self, inputs, outputs, params):
            names = dict(globals(), source=inputs[0], path=params["storlet_execution_path"])
            exec(params["code"], names)
            outputs[0].set_metadata({})
            outputs[0].write(json.dumps(names["result"]).encode())
"""

# Where the repository itself lies below /tmp, the way to its Python is seen there.
PYTHON_IN_TMP = {Path(sys.prefix).parts[2]} if Path(sys.prefix).is_relative_to("/tmp") else set()


def probe(tmp_path, code, data=b"the object", **conf):
    import json

    server = Server(tmp_path, **conf)
    server.upload("probe.py", PROBE)
    return json.loads(server.answer("probe.py", data, params={"code": code}))


@in_each_sandbox
def test_runs_in_the_sandbox_that_is_tested(tmp_path):
    in_docker = probe(tmp_path, "result = os.path.exists('/.dockerenv')")
    assert in_docker == (SANDBOX["gateway"] == "docker")


@in_each_sandbox
def test_runs_under_another_user(tmp_path):
    result = probe(
        tmp_path, "result = [os.getresuid(), os.getresgid(), set(os.getgroups()) <= {54321}]", sandbox_uid=54321
    )
    assert result == [[54321] * 3, [54321] * 3, True]
    # In the name space of the host's users, where 54321 is nobody's name for root.
    here = str(Path("/proc/self/ns/user").readlink())
    assert probe(tmp_path, "result = os.readlink('/proc/self/ns/user')", sandbox_uid=54321) == here


@in_each_sandbox
def test_has_no_capability_and_gets_none(tmp_path):
    status = probe(tmp_path, "result = dict(l.split(':\t') for l in open('/proc/self/status').read().splitlines())")
    zero = "0" * 16
    assert [status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == [zero] * 5
    assert status["NoNewPrivs"] == "1"
    assert probe(tmp_path, "result = denied(os.setuid, 0)") == "EPERM"
    assert "ALL: allowed" not in probe(tmp_path, "result = subprocess.getoutput('su -c \"echo ALL: allowed\" root')")


@in_each_sandbox
def test_cannot_write_the_object(tmp_path):
    body = b"the stored object"
    code = """
fd = source.fileno()
result = [denied(os.open, f"/proc/self/fd/{fd}", flags) for flags in (os.O_RDWR, os.O_WRONLY, os.O_RDWR | os.O_TRUNC)]
result += [denied(os.write, fd, b"x"), denied(os.ftruncate, fd, 0)]
result += [denied(os.fchmod, fd, 0o666), denied(os.fchown, fd, 65534, 65534)]
"""
    assert probe(tmp_path, code, body) == ["EACCES", "EACCES", "EACCES", "EBADF", "EINVAL", "EPERM", "EPERM"]
    assert (Path(tmp_path) / "object.data").read_bytes() == body


@in_each_sandbox
def test_cannot_write_the_object_as_root_of_its_own_user_name_space(tmp_path):
    code = """
fd = source.fileno()
child = os.fork()
if child == 0:
    libc.unshare(0x10000000)
    os._exit(denied(os.open, f"/proc/self/fd/{fd}", os.O_RDWR) != "EACCES")
result = os.waitpid(child, 0)[1]
"""
    assert probe(tmp_path, code) == 0


@in_each_sandbox
def test_has_no_network(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(b"\0spark-storlets-test-%d" % os.getpid())
        unix.listen()
        code = f"""
result = [[name for _, name in socket.if_nameindex()],
          denied(socket.create_connection, ("127.0.0.1", {tcp.getsockname()[1]}), 5),
          denied(socket.create_connection, ("192.0.2.1", 80), 5),
          denied(socket.socket(socket.AF_UNIX).connect, {unix.getsockname()!r})]
"""
        assert probe(tmp_path, code) == [["lo"], "ECONNREFUSED", "ENETUNREACH", "ECONNREFUSED"]


@in_each_sandbox
def test_sees_nothing_of_the_host(tmp_path):
    secret = Path(tmp_path) / "swift.conf"
    secret.write_text("swift_hash_path_suffix = secret")
    secret.chmod(0o644)
    code = f"""
result = [*map(os.listdir, ["/", "/etc", "/var/lib/storlets", "/tmp"]),
          denied(open, {str(secret)!r}), denied(open, "/proc/1/environ"), denied(os.listdir, "/proc/1/root")]
"""
    top, etc, storlets, tmp, *denials = probe(tmp_path, code)
    expected = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "tmp", "usr", "var"}
    expected |= {Path(prefix).parts[1] for prefix in (sys.prefix, sys.base_prefix)}
    if SANDBOX["gateway"] == "bubblewrap":  # Docker shows the image, which has nothing of this machine
        assert set(top) <= expected
        assert set(etc) <= {"ld.so.cache", "alternatives"}
    assert storlets == ["probe.S"]
    assert set(tmp) == (PYTHON_IN_TMP if SANDBOX["gateway"] == "bubblewrap" else set())
    # What Docker's first process shows is the sandbox's own.
    assert denials == ["ENOENT", *(["EACCES"] * 2 if SANDBOX["gateway"] == "bubblewrap" else ["allowed"] * 2)]


@in_each_sandbox
def test_sees_of_the_python_installation_nothing_but_itself(tmp_path):
    code = """
above = [directory for prefix in (sys.prefix, sys.base_prefix) for directory in list(Path(prefix).parents)[:-1]]
result = [[str(directory), os.listdir(directory)] for directory in above]
"""
    roots = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    for directory, names in probe(tmp_path, code):
        if not directory.startswith("/usr"):
            for name in names:
                inner = Path(directory) / name
                assert any(inner == root or inner in root.parents for root in roots), inner


@in_each_sandbox
def test_cannot_write_anywhere_but_tmp(tmp_path):
    code = """
places = ["/", "/etc", "/run", "/usr", "/dev", "/dev/shm", "/proc", "/var/lib/storlets", path]
places += [sys.prefix, sys.base_prefix]
result = {place: denied(open, place + "/x", "w") for place in places}
result[path + "/probe.py"] = denied(open, path + "/probe.py", "a")
result["/run/worker.py"] = denied(open, "/run/worker.py", "a")
result["/tmp"] = denied(open, "/tmp/x", "w")
"""
    result = probe(tmp_path, code)
    assert result.pop("/tmp") == "allowed"
    assert set(result.values()) <= {"EROFS", "EACCES", "ENOENT"}, result


@in_each_sandbox
def test_tmp_is_its_own_and_bounded(tmp_path):
    code = """
def fill(name):
    with open("/tmp/" + name, "wb", buffering=0) as file:
        for _ in range(100): file.write(bytes(1 << 20))
result = [denied(fill, "a"), denied(fill, "b"), sum(file.stat().st_size for file in Path("/tmp").iterdir() if file.is_file())]
"""
    *reasons, size = probe(tmp_path, code)
    assert set(reasons) <= {"EFBIG", "ENOSPC"}
    assert size <= 64 << 20


@in_each_sandbox
def test_sees_and_signals_no_other_process(tmp_path):
    code = f"""
pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
libc.ptrace.argtypes = [ctypes.c_long] * 4
def attach(pid):
    if libc.ptrace(16, pid, 0, 0): raise OSError(ctypes.get_errno(), "ptrace")
result = [pids, os.getpid(), [denied(os.kill, pid, 9) for pid in (1, -1, {os.getpid()})], denied(attach, {os.getpid()})]
"""
    pids, own, (first, _, outside), ptrace = probe(tmp_path, code)
    assert pids == sorted({1, own})
    assert outside == "ESRCH"
    assert ptrace in ("ESRCH", "EPERM")  # bubblewrap's filter knows no ptrace at all
    # Docker's first process is the same user's, but the kernel lets nobody in a sandbox kill its first process.
    assert first == ("EPERM" if SANDBOX["gateway"] == "bubblewrap" else "allowed")


@in_each_sandbox
def test_inherits_nothing(tmp_path):
    os.environ["SECRET"] = "secret"
    leak = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(leak, True)
    code = """
descriptors = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
result = [sorted(os.environ), [os.readlink(fd) for fd in descriptors if os.path.islink(fd)]]
"""
    environment, descriptors = probe(tmp_path, code)
    assert set(environment) <= {"PATH", "LANG", "PWD", "LC_CTYPE", "HOME", "HOSTNAME"}
    kinds = sorted(name.split(":")[0] if ":" in name else Path(name).name for name in descriptors)
    # null, twice its log and once more as the storlet's logger, the socket, the output, the metadata, the object
    assert [kind for kind in kinds if kind != "fd"] == [
        "null", "object.data", "pipe", "pipe", "socket", "worker.log", "worker.log", "worker.log",
    ]  # fmt: skip


@in_each_sandbox
def test_has_name_spaces_of_its_own(tmp_path):
    kinds = [f"/proc/self/ns/{kind}" for kind in ("pid", "net", "ipc", "uts", "mnt")]
    assert not set(probe(tmp_path, f"result = [os.readlink(kind) for kind in {kinds}]")) & set(map(os.readlink, kinds))


@in_each_sandbox
def test_memory_is_limited(tmp_path):
    from storlets.gateway.common.exceptions import StorletRuntimeException

    with pytest.raises(StorletRuntimeException, match="MemoryError"):
        probe(tmp_path, "result = len(bytearray(600 << 20))", worker_memory_limit=512 << 20)
    assert probe(tmp_path, "result = len(bytearray(100 << 20))", worker_memory_limit=512 << 20) == 100 << 20


@in_each_sandbox
def test_limits(tmp_path):
    code = "import resource as r; result = [r.getrlimit(l) for l in (r.RLIMIT_CORE, r.RLIMIT_NOFILE, r.RLIMIT_NPROC)]"
    core, files, processes = probe(tmp_path, code)
    assert (core, files) == ([0, 0], [256, 256])
    assert processes != [4096, 4096]  # a user's, whom all sandboxes share


@in_server
def test_processes_are_limited_without_control_groups(tmp_path):
    code = "import resource; result = resource.getrlimit(resource.RLIMIT_NPROC)"
    assert probe(tmp_path, code, control_groups="no") == [4096, 4096]


@in_each_sandbox
def test_workers_of_two_storlets_share_nothing(tmp_path):
    server = Server(tmp_path)
    server.upload("probe.py", PROBE)
    server.upload("other.py", PROBE)
    code = "result = [sorted(name for name in os.listdir('/tmp') if not os.path.isdir('/tmp/' + name)), os.listdir('/var/lib/storlets')]; open('/tmp/' + str(len(path)), 'w')"
    assert server.answer("probe.py", params={"code": code}) == b'[[], ["probe.S"]]'
    assert server.answer("other.py", params={"code": code}) == b'[[], ["other.S"]]'


@in_each_sandbox
def test_pyarrow_runs(tmp_path):
    code = "import pyarrow as pa, pyarrow.compute as pc; result = pc.sum(pa.array(range(1000))).as_py()"
    assert probe(tmp_path, code) == 499500
