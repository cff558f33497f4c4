#!/usr/bin/env python3
"""Writes the files of a new pass or op: ./dev new pass NAME | ./dev new op NAME [--dialect model|pipe|convert]

One name everywhere: pass ModelFold is ModelFold.cpp, --model-fold, createModelFold, model-fold.mlir. Passes within the
model dialect go to dialects/model/transforms, those between dialects to compiler/convert (--dialect convert).
"""
import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL_PASS = '''// --{flag}: one line that says what it does.
//
//   before  ->  after
//
// Before: what must hold. After: what holds then. It stands behind ..., because ...
#include "dialects/model/transforms/Passes.h"

namespace cleave::model {{
#define GEN_PASS_DEF_{upper}
#include "dialects/model/transforms/Passes.h.inc"
}} // namespace cleave::model

using namespace mlir;

namespace {{
struct {name} : cleave::model::impl::{name}Base<{name}> {{
  void runOnOperation() override {{}}
}};
}} // namespace
'''
MODEL_DEFINITION = '''
def {name} : Pass<"{flag}", "::mlir::ModuleOp"> {{
  let summary = "One line that says what it does.";
  let description = [{{
    ```mlir
    // before
    // after
    ```
    Must hold before: ... Holds after: ... Stands behind ..., because ...
  }}];
  let dependentDialects = ["::cleave::model::ModelDialect"];
}}
'''
CONVERT_PASS = '''// --{flag}: one line that says what it does.
//
//   before
//   ->
//   after
//
// Before: what must hold. After: what holds then. It stands behind ..., because ...
#include "compiler/convert/Passes.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace {{
struct {name} : PassWrapper<{name}, OperationPass<ModuleOp>> {{
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID({name})
  StringRef getArgument() const final {{ return "{flag}"; }}
  StringRef getDescription() const final {{ return "One line that says what it does"; }}
  void runOnOperation() override {{}}
}};
}} // namespace

std::unique_ptr<Pass> cleave::create{name}Pass() {{ return std::make_unique<{name}>(); }}
'''
PASS_TEST = '''// RUN: %cleave-opt --{flag} %s | FileCheck %s

// CHECK-LABEL: func.func @kept
func.func @kept() {{
  return
}}
'''
OP = '''
def {Dialect}_{name}Op : {Dialect}_Op<"{mnemonic}", [Pure]> {{
  let summary = "One line that says what it is.";
  let description = [{{
    What it computes, shapes, and what is illegal.

    ```mlir
    %y = {dialect}.{mnemonic} %x : tensor<8xf32, #model.axes<N>> -> tensor<8xf32, #model.axes<N>>
    ```
  }}];
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
}}
'''
OP_TEST = '''// RUN: %cleave-opt %s | %cleave-opt | FileCheck %s

// CHECK-LABEL: func.func @{mnemonic}
// CHECK: {dialect}.{mnemonic} %{{{{.*}}}} :
func.func @{mnemonic}(%x: tensor<8xf32, #model.axes<N>>) -> tensor<8xf32, #model.axes<N>> {{
  %y = {dialect}.{mnemonic} %x : tensor<8xf32, #model.axes<N>> -> tensor<8xf32, #model.axes<N>>
  return %y : tensor<8xf32, #model.axes<N>>
}}
'''


def words(name, joint):
    return joint.join(part.lower() for part in re.findall(r"[A-Z][a-z0-9]*", name))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def write(path, text, what):
    with open(os.path.join(ROOT, path), "w", encoding="utf-8") as file:
        file.write(text)
    print(f"  {path:<48} {what}")


def create(path, text):
    if os.path.exists(os.path.join(ROOT, path)):
        sys.exit(f"a new file has a new name; found {path}")
    os.makedirs(os.path.dirname(os.path.join(ROOT, path)), exist_ok=True)
    write(path, text, "new")


def insert_before(path, pattern, line, what):
    """Inserts text before the first match of the pattern. It must be there."""
    text = read(path)
    match = re.search(pattern, text, re.M)
    if not match:
        sys.exit(f"{path} has no line like {pattern}")
    write(path, text[:match.start()] + line + "\n" + text[match.start():], what)


def registration(folder):
    """The file of the folder that registers its passes."""
    for name in sorted(os.listdir(os.path.join(ROOT, folder))):
        if name.endswith(".cpp") and re.search(r"^\s*registerPass\(create", read(f"{folder}/{name}"), re.M):
            return f"{folder}/{name}"
    sys.exit(f"{folder} has no file with `registerPass(create...)`")


def new_pass(name, dialect):
    flag = words(name, "-")
    if dialect == "model":
        if not name.startswith("Model"):
            sys.exit(f"a pass of the model dialect has a name like ModelInline; found {name}")
        create(f"dialects/model/transforms/{name}.cpp", MODEL_PASS.format(name=name, flag=flag, upper=name.upper()))
        insert_before("dialects/model/transforms/Passes.td", r"\n#endif[^\n]*\s*\Z",
                      MODEL_DEFINITION.format(name=name, flag=flag), "its declaration and documentation")
        create(f"test/lit/model/{flag}.mlir", PASS_TEST.format(flag=flag))
    elif dialect == "convert":
        registered = registration("compiler/convert")
        create(f"compiler/convert/{name}.cpp", CONVERT_PASS.format(name=name, flag=flag))
        insert_before("compiler/convert/Passes.h", r"^(//[^\n]*\n)*void register\w+\(\);|^} // namespace",
                      f"// One line that says what it does.\nstd::unique_ptr<mlir::Pass> create{name}Pass();\n",
                      "its declaration")
        insert_before(registered, r"^\s*registerPass\(create", f"  registerPass(create{name}Pass);",
                      "its registration, for cleave-opt")
        create(f"test/lit/sched/{flag}.mlir", PASS_TEST.format(flag=flag))
    else:
        sys.exit("the pipe dialect has no passes of its own: they go between dialects, --dialect convert")
    print("next: write its documentation and body, and add it to its stage in compiler/pipeline/Pipeline.cpp")


def new_op(name, dialect):
    if dialect == "convert":
        sys.exit("an op belongs to a dialect: model or pipe")
    title, mnemonic = dialect.capitalize(), words(name, "_")
    definitions = f"dialects/{dialect}/ir/{title}Ops.td"
    if f'"{mnemonic}"' in read(definitions):
        sys.exit(f"an op has a new name; found \"{mnemonic}\" in {definitions}")
    insert_before(definitions, r"\n#endif[^\n]*\s*\Z",
                  OP.format(Dialect=title, name=name, mnemonic=mnemonic, dialect=dialect), "its definition")
    create(f"test/lit/{dialect}/{words(name, '-')}-op.mlir", OP_TEST.format(mnemonic=mnemonic, dialect=dialect))
    print(f"next: write its documentation; a verifier goes to dialects/{dialect}/ir/ (`let hasVerifier = 1`)")


def main():
    parser = argparse.ArgumentParser(prog="./dev new", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["pass", "op"])
    parser.add_argument("name", help="in CamelCase, without Pass or Op at its end")
    parser.add_argument("--dialect", choices=["model", "pipe", "convert"], default="model")
    options = parser.parse_args()
    if not re.fullmatch(r"([A-Z][a-z0-9]*)+", options.name) or options.name.endswith(("Pass", "Op")):
        sys.exit(f"a name is in CamelCase, without Pass or Op at its end; found {options.name}")
    {"pass": new_pass, "op": new_op}[options.what](options.name, options.dialect)


if __name__ == "__main__":
    main()
