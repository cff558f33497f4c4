#ifndef CLEAVE_DIALECTS_MODEL_IR_MODELOPS_TD
#define CLEAVE_DIALECTS_MODEL_IR_MODELOPS_TD

include "dialects/model/ir/ModelBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

//===------------------------------------------------------------------===//
// Ops
//===------------------------------------------------------------------===//

class Model_Op<string mnemonic, list<Trait> traits = []> : Op<Model_Dialect, mnemonic, traits>;

def Model_IndexOp : Model_Op<"index", [Pure, IsolatedFromAbove, SingleBlock]> {
  let summary = "Dense mathematics over named indices: contraction, broadcast, reduction, window.";
  let description = [{
    Iterates over named dims; the first `parallel` of them are the result's axes in order, the others are
    reduced with `combiner`. Input i is read at `maps[i](dims)`: one affine expression (with floordiv and
    mod by constants allowed) per axis of the input. A read outside the input is illegal unless
    `outside[i]` gives the value it yields there (UnitAttr means "not allowed"). The body receives one
    scalar per input, yields the scalar to be combined, and may use `model.iter` for the value of a dim.

    ```mlir
    %y = model.index (b: Batch = 8, o: Out = 16) sum (i: In = 32)
           ins(%x[b, i], %w[i, o] : tensor<8x32xf32, #model.axes<Batch, In>>,
                                    tensor<32x16xf32, #model.axes<In, Out>>) {
    ^bb0(%a: f32, %c: f32):
      %0 = arith.mulf %a, %c : f32
      model.yield %0 : f32
    } : tensor<8x16xf32, #model.axes<Batch, Out>>
    ```
    The sharding rule (factors) of the op is read off `maps` alone.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, AffineMapArrayAttr:$maps, ArrayAttr:$outside,
                       StrArrayAttr:$axes, DenseI64ArrayAttr:$sizes, I64Attr:$parallel,
                       Model_Combiner:$combiner);
  let results = (outs AnyRankedTensor:$result);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    // The body is built by `makeBody`, given one scalar per input; outside may be empty (none allowed).
    OpBuilder<(ins "::mlir::RankedTensorType":$type, "::mlir::ValueRange":$inputs,
      "::llvm::ArrayRef<::mlir::AffineMap>":$maps, "::llvm::ArrayRef<::mlir::Attribute>":$outside,
      "::llvm::ArrayRef<::llvm::StringRef>":$axes, "::llvm::ArrayRef<int64_t>":$sizes, "int64_t":$parallel,
      "Combiner":$combiner,
      "::llvm::function_ref<::mlir::Value(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>":$makeBody)>
  ];
  let extraClassDeclaration = [{
    int64_t getNumDims() { return getSizes().size(); }
    int64_t getNumReductions() { return getNumDims() - static_cast<int64_t>(getParallel()); }
    ::mlir::AffineMap getMap(unsigned input) {
      return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[input]).getValue();
    }
    // The value read outside input `input`, or null where such a read is illegal.
    ::mlir::TypedAttr getOutsideValue(unsigned input) {
      return ::llvm::dyn_cast<::mlir::TypedAttr>(getOutside()[input]);
    }
    ::llvm::StringRef getAxis(unsigned dim) {
      return ::llvm::cast<::mlir::StringAttr>(getAxes()[dim]).getValue();
    }
    ::mlir::Block &getBodyBlock() { return getBody().front(); }
  }];
}

