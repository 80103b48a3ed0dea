"""What a hostile storlet tries against the node and its neighbours; ``test_isolation`` has what it can see and touch.

Each attack runs under a user id of its own, so that what it has started can be found from outside.
"""

import contextlib
import json
import os
from pathlib import Path

from sandbox_harness import SANDBOX, Server, broken, in_each_sandbox, in_server, until

HOSTILE = """
    import ctypes, json, mmap, os, signal, subprocess, sys, time
    from pathlib import Path
    class S:
        def __init__(self, logger): pass
        def __call__(self, inputs, outputs, params):
            names = dict(globals(), source=inputs[0], out=outputs[0], result=None, files=params["storlet_execution_path"])
            exec(params["code"], names)
            if names["result"] is not None:
                outputs[0].set_metadata({})
                outputs[0].write(json.dumps(names["result"]).encode())
"""
UID = 41_000_000 + os.getpid()  # nobody else's


def hostile(tmp_path, account="AUTH_test", **conf):
    server = Server(tmp_path, account, **{"sandbox_uid": UID, "pool_size": 1, **conf})
    server.upload("hostile.py", HOSTILE)
    server.run = lambda code, *data: json.loads(server.answer("hostile.py", *data, params={"code": code}))
    server.body = lambda code: server.call("hostile.py", params={"code": code}).data_iter
    server.fails = lambda code: server.failure("hostile.py", params={"code": code})
    return server


def running():
    """The processes of the attack's user, as this machine numbers them, but for those of a spare container."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            lines = dict(line.split(":\t") for line in status.read_text().splitlines())
            if lines["Uid"].split()[0] == str(UID) and not lines["State"].startswith("Z"):
                found |= (
                    {int(status.parent.name)} if list((status.parent / "root/var/lib/storlets").iterdir()) else set()
                )
    return found


def works(server):
    """Say that the next call is answered, and that it is alone then."""
    assert server.run("result = sorted(os.listdir('/tmp'))") is not None
    until(lambda: len(running()) <= 2)  # the worker, and Docker's own first process


def watched():
    """A list to which the number of the attack's processes is added again and again."""
    import eventlet

    seen = []

    def watch():
        while True:
            seen.append(len(running()))
            eventlet.sleep(0.05)

    eventlet.spawn_n(watch)
    return seen


@in_each_sandbox
def test_fork_bomb(tmp_path):
    server = hostile(tmp_path, worker_pids_limit=40, storlet_timeout=2)
    most = watched()
    code = """
result = 0
try:
    while True:
        if os.fork() == 0:
            while True: time.sleep(1000)
        result += 1
except OSError as error:
    assert error.errno == 11
"""
    assert server.fails(code).startswith("it gave no output for 2 s")  # its children hold the pipes
    assert 20 < max(most) <= 40
    works(server)


@in_each_sandbox
def test_fork_bomb_that_goes_on(tmp_path):
    server = hostile(tmp_path, worker_pids_limit=40, storlet_timeout=1, worker_cpus=0.5)
    code = """
while True:
    try: os.fork()
    except OSError: pass
"""
    assert server.fails(code).startswith("it gave no output for 1 s")
    works(server)


@in_each_sandbox
def test_threads_count_as_processes(tmp_path):
    server = hostile(tmp_path, worker_pids_limit=40)
    code = """
import threading
result = 0
try:
    for _ in range(1000):
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        result += 1
except RuntimeError: pass
os._exit(result >= 40)
"""
    server.fails(code)
    assert server.failed_as == "died"
    works(server)


@in_each_sandbox
def test_memory_bomb(tmp_path):
    server = hostile(tmp_path, worker_memory_limit=256 << 20)
    assert server.fails("bytearray(1 << 40)").startswith("MemoryError")
    assert server.fails("found = []\nwhile True: found.append(bytearray(1 << 20))").startswith("MemoryError")
    works(server)


@in_each_sandbox
def test_memory_bomb_of_many_processes(tmp_path):
    server = hostile(tmp_path, worker_memory_limit=256 << 20, storlet_timeout=20)
    code = """
def child():
    for fd in range(3, 256):
        try: os.close(fd)
        except OSError: pass
    found = b"x" * (100 << 20)
    time.sleep(1000)
children = []
for _ in range(6):
    children.append(os.fork())
    if children[-1] == 0: child()
result = os.WTERMSIG(os.wait()[1])
"""
    with contextlib.suppress(Exception):  # the kernel chooses whom it kills; it may be the worker
        assert server.run(code) == 9
        server.failed_as = "died"
    assert server.failed_as == "died"
    works(server)


