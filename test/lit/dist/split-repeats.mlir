// RUN: %cleave-opt --dist-split-repeats --split-input-file %s | %FileCheck %s

// States, names and loops are of each range; layers keep their numbers.
// CHECK-DAG: model.state @"net.b[0].w" path "net.b[0].w" kind "param" : tensor<1x2xf32
// CHECK-DAG: model.state @"net.b[1..3].w" path "net.b[1..3].w" kind "param" : tensor<2x2xf32
// CHECK-LABEL: func.func private @"net.b[1..3]"(%arg0: tensor<i64>
// CHECK: arith.constant 1 : i64
// CHECK: arith.addi
// CHECK: model.name {{.*}} "net.b[1..3].h"
// CHECK-LABEL: func.func private @"net.b[0]"(
// CHECK-NOT: arith.constant
// CHECK: model.name {{.*}} "net.b[0].h"
// CHECK-LABEL: func.func @run(
// CHECK-SAME: %[[X:.*]]: tensor<2xf32, {{.*}}> {model.input = "x"}, %[[A:.*]]: tensor<1x2xf32, {{.*}}> {model.state = @{{.*}}b[0]{{.*}}}, %[[B:.*]]: tensor<2x2xf32
// CHECK: %[[FIRST:.*]] = model.scan @"net.b[0]" count 1 over "L" consts() carries(%[[X]]) slices(%[[A]])
// CHECK-NOT: model.repeat
// CHECK: %[[ALL:.*]] = model.scan @"net.b[1..3]" count 2 over "L" consts() carries(%[[FIRST]]) slices(%[[B]])
// CHECK: model.gradient {{.*}} wrt(%[[A]], %[[B]])
// What reads the whole stack of gradients reads the parts.
// CHECK: model.index ({{.*}}: L = 3, {{.*}}: E = 2) ins({{.*}} outside
// CHECK: return
dist.mesh @m ["d"] = [2]
dist.plan @p on @m hash "" { dist.residual "net.b[0].h" "save" }
model.state @net.b path "net.b[*].w" kind "param" : tensor<3x2xf32, #model.axes<L, E>>
func.func private @"net.b[*]"(%i: tensor<i64>, %x: tensor<2xf32, #model.axes<E>>, %w: tensor<2xf32, #model.axes<E>>) -> tensor<2xf32, #model.axes<E>> {
  %y = model.index (e: E = 2) ins(%x[e], %w[e], %i[] : tensor<2xf32, #model.axes<E>>, tensor<2xf32, #model.axes<E>>, tensor<i64>) {
  ^bb0(%a: f32, %b: f32, %n: i64):
    %f = arith.sitofp %n : i64 to f32
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %0, %f : f32
    model.yield %1 : f32
  } : tensor<2xf32, #model.axes<E>>
  %h = model.name %y "net.b[*].h" : tensor<2xf32, #model.axes<E>>
  return %h : tensor<2xf32, #model.axes<E>>
}
func.func @run(%x: tensor<2xf32, #model.axes<E>> {model.input = "x"}, %w: tensor<3x2xf32, #model.axes<L, E>> {model.state = @net.b}) -> (tensor<f32> {model.output = "y"}, tensor<3x2xf32, #model.axes<L, E>> {model.output = "g"}) attributes {model.entry} {
  %y = model.scan @"net.b[*]" count 3 over "L" consts() carries(%x) slices(%w) {model.repeat = "net.b[*]"} : (), (tensor<2xf32, #model.axes<E>>), (tensor<3x2xf32, #model.axes<L, E>>) -> (tensor<2xf32, #model.axes<E>>)
  %s = model.index () sum (e: E = 2) ins(%y[e] : tensor<2xf32, #model.axes<E>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<f32>
  %g = model.gradient %s wrt (%w) : tensor<f32>, (tensor<3x2xf32, #model.axes<L, E>>) -> (tensor<3x2xf32, #model.axes<L, E>>)
  return %s, %g : tensor<f32>, tensor<3x2xf32, #model.axes<L, E>>
}

// -----

// A plan that names all layers, or none, leaves the loop; the mark of it goes.
// CHECK-LABEL: func.func @run(
// CHECK: model.scan @"net.b[*]" count 3
// CHECK-NOT: model.repeat
dist.mesh @m ["d"] = [2]
dist.plan @p on @m hash "" {
  dist.residual "net.b[*].h" "save"
  dist.assert "count" "all_gather" over [] in "net.b[*]" most 0
}
func.func private @"net.b[*]"(%i: tensor<i64>, %x: tensor<2xf32, #model.axes<E>>) -> tensor<2xf32, #model.axes<E>> {
  %h = model.name %x "net.b[*].h" : tensor<2xf32, #model.axes<E>>
  return %h : tensor<2xf32, #model.axes<E>>
}
func.func @run(%x: tensor<2xf32, #model.axes<E>> {model.input = "x"}) -> (tensor<2xf32, #model.axes<E>> {model.output = "y"}) attributes {model.entry} {
  %y = model.scan @"net.b[*]" count 3 over "L" consts() carries(%x) slices() {model.repeat = "net.b[*]"} : (), (tensor<2xf32, #model.axes<E>>), () -> (tensor<2xf32, #model.axes<E>>)
  return %y : tensor<2xf32, #model.axes<E>>
}
