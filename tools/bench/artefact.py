"""Runs an artefact through the runtime's C interface, in a process without a compiler, and tells what its start costs.

  artefact.py LIBRARY ARTEFACT STATE TEXT STEPS      prints one JSON line
"""
import ctypes
import json
import mmap
import statistics
import sys
import threading
import time


class Runtime:
    """The few functions of runtime/abi/cleave.h that training takes."""

    def __init__(self, path: str) -> None:
        self.library = ctypes.CDLL(path)
        self.library.cleave_last_error.restype = ctypes.c_char_p
        self.library.cleave_program_describe.restype = ctypes.POINTER(ProgramInfo)

    def call(self, name: str, *arguments) -> None:
        if getattr(self.library, name)(*arguments) != 0:
            sys.exit(f"{name}: {self.library.cleave_last_error().decode()}")


class ProgramInfo(ctypes.Structure):
    _fields_ = [("entry_count", ctypes.c_size_t), ("entries", ctypes.c_void_p), ("state_count", ctypes.c_size_t),
                ("states", ctypes.c_void_p), ("state_bytes", ctypes.c_int64), ("scratch_bytes", ctypes.c_int64),
                ("metadata", ctypes.c_char_p)]


class InstanceOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("threads", ctypes.c_int32), ("pin_threads", ctypes.c_int32),
                ("allow_non_finite", ctypes.c_int32), ("memory_limit", ctypes.c_int64), ("print", ctypes.c_void_p),
                ("print_user", ctypes.c_void_p)]


def touching(size: int) -> float:
    """Seconds until two threads have written memory of that size, fresh from the system, for the first time."""
    memory = mmap.mmap(-1, size)
    memory.madvise(mmap.MADV_HUGEPAGE)
    begin, half = ctypes.addressof(ctypes.c_char.from_buffer(memory)), size // 2
    threads = [threading.Thread(target=ctypes.memset, args=(begin + at, 1, half)) for at in (0, half)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def main() -> None:
    library, artefact, state, text, steps = sys.argv[1:]
    runtime = Runtime(library)
    program, instance = ctypes.c_void_p(), ctypes.c_void_p()
    with open(text, "rb") as file:
        window = file.read()
    began = time.monotonic()
    runtime.call("cleave_program_load", artefact.encode(), ctypes.byref(program))
    options = InstanceOptions(ctypes.sizeof(InstanceOptions), 2)
    runtime.call("cleave_instance_create", program, ctypes.byref(options), ctypes.byref(instance))
    loaded = time.monotonic()
    runtime.call("cleave_load", instance, state.encode())
    seconds = []
    info = runtime.library.cleave_program_describe(program).contents
    size = json.loads(info.metadata)
    batch = size["axes"]["Batch"] * size["axes"]["Window"]
    for step in range(int(steps)):
        start = time.monotonic()
        runtime.call("cleave_set_input", instance, b"train", b"text", window[step * batch:(step + 1) * batch],
                     ctypes.c_size_t(batch))
        runtime.call("cleave_run", instance, b"train")
        seconds.append(time.monotonic() - start)
    print(json.dumps({"load_seconds": loaded - began, "first_step_seconds": seconds[0],
                      "steady_step_seconds": statistics.median(seconds[1:]),
                      "touching_seconds": touching(info.scratch_bytes), "scratch_bytes": info.scratch_bytes}))


if __name__ == "__main__":
    main()
