// RUN: %cleave-opt --dist-propagate --mlir-print-local-scope %s | %FileCheck %s

// Barriers and constraints.

dist.mesh @m ["a", "b", "c"] = [2, 2, 2]

// A barrier lets layouts through in the direction that it allows.
// CHECK-LABEL: func.func @only_forward(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"c", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b", ?}, {"c", ?}]>}
func.func @only_forward(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}, {"c", ?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "b", ?}, {?}]>}) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"c"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"c", ?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a", "b"}>, #dist.dim<{"c"}>], dist.layouts = [#dist.layout<@m, [{"a", "b", ?}, {"c", ?}]>]
  %t = dist.barrier %s allow "forward" : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a", "b"}>, #dist.dim<{"c"}>], dist.layouts = [#dist.layout<@m, [{"a", "b", ?}, {"c", ?}]>]
  %u = model.index (i: A = 8, j: B = 8)
         ins(%t[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %u : tensor<8x8xf32, #model.axes<A, B>>
}

// CHECK-LABEL: func.func @only_backward(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b", ?}, {"c", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b", ?}, {?}]>}
func.func @only_backward(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}, {"c", ?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "b", ?}, {?}]>}) {
  // CHECK: dist.factors = [#dist.dim<{"a", "b"}>, #dist.dim<{"c"}>], dist.layouts = [#dist.layout<@m, [{"a", "b", ?}, {"c", ?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a", "b"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", "b", ?}, {?}]>]
  %t = dist.barrier %s allow "backward" : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a", "b"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", "b", ?}, {?}]>]
  %u = model.index (i: A = 8, j: B = 8)
         ins(%t[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %u : tensor<8x8xf32, #model.axes<A, B>>
}

// Or in none.
// CHECK-LABEL: func.func @only_none(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"c", ?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", "b", ?}, {?}]>}
func.func @only_none(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}, {"c", ?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", "b", ?}, {?}]>}) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"c"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"c", ?}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a", "b"}>, #dist.dim<{"c"}>], dist.gathers, dist.layouts = [#dist.layout<@m, [{"a", "b", ?}, {?}]>]
  %t = dist.barrier %s allow "none" : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a", "b"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", "b", ?}, {?}]>]
  %u = model.index (i: A = 8, j: B = 8)
         ins(%t[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %u : tensor<8x8xf32, #model.axes<A, B>>
}

// A layout that is asked for spreads both ways, and what makes the value makes it so; where it is closed it stays as asked.
// CHECK-LABEL: func.func @constrained(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
func.func @constrained(%x: tensor<8x8xf32, #model.axes<A, B>>,
              %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{?}, {"b"}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.layouts = [#dist.layout<@m, [{"a"}, {}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %y[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a"}, {}]>]
  %t = dist.constrain %s to <@m, [{"a"}, {}]> : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {?}]>]
  %u = model.index (i: A = 8, j: B = 8)
         ins(%t[i, j], %t[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %u : tensor<8x8xf32, #model.axes<A, B>>
}

// Where it is open it may be cut further.
// CHECK-LABEL: func.func @open(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b", ?}]>}
func.func @open(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {"b"}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: dist.factors = [#dist.dim<{"a"}>, #dist.dim<{"b"}>], dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b", ?}]>]
  %t = dist.constrain %x to <@m, [{"a", ?}, {?}]> : tensor<8x8xf32, #model.axes<A, B>>
  return %t : tensor<8x8xf32, #model.axes<A, B>>
}

// Values of a group have one layout, whatever stands between them; %w's comes through no op.
// CHECK-LABEL: func.func @group(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {"b"}]>}
func.func @group(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>},
                 %w: tensor<8x8xf32, #model.axes<A, B>>,
                 %v: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{?}, {"b"}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK-NOT: dist.group
  // CHECK: dist.barrier %arg0 {{.*}}dist.layouts = [#dist.layout<@m, [{"a", ?}, {"b"}]>]
  %s = dist.barrier %x allow "forward" : tensor<8x8xf32, #model.axes<A, B>>
  dist.group %s id 0 : tensor<8x8xf32, #model.axes<A, B>>
  dist.group %w id 0 : tensor<8x8xf32, #model.axes<A, B>>
  // Two groups with a value in common are one.
  dist.group %w id 7 : tensor<8x8xf32, #model.axes<A, B>>
  dist.group %v id 7 : tensor<8x8xf32, #model.axes<A, B>>
  return %x : tensor<8x8xf32, #model.axes<A, B>>
}

// A value that says nothing itself is made as what it is constrained to, where that is closed and the only one.
// CHECK-LABEL: func.func @made_as_constrained(
func.func @made_as_constrained(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  // CHECK: model.index
  // CHECK: dist.layouts = [#dist.layout<@m, [{}, {"b"}]>]
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  %c = dist.constrain %s to <@m, [{}, {"b"}]> : tensor<8x8xf32, #model.axes<A, B>>
  // CHECK: model.index
  // CHECK: dist.layouts = [#dist.layout<@m, [{"b", ?}, {?}]>]
  %t = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j] : tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32):
    model.yield %e0 : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  %d = dist.constrain %t to <@m, [{"b"}, {?}]> : tensor<8x8xf32, #model.axes<A, B>>
  return %c, %d : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>
}

// What is made of constants alone is made for each that reads it: one reader does not decide for the other.
// CHECK-LABEL: func.func @constants(
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a"}, {}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{}, {"b"}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{"a", ?}, {?}]>}
// CHECK-SAME: dist.layout = #dist.layout<@m, [{?}, {"b", ?}]>}
func.func @constants(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"a"}, {}]>},
                     %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{}, {"b"}]>}) -> (tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  %z = model.index (i: A = 8, j: B = 8) ins() {
    %zero = arith.constant 0.0 : f32
    model.yield %zero : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  %s = model.index (i: A = 8, j: B = 8)
         ins(%x[i, j], %z[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  %t = model.index (i: A = 8, j: B = 8)
         ins(%y[i, j], %z[i, j] : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>) {
  ^bb0(%e0: f32, %e1: f32):
    %val = arith.addf %e0, %e1 : f32
    model.yield %val : f32
  } : tensor<8x8xf32, #model.axes<A, B>>
  return %s, %t : tensor<8x8xf32, #model.axes<A, B>>, tensor<8x8xf32, #model.axes<A, B>>
}