def Model_YieldOp : Model_Op<"yield", [Pure, Terminator, ParentOneOf<["IndexOp"]>]> {
  let summary = "The scalar an index op's body yields.";
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def Model_IterOp : Model_Op<"iter", [Pure, ParentOneOf<["IndexOp"]>]> {
  let summary = "The value of an iteration dim, inside an index op's body.";
  let arguments = (ins I64Attr:$dim);
  let results = (outs I64:$result);
  let assemblyFormat = "$dim attr-dict";
}

def Model_RandomBitsOp : Model_Op<"random_bits", [Pure]> {
  let summary = "32 random bits: Philox4x32-10 of (seed, step, site, index); inside an index op's body.";
  let description = [{
    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Key: the seed's two words.
    Counter words: index low, index high, step's low word, site. Result: the first output word. The logical
    index is the row-major position in the global (unsharded) shape, so bits never depend on layout.
  }];
  let arguments = (ins I64:$seed, I64:$step, I32:$site, I64:$index);
  let results = (outs I32:$result);
  let assemblyFormat = "$seed `,` $step `,` $site `,` $index attr-dict";
}

def Model_GatherOp : Model_Op<"gather", [Pure]> {
  let summary = "result[p] = table[map(p)[indices]]: reads a tensor at positions held by integer tensors.";
  let description = [{
    `table_map` has one dim per result axis and one symbol per index tensor: symbol k stands for
    `indices[k][index_maps[k](p)]`. A position outside the table is clamped; the front end emits a
    `model.assert` where it cannot show that positions are inside.

    Embedding: `table_map = affine_map<(b, s, e)[i] -> (i, e)>`, `index_maps = [affine_map<(b, s, e) -> (b, s)>]`.
  }];
  let arguments = (ins AnyRankedTensor:$table, Variadic<AnyRankedTensor>:$indices, AffineMapAttr:$table_map,
                       AffineMapArrayAttr:$index_maps);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $table `at` `(` $indices `)` $table_map $index_maps attr-dict `:` type($table) `,` custom<TypeList>(type($indices)) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Model_ScatterOp : Model_Op<"scatter", [Pure, AllTypesMatch<["init", "result"]>]> {
  let summary = "The converse of gather: result = init, then result[map(p)[indices]] is combined with updates[p].";
  let description = [{
    p runs over the axes of `updates` in row-major order; sums are taken in that order. Positions outside the
    result are dropped. `combiner` none overwrites (last wins).
  }];
  let arguments = (ins AnyRankedTensor:$init, Variadic<AnyRankedTensor>:$indices, AnyRankedTensor:$updates,
                       AffineMapAttr:$result_map, AffineMapArrayAttr:$index_maps, Model_Combiner:$combiner);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $combiner $updates `into` $init `at` `(` $indices `)` $result_map $index_maps attr-dict
    `:` type($updates) `,` custom<TypeList>(type($indices)) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Model_ArgsortOp : Model_Op<"argsort", [Pure]> {
  let summary = "Stable order of the elements along the last axis, as i32 positions.";
  let arguments = (ins AnyRankedTensor:$input, BoolAttr:$descending);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Model_ScanOp : Model_Op<"scan", [AttrSizedOperandSegments]> {
  let summary = "Runs a body function `count` times: carries go round, slices go in, stacked results come out.";
  let description = [{
    A `repeat` of layers and a `scan` are this one op. The body is
    `func @body(i: tensor<i64>, consts..., carries..., slices...) -> (carries..., stacks...)`: a slice is the
    input without its leading axis, at position i (at count-1-i when `reverse`; i itself then runs downwards
    from count-1). Results are the final carries, then each stack with a leading axis `axis` of size count.
    The body is compiled once whatever the count. Pure unless its body prints or asserts.
  }];
  let arguments = (ins FlatSymbolRefAttr:$body, I64Attr:$count, StrAttr:$axis, UnitAttr:$reverse,
                       Variadic<AnyRankedTensor>:$consts, Variadic<AnyRankedTensor>:$carries,
                       Variadic<AnyRankedTensor>:$slices);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $body `count` $count `over` $axis (`reverse` $reverse^)? `consts` `(` $consts `)` `carries` `(` $carries `)`
    `slices` `(` $slices `)` attr-dict `:` custom<TypeList>(type($consts)) `,` custom<TypeList>(type($carries)) `,` custom<TypeList>(type($slices))
    `->` custom<TypeList>(type($results))
  }];
  let hasVerifier = 1;
}

def Model_IfOp : Model_Op<"if"> {
  let summary = "Calls one of two functions of the same type, by a scalar condition.";
  let arguments = (ins AnyRankedTensor:$condition, FlatSymbolRefAttr:$then_body, FlatSymbolRefAttr:$else_body,
                       Variadic<AnyRankedTensor>:$inputs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $condition `then` $then_body `else` $else_body `(` $inputs `)` attr-dict
    `:` type($condition) `,` custom<TypeList>(type($inputs)) `->` custom<TypeList>(type($results))
  }];
  let hasVerifier = 1;
}

def Model_WhileOp : Model_Op<"while", [AttrSizedOperandSegments]> {
  let summary = "Repeats a body while a condition holds, at most `bound` times.";
  let description = [{
    `func @condition(consts..., carries...) -> tensor<i1>`, `func @body(consts..., carries...) -> (carries...)`.
    Its gradient is that of a scan of `bound` steps whose carries stop changing when the condition fails.
  }];
  let arguments = (ins FlatSymbolRefAttr:$condition, FlatSymbolRefAttr:$body, I64Attr:$bound,
                       Variadic<AnyRankedTensor>:$consts, Variadic<AnyRankedTensor>:$carries);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $condition `do` $body `bound` $bound `consts` `(` $consts `)` `carries` `(` $carries `)` attr-dict
    `:` custom<TypeList>(type($consts)) `,` custom<TypeList>(type($carries)) `->` custom<TypeList>(type($results))
  }];
  let hasVerifier = 1;
}

