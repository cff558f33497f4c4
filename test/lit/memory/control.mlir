// RUN: %cleave-opt --convert-model-to-kernels --verify-sched-stage --plan-memory --verify-memory-stage %s | %FileCheck %s
// RUN: %cleave-opt --convert-model-to-kernels --plan-memory --print-exec %s -o /dev/null | %FileCheck %s --check-prefix=EXEC

// Control flow: nested loops, carries that change places, if, while, states that change places.
!v = tensor<64xf32, #model.axes<N>>
!s = tensor<5x64xf32, #model.axes<T, N>>
!ss = tensor<5x3x64xf32, #model.axes<T, L, N>>
!p = tensor<3x64xf32, #model.axes<L, N>>
module {
  model.state @a path "a" kind "buffer" : !v
  model.state @b path "b" kind "buffer" : !v
  model.state @p path "blocks[*].p" kind "param" : !p
  func.func private @inner(%i: tensor<i64>, %k: !v, %x: !v, %p: !v) -> (!v, !v) {
    %y = model.index (n: N = 64) ins(%x[n], %p[n], %k[63 - n], %i[] : !v, !v, !v, tensor<i64>) {
    ^bb0(%a: f32, %b: f32, %c: f32, %d: i64):
      %0 = arith.mulf %a, %b : f32
      %1 = arith.addf %0, %c : f32
      %2 = arith.sitofp %d : i64 to f32
      %3 = arith.addf %1, %2 : f32
      model.yield %3 : f32
    } : !v
    return %y, %x : !v, !v
  }
  // The carries change places each turn.
  func.func private @outer(%i: tensor<i64>, %p: !p, %u: !v, %v: !v, %x: !v) -> (!v, !v, !v, !p) {
    %r:2 = model.scan @inner count 3 over "L" consts(%x) carries(%u) slices(%p) : (!v), (!v), (!p) -> (!v, !p)
    return %v, %r#0, %u, %r#1 : !v, !v, !v, !p
  }
  func.func private @small(%x: !v) -> !v {
    %y = model.index (n: N = 64) ins(%x[n] : !v) {
    ^bb0(%a: f32):
      %0 = math.exp %a : f32
      model.yield %0 : f32
    } : !v
    return %y : !v
  }
  func.func private @same(%x: !v) -> !v {
    return %x : !v
  }
  func.func private @more(%limit: tensor<f32>, %x: !v) -> tensor<i1> {
    %y = model.index () sum (n: N = 64) ins(%x[n] : !v) {
    ^bb0(%a: f32):
      model.yield %a : f32
    } : tensor<f32>
    %z = model.index () ins(%y[], %limit[] : tensor<f32>, tensor<f32>) {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.cmpf olt, %a, %b : f32
      model.yield %0 : i1
    } : tensor<i1>
    return %z : tensor<i1>
  }
  func.func private @grow(%limit: tensor<f32>, %x: !v) -> !v {
    %y = model.index (n: N = 64) ins(%x[n] : !v) {
    ^bb0(%a: f32):
      %0 = arith.addf %a, %a : f32
      model.yield %0 : f32
    } : !v
    return %y : !v
  }
  func.func @nested(%p: !p {model.state = @p}, %x: !s {model.input = "x"}, %u: !v {model.input = "u"})
      -> (!v {model.output = "last"}, !v {model.output = "other"}, !s {model.output = "all"}, !ss {model.output = "inner"},
          !p {model.state = @p}) attributes {model.entry} {
    %r:4 = model.scan @outer count 5 over "T" consts(%p) carries(%u, %u) slices(%x)
      : (!p), (!v, !v), (!s) -> (!v, !v, !s, !ss)
    return %r#0, %r#1, %r#2, %r#3, %p : !v, !v, !s, !ss, !p
  }
  func.func @branches(%x: !v {model.input = "x"}, %c: tensor<i1> {model.input = "c"}, %l: tensor<f32> {model.input = "l"})
      -> (!v {model.output = "y"}, !v {model.output = "z"}, tensor<i1> {model.output = "c"}) attributes {model.entry} {
    %y = model.if %c then @small else @same(%x) : tensor<i1>, (!v) -> (!v)
    %z = model.while @more do @grow bound 10 consts(%l) carries(%y) : (tensor<f32>), (!v) -> (!v)
    model.print "z"(%z, %c) : (!v, tensor<i1>)
    model.assert %c, "c must hold" : tensor<i1>
    return %y, %z, %c : !v, !v, tensor<i1>
  }
  func.func @swap(%a: !v {model.state = @a}, %b: !v {model.state = @b})
      -> (!v {model.state = @a}, !v {model.state = @b}, !v {model.output = "old"}) attributes {model.entry} {
    return %b, %a, %a : !v, !v, !v
  }
  func.func @init() -> (!v {model.state = @a}, !v {model.state = @b}) attributes {model.entry} {
    %c = arith.constant dense<2.0> : !v
    %d = model.index (n: N = 64) ins() {
      %i = model.iter 0
      %f = arith.sitofp %i : i64 to f32
      model.yield %f : f32
    } : !v
    return %c, %d : !v, !v
  }
}

// CHECK-LABEL: func.func @nested
// CHECK: pipe.loop count 5
// CHECK: pipe.loop count 3
// The carry of the inner loop ends up in the other carry's place.
// CHECK-LABEL: func.func @branches
// CHECK: pipe.if
// CHECK: pipe.while bound 10
// CHECK-LABEL: func.func @swap
// CHECK-COUNT-5: pipe.copy

// EXEC-LABEL: entry nested
// EXEC: loop 5 times
// EXEC: counter
// EXEC: +256*c1
// EXEC-LABEL: entry branches
// EXEC: branch
// EXEC: jump
// EXEC: leave (
// EXEC: print (output1+0 {{.*}}) "z"
// EXEC: assert
