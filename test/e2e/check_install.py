"""Cleave in other people's programs: installed, found by CMake and by pkg-config, and run from C and C++.

examples/06_embed is built against what `cmake --install` made. The C program's process holds no LLVM.
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Failure, Suite, build_setting, expect

suite = Suite(__doc__)
EXAMPLE = os.path.join(ROOT, "examples", "06_embed")
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
# Nothing of the source tree helps: only what was installed.
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("CLEAVE_", "LD_", "PKG_CONFIG"))}


# Whatever compiler there is; the build's own where only that one knows its sanitizers.
if suite.sanitizers:
    COMPILERS = {"c": [build_setting(suite.options.build, "CMAKE_C_COMPILER")],
                 "c++": [build_setting(suite.options.build, "CMAKE_CXX_COMPILER")]}
else:
    COMPILERS = {"c": ["cc", "clang-22"], "c++": ["c++", "clang++-22"]}


def compiler(language):
    return next(name for name in COMPILERS[language] if shutil.which(name))


def run(*command, status=0, **options):
    options.setdefault("env", CLEAN)
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300, **options)
    if status is not None and done.returncode != status:
        raise Failure(f"exit status {status} was expected, found {done.returncode}: {' '.join(map(str, command))}\n"
                      f"{done.stdout[-1000:]}{done.stderr[-3000:]}")
    return done


def install(name, *options):
    prefix = suite.path(name)
    if not os.path.exists(prefix):
        run("cmake", "--install", suite.options.build, "--prefix", prefix, *options)
    return prefix


def prefix():
    """Where everything was installed, and then moved: nothing may depend on the place."""
    moved = suite.path("moved")
    if not os.path.exists(moved):
        os.rename(install("first"), moved)
    return moved


def configure(build, *options, status=0):
    return run("cmake", "-G", "Ninja", "-S", EXAMPLE, "-B", suite.path(build), f"-DCMAKE_C_COMPILER={compiler('c')}",
               f"-DCMAKE_CXX_COMPILER={compiler('c++')}", f"-DCMAKE_C_FLAGS={' '.join(suite.sanitizers)}",
               f"-DCMAKE_CXX_FLAGS={' '.join(suite.sanitizers)}", *options, status=status)


def pkg_config(package, *options):
    path = os.path.join(prefix(), "lib", "pkgconfig")
    if not os.path.isdir(path):  # Debian's prefix /usr has a folder per processor
        path = next(folder for folder, _, names in os.walk(prefix()) if "cleave-runtime.pc" in names)
    return run("pkg-config", *options, package, env={**CLEAN, "PKG_CONFIG_PATH": path}).stdout.split()


def built_with_pkg_config(language, package, source, *options):
    """A program of the example, in `source`, built by nothing but a compiler and pkg-config."""
    program = suite.path(f"pc-{os.path.splitext(source)[0]}")
    if not os.path.exists(program):
        folder = pkg_config(package, "--variable=libdir")[0]
        run(compiler(language), *options, *WARNINGS, *suite.sanitizers, os.path.join(EXAMPLE, source),
            *pkg_config(package, "--cflags", "--libs"), f"-Wl,-rpath,{os.path.realpath(folder)}", "-o", program)
    return program


def trainer():
    return built_with_pkg_config("c++", "cleave", "TrainRings.cpp", "-std=c++17")


def applier():
    return built_with_pkg_config("c", "cleave-runtime", "apply_rings.c", "-std=c99", "-pedantic")


def saved():
    """What the C++ program has learnt."""
    path = suite.path("rings.safetensors")
    if not os.path.exists(path):
        trains(trainer(), path)
    return path


def artefact():
    path = suite.path("rings.cleave")
    if not os.path.exists(path):
        run(os.path.join(prefix(), "bin", "cleave"), "build", os.path.join(EXAMPLE, "rings.dsl"), "--entry", "apply", "-o", path)
    return path


def trains(program, path):
    words = run(program, os.path.join(EXAMPLE, "rings.dsl"), path).stdout.split()
    expect(words[-4] == "right" and int(words[-3]) >= 60, f"60 of 64 points or more are right; found {' '.join(words)}")


def applies(program):
    lines = run(program, artefact(), saved()).stdout.splitlines()
    expect(lines == ["(0.5, 0.0) ring 0", "(0.0, -1.5) ring 1", "(1.8, 1.8) ring 2", "(-0.3, 0.4) ring 0"],
           f"each point is on its ring; found {lines}")


@suite.test("pkg-config: a C++ program compiles and trains")
def _():
    os.path.exists(suite.path("rings.safetensors")) and os.remove(suite.path("rings.safetensors"))
    saved()


@suite.test("pkg-config: a C program runs an artefact")
def _():
    applies(applier())


@suite.test("CMake: find_package gives both targets")
def _():
    configure("both", f"-DCMAKE_PREFIX_PATH={prefix()}")
    run("cmake", "--build", suite.path("both"))
    trains(os.path.join(suite.path("both"), "train-rings"), suite.path("by-cmake.safetensors"))
    applies(os.path.join(suite.path("both"), "apply-rings"))


@suite.test("the C program's process holds no LLVM")
def _():
    def loaded(program, *arguments):
        return run(program, *arguments, env={**CLEAN, "LD_DEBUG": "files"}).stderr
    without = loaded(applier(), artefact(), saved())
    expect("libcleave-runtime" in without, "the runtime's library is loaded")
    expect("LLVM" not in without and "MLIR" not in without, f"neither LLVM nor MLIR is loaded; found\n{without[-3000:]}")
    compiles = loaded(trainer(), os.path.join(EXAMPLE, "rings.dsl"), suite.path("again.safetensors"))
    expect("libMLIR" in compiles, "this test sees LLVM where it is")


@suite.test("the standard library is the installed one")
def _():
    own = suite.path("stdlib-prefix")
    shutil.copytree(prefix(), own, symlinks=True)
    for folder, _, names in os.walk(os.path.join(own, "share", "cleave", "stdlib", "nn")):
        with open(os.path.join(folder, sorted(names)[0]), "a", encoding="utf-8") as file:
            file.write("\n/// Only here.\nfunction twice[N](x: f32[N]) -> f32[N] {\n  return 2 * x\n}\n")
    program = suite.path("twice.dsl")
    with open(program, "w", encoding="utf-8") as file:
        file.write("import nn\n\naxis N = 2\n\nentry main(x: f32[N]) -> (y: f32[N]) {\n  return nn.twice(x)\n}\n")
    run(os.path.join(own, "bin", "cleave"), "check", program)
    run(os.path.join(prefix(), "bin", "cleave"), "check", program, status=1)


@suite.test("the runtime alone is enough to run, and says so when more is asked")
def _():
    alone = install("alone", "--component", "runtime")
    names = [name for _, _, names in os.walk(alone) for name in names]
    expect("cleave.h" in names and "compiler.h" not in names, f"the runtime's files alone are there; found {names}")
    done = configure("alone-build", f"-DCMAKE_PREFIX_PATH={alone}", status=1)
    words = " ".join(done.stderr.split())
    expect("component 'Compiler' is not installed here" in words, f"the missing component is named; found {words}")


@suite.test("errors reach a program's user")
def _():
    missing = run(applier(), suite.path("none.cleave"), "x", status=1).stderr
    expect("E801" in missing and "none.cleave" in missing, f"a missing artefact is named; found {missing}")
    other = suite.path("other.dsl")
    with open(os.path.join(EXAMPLE, "rings.dsl"), encoding="utf-8") as file, open(other, "w", encoding="utf-8") as copy:
        copy.write(file.read().replace("Hidden = 32", "Hidden = nothing"))
    rejected = run(trainer(), other, suite.path("x.safetensors"), status=1).stderr
    expect("other.dsl:" in rejected and "error[E" in rejected, f"a rejected program shows its diagnostics; found {rejected}")


suite.main()
