// RUN: %cleave-opt --dist-propagate --mlir-print-local-scope %s | %FileCheck %s

// Through loops, branches and returns.

dist.mesh @m ["a", "b", "c"] = [2, 2, 2]

// CHECK-LABEL: func.func private @turn(
// CHECK-SAME: dist.layout = #dist.layout<@m, []>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}]>}
func.func private @turn(%i: tensor<i64>,
              %w: tensor<8x8xf32, #model.axes<A, B>>,
              %c: tensor<8x8xf32, #model.axes<A, B>>,
              %s: tensor<8xf32, #model.axes<A>>) -> (tensor<8x8xf32, #model.axes<A, B>>,
                  tensor<8xf32, #model.axes<A>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %n = model.index (i: A = 8, j: B = 8)
         ins(%c[i, j], %s[i] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8xf32, #model.axes<A>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %n, %s : tensor<8x8xf32, #model.axes<A, B>>, tensor<8xf32, #model.axes<A>>
}

// From the result through the loop to where it began; the body is the loop's own. The leading axis of slices and
// stacks is not the body's.
// CHECK-LABEL: func.func @scan(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"a", ?}]>}
func.func @scan(%w: tensor<8x8xf32, #model.axes<A, B>>,
              %c: tensor<8x8xf32, #model.axes<A, B>>,
              %s: tensor<3x8xf32, #model.axes<L, A>>) -> (tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>},
                  tensor<3x8xf32, #model.axes<L, A>>) {
  // CHECK: dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>, #dist.layout<@m, [{?}, {"a", ?}]>]
  %r:2 = model.scan @turn count 3 over "L" consts(%w) carries(%c) slices(%s)
         : (tensor<8x8xf32, #model.axes<A, B>>), (tensor<8x8xf32, #model.axes<A, B>>), (tensor<3x8xf32, #model.axes<L, A>>) -> (tensor<8x8xf32, #model.axes<A, B>>, tensor<3x8xf32, #model.axes<L, A>>)
  return %r#0, %r#1 : tensor<8x8xf32, #model.axes<A, B>>, tensor<3x8xf32, #model.axes<L, A>>
}

// CHECK-LABEL: func.func private @half(
// CHECK-SAME: dist.layout = #dist.layout<@m, []>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func private @half(%i: tensor<i64>,
              %c: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a"}, {?}]>]
  %n = model.index (i: A = 8, j: B = 8)
         ins(%c[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } {dist.layouts = [#dist.layout<@m, [{"a"}, {?}]>]} : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %o = dist.barrier %n allow "none" : tensor<8x8xf32, #model.axes<A, B>>
  return %o : tensor<8x8xf32, #model.axes<A, B>>
}

// From inside a body outwards, by its argument and by its result.
// CHECK-LABEL: func.func @inside(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @inside(%c: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %r = model.scan @half count 3 over "L" consts() carries(%c) slices() : (), (tensor<8x8xf32, #model.axes<A, B>>), () -> (tensor<8x8xf32, #model.axes<A, B>>)
  return %r : tensor<8x8xf32, #model.axes<A, B>>
}

// CHECK-LABEL: func.func private @uses(
// CHECK-SAME: dist.layout = #dist.layout<@m, []>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"b", ?}]>}
func.func private @uses(%i: tensor<i64>,
              %w: tensor<8x8xf32, #model.axes<A, B>>,
              %c: tensor<8x8xf32, #model.axes<A, B>>,
              %s: tensor<8xf32, #model.axes<B>>) -> (tensor<8x8xf32, #model.axes<A, B>>,
                  tensor<8xf32, #model.axes<B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %n = model.index (i: A = 8, j: B = 8)
         ins(%c[i, j], %w[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"b", ?}]>]
  %t = model.index (j: B = 8)
         ins(%s[j] : tensor<8xf32, #model.axes<B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8xf32, #model.axes<B>>
  return %n, %t : tensor<8x8xf32, #model.axes<A, B>>, tensor<8xf32, #model.axes<B>>
}

// What a body makes of its arguments ties consts and slices to carries and stacks: from a stack inwards to the slices,
// from the result to the const.
// CHECK-LABEL: func.func @outwards(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"b"}]>}
func.func @outwards(%w: tensor<8x8xf32, #model.axes<A, B>>,
              %c: tensor<8x8xf32, #model.axes<A, B>>,
              %s: tensor<3x8xf32, #model.axes<L, B>>) -> (tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {?}]>},
                  tensor<3x8xf32, #model.axes<L, B>> {dist.layout = #dist.layout<@m, [{?}, {"b"}]>}) {
  // CHECK: dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>, #dist.layout<@m, [{?}, {"b", ?}]>]
  %r:2 = model.scan @uses count 3 over "L" consts(%w) carries(%c) slices(%s)
         : (tensor<8x8xf32, #model.axes<A, B>>), (tensor<8x8xf32, #model.axes<A, B>>), (tensor<3x8xf32, #model.axes<L, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>, tensor<3x8xf32, #model.axes<L, B>>)
  return %r#0, %r#1 : tensor<8x8xf32, #model.axes<A, B>>, tensor<3x8xf32, #model.axes<L, B>>
}

// CHECK-LABEL: func.func private @around(
// CHECK-SAME: dist.layout = #dist.layout<@m, []>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "c", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "c", ?}, {?}]>}
func.func private @around(%i: tensor<i64>,
              %c: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a", "c"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", "c"}, {}]>]
  %n = model.index (i: A = 8, j: B = 8)
         ins(%c[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } {dist.layouts = [#dist.layout<@m, [{"a", "c"}, {}]>]} : tensor<8x8xf32, #model.axes<A, B>>
  return %n : tensor<8x8xf32, #model.axes<A, B>>
}

// What a loop starts from and what a turn gives come together as far as they agree; what the body makes of it decides
// the rest.
// CHECK-LABEL: func.func @agreed(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "c", ?}, {?}]>}
func.func @agreed(%c: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "b"}, {}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.layouts = [#dist.layout<@m, [{"a", "c", ?}, {?}]>]
  %r = model.scan @around count 3 over "L" consts() carries(%c) slices() : (), (tensor<8x8xf32, #model.axes<A, B>>), () -> (tensor<8x8xf32, #model.axes<A, B>>)
  return %r : tensor<8x8xf32, #model.axes<A, B>>
}

// CHECK-LABEL: func.func private @inner(
// CHECK-SAME: dist.layout = #dist.layout<@m, []>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
func.func private @inner(%i: tensor<i64>,
              %c: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %n = model.index (i: A = 8, j: B = 8)
         ins(%c[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %n : tensor<8x8xf32, #model.axes<A, B>>
}

// CHECK-LABEL: func.func private @outer(
// CHECK-SAME: dist.layout = #dist.layout<@m, []>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
func.func private @outer(%i: tensor<i64>,
              %c: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %r = model.scan @inner count 2 over "M" consts() carries(%c) slices() : (), (tensor<8x8xf32, #model.axes<A, B>>), () -> (tensor<8x8xf32, #model.axes<A, B>>)
  return %r : tensor<8x8xf32, #model.axes<A, B>>
}

// Through loops in loops.
// CHECK-LABEL: func.func @nested(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b"}]>}
func.func @nested(%c: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{?}, {"b"}]>}) {
  // CHECK: dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %r = model.scan @outer count 3 over "L" consts() carries(%c) slices() : (), (tensor<8x8xf32, #model.axes<A, B>>), () -> (tensor<8x8xf32, #model.axes<A, B>>)
  return %r : tensor<8x8xf32, #model.axes<A, B>>
}

// CHECK-LABEL: func.func private @then(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "c", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func private @then(%x: tensor<8x8xf32, #model.axes<A, B>>,
              %y: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  return %x : tensor<8x8xf32, #model.axes<A, B>>
}

// CHECK-LABEL: func.func private @else(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "c", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func private @else(%x: tensor<8x8xf32, #model.axes<A, B>>,
              %y: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a", "c"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", "c", ?}, {?}]>]
  %n = model.index (i: A = 8, j: B = 8)
         ins(%y[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %n : tensor<8x8xf32, #model.axes<A, B>>
}

// Both branches give what agrees.
// CHECK-LABEL: func.func @branch(
// CHECK-SAME: dist.layout = #dist.layout<@m, []>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "c"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @branch(%p: tensor<i1>,
              %x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "b"}, {}]>},
              %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "c"}, {}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %r = model.if %p then @then else @else(%x, %y) : tensor<i1>, (tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>)
  return %r : tensor<8x8xf32, #model.axes<A, B>>
}

// CHECK-LABEL: func.func private @more(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, []>}
func.func private @more(%x: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<i1>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, []>]
  %n = model.index () max (i: A = 8, j: B = 8)
         ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    %o = arith.constant 1.0 : f32
    %val = arith.cmpf olt, %e0, %o : f32
    model.yield %val : i1
  } : tensor<i1>
  return %n : tensor<i1>
}

// CHECK-LABEL: func.func private @step(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
func.func private @step(%x: tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %n = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %n : tensor<8x8xf32, #model.axes<A, B>>
}

// A while: the condition sees what is carried as it is.
// CHECK-LABEL: func.func @loop(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b"}]>}
func.func @loop(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{?}, {"b"}]>}) {
  // CHECK: dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %r = model.while @more do @step bound 4 consts() carries(%x) : (), (tensor<8x8xf32, #model.axes<A, B>>) -> (tensor<8x8xf32, #model.axes<A, B>>)
  return %r : tensor<8x8xf32, #model.axes<A, B>>
}