@in_each_sandbox
def test_memory_in_tmp_counts(tmp_path):
    server = hostile(tmp_path, worker_memory_limit=48 << 20, storlet_timeout=20)
    code = """
for n in range(2):
    with open(f"/tmp/{n}", "wb", buffering=0) as file:
        for _ in range(31): file.write(bytes(1 << 20))
"""
    with contextlib.suppress(AssertionError):
        server.fails(code)
    assert server.failed_as == "died", server.logged
    assert "more than its memory" in server.logged[-1]
    works(server)


@in_each_sandbox
def test_processors_are_limited(tmp_path):
    server = hostile(tmp_path, worker_cpus=0.1, storlet_timeout=20)
    body = server.body("out.set_metadata({}); out.write(bytes(100_000)); out.flush()\nwhile True: pass")
    next(body)
    pid = until(lambda: {pid for pid in running() if "worker.py" in Path(f"/proc/{pid}/cmdline").read_text()}).pop()

    from spark_storlets.sandbox.cgroups import Cgroup

    group = Cgroup.of(pid)
    until(lambda: throttled(group) > 5)
    body.close()
    works(server)


def throttled(group):
    """How often the kernel has made the group wait for its next share."""
    return int((group._of["cpu"] / "cpu.stat").read_text().split("nr_throttled ")[1].split()[0])


@in_each_sandbox
def test_filling_tmp_does_not_outlast_the_worker(tmp_path):
    server = hostile(tmp_path, worker_reuse="no")
    code = """
result = sorted(os.listdir("/tmp"))
try:
    with open("/tmp/full", "wb", buffering=0) as file:
        while True: file.write(bytes(1 << 20))
except OSError: pass
"""
    assert "full" not in server.run(code)
    assert "full" not in server.run(code)


@in_each_sandbox
def test_disk_reserved_behind_the_log(tmp_path):
    server = hostile(tmp_path)
    reserve = """
libc = ctypes.CDLL(None)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
result = libc.fallocate(1, 1, 0, 16 << 20)  # FALLOC_FL_KEEP_SIZE
"""
    log = server.root / "host/logs/scopes/AUTH_test/hostile.S/worker.log"
    assert server.run(reserve) == (-1 if SANDBOX["gateway"] == "bubblewrap" else 0)
    assert log.stat().st_blocks * 512 <= 1 << 20
    server.fails(reserve + "os._exit(0)")
    works(server)
    for file in log.parent.iterdir():
        assert file.stat().st_blocks * 512 <= 1 << 20


@in_each_sandbox
def test_endless_output(tmp_path):
    server = hostile(tmp_path, storlet_max_time=1)
    got, reason = broken(server.body("out.set_metadata({})\nwhile True: out.write(bytes(1_000_000))"))
    assert reason == "it ran for more than 1 s (storlet_max_time)"
    assert got
    works(server)


@in_each_sandbox
def test_endless_metadata(tmp_path):
    server = hostile(tmp_path)
    assert "bytes of metadata" in server.fails("while True: os.write(out.md_file.fileno(), bytes(100_000))")
    works(server)


@in_each_sandbox
def test_endless_run(tmp_path):
    server = hostile(tmp_path, storlet_timeout=0.5)
    assert server.fails("while True: pass").startswith("it gave no output for 0.5 s")
    assert server.failed_as == "timeout"
    works(server)


@in_each_sandbox
def test_a_process_left_behind_is_ended_before_the_next_call(tmp_path):
    server = hostile(tmp_path)
    leave = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(256):
            try: os.close(fd)
            except OSError: pass
        time.sleep(1000)
    os._exit(0)
os.wait()
Path("/tmp/left").touch()
result = True
"""
    assert server.run(leave)
    assert "left" not in server.run("result = os.listdir('/tmp')")  # a new worker's
    works(server)


@in_each_sandbox
def test_killing_all_it_can_ends_only_its_own_call(tmp_path):
    victim = hostile(tmp_path, "AUTH_victim")
    slow = victim.body("out.set_metadata({}); out.write(bytes(100_000)); out.flush(); source.read()")
    server = hostile(tmp_path)
    code = """
