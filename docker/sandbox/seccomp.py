"""The system calls that no storlet needs, as a filter for the kernel: what Docker's own filter does for containers.

They are calls for administrators, debuggers and sandboxes within the sandbox. Most of them the kernel would refuse to
an ordinary user anyway, but they are where holes in the kernel have been.
"""

from __future__ import annotations

import errno
import os
import platform
import struct

from spark_storlets.sandbox.failures import StorletFailure

__all__ = ["filter_file"]

# Name: number on x86_64, number on aarch64; None where there is none.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
# Column above, numbers of clone and socket, the kernel's name for the architecture.
MACHINES = {"x86_64": (0, 56, 41, 0xC000003E), "aarch64": (1, 220, 198, 0xC00000B7)}
FALLOCATE = {"x86_64": 285, "aarch64": 47}
CLONE3 = 435
NEW_NAMESPACES = 0x7E020080  # the flags of clone that make one
AF_ALG, AF_VSOCK = 38, 40  # the kernel's cryptography, and the machine's hypervisor: neither has a network name space

# From linux/bpf_common.h and linux/seccomp.h; the offsets are those of struct seccomp_data.
LOAD, JUMP_IF_EQUAL, JUMP_IF_GREATER_EQUAL, JUMP_IF_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
X32 = 0x40000000  # x86_64's other numbering


def filter_file() -> int:
    """Return a descriptor of the filter, to be read once."""
    fd = os.memfd_create("seccomp")
    os.write(fd, _program(platform.machine()))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _program(machine: str) -> bytes:
    if machine not in MACHINES:
        known = ", ".join(MACHINES)
        raise StorletFailure("unready", f"there is no filter of system calls for {machine}, only for {known}")
    column, clone, socket, architecture = MACHINES[machine]
    refuse, unknown = _return(ERRNO | errno.EPERM), _return(ERRNO | errno.ENOSYS)
    parts = [
        _step(LOAD, ARCHITECTURE),
        _step(JUMP_IF_EQUAL, architecture, 1, 0),
        _return(KILL),
        _step(LOAD, NUMBER),
        _step(JUMP_IF_GREATER_EQUAL, X32, 0, 1),
        refuse,
        # The C library then takes clone, whose flags can be looked at.
        _step(JUMP_IF_EQUAL, CLONE3, 0, 1),
        unknown,
        # It could reserve the node's disk behind the end of the log. The C library then writes zeros instead.
        _step(JUMP_IF_EQUAL, FALLOCATE[machine], 0, 1),
        _return(ERRNO | errno.EOPNOTSUPP),
    ]
    for numbers in REFUSED.values():
        if (number := numbers[column]) is not None:
            parts += [_step(JUMP_IF_EQUAL, number, 0, 1), refuse]
    parts += [
        _step(JUMP_IF_EQUAL, clone, 0, 4),
        _step(LOAD, FIRST_ARGUMENT),
        _step(JUMP_IF_BITS, NEW_NAMESPACES, 0, 1),
        refuse,
        _return(ALLOW),
        _step(JUMP_IF_EQUAL, socket, 0, 4),
        _step(LOAD, FIRST_ARGUMENT),
        _step(JUMP_IF_EQUAL, AF_ALG, 1, 0),
        _step(JUMP_IF_EQUAL, AF_VSOCK, 0, 1),
        refuse,
        _return(ALLOW),
    ]
    return b"".join(parts)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _return(action: int) -> bytes:
    return _step(RETURN, action)
