// RUN: %cleave-opt --dist-hold-names --model-expose --model-simplify %s | %FileCheck %s

// A transposition whose layout is stated stays; one that nothing is said of is read through.
// CHECK-LABEL: func.func @run(
// CHECK: %[[T:.*]] = model.index {{.*}} ins(%arg0[
// CHECK: } {dist.held, names = ["stated"]}
// CHECK: model.index {{.*}} ins(%[[T]][{{.*}}], %arg0[
// CHECK: return
dist.mesh @m ["d"] = [2]
dist.plan @p on @m hash "" { dist.layout_of "stated" is <@m, [{"d"}, {} ]> }
func.func @run(%x: tensor<2x4xf32, #model.axes<I, J>> {model.input = "x"}) -> (tensor<4x2xf32, #model.axes<J, I>> {model.output = "y"}) attributes {model.entry} {
  %t = model.index (j: J = 4, i: I = 2) ins(%x[i, j] : tensor<2x4xf32, #model.axes<I, J>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<4x2xf32, #model.axes<J, I>>
  %stated = model.name %t "stated" : tensor<4x2xf32, #model.axes<J, I>>
  %u = model.index (j: J = 4, i: I = 2) ins(%x[i, j] : tensor<2x4xf32, #model.axes<I, J>>) {
  ^bb0(%a: f32):
    model.yield %a : f32
  } : tensor<4x2xf32, #model.axes<J, I>>
  %other = model.name %u "other" : tensor<4x2xf32, #model.axes<J, I>>
  %y = model.index (j: J = 4, i: I = 2) ins(%stated[j, i], %other[j, i] : tensor<4x2xf32, #model.axes<J, I>>, tensor<4x2xf32, #model.axes<J, I>>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %a, %b : f32
    model.yield %0 : f32
  } : tensor<4x2xf32, #model.axes<J, I>>
  return %y : tensor<4x2xf32, #model.axes<J, I>>
}