for pid in [-1, 1, os.getppid(), *range(2, 5000), os.getpid()]:
    try: os.kill(pid, signal.SIGKILL)
    except OSError: pass
"""
    server.fails(code)
    assert server.failed_as == "died"
    assert len(b"".join(slow)) == 100_000
    server.run("result = 1")


@in_each_sandbox
def test_sees_nothing_of_another_tenant(tmp_path):
    victim = hostile(tmp_path, "AUTH_victim")
    victim.files["secret.txt"] = b"secret"
    victim.upload("hostile.py", HOSTILE, "2.0", ["secret.txt"])
    slow = victim.body(
        "Path('/tmp/secret').touch(); out.set_metadata({}); out.write(bytes(100_000)); out.flush(); source.read()"
    )
    code = """
def listed(directory):
    try: return os.listdir(directory)
    except OSError: return []
result = {
    "pids": [int(name) for name in os.listdir("/proc") if name.isdigit()],
    "tmp": listed("/tmp"),
    "storlets": [str(path) for path in Path("/var/lib/storlets").rglob("*")],
    "sockets": Path("/proc/net/unix").read_text().count("\\n") - 1,
}
"""
    server = hostile(tmp_path)
    found = server.run(code)
    assert set(found["pids"]) <= {1, 2, 3, 4, 5, 6, 7, 8, 9}
    assert "secret" not in found["tmp"]
    assert found["storlets"] == ["/var/lib/storlets/hostile.S", "/var/lib/storlets/hostile.S/hostile.py"]
    assert found["sockets"] <= 2  # its own
    # What it could reach by the host's paths, if it saw them.
    paths = [str(victim.root / "host"), str(victim.root / "object.data")]
    assert server.run(f"result = [os.path.exists(path) for path in {paths}]") == [False, False]
    assert b"".join(slow)


@in_each_sandbox
def test_storlet_directory_is_as_it_was(tmp_path):
    server = hostile(tmp_path, worker_reuse="no")
    code = """
result = []
for action in (lambda: open(files + "/hostile.py", "a"), lambda: open(files + "/new.py", "w"),
               lambda: os.unlink(files + "/hostile.py"), lambda: os.rename(files + "/hostile.py", files + "/x"),
               lambda: os.chmod(files + "/hostile.py", 0o777), lambda: os.symlink("/etc", files + "/etc"),
               lambda: os.rename(files, "/tmp/files")):
    try:
        action()
        result.append("allowed")
    except OSError as error:
        result.append(error.errno)
"""
    assert set(server.run(code)) <= {1, 13, 16, 18, 30}  # EPERM, EACCES, EBUSY, EXDEV, EROFS
    assert server.run("result = os.listdir(files)") == ["hostile.py"]


@in_server
def test_sockets_that_no_network_name_space_holds(tmp_path):
    """In Docker that is its own filter's, which differs from release to release."""
    code = """
import errno, socket
result = {}
for family in (socket.AF_UNIX, socket.AF_INET, 38, 40):  # AF_ALG, AF_VSOCK
    try:
        socket.socket(family, socket.SOCK_SEQPACKET if family == 38 else socket.SOCK_STREAM).close()
        result[int(family)] = "allowed"
    except OSError as error:
        result[int(family)] = errno.errorcode[error.errno]
"""
    assert hostile(tmp_path).run(code) == {"1": "allowed", "2": "allowed", "38": "EPERM", "40": "EPERM"}


@in_each_sandbox
def test_kernel_interfaces_that_no_storlet_needs_are_closed(tmp_path):
    numbers = {"x86_64": (250, 298, 272, 323), "aarch64": (219, 241, 97, 282)}[os.uname().machine]
    code = f"""
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.argtypes = [ctypes.c_long] * 7
result = []
for number in {numbers}:  # keyctl, perf_event_open, unshare of the user name space, userfaultfd
    argument = 0x10000000 if number in (272, 97) else 0
    result.append(0 if libc.syscall(number, argument, 0, 0, 0, 0, 0) >= 0 else ctypes.get_errno())
"""
    assert set(hostile(tmp_path).run(code)) <= {1, 38}  # EPERM, ENOSYS
