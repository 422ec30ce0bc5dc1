"""A process without a network: whatever asks for one, Python or native code, ends it at once.

    python -m offline MODULE ARGUMENTS…

Where the system is Linux its kernel sees to it (seccomp): native libraries are seen too, which a patched
`socket` module would not be. Everywhere Python's own audit events are watched.
"""

import ctypes
import os
import platform
import runpy
import struct
import sys

EXIT = 97
"""How a process ends that Python saw asking for the network."""

_SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # architecture, number of the call
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_AF_UNIX = 1  # between processes of one machine; asyncio wakes itself with one
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2


def guard() -> None:
    """Give up the network for the rest of this process's life."""
    sys.addaudithook(_watch)
    if sys.platform == "linux":
        _forbid_sockets()


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    is_asking = event in {"socket.getaddrinfo", "socket.gethostbyname"}
    is_calling = event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple)
    if is_asking or is_calling:
        os.write(2, f"NETWORK {event} {arguments}\n".encode())
        os._exit(EXIT)


def _forbid_sockets() -> None:
    """Have the kernel kill this process when it makes a socket that could leave the machine."""
    architecture, call = _SOCKET[platform.machine()]
    program = [
        (_LOAD, 0, 0, 4),  # the architecture, in struct seccomp_data
        (_JUMP_IF_EQUAL, 0, 4, architecture),
        (_LOAD, 0, 0, 0),  # the number of the call
        (_JUMP_IF_EQUAL, 0, 2, call),
        (_LOAD, 0, 0, 16),  # its first argument, the family
        (_JUMP_IF_EQUAL, 0, 1, _AF_UNIX),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _KILL),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (_NO_NEW_PRIVILEGES, 1, 0, 0, 0),
        (_SET_SECCOMP, _FILTER, ctypes.addressof(filter_), 0, 0),
    ):
        if libc.prctl(*map(ctypes.c_ulong, arguments)):
            raise OSError(ctypes.get_errno(), "the network cannot be given up")


if __name__ == "__main__":
    guard()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