def Model_CallOp : Model_Op<"call"> {
  let summary = "A composite kept whole: calls a function that may declare residuals and its own backward.";
  let description = [{
    The callee returns its results followed by its residuals; `model.residuals = n : i64` on it counts the latter.
    `model.backward = @g` names `func @g(arguments..., results..., residuals..., cotangents of the results...) ->
    (cotangents of the floating-point arguments)`. `model.composite = "name"` lets a back end claim it.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyRankedTensor>:$inputs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "$callee `(` $inputs `)` attr-dict `:` functional-type($inputs, $results)";
  let hasVerifier = 1;
}

def Model_StopGradientOp : Model_Op<"stop_gradient", [Pure, SameOperandsAndResultType]> {
  let summary = "The value itself, with no gradient flowing back through it.";
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Model_GradientOp : Model_Op<"gradient", [Pure]> {
  let summary = "Gradient of a scalar with respect to values it was computed from.";
  let description = [{
    Differentiates the slice of the enclosing function from `wrt` to `loss`. Gone after the `grad` stage.
    A value the loss does not depend on gets zeros. Result i has the type of `wrt` i.
  }];
  let arguments = (ins AnyRankedTensor:$loss, Variadic<AnyRankedTensor>:$wrt);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = "$loss `wrt` `(` $wrt `)` attr-dict `:` type($loss) `,` custom<TypeList>(type($wrt))  `->` custom<TypeList>(type($results))";
  let hasVerifier = 1;
}

def Model_NameOp : Model_Op<"name", [Pure, SameOperandsAndResultType]> {
  let summary = "Gives a value the path a user knows it by (`--dump`, diagnostics, plan selectors).";
  let arguments = (ins AnyRankedTensor:$input, StrAttr:$path);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input $path attr-dict `:` type($input)";
}

def Model_PrintOp : Model_Op<"print"> {
  let summary = "Prints a label and values when run.";
  let arguments = (ins StrAttr:$label, Variadic<AnyRankedTensor>:$inputs);
  let assemblyFormat = "$label `(` $inputs `)` attr-dict `:` custom<TypeList>(type($inputs))";
}

def Model_AssertOp : Model_Op<"assert"> {
  let summary = "Stops the run with a message, naming the source line, when a condition is false.";
  let arguments = (ins AnyRankedTensor:$condition, StrAttr:$message);
  let assemblyFormat = "$condition `,` $message attr-dict `:` type($condition)";
}

def Model_StateOp : Model_Op<"state", [Symbol]> {
  let summary = "A tensor that outlives a run of an entry: parameter, optimiser state, counter, cursor.";
  let description = [{
    `path` is the stable name of what is saved; each `[*]` in it stands for one leading axis of the type, which
    a `repeat` stacked: `gpt.blocks[*].attention.wq` of type [Layers, Embed, Heads, Head] is saved as Layers
    tensors `gpt.blocks[0].attention.wq`, ... of type [Embed, Heads, Head]. `kind`: param, optimizer, buffer,
    counter.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$path, StrAttr:$kind, TypeAttr:$type);
  let assemblyFormat = "$sym_name `path` $path `kind` $kind `:` $type attr-dict";
}

def Model_DataOp : Model_Op<"data", [Symbol]> {
  let summary = "A data source that feeds an entry's inputs.";
  let description = [{ `kind`: bytes, tokens, npy, synthetic. `arguments`: paths or options, as written. }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind, DictionaryAttr:$arguments);
  let assemblyFormat = "$sym_name `kind` $kind $arguments attr-dict";
}

#endif
