# lit over test/lit: every .mlir, .dsl and .test file outside a folder called Inputs is a test.
import os

import lit.formats

config.name = "cleave"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".dsl", ".test"]
config.excludes = ["Inputs", "lit.cfg.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.cleave_build, "test", "lit")

tools = os.path.join(config.cleave_build, "bin")
# FileCheck, not, count and split-file are used by their plain names.
config.environment["PATH"] = os.pathsep.join([tools, config.llvm_bin, os.environ["PATH"]])
# Every stage boundary is checked, in release builds too.
config.environment["CLEAVE_VERIFY_STAGES"] = "1"
# No test finds what another compiled, or the user.
config.environment["CLEAVE_CACHE"] = ""
# The longest names first: lit replaces in order, and one name may begin another.
config.substitutions += [
    ("%cleave-opt", os.path.join(tools, "cleave-opt")),
    ("%cleave", os.path.join(tools, "cleave")),
    ("%FileCheck", os.path.join(config.llvm_bin, "FileCheck")),
    ("%not", os.path.join(config.llvm_bin, "not")),
    ("%split-file", os.path.join(config.llvm_bin, "split-file")),
    ("%examples", os.path.join(config.cleave_source, "examples")),
    ("%stdlib", os.path.join(config.cleave_source, "stdlib")),
    ("%python", "python3"),
]

# REQUIRES: and UNSUPPORTED: in tests.
if os.path.exists(os.path.join(tools, "cleave")):
    config.available_features.add("cleave")
if os.geteuid() != 0:
    config.available_features.add("not-root")  # a file without read permission is unreadable
if os.path.exists("/dev/full"):
    config.available_features.add("dev-full")
